//! The events of `content_authoring`.

use events_runtime::PublicSignal;

use super::data::{
    ContentLibraryData, ContentObjectChangedData, ContentObjectData, CourseCatalogData, CourseData,
    DuplicatedXBlockData, LibraryBlockData, LibraryCollectionData, LibraryContainerData, XBlockData,
};

/// What the catalogue shows of a course changed in Studio.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.course.catalog_info.changed.v1",
    profile = "openedx",
    key = catalog_info.course_key
)]
pub struct CourseCatalogInfoChanged {
    /// What the catalogue shows.
    pub catalog_info: CourseCatalogData,
}

/// A block was created.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.xblock.created.v1",
    profile = "openedx",
    key = xblock_info.usage_key
)]
pub struct XblockCreated {
    /// The block.
    pub xblock_info: XBlockData,
}

/// A block was changed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.xblock.updated.v1",
    profile = "openedx",
    key = xblock_info.usage_key
)]
pub struct XblockUpdated {
    /// The block.
    pub xblock_info: XBlockData,
}

/// A block was published, with all that is in it: of a section whose units changed, there is one
/// event.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.xblock.published.v1",
    profile = "openedx",
    key = xblock_info.usage_key
)]
pub struct XblockPublished {
    /// The block that was published, the parent of those that changed.
    pub xblock_info: XBlockData,
}

/// A block was deleted.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.xblock.deleted.v1",
    profile = "openedx",
    key = xblock_info.usage_key
)]
pub struct XblockDeleted {
    /// The block.
    pub xblock_info: XBlockData,
}

/// A block was copied in Studio.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.xblock.duplicated.v1",
    profile = "openedx",
    key = xblock_info.usage_key
)]
pub struct XblockDuplicated {
    /// The copy, and what it was copied from.
    pub xblock_info: DuplicatedXBlockData,
}

/// A course was created.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.content_authoring.course.created.v1", profile = "openedx")]
pub struct CourseCreated {
    /// The course.
    pub course: CourseData,
}

/// A library was created.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.content_authoring.content_library.created.v1", profile = "openedx")]
pub struct ContentLibraryCreated {
    /// The library.
    pub content_library: ContentLibraryData,
}

/// A library was changed, such as its name. Changes of what is in it have events of their own.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.content_authoring.content_library.updated.v1", profile = "openedx")]
pub struct ContentLibraryUpdated {
    /// The library.
    pub content_library: ContentLibraryData,
}

/// A library was deleted.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.content_authoring.content_library.deleted.v1", profile = "openedx")]
pub struct ContentLibraryDeleted {
    /// The library.
    pub content_library: ContentLibraryData,
}

/// A block of a library was created.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.content_authoring.library_block.created.v1", profile = "openedx")]
pub struct LibraryBlockCreated {
    /// The block.
    pub library_block: LibraryBlockData,
}

/// The draft of a library's block was changed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.content_authoring.library_block.updated.v1", profile = "openedx")]
pub struct LibraryBlockUpdated {
    /// The block.
    pub library_block: LibraryBlockData,
}

/// The draft of a library's block was deleted.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.content_authoring.library_block.deleted.v1", profile = "openedx")]
pub struct LibraryBlockDeleted {
    /// The block.
    pub library_block: LibraryBlockData,
}

/// A block of a library was published, or its deletion was.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.content_authoring.library_block.published.v1", profile = "openedx")]
pub struct LibraryBlockPublished {
    /// The block.
    pub library_block: LibraryBlockData,
}

/// What belongs to a piece of content changed, such as its tags or collections.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.content.object.associations.changed.v1",
    profile = "openedx"
)]
pub struct ContentObjectAssociationsChanged {
    /// The content, and what changed.
    pub content_object: ContentObjectChangedData,
}

/// The tags of a piece of content changed.
///
/// Open edX deprecates it in favour of [`ContentObjectAssociationsChanged`].
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.content.object.tags.changed.v1",
    profile = "openedx"
)]
pub struct ContentObjectTagsChanged {
    /// The content.
    pub content_object: ContentObjectData,
}

/// A collection of a library was created.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.content_library.collection.created.v1",
    profile = "openedx"
)]
pub struct LibraryCollectionCreated {
    /// The collection.
    pub library_collection: LibraryCollectionData,
}

/// A collection of a library was changed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.content_library.collection.updated.v1",
    profile = "openedx"
)]
pub struct LibraryCollectionUpdated {
    /// The collection.
    pub library_collection: LibraryCollectionData,
}

/// A collection of a library was deleted.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.content_library.collection.deleted.v1",
    profile = "openedx"
)]
pub struct LibraryCollectionDeleted {
    /// The collection.
    pub library_collection: LibraryCollectionData,
}

/// A container of a library was created.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.content_library.container.created.v1",
    profile = "openedx"
)]
pub struct LibraryContainerCreated {
    /// The container.
    pub library_container: LibraryContainerData,
}

/// A container of a library was changed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.content_library.container.updated.v1",
    profile = "openedx"
)]
pub struct LibraryContainerUpdated {
    /// The container.
    pub library_container: LibraryContainerData,
}

/// A container of a library was deleted.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.content_library.container.deleted.v1",
    profile = "openedx"
)]
pub struct LibraryContainerDeleted {
    /// The container.
    pub library_container: LibraryContainerData,
}

/// A container of a library was published, or its deletion was.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.content_library.container.published.v1",
    profile = "openedx"
)]
pub struct LibraryContainerPublished {
    /// The container.
    pub library_container: LibraryContainerData,
}

/// A course was imported.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.course.import.completed.v1",
    profile = "openedx",
    key = course.course_key
)]
pub struct CourseImportCompleted {
    /// The course.
    pub course: CourseData,
}

/// A course was copied for another run.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.content_authoring.course.rerun.completed.v1",
    profile = "openedx",
    key = course.course_key
)]
pub struct CourseRerunCompleted {
    /// The new course.
    pub course: CourseData,
}
