//! The subdomain `enterprise`: subsidies, ledgers, and the enrollments that enterprises pay for.

mod data;
mod signals;

pub use data::*;
pub use signals::*;
