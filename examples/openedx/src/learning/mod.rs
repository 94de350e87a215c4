//! The subdomain `learning`: users, their enrollments, grades, exams and credentials.

mod data;
mod discussions;
mod signals;

pub use data::*;
pub use discussions::*;
pub use signals::*;
