//! Every event, as a list.

use std::pin::Pin;
use std::sync::Arc;

use events_runtime::avro::{self, DecodeError, EncodeError};
use events_runtime::registry::Descriptor;
use events_runtime::{
    Connection, Delivered, DeliveryError, EmitOptions, Event, EventMetadata, Hub, PublicSignal, Signal,
};
use openedx_events::{analytics, authz, content_authoring, enterprise, learning};
use serde_json::{Value, json};

use crate::{Maker, Sample};

/// A value of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    /// Its Avro datum.
    pub datum: Vec<u8>,
    /// The value, in the JSON form that the Python side uses.
    pub value: Value,
}

/// The reason why a datum could not be decoded or encoded again.
#[derive(Debug)]
pub enum Fault {
    /// It could not be decoded.
    Decode(DecodeError),
    /// The value could not be encoded.
    Encode(EncodeError),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Decode(error) => write!(f, "not read: {error}"),
            Self::Encode(error) => write!(f, "not written again: {error}"),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(error) => error.source(),
            Self::Encode(error) => error.source(),
        }
    }
}

/// A callback for each received event.
pub type Observer = Arc<dyn Fn(&EventMetadata, Payload) + Send + Sync>;

/// An event that was emitted.
pub struct Emitted {
    /// Its value.
    pub payload: Payload,
    /// Its metadata.
    pub metadata: EventMetadata,
    /// Completes when every broker has stored it.
    pub delivered: Pin<Box<dyn Future<Output = Result<Delivered, DeliveryError>> + Send>>,
}

/// An event of the catalogue, without its type.
#[derive(Debug, Clone, Copy)]
pub struct CatalogueEvent {
    /// Its descriptor in the registry.
    pub descriptor: Descriptor,
    /// Its module below `openedx_events` in Python, and its name: `("learning", "BADGE_AWARDED")`.
    pub signal: (&'static str, &'static str),
    /// Generates a value that Python preserves.
    pub make: fn(&mut Maker) -> Payload,
    /// Decodes a datum as the event's type, and encodes the value again.
    pub read: fn(&[u8]) -> Result<Payload, Fault>,
    /// Emits a generated value by the event's signal.
    pub emit: fn(&Hub, &mut Maker) -> Emitted,
    /// The same with metadata of the emitter's choice.
    pub emit_with: fn(&Hub, &mut Maker, EmitOptions) -> Emitted,
    /// Connects a receiver to the event's signal.
    pub observe: fn(&Hub, Observer) -> Connection,
}

fn payload<E: PublicSignal + Sample>(event: &E) -> Result<Payload, EncodeError> {
    Ok(Payload { datum: avro::to_vec(event)?, value: event.to_json() })
}

fn made<E: PublicSignal + Sample>(event: &E) -> Payload {
    payload(event).expect("a value that was made up has a datum")
}

fn read<E: PublicSignal + Sample>(datum: &[u8]) -> Result<Payload, Fault> {
    let event = avro::from_slice::<E>(datum).map_err(Fault::Decode)?;
    payload(&event).map_err(Fault::Encode)
}

fn emit<E: PublicSignal + Sample>(
    signal: &Signal<E>,
    hub: &Hub,
    maker: &mut Maker,
    options: EmitOptions,
) -> Emitted {
    let event = E::random(maker);
    let payload = made(&event);
    let emission = hub.scope(|| signal.emit_with(event, options));
    let metadata = emission.event().metadata().clone();
    Emitted { payload, metadata, delivered: Box::pin(emission.delivered()) }
}

fn observe<E: PublicSignal + Sample>(signal: &Signal<E>, hub: &Hub, observer: Observer) -> Connection {
    hub.scope(|| {
        signal.connect("catalogue", move |event: &Event<E>| observer(event.metadata(), made(&**event)))
    })
}

/// The tables of a configuration that route every event to a topic, each by its own key.
#[must_use]
pub fn routes(topic: &str) -> String {
    let types = events().into_iter().map(|event| event.descriptor.event_type());
    types.fold(String::new(), |tables, event_type| {
        tables + &format!("[routes.\"{event_type}\"]\n{topic} = {{}}\n")
    })
}

