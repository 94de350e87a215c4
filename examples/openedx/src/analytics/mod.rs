//! The subdomain `analytics`: the tracking log.

mod data;
mod signals;

pub use data::*;
pub use signals::*;
