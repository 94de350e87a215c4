//! The variant `#[event(other)]`, which takes the branches that a reader does not know.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::avro::json::{PersonalData, from_json, to_json};
use crate::avro::{EncodeErrorKind, MAX_EMPTY_ITEMS, from_slice, to_vec};
use crate::codec::to_json_resolved;
use crate::{Event, PublicSignal};

#[derive(Debug, Clone, PartialEq, EventData)]
enum Payment {
    Cash,
    /// Not in the schema, so the position among the variants is of no account.
    #[event(other)]
    Unknown,
    Card {
        last4: String,
    },
}

/// [`Payment`] in a later version of another program.
#[derive(Debug, Clone, PartialEq, EventData)]
#[event(rename = "Payment")]
enum Grown {
    Transfer {
        #[event(pii)]
        iban: String,
        steps: Vec<Option<Step>>,
        notes: BTreeMap<String, Vec<Step>>,
        inner: Option<Box<Grown>>,
    },
    Cash,
    Nothing,
    Card {
        last4: String,
    },
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Step {
    at: f64,
    name: String,
    done: bool,
    way: Way,
}

#[derive(Debug, Clone, PartialEq, EventData)]
enum Way {
    Post,
    Wire,
}

fn step() -> Step {
    Step { at: 1.5, name: "a".repeat(200), done: true, way: Way::Wire }
}

fn transfer(inner: Option<Grown>) -> Grown {
    Grown::Transfer {
        iban: "DE89".to_owned(),
        steps: vec![None, Some(step())],
        notes: BTreeMap::from([("k".to_owned(), vec![step(), step()]), (String::new(), Vec::new())]),
        inner: inner.map(Box::new),
    }
}

fn card() -> Grown {
    Grown::Card { last4: "4242".to_owned() }
}

/// The same value as an older reader sees it.
fn seen(grown: &Grown) -> Payment {
    match grown {
        Grown::Cash => Payment::Cash,
        Grown::Card { last4 } => Payment::Card { last4: last4.clone() },
        Grown::Transfer { .. } | Grown::Nothing => Payment::Unknown,
    }
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.resolve.other.paid.v1", name = "Paid", signal = PAID)]
struct Paid {
    before: i64,
    payment: Payment,
    maybe: Option<Payment>,
    list: Vec<Payment>,
    map: BTreeMap<String, Option<Payment>>,
    after: String,
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.resolve.other.paid.grown.v1", name = "Paid", signal = GROWN_PAID)]
struct GrownPaid {
    list: Vec<Grown>,
    before: i64,
    payment: Grown,
    maybe: Option<Grown>,
    map: BTreeMap<String, Option<Grown>>,
    after: String,
}

fn grown(values: [Grown; 3]) -> (GrownPaid, Paid) {
    let [a, b, c] = values;
    let (list, payment, maybe) = (vec![a.clone(), b.clone(), a.clone()], b.clone(), Some(c.clone()));
    let map = BTreeMap::from([("a".to_owned(), Some(a)), ("b".to_owned(), None), ("c".to_owned(), Some(c))]);
    let paid = Paid {
        before: -7,
        payment: seen(&payment),
        maybe: maybe.as_ref().map(seen),
        list: list.iter().map(seen).collect(),
        map: map.iter().map(|(key, value)| (key.clone(), value.as_ref().map(seen))).collect(),
        after: "after".to_owned(),
    };
    (GrownPaid { list, before: -7, payment, maybe, map, after: "after".to_owned() }, paid)
}

fn every_value() -> Vec<[Grown; 3]> {
    let all = [Grown::Cash, Grown::Nothing, card(), transfer(None), transfer(Some(transfer(Some(card()))))];
    let with = |a: &Grown| {
        let a = a.clone();
        let all = all.clone();
        all.clone().into_iter().flat_map(move |b| {
            let a = a.clone();
            all.clone().into_iter().map(move |c| [a.clone(), b.clone(), c])
        })
    };
    all.iter().flat_map(with).collect()
}

#[test]
fn a_branch_that_the_reader_does_not_know_is_its_other_variant_wherever_it_is() {
    for values in every_value() {
        let (written, expected) = grown(values);
        let datum = to_vec(&written).unwrap();
        assert_eq!(read::<Paid>(GrownPaid::SCHEMA_JSON, &datum), Ok(expected));
    }
}

#[test]
fn what_the_reader_writes_is_read_by_the_writer() {
    let paid = Paid {
        before: 1,
        payment: Payment::Card { last4: "1".to_owned() },
        maybe: Some(Payment::Cash),
        list: vec![Payment::Cash],
        map: BTreeMap::new(),
        after: String::new(),
    };
    let read: GrownPaid = read(Paid::SCHEMA_JSON, &to_vec(&paid).unwrap()).unwrap();
    assert_eq!(
        read,
        GrownPaid {
            list: vec![Grown::Cash],
            before: 1,
            payment: Grown::Card { last4: "1".to_owned() },
            maybe: Some(Grown::Cash),
            map: BTreeMap::new(),
            after: String::new(),
        }
    );
}

#[test]
fn without_other_the_branch_is_an_error_in_data_that_has_it() {
    #[derive(Debug, PartialEq, EventData)]
    #[event(rename = "Payment")]
    enum Closed {
        Cash,
        Card { last4: String },
    }
    let schema = format!("[{},{}]", record("PaymentVoucher", &[("code", INT)]), record("PaymentCash", &[]));
    assert_eq!(read(&schema, &[2]), Ok(Closed::Cash));
    assert_eq!(
        refused::<Closed>(&schema, &[0, 8]),
        "data of another schema can't be read: no branch of the reader's union can read the writer's record `PaymentVoucher`; an enum with a variant `#[event(other)]` takes it (at byte 1)"
    );
    assert_eq!(read(&schema, &[0, 8]), Ok(Payment::Unknown));
    assert_eq!(read(&schema, &[0, 8]), Ok(Some(Payment::Unknown)));
}

#[test]
fn branches_that_are_no_records_are_taken_too() {
    let schema = format!(r#"["long",{},{{"type":"array","items":"string"}}]"#, record("PaymentCash", &[]));
    assert_eq!(read(&schema, &[0, 8]), Ok(Payment::Unknown));
    assert_eq!(read(&schema, b"\x04\x02\x02a\x00"), Ok(Payment::Unknown));
    assert_eq!(read(&schema, &[2]), Ok(Payment::Cash));
}

#[test]
fn a_union_of_another_type_is_not_taken() {
    let schema = format!("[{},{}]", record("Customer", &[("id", INT)]), record("Guest", &[]));
    for bytes in [&[0, 8][..], &[2]] {
        assert!(refused::<Payment>(&schema, bytes).contains("no branch of the reader's union can read"));
    }
    assert!(
        unresolvable::<Payment>(&record("Guest", &[])).contains("no branch of the reader's union can read")
    );
    assert!(unresolvable::<Payment>(LONG).contains("no branch of the reader's union can read"));
}

#[test]
fn null_is_no_variant() {
    let schema = format!(r#"["null",{},{}]"#, record("PaymentCash", &[]), record("PaymentVoucher", &[]));
    assert!(refused::<Payment>(&schema, &[0]).contains("can read the writer's `null`"));
    assert_eq!(read(&schema, &[4]), Ok(Payment::Unknown));
    assert_eq!(read(&schema, &[0]), Ok(None::<Payment>));
    assert_eq!(read(&schema, &[4]), Ok(Some(Payment::Unknown)));
}

#[test]
fn a_fault_in_a_known_branch_stays_an_error() {
    let card = record("PaymentCard", &[("first6", STRING)]);
    let schema = format!("[{},{card}]", record("PaymentCash", &[]));
    assert!(refused::<Payment>(&schema, b"\x02\x021").contains("the writer has no such field"));
}

#[test]
fn other_has_no_index() {
    let datum = |index| from_slice::<Payment>(&[index]).map_err(|error| error.kind().clone());
    assert_eq!(datum(0), Ok(Payment::Cash));
    assert_eq!(datum(4), Err(DecodeErrorKind::UnknownBranch { index: 2, branches: 2 }));
    let optional = from_slice::<Option<Payment>>(&[6]).unwrap_err();
    assert_eq!(optional.kind(), &DecodeErrorKind::UnknownBranch { index: 3, branches: 3 });
    // The same with the reader's own schema as the writer's, and with an index that no branch of a larger one has.
    let own = Paid::SCHEMA_JSON;
    assert_eq!(strategy::<Paid>(own), Strategy::Same);
    let error = read::<Paid>(own, &[1, 4, 0]).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::UnknownBranch { index: 2, branches: 2 });
    let error = read::<Paid>(GrownPaid::SCHEMA_JSON, &[0, 1, 8]).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::UnknownBranch { index: 4, branches: 4 });
    let json =
        |bytes: &[u8]| to_json(Payment::SCHEMA, bytes, PersonalData::Shown).map_err(|e| e.kind().clone());
    assert_eq!(json(&[4]), Err(DecodeErrorKind::UnknownBranch { index: 2, branches: 2 }));
    let writer = writer(own);
    let error = to_json_resolved(Paid::SCHEMA, &writer, &[1, 4, 0], PersonalData::Shown).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::UnknownBranch { index: 2, branches: 2 });
}

#[test]
fn the_schema_has_no_branch_of_other_and_the_fingerprint_does_not_depend_on_it() {
    let schema: serde_json::Value = serde_json::from_str(Paid::SCHEMA_JSON).unwrap();
    let field = schema["fields"].as_array().unwrap().iter().find(|field| field["name"] == "payment").unwrap();
    let branches = field["type"].as_array().unwrap();
    let names: Vec<_> = branches.iter().map(|branch| branch["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["PaymentCash", "PaymentCard"]);
    assert_eq!(branches[0]["other"], "PaymentUnknown");
    let plain = Paid::SCHEMA_JSON.replace(r#","other":"PaymentUnknown""#, "");
    assert_ne!(plain, Paid::SCHEMA_JSON);
    assert_eq!(writer(&plain).fingerprint(), Paid::FINGERPRINT);
    assert_eq!(strategy::<Paid>(&plain), Strategy::Same);
}

#[test]
fn other_cannot_be_written() {
    let error = to_vec(&Payment::Unknown).unwrap_err();
    assert_eq!(error.kind(), &EncodeErrorKind::Other { variant: "Payment::Unknown" });
    let (_, paid) = grown([Grown::Cash, Grown::Nothing, Grown::Cash]);
    assert_eq!(
        to_vec(&paid).unwrap_err().to_string(),
        "field `payment`: `Payment::Unknown` stands for variants that this definition does not know, and can't be written: use another variant"
    );
    let refused = from_json(Payment::SCHEMA, &json!({ "PaymentUnknown": {} })).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the JSON does not match the schema: stands for variants that this definition does not know, and can't be written: use another variant"
    );
}

#[test]
fn other_is_shown() {
    let (written, paid) = grown([Grown::Cash, Grown::Nothing, transfer(None)]);
    let expected = json!({
        "before": -7,
        "payment": { "PaymentUnknown": {} },
        "maybe": { "PaymentUnknown": {} },
        "list": [{ "PaymentCash": {} }, { "PaymentUnknown": {} }, { "PaymentCash": {} }],
        "map": { "a": { "PaymentCash": {} }, "b": null, "c": { "PaymentUnknown": {} } },
        "after": "after",
    });
    let writer = writer(GrownPaid::SCHEMA_JSON);
    let datum = to_vec(&written).unwrap();
    assert_eq!(to_json_resolved(Paid::SCHEMA, &writer, &datum, PersonalData::Shown), Ok(expected.clone()));
    let event = Event::new(paid, crate::metadata::tests::sample());
    assert!(format!("{event:?}").contains(&format!("payload: {expected}")), "{event:?}");
    // Showing it has not allowed this thread to write it.
    assert!(to_vec(event.payload()).is_err());
}

#[test]
fn no_part_of_the_left_out_data_is_in_an_error() {
    let (written, _) = grown([Grown::Cash, transfer(None), Grown::Cash]);
    let datum = to_vec(&written).unwrap();
    for end in 0..datum.len() {
        let error = refused::<Paid>(GrownPaid::SCHEMA_JSON, &datum[..end]);
        assert!(!error.contains("DE89"), "{error}");
    }
}

#[test]
fn left_out_data_is_bounded() {
    // A transfer in a transfer, without an end: no list, -1, a transfer; then a text, a list and a map without
    // anything in them, and a transfer.
    let datum = [&[0, 1, 0][..], &[0, 0, 0, 2].repeat(10_000)].concat();
    let error = read::<Paid>(GrownPaid::SCHEMA_JSON, &datum).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::TooDeep { .. }), "{error}");
    // More empty items than any datum may have.
    let nulls = format!(
        r#"[{},{{"type":"record","name":"PaymentNulls","fields":[{{"name":"a","type":{{"type":"array","items":"null"}}}}]}}]"#,
        record("PaymentCash", &[])
    );
    let mut datum = vec![2];
    crate::codec::varint::append(i64::try_from(MAX_EMPTY_ITEMS).unwrap() + 1, &mut datum);
    datum.push(0);
    let error = read::<Payment>(&nulls, &datum).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::TooManyEmptyItems { .. }), "{error}");
}

#[test]
fn hostile_bytes_are_an_error_or_a_value() {
    let (written, _) = grown([transfer(Some(transfer(None))), card(), Grown::Nothing]);
    let datum = to_vec(&written).unwrap();
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(below).unwrap()).unwrap()
    };
    for _ in 0..20_000 {
        let mut bytes = datum.clone();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            bytes[at] = u8::try_from(random(256)).unwrap();
        }
        bytes.truncate(1 + random(bytes.len()));
        // A writer that knows all branches reads the same bytes, or refuses them too.
        let known = from_slice::<GrownPaid>(&bytes);
        let read = read::<Paid>(GrownPaid::SCHEMA_JSON, &bytes);
        if let Ok(known) = known {
            let read = read.unwrap();
            assert_eq!((read.before, read.after), (known.before, known.after));
            assert_eq!(read.payment, seen(&known.payment));
            assert_eq!(read.list, known.list.iter().map(seen).collect::<Vec<_>>());
        }
    }
}
