//! The payloads of the events of `content_authoring`.

use events_runtime::EventData;
use jiff::Timestamp;

use crate::keys::{CollectionKey, ContainerKey, CourseKey, LibraryKey, LibraryUsageKey, UsageKey};

/// A course.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CourseData {
    /// The course.
    pub course_key: CourseKey,
}

/// When a course is open.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CourseScheduleData {
    /// When it begins.
    #[event(with = events_runtime::with::isoformat)]
    pub start: Timestamp,
    /// Who sets the pace: `instructor` or `self`.
    pub pacing: String,
    /// When it ends.
    #[event(with = events_runtime::with::isoformat::option)]
    pub end: Option<Timestamp>,
    /// From when on one can enroll.
    #[event(with = events_runtime::with::isoformat::option)]
    pub enrollment_start: Option<Timestamp>,
    /// Until when one can enroll.
    #[event(with = events_runtime::with::isoformat::option)]
    pub enrollment_end: Option<Timestamp>,
}

/// What the catalogue shows of a course.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct CourseCatalogData {
    /// The course.
    pub course_key: CourseKey,
    /// Its name.
    pub name: String,
    /// When it is open.
    pub schedule_data: CourseScheduleData,
    /// Whether searching does not find it.
    #[event(default = false)]
    pub hidden: bool,
    /// Whether one must be invited to enroll.
    #[event(default = false)]
    pub invitation_only: bool,
}

/// A block of a course.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct XBlockData {
    /// The block.
    pub usage_key: UsageKey,
    /// Its type, such as `chapter`.
    pub block_type: String,
    /// The block with branch and version, to get exactly this one.
    pub version: Option<UsageKey>,
}

/// A block that was made as a copy.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct DuplicatedXBlockData {
    /// The copy.
    pub usage_key: UsageKey,
    /// Its type, such as `chapter`.
    pub block_type: String,
    /// The copy with branch and version, to get exactly this one.
    pub version: Option<UsageKey>,
    /// What it was copied from.
    pub source_usage_key: UsageKey,
}

/// A library.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct ContentLibraryData {
    /// The library.
    pub library_key: LibraryKey,
    /// Whether to index its blocks again. Deprecated: each block that changed has its own event.
    #[event(default = false)]
    pub update_blocks: bool,
}

/// A block of a library.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct LibraryBlockData {
    /// The library.
    pub library_key: LibraryKey,
    /// The block.
    pub usage_key: LibraryUsageKey,
}

/// A piece of content.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct ContentObjectData {
    /// The key of a course, a block, or whatever else can have tags.
    pub object_id: String,
}

/// A piece of content, and what changed of it.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct ContentObjectChangedData {
    /// The key of a course, a block, or whatever else can have tags.
    pub object_id: String,
    /// What changed, such as `tags` or `collections`; everything where it is empty.
    #[event(default = [])]
    pub changes: Vec<String>,
}

/// A collection of a library.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct LibraryCollectionData {
    /// The collection.
    pub collection_key: CollectionKey,
    /// Whether the sender does not wait for receivers. Deprecated.
    #[event(default = false)]
    pub background: bool,
}

/// A container of a library, such as a unit or a section.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct LibraryContainerData {
    /// The container.
    pub container_key: ContainerKey,
    /// Whether the sender does not wait for receivers. Deprecated.
    #[event(default = false)]
    pub background: bool,
}
