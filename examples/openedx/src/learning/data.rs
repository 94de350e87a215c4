//! The payloads of the events of `learning`.

use std::collections::BTreeMap;

use events_runtime::EventData;
use jiff::Timestamp;

use crate::keys::{CcxKey, CourseKey, UsageKey};

/// A user.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct UserData {
    /// The user's number.
    pub id: i64,
    /// Whether the user may log in.
    pub is_active: bool,
    /// Who it is.
    #[event(pii)]
    pub pii: UserPersonalData,
}

/// Who a user is.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct UserPersonalData {
    /// The name to log in with.
    pub username: String,
    /// The address to write to.
    pub email: String,
    /// The name in the user's profile.
    #[event(default = "")]
    pub name: String,
}

/// A course, as learners see it.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CourseData {
    /// The course.
    pub course_key: CourseKey,
    /// Its name for people.
    #[event(default = "")]
    pub display_name: String,
    /// When it begins.
    #[event(with = events_runtime::with::isoformat::option)]
    pub start: Option<Timestamp>,
    /// When it ends.
    #[event(with = events_runtime::with::isoformat::option)]
    pub end: Option<Timestamp>,
}

/// A user in a course.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CourseEnrollmentData {
    /// Who is enrolled.
    pub user: UserData,
    /// In which course.
    pub course: CourseData,
    /// The course mode, such as `audit` or `verified`.
    pub mode: String,
    /// Whether the enrollment counts.
    pub is_active: bool,
    /// When it was made.
    #[event(with = events_runtime::with::isoformat)]
    pub creation_date: Timestamp,
    /// Who made it, where that is known.
    pub created_by: Option<UserData>,
}

/// A user's certificate of a course.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CertificateData {
    /// Whose it is.
    pub user: UserData,
    /// Of which course.
    pub course: CourseData,
    /// The course mode that the user was enrolled in.
    pub mode: String,
    /// The grade in this run of the course.
    pub grade: String,
    /// The address of the certificate as PDF.
    pub download_url: String,
    /// The user's name, as the certificate has it.
    #[event(pii)]
    pub name: String,
    /// What it is now, such as `downloadable`.
    pub current_status: String,
    /// What it was before, where that is known.
    #[event(default = "")]
    pub previous_status: String,
}

/// A program of several courses.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct ProgramData {
    /// Its UUID in the discovery service.
    pub uuid: String,
    /// Its title.
    pub title: String,
    /// Its kind, such as `professional` or `micromasters`.
    pub program_type: String,
}

/// A learner's certificate of a program.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct ProgramCertificateData {
    /// Whose it is.
    pub user: UserData,
    /// Of which program.
    pub program: ProgramData,
    /// The UUID of the record in the credentials service.
    pub uuid: String,
    /// `awarded` or `revoked`.
    pub status: String,
    /// Where it is shown.
    pub url: String,
    /// From when on the learner may see it.
    #[event(with = events_runtime::with::isoformat::option)]
    pub certificate_available_date: Option<Timestamp>,
}

/// A user in a cohort.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CohortData {
    /// Who is in the cohort.
    pub user: UserData,
    /// The course that has it.
    pub course: CourseData,
    /// Its name.
    pub name: String,
}

/// The stored grade of a user in a course.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct PersistentCourseGradeData {
    /// The user's number.
    pub user_id: i64,
    /// The course.
    pub course: CourseData,
    /// When the course was last edited.
    #[event(with = events_runtime::with::isoformat)]
    pub course_edited_timestamp: Timestamp,
    /// The course's version.
    pub course_version: String,
    /// The hash of the policy that the grade follows.
    pub grading_policy_hash: String,
    /// The grade, 1 for all points.
    pub percent_grade: f64,
    /// The grade as a letter.
    pub letter_grade: String,
    /// When the course was passed.
    #[event(with = events_runtime::with::isoformat)]
    pub passed_timestamp: Timestamp,
}

/// What learners say of the skills that a block teaches.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct XBlockSkillVerificationData {
    /// The block.
    pub usage_key: UsageKey,
    /// The numbers of the skills that it teaches.
    #[event(default = [])]
    pub verified_skills: Vec<i64>,
    /// The numbers of the skills that it does not teach.
    #[event(default = [])]
    pub ignored_skills: Vec<i64>,
}

/// A notification of users.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct UserNotificationData {
    /// The numbers of the users.
    pub user_ids: Vec<i64>,
    /// Its kind.
    pub notification_type: String,
    /// Where it leads to.
    pub content_url: String,
    /// The app that asks for it.
    pub app_name: String,
    /// The course.
    pub course_key: CourseKey,
    /// What its text is made from.
    #[event(default = {})]
    pub context: BTreeMap<String, String>,
}

/// An attempt at a special exam: one that is timed or proctored, in the service `edx-exams`.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct ExamAttemptData {
    /// Who takes the exam.
    pub student_user: UserData,
    /// The course that the exam is in.
    pub course_key: CourseKey,
    /// The exam.
    pub usage_key: UsageKey,
    /// Its kind, such as `timed` or `proctored`.
    pub exam_type: String,
    /// Who caused the event, where it is not the student, such as an instructor.
    pub requesting_user: Option<UserData>,
}

