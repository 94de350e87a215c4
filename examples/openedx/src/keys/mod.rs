//! Open edX's opaque keys: the names of courses, of their content, and of libraries.
//!
//! Events contain *keys*: [`CourseKey`], [`UsageKey`], [`CcxKey`], [`LibraryKey`],
//! [`LibraryUsageKey`], [`ContainerKey`], [`CollectionKey`]. Each is an enum of *locators*, the
//! forms that opaque-keys 4.0 and edx-ccx-keys 2.0 know, and of [`Verbatim`]: plugins of Open edX can add
//! forms, and an event with such a key is still read, stored and forwarded.
//!
//! ```
//! use openedx_events::keys::{CourseKey, InvalidKey};
//!
//! let key: CourseKey = "course-v1:edX+DemoX+2026".parse()?;       // only forms that opaque-keys accepts
//! assert_eq!((key.org(), key.course(), key.run()), (Some("edX"), Some("DemoX"), Some("2026")));
//! assert!("course-v1:edX".parse::<CourseKey>().is_err());
//!
//! let other = CourseKey::from_text("program-v1:edX+Rust");        // any text
//! assert!(matches!(other, CourseKey::Verbatim(_)));
//! assert_eq!(other.to_string(), "program-v1:edX+Rust");
//! # Ok::<(), InvalidKey>(())
//! ```
//!
//! A key keeps its text byte for byte. Two keys are equal if their texts are equal. opaque-keys accepts a few texts that it writes differently, such as `slashes:a+b+c` for
//! `course-v1:a+b+c`: `canonical` returns the text that it would write.

mod aside;
mod course;
mod error;
mod grammar;
mod library;
mod macros;
#[cfg(test)]
mod tests;
mod usage;

pub use aside::AsideUsageLocator;
pub use course::{CcxKey, CcxLocator, CourseKey, CourseLocator, LibraryLocator};
pub use error::{InvalidKey, Verbatim};
pub use library::{
    CollectionKey, ContainerKey, LibraryCollectionLocator, LibraryContainerLocator, LibraryKey,
    LibraryLocatorV2, LibraryUsageKey, LibraryUsageLocatorV2,
};
pub use usage::{BlockUsageLocator, CcxBlockUsageLocator, LibraryUsageLocator, UsageKey};
