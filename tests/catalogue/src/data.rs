//! The fields of the catalogue's types. A field that is left out does not compile.

use std::collections::BTreeMap;

use openedx_events::{analytics, authz, content_authoring, enterprise, learning};
use serde_json::{Value, json};

use crate::{Maker, Sample};

macro_rules! samples {
    ($($module:ident::$name:ident { $($field:ident),* $(,)? })*) => {$(
        impl Sample for $module::$name {
            fn random(maker: &mut Maker) -> Self {
                Self { $($field: Sample::random(maker)),* }
            }

            fn to_json(&self) -> Value {
                let Self { $($field),* } = self;
                json!({ $(stringify!($field): $field.to_json()),* })
            }
        }
    )*};
}

samples! {
    learning::UserPersonalData { username, email, name }
    learning::UserData { id, is_active, pii }
    learning::CourseData { course_key, display_name, start, end }
    learning::CourseEnrollmentData { user, course, mode, is_active, creation_date, created_by }
    learning::CertificateData {
        user, course, mode, grade, download_url, name, current_status, previous_status,
    }
    learning::ProgramData { uuid, title, program_type }
    learning::ProgramCertificateData { user, program, uuid, status, url, certificate_available_date }
    learning::CohortData { user, course, name }
    learning::PersistentCourseGradeData {
        user_id, course, course_edited_timestamp, course_version, grading_policy_hash, percent_grade,
        letter_grade, passed_timestamp,
    }
    learning::DiscussionTopicContext { title, usage_key, group_id, external_id, ordering, context }
    learning::UserNotificationData {
        user_ids, notification_type, content_url, app_name, course_key, context,
    }
    learning::XBlockSkillVerificationData { usage_key, verified_skills, ignored_skills }
    learning::ExamAttemptData { student_user, course_key, usage_key, exam_type, requesting_user }
    learning::CourseAccessRoleData { user, org_key, course_key, role }
    learning::DiscussionThreadData {
        body, commentable_id, id, truncated, url, user, course_id, thread_type, anonymous,
        anonymous_to_peers, title, title_truncated, group_id, team_id, category_id, category_name,
        discussion, user_course_roles, user_forums_roles, options,
    }
    learning::CourseNotificationData {
        course_key, app_name, notification_type, content_url, content_context, audience_filters,
    }
    learning::ORASubmissionAnswer {
        parts, file_keys, file_descriptions, file_names, file_sizes, file_urls,
    }
    learning::ORASubmissionData {
        uuid, anonymous_user_id, location, attempt_number, created_at, submitted_at, answer,
    }
    learning::CoursePassingStatusData { is_passing, course, user }
    learning::CcxCourseData {
        ccx_course_key, master_course_key, display_name, coach_email, start, end, max_students_allowed,
    }
    learning::CcxCoursePassingStatusData { is_passing, user, course }
    learning::BadgeTemplateData { uuid, origin, name, description, image_url }
    learning::BadgeData { uuid, user, template }
    learning::VerificationAttemptData { attempt_id, user, status, name, expiration_date }
    learning::LtiProviderLaunchParamsData { roles, context_id, user_id, extra_params }
    learning::LtiProviderLaunchData { user, course_key, usage_key, launch_params }
    content_authoring::CourseData { course_key }
    content_authoring::CourseScheduleData { start, pacing, end, enrollment_start, enrollment_end }
    content_authoring::CourseCatalogData { course_key, name, schedule_data, hidden, invitation_only }
    content_authoring::XBlockData { usage_key, block_type, version }
    content_authoring::DuplicatedXBlockData { usage_key, block_type, version, source_usage_key }
    content_authoring::ContentLibraryData { library_key, update_blocks }
    content_authoring::LibraryBlockData { library_key, usage_key }
    content_authoring::ContentObjectData { object_id }
    content_authoring::ContentObjectChangedData { object_id, changes }
    content_authoring::LibraryCollectionData { collection_key, background }
    content_authoring::LibraryContainerData { container_key, background }
    enterprise::SubsidyRedemption { subsidy_identifier, content_key, lms_user_id }
    enterprise::LedgerTransaction {
        uuid, created, modified, idempotency_key, quantity, state, ledger_uuid,
        subsidy_access_policy_uuid, lms_user_id, content_key, parent_content_key,
        fulfillment_identifier, reversal,
    }
    enterprise::LedgerTransactionReversal { uuid, created, modified, idempotency_key, quantity, state }
    enterprise::EnterpriseCustomerUser {
        id, created, modified, enterprise_customer_uuid, user_id, active, linked, is_relinkable,
        should_inactivate_other_customers, invite_key,
    }
    enterprise::EnterpriseCourseEnrollment {
        id, created, modified, enterprise_customer_user, course_id, saved_for_later, source_slug,
        unenrolled, unenrolled_at,
    }
    enterprise::LearnerCreditEnterpriseCourseEnrollment {
        uuid, created, modified, fulfillment_type, is_revoked, enterprise_course_entitlement_uuid,
        enterprise_course_enrollment, transaction_id,
    }
    enterprise::EnterpriseGroup { uuid }
    analytics::TrackingLogData { name, timestamp, data, context }
    authz::RoleAssignmentData { operation, subject, role, scope, actor_id }
}

impl Sample for learning::CourseDiscussionConfigurationData {
    /// Python replaces `false` and an empty map by the defaults of its class: the warnings of the event name
    /// these fields, and `catalogue.py` shows what becomes of them.
    fn random(maker: &mut Maker) -> Self {
        let mut plugin_configuration = BTreeMap::random(maker);
        plugin_configuration.insert(maker.text(), maker.chance(50));
        Self {
            course_key: Sample::random(maker),
            provider_type: Sample::random(maker),
            enabled: true,
            enable_in_context: true,
            enable_graded_units: Sample::random(maker),
            unit_level_visibility: Sample::random(maker),
            plugin_configuration,
            contexts: Sample::random(maker),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "course_key": self.course_key.to_json(),
            "provider_type": self.provider_type.to_json(),
            "enabled": self.enabled.to_json(),
            "enable_in_context": self.enable_in_context.to_json(),
            "enable_graded_units": self.enable_graded_units.to_json(),
            "unit_level_visibility": self.unit_level_visibility.to_json(),
            "plugin_configuration": self.plugin_configuration.to_json(),
            "contexts": self.contexts.to_json(),
        })
    }
}
