//! The zoo before apache-avro, the outside judge: schemas, fingerprints and datums.

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use events_tests::zoo::terms::{hex, physical, terms};
use events_tests::zoo::{Reading, specimens};

#[test]
fn every_schema_parses_and_has_the_same_canonical_form_and_fingerprint() {
    for specimen in specimens() {
        Schema::parse_str(specimen.schema_json)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", specimen.name, specimen.schema_json));
        // apache-avro leaves `{"type":"string"}` where a logical type was; the specification's rule
        // [PRIMITIVES] makes it `"string"`, and fastavro agrees.
        let schema = physical(specimen.schema_json).unwrap();
        assert_eq!(schema.canonical_form(), specimen.canonical, "{}", specimen.name);
        let little_endian = specimen.fingerprint.to_le_bytes().to_vec();
        assert_eq!(schema.fingerprint::<Rabin>().bytes, little_endian, "{}", specimen.name);
    }
}

#[test]
fn every_datum_is_read_whole_and_what_apache_avro_writes_is_read_back() {
    for specimen in specimens() {
        let schema = Schema::parse_str(specimen.schema_json).unwrap();
        for (index, datum) in specimen.datums.iter().enumerate() {
            let place = || format!("{} datum {index}: {}", specimen.name, hex(datum));
            let mut rest = datum.as_slice();
            let reader = GenericDatumReader::builder(&schema).build().unwrap();
            let value = reader.read_value(&mut rest).unwrap_or_else(|error| panic!("{}: {error}", place()));
            assert!(rest.is_empty(), "{}", place());
            let writer = GenericDatumWriter::builder(&schema).build().unwrap();
            let again =
                writer.write_value_to_vec(value).unwrap_or_else(|error| panic!("{}: {error}", place()));
            assert_eq!(specimen.read(Some(index), &again), Ok(Reading::Read), "{}", place());
        }
    }
}

#[test]
fn the_zoo_tells_a_wrong_datum_from_a_right_one() {
    let specimen = specimens().into_iter().find(|s| s.name == "org.zoo.scalars.long.v1").unwrap();
    let schema = physical(specimen.schema_json).unwrap();
    assert_eq!(terms(&schema, &[0x02]).unwrap(), serde_json::json!({"value": 1}));
    assert_eq!(specimen.read(None, &[0x02]), Ok(Reading::Read));
    specimen.read(Some(0), &[0x7f]).unwrap_err();
    specimen.read(None, &[0x02, 0x02]).unwrap_err();
    terms(&schema, &[0x02, 0x02]).unwrap_err();
}
