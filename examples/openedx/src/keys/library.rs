//! Libraries of version 2 and their content: names joined by `:`.

use super::grammar::{is_name, is_slug};
use super::macros::{key, locator};

/// The names after the namespace.
fn names<'a, const N: usize>(text: &'a str, namespace: &str) -> Option<[&'a str; N]> {
    let rest = text.strip_prefix(namespace)?.strip_prefix(':')?;
    let names: Vec<_> = rest.split(':').collect();
    names.try_into().ok()
}

/// The names in a valid text.
fn checked<'a, const N: usize>(text: &'a str, namespace: &str) -> [&'a str; N] {
    names(text, namespace).unwrap_or([""; N])
}

locator!(
    /// A library: `lib:org:slug`.
    LibraryLocatorV2,
    "library locator",
    "`lib:org:slug`"
);

impl LibraryLocatorV2 {
    pub(super) fn is_valid(text: &str) -> bool {
        names(text, "lib").is_some_and(|[org, slug]| is_name(org) && is_slug(slug))
    }

    /// The locator of two valid names.
    fn of(org: &str, slug: &str) -> Self {
        Self(format!("lib:{org}:{slug}"))
    }

    /// The organisation.
    pub fn org(&self) -> &str {
        let [org, _] = checked(&self.0, "lib");
        org
    }

    /// The library's name in URLs.
    pub fn slug(&self) -> &str {
        let [_, slug] = checked(&self.0, "lib");
        slug
    }

    /// The text that opaque-keys would write: the same.
    pub fn canonical(&self) -> String {
        self.0.clone()
    }
}

locator!(
    /// A block of a library: `lb:org:slug:type:id`.
    LibraryUsageLocatorV2,
    "library block locator",
    "`lb:org:slug:type:id`"
);

impl LibraryUsageLocatorV2 {
    pub(super) fn is_valid(text: &str) -> bool {
        names(text, "lb").is_some_and(|[org, slug, block_type, usage_id]| {
            is_name(org) && is_slug(slug) && is_name(block_type) && is_slug(usage_id)
        })
    }

    /// The library.
    pub fn library(&self) -> LibraryLocatorV2 {
        let [org, slug, _, _] = checked(&self.0, "lb");
        LibraryLocatorV2::of(org, slug)
    }

    /// The type of the block, such as `problem`.
    pub fn block_type(&self) -> &str {
        let [_, _, block_type, _] = checked(&self.0, "lb");
        block_type
    }

    /// The block within its library.
    pub fn usage_id(&self) -> &str {
        let [_, _, _, usage_id] = checked(&self.0, "lb");
        usage_id
    }

    /// The text that opaque-keys would write: the same.
    pub fn canonical(&self) -> String {
        self.0.clone()
    }
}

locator!(
    /// A container of a library, such as a unit: `lct:org:slug:type:id`.
    LibraryContainerLocator,
    "library container locator",
    "`lct:org:slug:type:id`"
);

impl LibraryContainerLocator {
    pub(super) fn is_valid(text: &str) -> bool {
        names(text, "lct").is_some_and(|[org, slug, container_type, container_id]| {
            is_name(org) && is_slug(slug) && is_name(container_type) && is_slug(container_id)
        })
    }

    /// The library.
    pub fn library(&self) -> LibraryLocatorV2 {
        let [org, slug, _, _] = checked(&self.0, "lct");
        LibraryLocatorV2::of(org, slug)
    }

    /// The type of the container, such as `unit`.
    pub fn container_type(&self) -> &str {
        let [_, _, container_type, _] = checked(&self.0, "lct");
        container_type
    }

    /// The container within its library.
    pub fn container_id(&self) -> &str {
        let [_, _, _, container_id] = checked(&self.0, "lct");
        container_id
    }

    /// The text that opaque-keys would write: the same.
    pub fn canonical(&self) -> String {
        self.0.clone()
    }
}

locator!(
    /// A collection of a library: `lib-collection:org:slug:id`.
    LibraryCollectionLocator,
    "library collection locator",
    "`lib-collection:org:slug:id`"
);

impl LibraryCollectionLocator {
    pub(super) fn is_valid(text: &str) -> bool {
        names(text, "lib-collection")
            .is_some_and(|[org, slug, collection_id]| is_name(org) && is_slug(slug) && is_slug(collection_id))
    }

    /// The library.
    pub fn library(&self) -> LibraryLocatorV2 {
        let [org, slug, _] = checked(&self.0, "lib-collection");
        LibraryLocatorV2::of(org, slug)
    }

    /// The collection within its library.
    pub fn collection_id(&self) -> &str {
        let [_, _, collection_id] = checked(&self.0, "lib-collection");
        collection_id
    }

    /// The text that opaque-keys would write: the same.
    pub fn canonical(&self) -> String {
        self.0.clone()
    }
}

key!(
    /// The key of a library of version 2: `LibraryLocatorV2` of opaque-keys.
    LibraryKey, "library key", "`lib:org:slug`", {
        /// A library.
        Library(LibraryLocatorV2),
    }
);

key!(
    /// The key of a block of a library: `LibraryUsageLocatorV2` of opaque-keys.
    LibraryUsageKey, "library block key", "`lb:org:slug:type:id`", {
        /// A block of a library.
        Block(LibraryUsageLocatorV2),
    }
);

key!(
    /// The key of a container: `LibraryContainerLocator` of opaque-keys.
    ContainerKey, "container key", "`lct:org:slug:type:id`", {
        /// A container of a library.
        Library(LibraryContainerLocator),
    }
);

key!(
    /// The key of a collection: `LibraryCollectionLocator` of opaque-keys.
    CollectionKey, "collection key", "`lib-collection:org:slug:id`", {
        /// A collection of a library.
        Library(LibraryCollectionLocator),
    }
);
