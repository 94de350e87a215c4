//! The subdomain `learning`: users, their enrollments, grades, exams and credentials.

mod data;
mod signals;

pub use data::*;
pub use signals::*;