/// A user's role in a course.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CourseAccessRoleData {
    /// Who has the role.
    pub user: UserData,
    /// The organisation.
    pub org_key: String,
    /// The course.
    pub course_key: CourseKey,
    /// The role, such as `staff`.
    pub role: String,
}

/// A notification of the users of a course.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CourseNotificationData {
    /// The course.
    pub course_key: CourseKey,
    /// The app that asks for it.
    pub app_name: String,
    /// Its kind.
    pub notification_type: String,
    /// Where it leads to.
    pub content_url: String,
    /// What its text is made from, such as `post_title`.
    #[event(default = {})]
    pub content_context: BTreeMap<String, String>,
    /// Which users get it: values by kind, such as `role` or `enrollment`.
    #[event(default = {})]
    pub audience_filters: BTreeMap<String, Vec<String>>,
}

/// What a learner handed in for an open response assessment.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct ORASubmissionAnswer {
    /// The parts of the text, each with its attributes.
    #[event(default = [])]
    pub parts: Vec<BTreeMap<String, String>>,
    /// The keys of the files.
    #[event(default = [])]
    pub file_keys: Vec<String>,
    /// What the files are.
    #[event(default = [])]
    pub file_descriptions: Vec<String>,
    /// The names of the files.
    #[event(default = [])]
    pub file_names: Vec<String>,
    /// The sizes of the files in bytes.
    #[event(default = [])]
    pub file_sizes: Vec<i64>,
    /// Where the files are.
    #[event(default = [])]
    pub file_urls: Vec<String>,
}

/// A submission of an open response assessment.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct ORASubmissionData {
    /// Its UUID.
    pub uuid: String,
    /// The learner, as the assessment knows them.
    pub anonymous_user_id: String,
    /// The block.
    pub location: String,
    /// How many times the learner has submitted.
    pub attempt_number: i64,
    /// When it was made.
    #[event(with = events_runtime::with::isoformat)]
    pub created_at: Timestamp,
    /// When it was handed in.
    #[event(with = events_runtime::with::isoformat)]
    pub submitted_at: Timestamp,
    /// What was handed in.
    pub answer: ORASubmissionAnswer,
}

/// Whether a user passes a course.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CoursePassingStatusData {
    /// Whether the grade is enough.
    pub is_passing: bool,
    /// The course.
    pub course: CourseData,
    /// Whose grade it is.
    pub user: UserData,
}

/// A custom course on top of another one.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CcxCourseData {
    /// The custom course.
    pub ccx_course_key: CcxKey,
    /// The course that it is made from.
    pub master_course_key: CourseKey,
    /// Its name for people.
    #[event(default = "")]
    pub display_name: String,
    /// The address of its coach.
    #[event(pii, default = "")]
    pub coach_email: String,
    /// When it begins: any text, as Open edX has it.
    pub start: Option<String>,
    /// When it ends: any text.
    pub end: Option<String>,
    /// How many students may enroll; no limit where it is not set. Python reads 0 as not set.
    pub max_students_allowed: Option<i64>,
}

/// Whether a user passes a custom course.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CcxCoursePassingStatusData {
    /// Whether the grade is enough.
    pub is_passing: bool,
    /// Whose grade it is.
    pub user: UserData,
    /// The custom course.
    pub course: CcxCourseData,
}

/// What a badge is for.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct BadgeTemplateData {
    /// Its UUID.
    pub uuid: String,
    /// The service that it comes from, such as `credly`.
    pub origin: String,
    /// Its name.
    pub name: Option<String>,
    /// What it says.
    pub description: Option<String>,
    /// Where its image is.
    pub image_url: Option<String>,
}

/// A learner's badge.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct BadgeData {
    /// Its UUID.
    pub uuid: String,
    /// Whose it is.
    pub user: UserData,
    /// What it is for.
    pub template: BadgeTemplateData,
}

/// A user has an identity verified.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct VerificationAttemptData {
    /// The attempt's number.
    pub attempt_id: i64,
    /// Who has it verified.
    pub user: UserData,
    /// How far it is.
    pub status: String,
    /// The name that is verified.
    #[event(pii)]
    pub name: Option<String>,
    /// Until when it holds.
    #[event(with = events_runtime::with::isoformat::option)]
    pub expiration_date: Option<Timestamp>,
}

/// What the other platform sent with an LTI launch.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct LtiProviderLaunchParamsData {
    /// The user's roles, between commas.
    pub roles: String,
    /// The context of the launch.
    pub context_id: String,
    /// The user's id on the other platform.
    pub user_id: String,
    /// What else it sent.
    #[event(default = {})]
    pub extra_params: BTreeMap<String, String>,
}

/// A launch by LTI.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct LtiProviderLaunchData {
    /// The user here.
    pub user: UserData,
    /// The course that the content is in.
    pub course_key: CourseKey,
    /// The content.
    pub usage_key: UsageKey,
    /// What came with it.
    pub launch_params: LtiProviderLaunchParamsData,
}
