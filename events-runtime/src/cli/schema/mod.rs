//! `schema`: the schemas of the linked events, and what has been published of them.
//!
//! ```text
//! show    one schema, of the code or published
//! export  all schemas of the code, for other tools
//! lock    code ▶ schemas/<event_type>/<minor>.avsc, once for each version
//! check   code = newest file, for CI
//! diff    what differs between two versions, and for whom that is a break
//!   source        file!() and line!() ▶ the file that defines the event
//!   home          the file ▶ the crate, and its folder of published schemas
//!   locked        an event and the files that are there now
//!   build_script  the line by which cargo sees added files
//!   docs          where the documentation of a file and of the code differ
//!   enums         the enumerations to which no symbol can be added
//!   key           the key of an event, which the files say beside the schema
//!   origin        whether the program was compiled from the sources that are there
//! ```
//!
//! The files that were there when a crate was compiled are in the program; those that are there now
//! are read again, because these commands are what changes them.

mod build_script;
mod check;
mod diff;
mod docs;
mod enums;
mod export;
mod home;
mod key;
mod lock;
mod locked;
mod origin;
mod show;
mod source;

pub(super) use check::check;
pub(super) use diff::diff;
pub(super) use export::export;
pub(super) use lock::lock;
pub(super) use show::show;
