//! Compatible changes of published events: each compiles beside its published versions and has the next minor
//! version, and apache-avro can read it in the promised directions.
//!
//! The definitions are in `tests/ui/contracts/allowed`, beside the breaking ones.

#[path = "../../ui/contracts/allowed/added_forward.rs"]
mod added_forward;
#[path = "../../ui/contracts/allowed/alias_backward.rs"]
mod alias_backward;
#[path = "../../ui/contracts/allowed/alias_for_all_readers.rs"]
mod alias_for_all_readers;
#[path = "../../ui/contracts/allowed/aliases_added.rs"]
mod aliases_added;
#[path = "../../ui/contracts/allowed/always_now_forward.rs"]
mod always_now_forward;
#[path = "../../ui/contracts/allowed/back_to_an_old_version.rs"]
mod back_to_an_old_version;
#[path = "../../ui/contracts/allowed/default_changed.rs"]
mod default_changed;
#[path = "../../ui/contracts/allowed/default_removed.rs"]
mod default_removed;
#[path = "../../ui/contracts/allowed/docs_changed.rs"]
mod docs_changed;
#[path = "../../ui/contracts/allowed/enum_default_added.rs"]
mod enum_default_added;
#[path = "../../ui/contracts/allowed/event_renamed_backward.rs"]
mod event_renamed_backward;
#[path = "../../ui/contracts/allowed/field_with_default_added.rs"]
mod field_with_default_added;
#[path = "../../ui/contracts/allowed/field_with_default_removed.rs"]
mod field_with_default_removed;
#[path = "../../ui/contracts/allowed/fields_reordered.rs"]
mod fields_reordered;
#[path = "../../ui/contracts/allowed/five_levels_deep.rs"]
mod five_levels_deep;
#[path = "../../ui/contracts/allowed/generic_became_plain.rs"]
mod generic_became_plain;
#[path = "../../ui/contracts/allowed/identical.rs"]
mod identical;
#[path = "../../ui/contracts/allowed/in_a_map.rs"]
mod in_a_map;
#[path = "../../ui/contracts/allowed/in_a_vec.rs"]
mod in_a_vec;
#[path = "../../ui/contracts/allowed/in_another_crate.rs"]
mod in_another_crate;
#[path = "../../ui/contracts/allowed/logical_types_added.rs"]
mod logical_types_added;
#[path = "../../ui/contracts/allowed/logical_types_kept.rs"]
mod logical_types_kept;
#[path = "../../ui/contracts/allowed/mutually_recursive.rs"]
mod mutually_recursive;
#[path = "../../ui/contracts/allowed/name_of_others.rs"]
mod name_of_others;
#[path = "../../ui/contracts/allowed/narrowing_forward.rs"]
mod narrowing_forward;
#[path = "../../ui/contracts/allowed/nested_additions.rs"]
mod nested_additions;
#[path = "../../ui/contracts/allowed/nothing_is_promised.rs"]
mod nothing_is_promised;
#[path = "../../ui/contracts/allowed/number_of_its_own.rs"]
mod number_of_its_own;
#[path = "../../ui/contracts/allowed/number_that_is_published.rs"]
mod number_that_is_published;
#[path = "../../ui/contracts/allowed/openedx_at_the_top.rs"]
mod openedx_at_the_top;
#[path = "../../ui/contracts/allowed/option_added.rs"]
mod option_added;
#[path = "../../ui/contracts/allowed/optional_now_backward.rs"]
mod optional_now_backward;
#[path = "../../ui/contracts/allowed/other_added.rs"]
mod other_added;
#[path = "../../ui/contracts/allowed/other_namespaces.rs"]
mod other_namespaces;
#[path = "../../ui/contracts/allowed/other_namespaces_by_reference.rs"]
mod other_namespaces_by_reference;
#[path = "../../ui/contracts/allowed/other_types_of_one_schema.rs"]
mod other_types_of_one_schema;
#[path = "../../ui/contracts/allowed/promotions_backward.rs"]
mod promotions_backward;
#[path = "../../ui/contracts/allowed/record_renamed_backward.rs"]
mod record_renamed_backward;
#[path = "../../ui/contracts/allowed/recursive.rs"]
mod recursive;
#[path = "../../ui/contracts/allowed/removed_backward.rs"]
mod removed_backward;
#[path = "../../ui/contracts/allowed/renamed_in_rust.rs"]
mod renamed_in_rust;
#[path = "../../ui/contracts/allowed/renamed_into_another_namespace.rs"]
mod renamed_into_another_namespace;
#[path = "../../ui/contracts/allowed/shared_at_every_level.rs"]
mod shared_at_every_level;
#[path = "../../ui/contracts/allowed/symbol_added.rs"]
mod symbol_added;
#[path = "../../ui/contracts/allowed/symbol_removed.rs"]
mod symbol_removed;
#[path = "../../ui/contracts/allowed/symbols_reordered.rs"]
mod symbols_reordered;
#[path = "../../ui/contracts/allowed/text_and_bytes.rs"]
mod text_and_bytes;
#[path = "../../ui/contracts/allowed/three_versions.rs"]
mod three_versions;
#[path = "../../ui/contracts/allowed/through_a_generic.rs"]
mod through_a_generic;
#[path = "../../ui/contracts/allowed/twenty_levels_deep.rs"]
mod twenty_levels_deep;
#[path = "../../ui/contracts/allowed/variant_added_backward.rs"]
mod variant_added_backward;
#[path = "../../ui/contracts/allowed/variant_added_with_other.rs"]
mod variant_added_with_other;
#[path = "../../ui/contracts/allowed/variant_became_other.rs"]
mod variant_became_other;
#[path = "../../ui/contracts/allowed/variant_removed_forward.rs"]
mod variant_removed_forward;
#[path = "../../ui/contracts/allowed/variant_removed_with_other.rs"]
mod variant_removed_with_other;
#[path = "../../ui/contracts/allowed/variants_reordered.rs"]
mod variants_reordered;
#[path = "../../ui/contracts/allowed/versions_with_a_gap.rs"]
mod versions_with_a_gap;

