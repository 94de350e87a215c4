//! Random metadata, in the forms that both sides write.

use events_runtime::EmitOptions;
use events_runtime::metadata::{Source, SourceLib};
use jiff::Timestamp;
use uuid::{Builder, Uuid, Version};

use crate::{Maker, Sample};

/// An id: UUIDs of versions 1, 4 and 7, and others.
pub fn id(maker: &mut Maker) -> Uuid {
    let any = Uuid::from_u64_pair(maker.bits(), maker.bits());
    let of = |version| Builder::from_random_bytes(any.into_bytes()).with_version(version).into_uuid();
    maker.one_of(&[of(Version::Mac), of(Version::Random), of(Version::SortRand), any])
}

/// A source with a host and a library.
///
/// # Panics
/// Never: the names are valid.
pub fn source(maker: &mut Maker) -> Source {
    let name = match maker.below(3) {
        0 => "openedx/lms/web".to_owned(),
        1 => format!("openedx/{}/web", maker.text_of("abz019_-é中", 1..20)),
        _ => maker.text_of("ab /:\"\\é𝄞", 1..60),
    };
    let any = u32::try_from(maker.bits() >> 32).unwrap_or_default();
    let numbers: Vec<_> = (0..=maker.below(4)).map(|_| maker.one_of(&[0, 5, 10, u32::MAX, any])).collect();
    Source::new(&name)
        .expect("a name without control characters")
        .with_host(&maker.text_of("abz019.-é", 1..40))
        .with_lib(SourceLib::new(numbers))
}

/// Options that set all fixed attributes that an emitter can set.
pub fn options(maker: &mut Maker) -> EmitOptions {
    EmitOptions::new().id(id(maker)).time(Timestamp::random(maker)).source(source(maker))
}

/// A minor version that no current definition has.
pub fn later_minor_version(maker: &mut Maker) -> u32 {
    let any = u32::try_from(maker.bits() >> 32).unwrap_or_default();
    maker.one_of(&[1, 2, 17, u32::MAX, any.max(1)])
}
