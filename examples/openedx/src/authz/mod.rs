//! The subdomain `authz`: roles of users in courses, libraries and organisations.

mod data;
mod signals;

pub use data::*;
pub use signals::*;
