//! The subdomain `content_authoring`: courses, libraries and blocks while they are made.

mod data;
mod signals;

pub use data::*;
pub use signals::*;