use std::fs;
use std::path::Path;

use apache_avro::schema::Schema;
use apache_avro::schema_compatibility::{Compatibility as Compatible, SchemaCompatibility};
use events_runtime::PublicSignal;
use events_runtime::avro::{Compatibility, Published};
use events_schema::compat::{Side, can_read};

/// The text of a published version.
fn text(event_type: &str, version: &Published) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/contracts/schemas").join(event_type);
    fs::read_to_string(folder.join(format!("{}.avsc", version.minor_version))).unwrap()
}

/// The reason of apache-avro where a reader reads some of the data.
const PARTIAL: &str = "some of what is written";

/// A published version or the definition, as a reader of the other.
struct Reading {
    reader: String,
    writer: String,
}

impl Reading {
    /// apache-avro's verdict: nothing, or the reason why not all data can be read.
    fn refused(&self) -> Option<String> {
        let [reader, writer] = [&self.reader, &self.writer].map(|text| Schema::parse_str(text).unwrap());
        match SchemaCompatibility::can_read(&writer, &reader) {
            Ok(Compatible::Full) => None,
            Ok(Compatible::Partial) => Some(PARTIAL.to_owned()),
            // With its sources.
            Err(error) => Some(format!("{error:?}")),
        }
    }
}

/// Checks the minor version of a definition that compiled, and returns the directions that its mode promises.
fn promised<E: PublicSignal>(minor_version: u32) -> Vec<Reading> {
    assert!(!E::PUBLISHED.is_empty(), "nothing is published, so all is allowed");
    assert_eq!(E::MINOR_VERSION, minor_version);
    let (backward, forward) = match E::DESCRIPTOR.schemas.compatibility {
        Compatibility::Backward => (true, false),
        Compatibility::Forward | Compatibility::OpenEdx => (false, true),
        Compatibility::Full => (true, true),
        Compatibility::None => (false, false),
    };
    let mut readings = Vec::new();
    for version in E::PUBLISHED {
        let (new, old) = (E::SCHEMA_JSON.to_owned(), text(E::EVENT_TYPE, version));
        if backward {
            readings.push(Reading { reader: new.clone(), writer: old.clone() });
        }
        if forward {
            readings.push(Reading { reader: old, writer: new });
        }
    }
    for Reading { reader, writer } in &readings {
        assert_eq!(can_read(Side::Text(reader), Side::Text(writer)), Ok(true), "{reader}\n{writer}");
    }
    readings
}

/// Compares a definition that compiled with apache-avro's verdict.
fn is_allowed<E: PublicSignal>(minor_version: u32) {
    for reading in promised::<E>(minor_version) {
        let refused = reading.refused();
        assert_eq!(refused, None, "{}\n{}", reading.reader, reading.writer);
    }
}

/// The same where apache-avro compares names more strictly than the specification.
///
/// - Aliases: "the writer's schema is rewritten using aliases from the reader's schema". apache-avro
///   0.22 does so for fields and not for types.
/// - "Both schemas are records with the same (unqualified) name." apache-avro compares whole names
///   where a type is a reference to an earlier definition.
fn is_allowed_though_named_otherwise<E: PublicSignal>(minor_version: u32) {
    for reading in promised::<E>(minor_version) {
        let refused = reading.refused().expect("apache-avro has learnt it: use `is_allowed`");
        assert!(refused.contains("The name must be the same for both schemas"), "{refused}");
    }
}

/// The same where a variant `#[event(other)]` takes branches that a reader does not know. It is no part of Avro:
/// apache-avro, as any other reader, refuses the union.
fn is_allowed_by_other<E: PublicSignal>(minor_version: u32) {
    let refused: Vec<_> = promised::<E>(minor_version).iter().filter_map(Reading::refused).collect();
    assert_eq!(refused, [PARTIAL]);
}
