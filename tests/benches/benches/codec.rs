//! Encoding into a reused buffer and owned decoding, all contestants in one run.
//!
//! `cargo bench -p events-benches --bench codec -- [ROUNDS] [--json]`

use std::hint::black_box;

use apache_avro::reader::datum::GenericDatumReader;
use events_benches::by_hand::{self, ByHand};
use events_benches::clock::{Contestant, race};
use events_benches::earlier::Earlier;
use events_benches::payloads::{Basket, Enrolled, Payload, Telemetry};
use events_benches::peers::{self, Error, Peers};
use events_benches::table::Arguments;
use events_runtime::avro;

fn main() -> Result<(), Error> {
    let arguments = Arguments::from_env(400);
    compare::<Enrolled>(arguments)?;
    compare::<Telemetry>(arguments)?;
    compare::<Basket>(arguments)
}

fn compare<T: Payload + ByHand>(arguments: Arguments) -> Result<(), Error> {
    let schema = apache_avro::Schema::parse_str(T::SCHEMA_JSON)?;
    let peers = Peers::new(T::SCHEMA_JSON, &schema)?;
    let value = T::sample();
    let datum = agreed_datum(&peers, &value)?;
    encode(arguments, &peers, &value, &datum)?;
    decode(arguments, &peers, &value, &datum)?;
    resolve::<T>(arguments, &schema, &datum)
}

/// The datum, after a check that all four Avro writers write it, that all readers read it, and its length.
fn agreed_datum<T: Payload + ByHand>(peers: &Peers<'_>, value: &T) -> Result<Vec<u8>, Error> {
    let mut datum = Vec::new();
    peers.apache_encode(value, &mut datum)?;
    assert_eq!(datum.len(), T::AVRO_LEN, "{}: the datum's length", T::NAME);

    assert_eq!(avro::to_vec(value)?, datum, "{}: events-runtime writes other bytes", T::NAME);
    let mut other = Vec::new();
    peers.serde_avro_fast_encode(value, &mut other)?;
    assert_eq!(other, datum, "{}: serde_avro_fast writes other bytes", T::NAME);
    let len = by_hand::encode(value, &mut other);
    assert_eq!(other.get(..len), Some(&datum[..]), "{}: by hand other bytes are written", T::NAME);

    assert!(avro::from_slice::<T>(&datum)? == *value, "{}: events-runtime", T::NAME);
    assert!(by_hand::decode::<T>(&datum)? == *value, "{}: by hand", T::NAME);
    assert!(peers.apache_decode::<T>(&datum)? == *value, "{}: apache-avro", T::NAME);
    assert!(peers.serde_avro_fast_decode::<T>(&datum)? == *value, "{}: serde_avro_fast", T::NAME);
    Ok(datum)
}

/// Each contestant has its own buffer with sufficient capacity.
fn encode<T: Payload + ByHand>(
    arguments: Arguments,
    peers: &Peers<'_>,
    value: &T,
    datum: &[u8],
) -> Result<(), Error> {
    let room = 4 * datum.len() + 1024;
    let buffer = || vec![0_u8; room];
    let (mut ours, mut appended, mut copied, mut hand, mut bincode, mut postcard) =
        (buffer(), buffer(), buffer(), buffer(), buffer(), buffer());
    let (mut prost, mut fast, mut apache) = (buffer(), buffer(), buffer());
    let figures = race(
        vec![
            Contestant::new("events-runtime, to_slice", || {
                let len = avro::to_slice(black_box(value), &mut ours);
                black_box((len.is_ok(), &ours));
            }),
            Contestant::new("events-runtime, append", || {
                appended.clear();
                let done = avro::append(black_box(value), &mut appended);
                black_box((done.is_ok(), &appended));
            }),
            Contestant::new("by hand", || {
                let len = by_hand::encode(black_box(value), &mut hand);
                black_box((len, &hand));
            }),
            Contestant::new("bincode 2, varint", || {
                let len = bincode::encode_into_slice(black_box(value), &mut bincode, peers::BINCODE);
                black_box((len.is_ok(), &bincode));
            }),
            Contestant::new("postcard", || {
                let written = postcard::to_slice(black_box(value), &mut postcard);
                black_box(written.is_ok());
            }),
            Contestant::new("prost", || {
                prost.clear();
                let done = prost::Message::encode(black_box(value), &mut prost);
                black_box((done.is_ok(), &prost));
            }),
            Contestant::new("serde_avro_fast", || {
                fast.clear();
                let done = peers.serde_avro_fast_encode(black_box(value), &mut fast);
                black_box((done.is_ok(), &fast));
            }),
            Contestant::new("apache-avro", || {
                apache.clear();
                let done = peers.apache_encode(black_box(value), &mut apache);
                black_box((done.is_ok(), &apache));
            }),
            Contestant::new("memcpy of the datum", || {
                copied.clear();
                copied.extend_from_slice(black_box(datum));
                black_box(&copied);
            }),
        ],
        arguments.rounds,
    );
    Ok(arguments.report(&format!("encode {}, {} B", T::NAME, T::AVRO_LEN), &figures)?)
}