macro_rules! events {
    ($($module:ident::$name:ident { $field:ident } $signal:ident)*) => {
        /// Every event of the catalogue.
        #[must_use]
        pub fn events() -> Vec<CatalogueEvent> {
            vec![$(CatalogueEvent {
                descriptor: Descriptor::of::<$module::$name>(),
                signal: (stringify!($module), stringify!($signal)),
                make: |maker| made(&$module::$name::random(maker)),
                read: read::<$module::$name>,
                emit: |hub, maker| emit(&$module::$signal, hub, maker, EmitOptions::new()),
                emit_with: |hub, maker, options| emit(&$module::$signal, hub, maker, options),
                observe: |hub, observer| observe(&$module::$signal, hub, observer),
            }),*]
        }

        $(impl Sample for $module::$name {
            fn random(maker: &mut Maker) -> Self {
                Self { $field: Sample::random(maker) }
            }

            fn to_json(&self) -> Value {
                let Self { $field } = self;
                json!({ stringify!($field): $field.to_json() })
            }
        })*
    };
}

events! {
    analytics::TrackingEventEmitted { tracking_log } TRACKING_EVENT_EMITTED
    authz::RoleAssignmentCreated { role_assignment } ROLE_ASSIGNMENT_CREATED
    authz::RoleAssignmentDeleted { role_assignment } ROLE_ASSIGNMENT_DELETED
    content_authoring::CourseCatalogInfoChanged { catalog_info } COURSE_CATALOG_INFO_CHANGED
    content_authoring::XblockCreated { xblock_info } XBLOCK_CREATED
    content_authoring::XblockUpdated { xblock_info } XBLOCK_UPDATED
    content_authoring::XblockPublished { xblock_info } XBLOCK_PUBLISHED
    content_authoring::XblockDeleted { xblock_info } XBLOCK_DELETED
    content_authoring::XblockDuplicated { xblock_info } XBLOCK_DUPLICATED
    content_authoring::CourseCreated { course } COURSE_CREATED
    content_authoring::ContentLibraryCreated { content_library } CONTENT_LIBRARY_CREATED
    content_authoring::ContentLibraryUpdated { content_library } CONTENT_LIBRARY_UPDATED
    content_authoring::ContentLibraryDeleted { content_library } CONTENT_LIBRARY_DELETED
    content_authoring::LibraryBlockCreated { library_block } LIBRARY_BLOCK_CREATED
    content_authoring::LibraryBlockUpdated { library_block } LIBRARY_BLOCK_UPDATED
    content_authoring::LibraryBlockDeleted { library_block } LIBRARY_BLOCK_DELETED
    content_authoring::LibraryBlockPublished { library_block } LIBRARY_BLOCK_PUBLISHED
    content_authoring::ContentObjectAssociationsChanged { content_object } CONTENT_OBJECT_ASSOCIATIONS_CHANGED
    content_authoring::ContentObjectTagsChanged { content_object } CONTENT_OBJECT_TAGS_CHANGED
    content_authoring::LibraryCollectionCreated { library_collection } LIBRARY_COLLECTION_CREATED
    content_authoring::LibraryCollectionUpdated { library_collection } LIBRARY_COLLECTION_UPDATED
    content_authoring::LibraryCollectionDeleted { library_collection } LIBRARY_COLLECTION_DELETED
    content_authoring::LibraryContainerCreated { library_container } LIBRARY_CONTAINER_CREATED
    content_authoring::LibraryContainerUpdated { library_container } LIBRARY_CONTAINER_UPDATED
    content_authoring::LibraryContainerDeleted { library_container } LIBRARY_CONTAINER_DELETED
    content_authoring::LibraryContainerPublished { library_container } LIBRARY_CONTAINER_PUBLISHED
    content_authoring::CourseImportCompleted { course } COURSE_IMPORT_COMPLETED
    content_authoring::CourseRerunCompleted { course } COURSE_RERUN_COMPLETED
    enterprise::SubsidyRedeemed { redemption } SUBSIDY_REDEEMED
    enterprise::SubsidyRedemptionReversed { redemption } SUBSIDY_REDEMPTION_REVERSED
    enterprise::LedgerTransactionCreated { ledger_transaction } LEDGER_TRANSACTION_CREATED
    enterprise::LedgerTransactionCommitted { ledger_transaction } LEDGER_TRANSACTION_COMMITTED
    enterprise::LedgerTransactionFailed { ledger_transaction } LEDGER_TRANSACTION_FAILED
    enterprise::LedgerTransactionReversed { ledger_transaction } LEDGER_TRANSACTION_REVERSED
    enterprise::LearnerCreditCourseEnrollmentRevoked { learner_credit_course_enrollment } LEARNER_CREDIT_COURSE_ENROLLMENT_REVOKED
    enterprise::EnterpriseGroupDeleted { enterprise_group } ENTERPRISE_GROUP_DELETED
    learning::StudentRegistrationCompleted { user } STUDENT_REGISTRATION_COMPLETED
    learning::SessionLoginCompleted { user } SESSION_LOGIN_COMPLETED
    learning::CourseEnrollmentCreated { enrollment } COURSE_ENROLLMENT_CREATED
    learning::CourseEnrollmentChanged { enrollment } COURSE_ENROLLMENT_CHANGED
    learning::CourseUnenrollmentCompleted { enrollment } COURSE_UNENROLLMENT_COMPLETED
    learning::CertificateCreated { certificate } CERTIFICATE_CREATED
    learning::ProgramCertificateAwarded { program_certificate } PROGRAM_CERTIFICATE_AWARDED
    learning::CertificateChanged { certificate } CERTIFICATE_CHANGED
    learning::CertificateRevoked { certificate } CERTIFICATE_REVOKED
    learning::ProgramCertificateRevoked { program_certificate } PROGRAM_CERTIFICATE_REVOKED
    learning::CohortMembershipChanged { cohort } COHORT_MEMBERSHIP_CHANGED
    learning::CourseDiscussionsChanged { configuration } COURSE_DISCUSSIONS_CHANGED
    learning::PersistentGradeSummaryChanged { grade } PERSISTENT_GRADE_SUMMARY_CHANGED
    learning::XblockSkillVerified { xblock_info } XBLOCK_SKILL_VERIFIED
    learning::UserNotificationRequested { notification_data } USER_NOTIFICATION_REQUESTED
    learning::ExamAttemptSubmitted { exam_attempt } EXAM_ATTEMPT_SUBMITTED
    learning::ExamAttemptRejected { exam_attempt } EXAM_ATTEMPT_REJECTED
    learning::ExamAttemptVerified { exam_attempt } EXAM_ATTEMPT_VERIFIED
    learning::ExamAttemptErrored { exam_attempt } EXAM_ATTEMPT_ERRORED
    learning::ExamAttemptReset { exam_attempt } EXAM_ATTEMPT_RESET
    learning::CourseAccessRoleAdded { course_access_role_data } COURSE_ACCESS_ROLE_ADDED
    learning::CourseAccessRoleRemoved { course_access_role_data } COURSE_ACCESS_ROLE_REMOVED
    learning::ForumThreadCreated { thread } FORUM_THREAD_CREATED
    learning::ForumThreadResponseCreated { thread } FORUM_THREAD_RESPONSE_CREATED
    learning::ForumResponseCommentCreated { thread } FORUM_RESPONSE_COMMENT_CREATED
    learning::CourseNotificationRequested { course_notification_data } COURSE_NOTIFICATION_REQUESTED
    learning::OraSubmissionCreated { submission } ORA_SUBMISSION_CREATED
    learning::CoursePassingStatusUpdated { course_passing_status } COURSE_PASSING_STATUS_UPDATED
    learning::CcxCoursePassingStatusUpdated { course_passing_status } CCX_COURSE_PASSING_STATUS_UPDATED
    learning::BadgeAwarded { badge } BADGE_AWARDED
    learning::BadgeRevoked { badge } BADGE_REVOKED
    learning::IdvAttemptCreated { idv_attempt } IDV_ATTEMPT_CREATED
    learning::IdvAttemptPending { idv_attempt } IDV_ATTEMPT_PENDING
    learning::IdvAttemptApproved { idv_attempt } IDV_ATTEMPT_APPROVED
    learning::IdvAttemptDenied { idv_attempt } IDV_ATTEMPT_DENIED
    learning::LtiProviderLaunchSuccess { launch_data } LTI_PROVIDER_LAUNCH_SUCCESS
}
