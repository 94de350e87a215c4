//! The payloads of the events of `enterprise`.

use events_runtime::EventData;
use jiff::Timestamp;
use uuid::Uuid;

use crate::keys::CourseKey;

/// The use of a subsidy.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct SubsidyRedemption {
    /// The subsidy.
    pub subsidy_identifier: String,
    /// The content that it paid for.
    pub content_key: String,
    /// The number of the user in the learning platform.
    pub lms_user_id: i64,
}

/// Value that moves into a ledger, or out of it.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct LedgerTransaction {
    /// The transaction.
    pub uuid: Uuid,
    /// When it was made.
    #[event(with = events_runtime::with::isoformat)]
    pub created: Timestamp,
    /// When it was last changed.
    #[event(with = events_runtime::with::isoformat)]
    pub modified: Timestamp,
    /// The client's own name for it: a second transaction of this name is the first.
    pub idempotency_key: String,
    /// How much, in the ledger's unit, such as US cents.
    pub quantity: i64,
    /// `created`, `pending`, `committed` or `failed`.
    pub state: String,
    /// The ledger.
    pub ledger_uuid: Uuid,
    /// The policy that allowed it.
    pub subsidy_access_policy_uuid: Uuid,
    /// The number of the user in the learning platform.
    pub lms_user_id: i64,
    /// The run of the course that it pays for.
    pub content_key: CourseKey,
    /// The course of that run.
    pub parent_content_key: Option<String>,
    /// The enrollment that it pays for.
    pub fulfillment_identifier: Option<String>,
    /// What took it back.
    pub reversal: Option<LedgerTransactionReversal>,
}

/// What takes a transaction back, such as a refund.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct LedgerTransactionReversal {
    /// The reversal.
    pub uuid: Uuid,
    /// When it was made.
    #[event(with = events_runtime::with::isoformat)]
    pub created: Timestamp,
    /// When it was last changed.
    #[event(with = events_runtime::with::isoformat)]
    pub modified: Timestamp,
    /// The client's own name for it: a second reversal of this name is the first.
    pub idempotency_key: String,
    /// How much, in the ledger's unit, such as US cents.
    pub quantity: i64,
    /// `created`, `pending`, `committed` or `failed`.
    pub state: String,
}

/// A user of an enterprise.
#[derive(Debug, Clone, PartialEq, EventData)]
#[allow(clippy::struct_excessive_bools, reason = "they are the original's fields")]
pub struct EnterpriseCustomerUser {
    /// The number of this link between user and enterprise.
    pub id: i64,
    /// When it was made.
    #[event(with = events_runtime::with::isoformat)]
    pub created: Timestamp,
    /// When it was last changed.
    #[event(with = events_runtime::with::isoformat)]
    pub modified: Timestamp,
    /// The enterprise.
    pub enterprise_customer_uuid: Uuid,
    /// The number of the user in the learning platform.
    pub user_id: i64,
    /// Whether this is the user's active enterprise.
    pub active: bool,
    /// Whether the user is linked to the enterprise.
    pub linked: bool,
    /// Whether the user may be linked again.
    pub is_relinkable: bool,
    /// Whether saving this, while it is active, makes the user's others inactive.
    pub should_inactivate_other_customers: bool,
    /// The key by which the user was invited.
    pub invite_key: Option<Uuid>,
}

/// An enterprise's user in a course.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct EnterpriseCourseEnrollment {
    /// The enrollment's number.
    pub id: i64,
    /// When it was made.
    #[event(with = events_runtime::with::isoformat)]
    pub created: Timestamp,
    /// When it was last changed.
    #[event(with = events_runtime::with::isoformat)]
    pub modified: Timestamp,
    /// The user.
    pub enterprise_customer_user: EnterpriseCustomerUser,
    /// The course.
    pub course_id: CourseKey,
    /// Whether the user keeps the course for later.
    pub saved_for_later: bool,
    /// What made it, such as `enrollment_task` or `management_command`.
    pub source_slug: Option<String>,
    /// Whether the user left the course. Python reads `false` as not known.
    pub unenrolled: Option<bool>,
    /// When the user left the course.
    #[event(with = events_runtime::with::isoformat::option)]
    pub unenrolled_at: Option<Timestamp>,
}

/// An enterprise's enrollment that was paid with a learner's credit.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct LearnerCreditEnterpriseCourseEnrollment {
    /// This record.
    pub uuid: Uuid,
    /// When it was made.
    #[event(with = events_runtime::with::isoformat)]
    pub created: Timestamp,
    /// When it was last changed.
    #[event(with = events_runtime::with::isoformat)]
    pub modified: Timestamp,
    /// What paid for it, such as `license`, `learner_credit` or `coupon_code`.
    pub fulfillment_type: String,
    /// Whether it was revoked.
    pub is_revoked: bool,
    /// The entitlement that was paid.
    pub enterprise_course_entitlement_uuid: Option<Uuid>,
    /// The enrollment that was paid.
    pub enterprise_course_enrollment: Option<EnterpriseCourseEnrollment>,
    /// The transaction in the ledger.
    pub transaction_id: Option<Uuid>,
}

/// A group of an enterprise.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct EnterpriseGroup {
    /// The group.
    pub uuid: Uuid,
}
