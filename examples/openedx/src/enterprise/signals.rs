//! The events of `enterprise`.

use events_runtime::PublicSignal;

use super::data::{
    EnterpriseGroup, LearnerCreditEnterpriseCourseEnrollment, LedgerTransaction, SubsidyRedemption,
};

/// A subsidy was used. No service of Open edX sends it at present.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.enterprise.subsidy.redeemed.v1", profile = "openedx")]
pub struct SubsidyRedeemed {
    /// What was used, by whom and for what.
    pub redemption: SubsidyRedemption,
}

/// The use of a subsidy was taken back. No service of Open edX sends it at present.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.enterprise.subsidy.redemption-reversed.v1", profile = "openedx")]
pub struct SubsidyRedemptionReversed {
    /// What was taken back.
    pub redemption: SubsidyRedemption,
}

/// A transaction was entered into a ledger.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.enterprise.subsidy_ledger_transaction.created.v1",
    profile = "openedx"
)]
pub struct LedgerTransactionCreated {
    /// The transaction.
    pub ledger_transaction: LedgerTransaction,
}

/// A transaction was committed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.enterprise.subsidy_ledger_transaction.committed.v1",
    profile = "openedx"
)]
pub struct LedgerTransactionCommitted {
    /// The transaction.
    pub ledger_transaction: LedgerTransaction,
}

/// A transaction failed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.enterprise.subsidy_ledger_transaction.failed.v1",
    profile = "openedx"
)]
pub struct LedgerTransactionFailed {
    /// The transaction.
    pub ledger_transaction: LedgerTransaction,
}

/// A transaction was reversed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.enterprise.subsidy_ledger_transaction.reversed.v1",
    profile = "openedx"
)]
pub struct LedgerTransactionReversed {
    /// The transaction, and its reversal.
    pub ledger_transaction: LedgerTransaction,
}

/// A subsidised enrollment was revoked, most often because the learner left the course.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.enterprise.learner_credit_course_enrollment.revoked.v1",
    profile = "openedx"
)]
pub struct LearnerCreditCourseEnrollmentRevoked {
    /// The enrollment.
    pub learner_credit_course_enrollment: LearnerCreditEnterpriseCourseEnrollment,
}

/// A group of an enterprise was deleted.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.enterprise.enterprise_group.deleted.v1", profile = "openedx")]
pub struct EnterpriseGroupDeleted {
    /// The group.
    pub enterprise_group: EnterpriseGroup,
}
