//! All specimens compared with apache-avro: schemas, fingerprints, datums, single objects.

use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::reader::single_object::GenericSingleObjectReader;
use apache_avro::schema::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::writer::single_object::GenericSingleObjectWriter;
use events_tests::sample_types::terms::{hex, physical, same, terms};
use events_tests::sample_types::{Reading, Sample, Specimen, specimens};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// Runs a test with a large stack: apache-avro's decoder needs some 30 KiB of stack for each level of a
/// value in a debug build, so the deepest specimens overflow a test thread's stack.
fn with_room(test: fn()) {
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(test).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn schema(specimen: &Specimen) -> Schema {
    Schema::parse_str(specimen.schema_json)
        .unwrap_or_else(|error| panic!("{}: {error}\n{}", specimen.name, specimen.schema_json))
}

/// The value of a datum that takes all of the bytes.
fn read(schema: &Schema, datum: &[u8]) -> Result<Value, String> {
    let mut rest = datum;
    let reader = GenericDatumReader::builder(schema).build().map_err(|error| error.to_string())?;
    let value = reader.read_value(&mut rest).map_err(|error| error.to_string())?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{} bytes are left", rest.len())) }
}

fn write(schema: &Schema, value: Value) -> Result<Vec<u8>, String> {
    let writer = GenericDatumWriter::builder(schema).build().map_err(|error| error.to_string())?;
    writer.write_value_to_vec(value).map_err(|error| error.to_string())
}

#[test]
fn every_schema_parses_and_has_the_same_canonical_form_and_fingerprint() {
    for specimen in specimens() {
        schema(&specimen);
        // Without logical types, because apache-avro then leaves `{"type":"string"}`. The
        // specification, Transforming into Parsing Canonical Form: "[PRIMITIVES] Convert primitive
        // schemas to their simple form (e.g., int instead of {"type":"int"})". fastavro does.
        let schema = physical(specimen.schema_json).unwrap();
        assert_eq!(schema.canonical_form(), specimen.canonical, "{}", specimen.name);
        let little_endian = specimen.fingerprint.to_le_bytes().to_vec();
        assert_eq!(schema.fingerprint::<Rabin>().bytes, little_endian, "{}", specimen.name);
    }
}

/// apache-avro decodes our datum to the value, and we decode its datum.
fn judged(specimen: &Specimen, schema: &Schema, physical: &Schema, sample: &Sample) -> Result<(), String> {
    sample.is(&sample.datum)?;
    let found = terms(physical, &sample.datum)?;
    if !same(&found, &sample.terms) {
        return Err(format!("apache-avro reads {found}, the value is {}", sample.terms));
    }
    let again = write(schema, read(schema, &sample.datum)?)?;
    // apache-avro writes a map's entries in the order of its own hash map.
    if !specimen.has_maps() && again != sample.datum {
        return Err(format!("apache-avro writes {}", hex(&again)));
    }
    sample.is(&again)
}

#[test]
fn every_value_is_the_same_to_apache_avro_in_both_directions() {
    with_room(|| {
        for specimen in specimens() {
            let (schema, physical) = (schema(&specimen), physical(specimen.schema_json).unwrap());
            for (index, sample) in specimen.samples().iter().enumerate() {
                if let Err(fault) = judged(&specimen, &schema, &physical, sample) {
                    panic!("{} sample {index}: {fault}\n{sample:?}\n{}", specimen.name, hex(&sample.datum));
                }
            }
        }
    });
}

#[test]
fn any_value_is_the_same_to_apache_avro_in_both_directions() {
    with_room(|| {
        for specimen in specimens() {
            let (schema, physical) = (schema(&specimen), physical(specimen.schema_json).unwrap());
            let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(64) });
            let judged =
                |sample: Sample| judged(&specimen, &schema, &physical, &sample).map_err(TestCaseError::fail);
            if let Err(fault) = runner.run(&specimen.any(), judged) {
                panic!("{}: {fault}", specimen.name);
            }
        }
    });
}

#[test]
fn single_objects_are_the_same_to_apache_avro() {
    with_room(|| {
        for specimen in specimens() {
            // The fingerprint in a single object is that of the canonical form, see above.
            let schema = physical(specimen.schema_json).unwrap();
            let reader = GenericSingleObjectReader::builder().schema(schema.clone()).build().unwrap();
            let mut writer = GenericSingleObjectWriter::new_with_capacity(&schema, 64).unwrap();
            for sample in specimen.samples().iter().take(12) {
                let object = specimen.to_single_object(&sample.datum).unwrap();
                assert_eq!(object[..2], [0xc3, 0x01]);
                assert_eq!(object[2..10], specimen.fingerprint.to_le_bytes());
                let value = reader.read_value(&mut object.as_slice()).unwrap();
                let mut theirs = Vec::new();
                writer.write_value(value, &mut theirs).unwrap();
                if !specimen.has_maps() {
                    assert_eq!(theirs, object, "{}", specimen.name);
                }
                sample.is(&specimen.from_single_object(&theirs).unwrap()).unwrap();
            }
        }
    });
}

#[test]
fn apache_avro_detects_a_wrong_datum() {
    let specimen = specimens().into_iter().find(|s| s.name == "org.samples.scalars.long.v1").unwrap();
    let schema = physical(specimen.schema_json).unwrap();
    assert_eq!(terms(&schema, &[0x02]).unwrap(), serde_json::json!({"value": 1}));
    assert_eq!(specimen.read(&[0x02]), Ok(Reading::Read));
    specimen.samples()[0].is(&[0x7f]).unwrap_err();
    specimen.read(&[0x02, 0x02]).unwrap_err();
    terms(&schema, &[0x02, 0x02]).unwrap_err();
}
