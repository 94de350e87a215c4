//! The payloads of the events of `authz`.

use events_runtime::EventData;

/// A role of a subject in a scope.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct RoleAssignmentData {
    /// What was done, such as `created` or `deleted`.
    pub operation: String,
    /// Who has the role, such as `user^john_doe`.
    #[event(pii)]
    pub subject: String,
    /// The role, such as `course_admin`.
    pub role: String,
    /// Where the role holds, such as `course-v1:edX+DemoX+Demo_Course`.
    pub scope: String,
    /// The number of the user who did it, where that is known. Python reads 0 as not known.
    pub actor_id: Option<i64>,
}
