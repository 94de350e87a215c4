//! Courses: `CourseKey` and `CCXLocator` of Python.

use super::grammar::{Dialect, Parts, is_deprecated_part};
use super::macros::{key, locator};

locator!(
    /// A course: `course-v1:org+course+run`, optionally followed by `+branch@…` and `+version@…`, or only
    /// `version@…`. Before 2015: `org/course/run`.
    CourseLocator,
    "course locator",
    "`course-v1:org+course+run`"
);

impl CourseLocator {
    pub(super) fn is_valid(text: &str) -> bool {
        match text.split_once(':') {
            Some(("course-v1" | "slashes", rest)) => {
                Parts::split(rest, Dialect::Course).is_some_and(|parts| parts.is_course())
            }
            Some(_) => false,
            None => {
                let parts: Vec<_> = text.split('/').collect();
                matches!(parts[..], [org, course, _] if !org.is_empty() && !course.is_empty())
                    && parts.iter().all(|part| is_deprecated_part(part))
            }
        }
    }

    fn parts(&self) -> Parts<'_> {
        if let Some((_, rest)) = self.0.split_once(':') {
            return Parts::split(rest, Dialect::Course).unwrap_or_default();
        }
        let mut parts = self.0.split('/');
        Parts { org: parts.next(), course: parts.next(), run: parts.next(), ..Parts::default() }
    }

    /// The organisation.
    pub fn org(&self) -> Option<&str> {
        self.parts().org
    }

    /// The course, such as `6.002x`.
    pub fn course(&self) -> Option<&str> {
        self.parts().course
    }

    /// The run, such as `2026_T1`; in a deprecated key it may be empty.
    pub fn run(&self) -> Option<&str> {
        self.parts().run
    }

    /// The branch, such as `published`.
    pub fn branch(&self) -> Option<&str> {
        self.parts().branch
    }

    /// The version: 24 hexadecimal digits.
    pub fn version(&self) -> Option<&str> {
        self.parts().version
    }

    /// Whether it has the form `org/course/run`.
    pub fn is_deprecated(&self) -> bool {
        !self.0.contains(':')
    }

    /// The text that opaque-keys would write.
    pub fn canonical(&self) -> String {
        if self.is_deprecated() {
            return self.0.clone();
        }
        format!("course-v1:{}", self.parts().course_text())
    }
}

locator!(
    /// A custom course on top of another one: `ccx-v1:org+course+run+ccx@number`.
    CcxLocator,
    "CCX locator",
    "`ccx-v1:org+course+run+ccx@number`"
);

impl CcxLocator {
    pub(super) fn is_valid(text: &str) -> bool {
        let parts = text.strip_prefix("ccx-v1:").and_then(|rest| Parts::split(rest, Dialect::Ccx));
        parts.is_some_and(|parts| parts.is_course())
    }

    fn parts(&self) -> Parts<'_> {
        let rest = self.0.strip_prefix("ccx-v1:");
        rest.and_then(|rest| Parts::split(rest, Dialect::Ccx)).unwrap_or_default()
    }

    /// The organisation.
    pub fn org(&self) -> Option<&str> {
        self.parts().org
    }

    /// The course.
    pub fn course(&self) -> Option<&str> {
        self.parts().course
    }

    /// The run.
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

    /// The number of the custom course: digits.
    pub fn ccx(&self) -> &str {
        self.parts().ccx.unwrap_or_default()
    }

    /// The course that it is based on.
    pub fn course_locator(&self) -> CourseLocator {
        let below = Parts { ccx: None, ..self.parts() };
        CourseLocator(format!("course-v1:{}", below.course_text()))
    }

    /// The text that opaque-keys would write.
    pub fn canonical(&self) -> String {
        format!("ccx-v1:{}", self.parts().course_text())
    }
}

locator!(
    /// A library of version 1: `library-v1:org+library`, optionally followed by `+branch@…` and `+version@…`,
    /// or only `version@…`. For historical reasons its key is a course key.
    LibraryLocator,
    "library locator",
    "`library-v1:org+library`"
);

impl LibraryLocator {
    pub(super) fn is_valid(text: &str) -> bool {
        let parts = text.strip_prefix("library-v1:").and_then(|rest| Parts::split(rest, Dialect::Course));
        parts.is_some_and(|parts| parts.is_library())
    }

    fn parts(&self) -> Parts<'_> {
        let rest = self.0.strip_prefix("library-v1:");
        rest.and_then(|rest| Parts::split(rest, Dialect::Course)).unwrap_or_default()
    }

    /// The organisation.
    pub fn org(&self) -> Option<&str> {
        self.parts().org
    }

    /// The library.
    pub fn library(&self) -> Option<&str> {
        self.parts().course
    }

    /// The branch.
    pub fn branch(&self) -> Option<&str> {
        self.parts().branch
    }

    /// The version: 24 hexadecimal digits.
    pub fn version(&self) -> Option<&str> {
        self.parts().version
    }

    /// The text that opaque-keys would write.
    pub fn canonical(&self) -> String {
        format!("library-v1:{}", self.parts().library_text())
    }
}

key!(
    /// The key of a course: `CourseKey` of opaque-keys.
    CourseKey, "course key", "`course-v1:org+course+run`", {
        /// A course.
        Course(CourseLocator),
        /// A custom course.
        Ccx(CcxLocator),
        /// A library of version 1.
        Library(LibraryLocator),
    }
);

impl CourseKey {
    /// The organisation.
    pub fn org(&self) -> Option<&str> {
        match self {
            Self::Course(locator) => locator.org(),
            Self::Ccx(locator) => locator.org(),
            Self::Library(locator) => locator.org(),
            Self::Verbatim(_) => None,
        }
    }

    /// The course, or the library.
    pub fn course(&self) -> Option<&str> {
        match self {
            Self::Course(locator) => locator.course(),
            Self::Ccx(locator) => locator.course(),
            Self::Library(locator) => locator.library(),
            Self::Verbatim(_) => None,
        }
    }

    /// The run. A library has none.
    pub fn run(&self) -> Option<&str> {
        match self {
            Self::Course(locator) => locator.run(),
            Self::Ccx(locator) => locator.run(),
            Self::Library(_) | Self::Verbatim(_) => None,
        }
    }
}

key!(
    /// The key of a custom course: `CCXLocator` of edx-ccx-keys.
    CcxKey, "CCX key", "`ccx-v1:org+course+run+ccx@number`", {
        /// A custom course.
        Ccx(CcxLocator),
    }
);
