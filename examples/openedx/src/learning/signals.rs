//! The events of `learning`.

use events_runtime::PublicSignal;

use super::data::{
    BadgeData, CcxCoursePassingStatusData, CertificateData, CohortData, CourseAccessRoleData,
    CourseEnrollmentData, CourseNotificationData, CoursePassingStatusData, ExamAttemptData,
    LtiProviderLaunchData, ORASubmissionData, PersistentCourseGradeData, ProgramCertificateData, UserData,
    UserNotificationData, VerificationAttemptData, XBlockSkillVerificationData,
};
use super::discussions::{CourseDiscussionConfigurationData, DiscussionThreadData};

/// A user registered.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.student.registration.completed.v1",
    profile = "openedx",
    key = user.pii.username
)]
pub struct StudentRegistrationCompleted {
    /// Who registered.
    pub user: UserData,
}

/// A user logged in.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.auth.session.login.completed.v1",
    profile = "openedx",
    key = user.pii.username
)]
pub struct SessionLoginCompleted {
    /// Who logged in.
    pub user: UserData,
}

/// A user enrolled in a course.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.course.enrollment.created.v1",
    profile = "openedx",
    key = enrollment.course.course_key
)]
pub struct CourseEnrollmentCreated {
    /// The enrollment.
    pub enrollment: CourseEnrollmentData,
}

/// A user's enrollment changed, such as its mode.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.course.enrollment.changed.v1",
    profile = "openedx",
    key = enrollment.course.course_key
)]
pub struct CourseEnrollmentChanged {
    /// The enrollment, as it is now.
    pub enrollment: CourseEnrollmentData,
}

/// A user left a course.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.course.unenrollment.completed.v1",
    profile = "openedx",
    key = enrollment.course.course_key
)]
pub struct CourseUnenrollmentCompleted {
    /// The enrollment that has ended.
    pub enrollment: CourseEnrollmentData,
}

/// A user was given the certificate of a course.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.certificate.created.v1",
    profile = "openedx",
    key = certificate.course.course_key
)]
pub struct CertificateCreated {
    /// The certificate.
    pub certificate: CertificateData,
}

/// A learner was awarded the certificate of a program.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.program.certificate.awarded.v1",
    profile = "openedx",
    key = program_certificate.program.uuid
)]
pub struct ProgramCertificateAwarded {
    /// The certificate.
    pub program_certificate: ProgramCertificateData,
}

/// A user's certificate changed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.certificate.changed.v1", profile = "openedx")]
pub struct CertificateChanged {
    /// The certificate, as it is now.
    pub certificate: CertificateData,
}

/// A certificate was taken back from a user.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.certificate.revoked.v1",
    profile = "openedx",
    key = certificate.course.course_key
)]
pub struct CertificateRevoked {
    /// The certificate.
    pub certificate: CertificateData,
}

/// The certificate of a program was taken back from a learner.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.program.certificate.revoked.v1",
    profile = "openedx",
    key = program_certificate.program.uuid
)]
pub struct ProgramCertificateRevoked {
    /// The certificate.
    pub program_certificate: ProgramCertificateData,
}

/// A user came into another cohort of a course.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.cohort_membership.changed.v1", profile = "openedx")]
pub struct CohortMembershipChanged {
    /// The user and the cohort.
    pub cohort: CohortData,
}

/// The settings of a course's discussions changed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.discussions.configuration.changed.v1",
    profile = "openedx"
)]
pub struct CourseDiscussionsChanged {
    /// The settings, as they are now.
    pub configuration: CourseDiscussionConfigurationData,
}

/// The stored grade of a user in a course changed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.course.persistent_grade_summary.changed.v1",
    profile = "openedx"
)]
pub struct PersistentGradeSummaryChanged {
    /// The grade, as it is now.
    pub grade: PersistentCourseGradeData,
}

/// A learner said which skills a block teaches, and which not.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.xblock.skill.verified.v1",
    profile = "openedx",
    key = xblock_info.usage_key
)]
pub struct XblockSkillVerified {
    /// What was said.
    pub xblock_info: XBlockSkillVerificationData,
}

/// A service asked for a notification of users.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.user.notification.requested.v1", profile = "openedx")]
pub struct UserNotificationRequested {
    /// The notification.
    pub notification_data: UserNotificationData,
}

/// A learner handed in a special exam.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.exam.attempt.submitted.v1", profile = "openedx")]
pub struct ExamAttemptSubmitted {
    /// The attempt.
    pub exam_attempt: ExamAttemptData,
}

