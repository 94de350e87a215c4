//! Encoding into a reused buffer and owned decoding, every contestant in the same run.

use std::hint::black_box;

use events_benches::{
    by_hand::{self, ByHand},
    clock::{self, Contestant, Figure},
    payloads::{Basket, Enrolled, Payload, Telemetry},
    peers::{self, ApacheAvro, BINCODE, Error},
};
use events_runtime::avro;

fn main() -> Result<(), Error> {
    let rounds = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(400);
    compare::<Enrolled>(rounds)?;
    compare::<Telemetry>(rounds)?;
    compare::<Basket>(rounds)?;
    Ok(())
}

fn compare<T: Payload + ByHand>(rounds: usize) -> Result<(), Error> {
    let value = T::sample();
    let apache_schema = apache_avro::Schema::parse_str(T::SCHEMA_JSON)?;
    let apache = ApacheAvro::new(&apache_schema)?;
    let fast_schema: serde_avro_fast::Schema = T::SCHEMA_JSON.parse()?;

    let mut datum = Vec::new();
    apache.encode(&value, &mut datum)?;
    assert_eq!(datum.len(), T::AVRO_LEN, "{}: the datum's length", T::NAME);
    let mut other = Vec::new();
    peers::encode_serde_avro_fast(
        &mut serde_avro_fast::ser::SerializerConfig::new(&fast_schema),
        &value,
        &mut other,
    )?;
    assert_eq!(datum, other, "{}: serde_avro_fast", T::NAME);
    other.clear();
    let n = by_hand::encode(&value, &mut other);
    other.truncate(n);
    assert_eq!(datum, other, "{}: by hand", T::NAME);
    assert!(by_hand::decode::<T>(&datum).expect("hand") == value);
    assert_eq!(avro::to_vec(&value).unwrap(), datum);
    assert!(avro::from_slice::<T>(&datum).unwrap() == value);
    assert!(apache.decode::<T>(&datum)? == value);
    assert!(serde_avro_fast::from_datum_slice::<T>(&datum, &fast_schema)? == value);

    let prost_bytes = value.encode_to_vec();
    let bincode_bytes = bincode::encode_to_vec(&value, BINCODE)?;
    let postcard_bytes = postcard::to_stdvec(&value)?;

    let (mut b1, mut b2, mut b3, mut b4, mut b5, mut b6, mut b7, mut b8, mut b9) =
        (vec![], vec![], vec![], vec![0; 65536], vec![0; 65536], vec![], vec![], vec![], vec![0; 65536]);
    let mut config = serde_avro_fast::ser::SerializerConfig::new(&fast_schema);
    let v = &value;
    let encode = clock::race(
        vec![
            Contestant::new("memcpy", || {
                b7.clear();
                b7.extend_from_slice(black_box(&datum));
                black_box(&b7);
            }),
            Contestant::new("by hand", || {
                let n = by_hand::encode(black_box(v), &mut b6);
                black_box(&b6[..n]);
            }),
            Contestant::new("ours, append", || {
                b8.clear();
                avro::append(black_box(v), &mut b8).unwrap();
                black_box(&b8);
            }),
            Contestant::new("ours, to_slice", || {
                let n = avro::to_slice(black_box(v), &mut b9).unwrap();
                black_box(&b9[..n]);
            }),
            Contestant::new("bincode 2", || {
                let n = bincode::encode_into_slice(black_box(v), &mut b4, BINCODE);
                black_box(&b4[..n.unwrap()]);
            }),
            Contestant::new("postcard", || {
                black_box(postcard::to_slice(black_box(v), &mut b5).unwrap());
            }),
            Contestant::new("prost", || {
                b3.clear();
                prost::Message::encode(black_box(v), &mut b3).unwrap();
                black_box(&b3);
            }),
            Contestant::new("serde_avro_fast", || {
                b2.clear();
                peers::encode_serde_avro_fast(&mut config, black_box(v), &mut b2).unwrap();
                black_box(&b2);
            }),
            Contestant::new("apache-avro", || {
                b1.clear();
                apache.encode(black_box(v), &mut b1).unwrap();
                black_box(&b1);
            }),
        ],
        rounds,
    );
    let decode = clock::race(
        vec![
            Contestant::new("clone()", || {
                black_box(black_box(v).clone());
            }),
            Contestant::new("by hand", || {
                black_box(by_hand::decode::<T>(black_box(&datum)).unwrap());
            }),
            Contestant::new("ours", || {
                black_box(avro::from_slice::<T>(black_box(&datum)).unwrap());
            }),
            Contestant::new("bincode 2", || {
                black_box(bincode::decode_from_slice::<T, _>(black_box(&bincode_bytes), BINCODE).unwrap());
            }),
            Contestant::new("postcard", || {
                black_box(postcard::from_bytes::<T>(black_box(&postcard_bytes)).unwrap());
            }),
            Contestant::new("prost", || {
                black_box(<T as prost::Message>::decode(black_box(&prost_bytes[..])).unwrap());
            }),
            Contestant::new("serde_avro_fast", || {
                black_box(serde_avro_fast::from_datum_slice::<T>(black_box(&datum), &fast_schema).unwrap());
            }),
            Contestant::new("apache-avro", || {
                black_box(apache.decode::<T>(black_box(&datum)).unwrap());
            }),
        ],
        rounds,
    );
    print(T::NAME, "encode", &encode);
    print(T::NAME, "decode", &decode);
    Ok(())
}

fn print(payload: &str, what: &str, figures: &[Figure]) {
    for f in figures {
        println!("{payload:6} {what} {:16} {:10.1} {:10.1}", f.name, f.median_ns, f.best_ns);
    }
}