fn decode<T: Payload + ByHand>(
    arguments: Arguments,
    peers: &Peers<'_>,
    value: &T,
    datum: &[u8],
) -> Result<(), Error> {
    let bincode = bincode::encode_to_vec(value, peers::BINCODE)?;
    let postcard = postcard::to_stdvec(value)?;
    let prost = value.encode_to_vec();
    let figures = race(
        vec![
            Contestant::new("events-runtime", || {
                black_box(avro::from_slice::<T>(black_box(datum)).is_ok_and(kept));
            }),
            Contestant::new("by hand", || {
                black_box(by_hand::decode::<T>(black_box(datum)).is_ok_and(kept));
            }),
            Contestant::new("bincode 2, varint", || {
                let value = bincode::decode_from_slice::<T, _>(black_box(&bincode), peers::BINCODE);
                black_box(value.is_ok_and(|(value, _)| kept(value)));
            }),
            Contestant::new("postcard", || {
                black_box(postcard::from_bytes::<T>(black_box(&postcard)).is_ok_and(kept));
            }),
            Contestant::new("prost", || {
                let value = <T as prost::Message>::decode(black_box(&*prost));
                black_box(value.is_ok_and(kept));
            }),
            Contestant::new("serde_avro_fast", || {
                black_box(peers.serde_avro_fast_decode::<T>(black_box(datum)).is_ok_and(kept));
            }),
            Contestant::new("apache-avro", || {
                black_box(peers.apache_decode::<T>(black_box(datum)).is_ok_and(kept));
            }),
            Contestant::new("clone() of the value", || {
                kept(black_box(value).clone());
            }),
        ],
        arguments.rounds,
    );
    Ok(arguments.report(&format!("decode {}, {} B", T::NAME, T::AVRO_LEN), &figures)?)
}

/// Data of an earlier version, beside data of this version.
fn resolve<T: Payload>(
    arguments: Arguments,
    schema: &apache_avro::Schema,
    datum: &[u8],
) -> Result<(), Error> {
    let earlier = Earlier::of::<T>()?;
    let reader = GenericDatumReader::builder(&earlier.peer).reader_schema(schema).build()?;
    let apache = |mut datum: &[u8]| apache_avro::from_value::<T>(&reader.read_value(&mut datum)?);
    let resolved = avro::from_slice_resolved::<T>(&earlier.schema, &earlier.datum)?;
    assert!(resolved == apache(&earlier.datum)?, "{}: apache-avro resolves to another value", T::NAME);
    let figures = race(
        vec![
            Contestant::new("events-runtime, the same version", || {
                black_box(avro::from_slice::<T>(black_box(datum)).is_ok_and(kept));
            }),
            Contestant::new("events-runtime, an earlier one", || {
                let value = avro::from_slice_resolved::<T>(&earlier.schema, black_box(&earlier.datum));
                black_box(value.is_ok_and(kept));
            }),
            Contestant::new("apache-avro, an earlier one", || {
                black_box(apache(black_box(&earlier.datum)).is_ok_and(kept));
            }),
        ],
        arguments.rounds,
    );
    Ok(arguments.report(&format!("resolve {}, {} B", T::NAME, earlier.datum.len()), &figures)?)
}

/// Forces the compiler to build the whole value before it is dropped.
#[allow(clippy::needless_pass_by_value, reason = "dropping the value is part of what is measured")]
fn kept<T>(value: T) -> bool {
    black_box(&value);
    true
}
