//! The events of `authz`. Their event types have no version.
//!
//! Open edX documents `user.pii.username` as their key, a field that they do not have. The subject contains
//! the same name.

use events_runtime::PublicSignal;

use super::data::RoleAssignmentData;

/// A role was assigned.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.authz.role_assignment.created",
    profile = "openedx",
    key = role_assignment.subject
)]
pub struct RoleAssignmentCreated {
    /// The assignment.
    pub role_assignment: RoleAssignmentData,
}

/// The assignment of a role ended.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.authz.role_assignment.deleted",
    profile = "openedx",
    key = role_assignment.subject
)]
pub struct RoleAssignmentDeleted {
    /// The assignment.
    pub role_assignment: RoleAssignmentData,
}
