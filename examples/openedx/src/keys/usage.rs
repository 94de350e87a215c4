//! Blocks of courses and libraries: `UsageKey` of Python.

use std::borrow::Cow;

use super::aside::AsideUsageLocator;
use super::course::CourseLocator;
use super::grammar::{Dialect, Parts, is_deprecated_id, is_deprecated_part, is_id};
use super::library::LibraryUsageLocatorV2;
use super::macros::{key, locator};

/// What Python writes instead of a missing type.
const NONE: &str = "None";

locator!(
    /// A block of a course: `block-v1:org+course+run+type@…+block@…`, with `+branch@…` and
    /// `+version@…` before the type. Older forms are `location:org+course+run+type+block` and, before 2015,
    /// `i4x://org/course/type/block`.
    BlockUsageLocator,
    "block locator",
    "`block-v1:org+course+run+type@…+block@…`"
);

impl BlockUsageLocator {
    pub(super) fn is_valid(text: &str) -> bool {
        match text.split_once(':') {
            Some(("block-v1", rest)) => Parts::split(rest, Dialect::Course)
                .is_some_and(|parts| parts.is_course() && parts.has_block()),
            Some(("location", rest)) => location(rest).is_some(),
            Some(("i4x", rest)) => deprecated(rest).is_some(),
            _ => false,
        }
    }

    fn parts(&self) -> Parts<'_> {
        let parts = match self.0.split_once(':') {
            Some(("location", rest)) => location(rest),
            Some(("i4x", rest)) => deprecated(rest),
            Some((_, rest)) => Parts::split(rest, Dialect::Course),
            None => None,
        };
        parts.unwrap_or_default()
    }

    /// The course; `None` for an `i4x://` key, which has no run.
    pub fn course_key(&self) -> Option<CourseLocator> {
        if self.is_deprecated() {
            return None;
        }
        format!("course-v1:{}", self.parts().course_text()).parse().ok()
    }

    /// The organisation.
    pub fn org(&self) -> Option<&str> {
        self.parts().org
    }

    /// The course.
    pub fn course(&self) -> Option<&str> {
        self.parts().course
    }

    /// The run; none in an `i4x://` key.
    pub fn run(&self) -> Option<&str> {
        self.parts().run
    }

    /// The branch.
    pub fn branch(&self) -> Option<&str> {
        self.parts().branch
    }

    /// The version: 24 hexadecimal digits.
    pub fn version(&self) -> Option<&str> {
        self.parts().version
    }

    /// The type of the block, such as `vertical`.
    pub fn block_type(&self) -> Option<&str> {
        self.parts().block_type
    }

    /// The block within its course.
    pub fn block_id(&self) -> &str {
        self.parts().block_id.unwrap_or_default()
    }

    /// Whether it begins with `i4x://`.
    pub fn is_deprecated(&self) -> bool {
        self.0.starts_with("i4x:")
    }

    /// The text that opaque-keys would write.
    pub fn canonical(&self) -> String {
        if !self.0.starts_with("block-v1:") {
            return self.0.clone();
        }
        let parts = self.parts();
        let block_type = parts.block_type.unwrap_or(NONE);
        format!("block-v1:{}+type@{block_type}+block@{}", parts.course_text(), self.block_id())
    }
}

/// `org+course+run+type+block`
fn location(rest: &str) -> Option<Parts<'_>> {
    let names: Vec<_> = rest.split('+').collect();
    let &[org, course, run, block_type, block_id] = names.as_slice() else {
        return None;
    };
    let parts = Parts {
        org: Some(org),
        course: Some(course),
        run: Some(run),
        block_type: Some(block_type),
        block_id: Some(block_id),
        ..Parts::default()
    };
    names.iter().all(|name| is_id(name)).then_some(parts)
}

/// `//org/course/type/block`, optionally followed by `@branch`.
fn deprecated(rest: &str) -> Option<Parts<'_>> {
    let mut names = rest.strip_prefix("//")?.splitn(4, '/');
    let (org, course, block_type) = (names.next()?, names.next()?, names.next()?);
    let block = names.next()?;
    let (block_id, branch) = match block.split_once('@') {
        Some((block_id, branch)) => (block_id, Some(branch)),
        None => (block, None),
    };
    let valid = [org, course].iter().all(|name| !name.is_empty() && is_deprecated_part(name))
        // Any text: opaque-keys does not check it.
        && !block_type.is_empty()
        && is_deprecated_id(block_id)
        && branch.is_none_or(is_deprecated_id);
    valid.then_some(Parts {
        org: Some(org),
        course: Some(course),
        branch,
        block_type: Some(block_type),
        block_id: Some(block_id),
        ..Parts::default()
    })
}