/// An attempt at a special exam was rejected.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.exam.attempt.rejected.v1", profile = "openedx")]
pub struct ExamAttemptRejected {
    /// The attempt.
    pub exam_attempt: ExamAttemptData,
}

/// An attempt at a special exam was verified.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.exam.attempt.verified.v1", profile = "openedx")]
pub struct ExamAttemptVerified {
    /// The attempt.
    pub exam_attempt: ExamAttemptData,
}

/// An attempt at a special exam ended with an error.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.exam.attempt.errored.v1", profile = "openedx")]
pub struct ExamAttemptErrored {
    /// The attempt.
    pub exam_attempt: ExamAttemptData,
}

/// An attempt at a special exam was reset.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.exam.attempt.reset.v1", profile = "openedx")]
pub struct ExamAttemptReset {
    /// The attempt.
    pub exam_attempt: ExamAttemptData,
}

/// A user was given a role in a course.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.user.course_access_role.added.v1",
    profile = "openedx",
    key = course_access_role_data.course_key
)]
pub struct CourseAccessRoleAdded {
    /// The user and the role.
    pub course_access_role_data: CourseAccessRoleData,
}

/// A role in a course was taken from a user.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.user.course_access_role.removed.v1",
    profile = "openedx",
    key = course_access_role_data.course_key
)]
pub struct CourseAccessRoleRemoved {
    /// The user and the role.
    pub course_access_role_data: CourseAccessRoleData,
}

/// A user started a discussion.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.forum.thread.created.v1", profile = "openedx")]
pub struct ForumThreadCreated {
    /// The thread.
    pub thread: DiscussionThreadData,
}

/// A user responded to a discussion.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.forum.thread.response.created.v1", profile = "openedx")]
pub struct ForumThreadResponseCreated {
    /// The response.
    pub thread: DiscussionThreadData,
}

/// A user commented on a response in a discussion.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.forum.thread.response.comment.created.v1",
    profile = "openedx"
)]
pub struct ForumResponseCommentCreated {
    /// The comment.
    pub thread: DiscussionThreadData,
}

/// A service asked for a notification in a course.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.notification.requested.v1", profile = "openedx")]
pub struct CourseNotificationRequested {
    /// The notification.
    pub course_notification_data: CourseNotificationData,
}

/// A learner handed in an open response assessment.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.ora.submission.created.v1", profile = "openedx")]
pub struct OraSubmissionCreated {
    /// The submission.
    pub submission: ORASubmissionData,
}

/// A user's grade passed the line between failing and passing a course, or came back over it.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.passing.status.updated.v1", profile = "openedx")]
pub struct CoursePassingStatusUpdated {
    /// The user and the status.
    pub course_passing_status: CoursePassingStatusData,
}

/// A user's grade passed the line between failing and passing a custom course, or came back over it.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.ccx.course.passing.status.updated.v1",
    profile = "openedx"
)]
pub struct CcxCoursePassingStatusUpdated {
    /// The user and the status.
    pub course_passing_status: CcxCoursePassingStatusData,
}

/// A learner was awarded a badge.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.badge.awarded.v1", profile = "openedx")]
pub struct BadgeAwarded {
    /// The badge.
    pub badge: BadgeData,
}

/// A badge was taken back from a learner.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.badge.revoked.v1", profile = "openedx")]
pub struct BadgeRevoked {
    /// The badge.
    pub badge: BadgeData,
}

/// A user began to have an identity verified.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.idv_attempt.created.v1", profile = "openedx")]
pub struct IdvAttemptCreated {
    /// The attempt.
    pub idv_attempt: VerificationAttemptData,
}

/// A verification of an identity waits for its result.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.idv_attempt.pending.v1", profile = "openedx")]
pub struct IdvAttemptPending {
    /// The attempt.
    pub idv_attempt: VerificationAttemptData,
}

/// An identity was verified.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.idv_attempt.approved.v1", profile = "openedx")]
pub struct IdvAttemptApproved {
    /// The attempt.
    pub idv_attempt: VerificationAttemptData,
}

/// The verification of an identity failed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.idv_attempt.denied.v1", profile = "openedx")]
pub struct IdvAttemptDenied {
    /// The attempt.
    pub idv_attempt: VerificationAttemptData,
}

/// A student came to content from another learning platform, by LTI.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.lti_provider.launch.success.v1", profile = "openedx")]
pub struct LtiProviderLaunchSuccess {
    /// The launch.
    pub launch_data: LtiProviderLaunchData,
}
