//! `schema`: prints, publishes, checks and compares the schemas of linked events.
//!
//! ```text
//! show    prints a schema of the code or a published one
//! export  writes all schemas of the code, for other tools
//! lock    code ▶ schemas/<event_type>/<minor>.avsc, a new file for each version
//! check   compares the code with the newest file, for CI
//! diff    compares two versions, and lists the breaking changes
//! list    the schemas that are stored on the bus, and their compatibility
//! pull    writes the schemas that are stored on the bus as files
//! push    registers the published versions in a schema registry
//!   source        file!() and line!() ▶ the source file that defines the event
//!   crate_dir     the source file ▶ the crate and its folder of published schemas
//!   locked        an event with its locked versions on disk
//!   build_script  the build script that makes cargo detect new files
//!   docs          compares the documentation of a file and of the code
//!   enums         warns about enums that can't be extended
//!   key           the event's key, an attribute in the files
//!   origin        detects sources that changed since the program was compiled
//! ```
//!
//! The program contains the files that existed when it was compiled. These commands read the files
//! again, since they change them.

mod build_script;
mod check;
mod crate_dir;
mod diff;
mod docs;
mod enums;
mod export;
mod key;
mod lock;
mod locked;
mod on_bus;
mod origin;
mod push;
mod show;
mod source;

pub(super) use check::check;
pub(super) use diff::diff;
pub(super) use export::export;
pub(super) use lock::lock;
pub(super) use on_bus::{list, pull, verified};
pub(super) use push::push;
pub(super) use show::show;
