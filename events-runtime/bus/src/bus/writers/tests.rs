//! The schemas that a bus reads from definitions, from files and from the program.

use super::Writers;
use crate::bus::StartError;
use events_core::avro::WriterSchema;
use events_core::{PublicSignal, Registry};

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.resolve.things.counted.v1",
    schemas = "./schemas",
    compatibility = "backward"
)]
struct Counted {
    of: Option<String>,
    count: i64,
}

static FIRST: &events_core::avro::Published = &Counted::PUBLISHED[0];

const LONG: &str = "\"long\"";

fn writer(schema: &str) -> WriterSchema {
    WriterSchema::parse(schema).unwrap()
}

/// A record of this name with these fields.
fn record(name: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<_> =
        fields.iter().map(|(name, schema)| format!(r#"{{"name":"{name}","type":{schema}}}"#)).collect();
    format!(r#"{{"type":"record","name":"{name}","fields":[{}]}}"#, fields.join(","))
}

fn logical(base: &str, name: &str) -> String {
    format!(r#"{{"type":"{base}","logicalType":"{name}"}}"#)
}

#[test]
fn the_bus_knows_published_versions_and_those_of_a_folder() {
    let registry = Registry::builder().register::<Counted>().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let of_event = folder.path().join(Counted::EVENT_TYPE);
    std::fs::create_dir_all(&of_event).unwrap();
    std::fs::create_dir_all(folder.path().join("org.resolve.things.others.v1")).unwrap();
    let third = record("Counted", &[("count", LONG)]);
    std::fs::write(of_event.join("2.avsc"), &third).unwrap();
    std::fs::write(of_event.join("README.md"), "of no interest").unwrap();
    let read = || Writers::read(&registry, Some(folder.path()), Vec::new());

    let writers = read().unwrap();
    let find = |fingerprint| writers.find(Counted::DESCRIPTOR, fingerprint);
    assert_eq!(find(FIRST.fingerprint), Some(WriterSchema::of(FIRST)));
    assert_eq!(find(writer(&third).fingerprint()), Some(writer(&third)));
    assert_eq!(find(7), None);

    for (name, text, fault) in [
        ("3.avsc", "\"strnig\"", "`strnig` is neither a primitive type"),
        ("latest.avsc", &*third, "not a minor version"),
        ("01.avsc", &*third, "not a minor version"),
        ("+1.avsc", &*third, "not a minor version"),
    ] {
        let file = of_event.join(name);
        std::fs::write(&file, text).unwrap();
        let StartError::Schemas(error) = read().unwrap_err().into() else { panic!("another error") };
        assert_eq!(error.path(), file);
        assert!(std::error::Error::source(&error).unwrap().to_string().contains(fault), "{error}");
        std::fs::remove_file(file).unwrap();
    }
    std::fs::remove_dir_all(folder.path()).unwrap();
    read().unwrap_err();
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.resolve.things.timed.v1")]
struct Timed {
    at: Option<jiff::Timestamp>,
    #[event(default = 0)]
    n: i32,
}

#[test]
fn two_schemas_of_one_fingerprint_are_refused_where_they_are_read_otherwise() {
    let registry = Registry::builder().register::<Timed>().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let of_event = folder.path().join(Timed::EVENT_TYPE);
    std::fs::create_dir_all(&of_event).unwrap();
    let (file, second) = (of_event.join("1.avsc"), of_event.join("2.avsc"));
    let read = |given: &str| {
        let given = [given].into_iter().filter(|given| !given.is_empty());
        let given = given.map(|given| (Timed::EVENT_TYPE.to_owned(), writer(given))).collect();
        Writers::read(&registry, Some(folder.path()), given).map(drop).map_err(|error| error.to_string())
    };
    let tells = |error: Result<(), String>, places: &[&str]| {
        let text = error.unwrap_err();
        for part in [Timed::EVENT_TYPE, "another event type"].iter().chain(places) {
            assert!(text.contains(part), "{part} in {text}");
        }
    };

    // The definition's own text, as a file and from the program.
    let own = Timed::SCHEMA_JSON;
    let unit = ["timestamp-micros", "timestamp-nanos"].into_iter().find(|unit| own.contains(unit)).unwrap();
    std::fs::write(&file, own).unwrap();
    read(own).unwrap();
    let millis = own.replace(unit, "timestamp-millis");
    assert_eq!(writer(&millis).fingerprint(), Timed::FINGERPRINT);
    std::fs::write(&file, &millis).unwrap();
    tells(read(""), &[file.to_str().unwrap(), "the definition at", file!()]);
    std::fs::remove_file(&file).unwrap();
    tells(read(&millis), &["writer_schema(…)", "the definition at"]);

    // Two that are none of the definition: alike, and in another unit.
    let other = |unit: &str| record("Timed", &[("at", &format!(r#"["null",{}]"#, logical("long", unit)))]);
    std::fs::write(&file, other("timestamp-millis")).unwrap();
    std::fs::write(&second, other("timestamp-millis")).unwrap();
    read(&other("timestamp-millis")).unwrap();
    std::fs::write(&second, other("timestamp-micros")).unwrap();
    tells(read(""), &[file.to_str().unwrap(), second.to_str().unwrap()]);
    tells(read(&other("timestamp-micros")), &[file.to_str().unwrap(), "writer_schema(…)"]);
}
