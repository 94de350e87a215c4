//! The subdomain `content_authoring`: the authoring of courses, libraries and blocks.

mod data;
mod signals;

pub use data::*;
pub use signals::*;