locator!(
    /// A block of a custom course: `ccx-block-v1:org+course+run+ccx@number+type@…+block@…`.
    CcxBlockUsageLocator,
    "CCX block locator",
    "`ccx-block-v1:org+course+run+ccx@number+type@…+block@…`"
);

impl CcxBlockUsageLocator {
    pub(super) fn is_valid(text: &str) -> bool {
        let parts = text.strip_prefix("ccx-block-v1:").and_then(|rest| Parts::split(rest, Dialect::Ccx));
        parts.is_some_and(|parts| parts.is_course() && parts.has_block())
    }

    fn parts(&self) -> Parts<'_> {
        let rest = self.0.strip_prefix("ccx-block-v1:");
        rest.and_then(|rest| Parts::split(rest, Dialect::Ccx)).unwrap_or_default()
    }

    /// The number of the custom course: digits.
    pub fn ccx(&self) -> &str {
        self.parts().ccx.unwrap_or_default()
    }

    /// The type of the block.
    pub fn block_type(&self) -> Option<&str> {
        self.parts().block_type
    }

    /// The block within its course.
    pub fn block_id(&self) -> &str {
        self.parts().block_id.unwrap_or_default()
    }

    /// The text that opaque-keys would write.
    pub fn canonical(&self) -> String {
        let parts = self.parts();
        let block_type = parts.block_type.unwrap_or(NONE);
        format!("ccx-block-v1:{}+type@{block_type}+block@{}", parts.course_text(), self.block_id())
    }
}

locator!(
    /// A block of a library of version 1: `lib-block-v1:org+library+type@…+block@…`.
    LibraryUsageLocator,
    "library block locator",
    "`lib-block-v1:org+library+type@…+block@…`"
);

impl LibraryUsageLocator {
    pub(super) fn is_valid(text: &str) -> bool {
        let parts = text.strip_prefix("lib-block-v1:").and_then(|rest| Parts::split(rest, Dialect::Course));
        parts.is_some_and(|parts| parts.is_library() && parts.block_type.is_some() && parts.has_block())
    }

    fn parts(&self) -> Parts<'_> {
        let rest = self.0.strip_prefix("lib-block-v1:");
        rest.and_then(|rest| Parts::split(rest, Dialect::Course)).unwrap_or_default()
    }

    /// The type of the block.
    pub fn block_type(&self) -> &str {
        self.parts().block_type.unwrap_or_default()
    }

    /// The block within its library.
    pub fn block_id(&self) -> &str {
        self.parts().block_id.unwrap_or_default()
    }

    /// The text that opaque-keys would write.
    pub fn canonical(&self) -> String {
        let library = self.parts().library_text();
        format!("lib-block-v1:{library}+type@{}+block@{}", self.block_type(), self.block_id())
    }
}

key!(
    /// The key of a block in any context: `UsageKey` of opaque-keys.
    UsageKey, "usage key", "`block-v1:org+course+run+type@…+block@…`", {
        /// A block of a course.
        Block(BlockUsageLocator),
        /// A block of a custom course.
        Ccx(CcxBlockUsageLocator),
        /// A block of a library of version 1.
        LegacyLibrary(LibraryUsageLocator),
        /// A block of a library.
        Library(LibraryUsageLocatorV2),
        /// An aside of a block.
        Aside(AsideUsageLocator),
    }
);

impl UsageKey {
    /// The type of the block, such as `vertical`.
    pub fn block_type(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Block(locator) => locator.block_type().map(Cow::Borrowed),
            Self::Ccx(locator) => locator.block_type().map(Cow::Borrowed),
            Self::LegacyLibrary(locator) => Some(locator.block_type().into()),
            Self::Library(locator) => Some(locator.block_type().into()),
            Self::Aside(locator) => locator.usage_key().block_type().map(|found| found.into_owned().into()),
            Self::Verbatim(_) => None,
        }
    }

    /// The block within its course or library.
    pub fn block_id(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Block(locator) => Some(locator.block_id().into()),
            Self::Ccx(locator) => Some(locator.block_id().into()),
            Self::LegacyLibrary(locator) => Some(locator.block_id().into()),
            Self::Library(locator) => Some(locator.usage_id().into()),
            Self::Aside(locator) => locator.usage_key().block_id().map(|found| found.into_owned().into()),
            Self::Verbatim(_) => None,
        }
    }
}
