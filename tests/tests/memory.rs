//! Decoding does not trust lengths in the input: peak memory is proportional to the input's length.
//!
//! A separate test program with one test, because the allocator counts the whole process.

use std::collections::BTreeMap;

use events_runtime::avro::{self, DecodeError, WriterSchema};
use events_runtime::{EventData, PublicSignal};
use events_tests::sample_types::specimens;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The maximum bytes of memory per byte of a datum, for the types in this file and all specimens.
///
/// It depends on the type: an array item or a map entry of any size can take one byte in the datum. The
/// worst here is a map of one entry: five bytes that become a tree node with space for eleven entries. The
/// figure includes the copy while a `Vec` grows.
const MULTIPLE: usize = 256;
/// The size of an error with its path through all levels.
const CONSTANT: usize = 16 * 1024;

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.memory.tree.grown.v1")]
struct Tree {
    children: Vec<Tree>,
    others: Vec<Wide>,
}

#[derive(Debug, PartialEq, EventData)]
struct Wide {
    a: [Option<u64>; 2],
    maps: Vec<BTreeMap<String, String>>,
    tree: Option<Box<Folder>>,
}

#[derive(Debug, PartialEq, EventData)]
struct Folder {
    entries: BTreeMap<String, Folder>,
}

fn long(value: usize) -> Vec<u8> {
    avro::to_vec(&i64::try_from(value).unwrap()).unwrap()
}

/// The peak memory while these bytes are decoded.
fn peak(decode: impl FnOnce() -> Result<(), DecodeError>) -> (usize, Result<(), DecodeError>) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = decode();
    (MEMORY.peak_usage().saturating_sub(before), result)
}

#[track_caller]
fn proportionate(name: &str, bytes: &[u8], decode: impl FnOnce(&[u8]) -> Result<(), DecodeError>) -> f64 {
    let (peak, result) = peak(|| decode(bytes));
    let most = MULTIPLE * bytes.len() + CONSTANT;
    assert!(peak <= most, "{name}: {peak} bytes for {} of {result:?}", bytes.len());
    let len = u32::try_from(bytes.len().max(64)).unwrap();
    f64::from(u32::try_from(peak).unwrap()) / f64::from(len)
}

/// Nested arrays, each with a count of as many items as bytes are left.
fn nested_claims(levels: usize, padding: usize) -> Vec<u8> {
    let mut datum = vec![0; padding];
    for _ in 0..levels {
        // Each item of `children` takes two bytes at the least.
        datum = [long((datum.len() / 2).saturating_sub(1)), datum].concat();
    }
    datum
}

/// A record of many fields with long names, in five thousand others that the reader lacks: their plan has
/// each name once.
fn plans_are_in_proportion_to_the_schemas() {
    let name = "n".repeat(2_000);
    let fields: Vec<_> = (0..200).map(|at| format!(r#"{{"name":"{name}{at}","type":"string"}}"#)).collect();
    let shared = format!(r#"{{"type":"record","name":"A","fields":[{}]}}"#, fields.join(","));
    let mut holders = vec![format!(r#"{{"name":"a","type":{shared}}}"#)];
    for at in 0..5_001 {
        let inner = format!(r#"{{"type":"record","name":"R{at}","fields":[{{"name":"f","type":"A"}}]}}"#);
        holders.push(format!(r#"{{"name":"f{at}","type":{inner}}}"#));
    }
    for also in ["", r#"{"name":"entries","type":{"type":"map","values":"Folder"}},"#] {
        let text = format!(r#"{{"type":"record","name":"Folder","fields":[{also}{}]}}"#, holders.join(","));
        let writer = WriterSchema::parse(&text).unwrap();
        let (peak, result) = peak(|| avro::from_slice_resolved::<Folder>(&writer, &[0]).map(drop));
        result.unwrap_err();
        let most = 16 * text.len();
        assert!(peak <= most, "{peak} bytes for a plan of {} bytes of text", text.len());
    }
}

#[test]
fn peak_memory_is_in_proportion_to_the_input() {
    let tree = |bytes: &[u8]| avro::from_slice::<Tree>(bytes).map(drop);
    for (levels, padding) in
        [(1, 1_000), (10, 1_000), (120, 1_000), (120, 10_000), (128, 100_000), (500, 1_000_000)]
    {
        proportionate("nested claims", &nested_claims(levels, padding), tree);
    }
    // A count of all items, then no items.
    for len in [100, 10_000, 1_000_000] {
        let claim = |item: usize| [long(len / item), vec![0; len]].concat();
        proportionate("children", &claim(2), tree);
        proportionate("wide", &[vec![0], claim(4)].concat(), tree);
        let texts = |bytes: &[u8]| avro::from_slice::<Vec<String>>(bytes).map(drop);
        proportionate("texts", &claim(1), texts);
        let maps = |bytes: &[u8]| avro::from_slice::<BTreeMap<String, String>>(bytes).map(drop);
        proportionate("maps", &claim(2), maps);
        let hashed =
            |bytes: &[u8]| avro::from_slice::<std::collections::HashMap<String, [u8; 4]>>(bytes).map(drop);
        proportionate("hashed", &claim(2), hashed);
        proportionate("set", &claim(1), |bytes| {
            avro::from_slice::<std::collections::HashSet<i64>>(bytes).map(drop)
        });
    }
    // Valid, and as large in memory as possible: maps of one entry.
    for count in [1, 100, 10_000] {
        let map = [2, 0, 0, 0];
        let wide = [long(count), map.repeat(count), vec![0]].concat();
        let datum = [long(1), wide, vec![0]].concat();
        let maps = |bytes: &[u8]| avro::from_slice::<Vec<Vec<BTreeMap<String, String>>>>(bytes).map(drop);
        let (_, result) = peak(|| maps(&datum));
        result.unwrap();
        proportionate("maps of one entry", &datum, maps);
    }
    let folder = [[2, 0].repeat(127), vec![0; 128]].concat();
    proportionate("folders", &folder, |bytes| avro::from_slice::<Folder>(bytes).map(drop));
    // A text is stored once, whatever its length claims.
    for len in [1_000, 1_000_000] {
        let text = [long(len), vec![b'a'; len]].concat();
        let (peak, result) = peak(|| avro::from_slice::<String>(&text).map(drop));
        result.unwrap();
        assert!(peak < len + 1_000, "{peak}");
        let cut = [long(len * 100), vec![b'a'; len]].concat();
        let (peak, result) = self::peak(|| avro::from_slice::<String>(&cut).map(drop));
        result.unwrap_err();
        assert!(peak < 2_000, "{peak}");
        // An error does not contain the rejected value.
        let (peak, result) = self::peak(|| avro::from_slice::<uuid::Uuid>(&text).map(drop));
        result.unwrap_err();
        assert!(peak < 2_000, "{peak}");
    }
    // The same from another writer, whose datum is rewritten: fields are reordered, one is a default.
    let writer = WriterSchema::parse(
        r#"{"type":"record","name":"Tree","fields":[
            {"name":"others","type":{"type":"array","items":{"type":"record","name":"Wide","fields":[
                {"name":"maps","type":{"type":"array","items":{"type":"map","values":"string"}}},
                {"name":"a","type":{"type":"array","items":["null","long"]}}]}}},
            {"name":"gone","type":{"type":"array","items":"null"}},
            {"name":"children","type":{"type":"array","items":"Tree"}}]}"#,
    )
    .unwrap();
    let resolved = |bytes: &[u8]| avro::from_slice_resolved::<Tree>(&writer, bytes).map(drop);
    resolved(&[0; 3]).unwrap();
    for (levels, padding) in [(1, 1_000), (120, 10_000), (500, 1_000_000)] {
        proportionate("resolved claims", &nested_claims(levels, padding), resolved);
    }
    for len in [100, 10_000, 1_000_000] {
        proportionate("resolved wide", &[long(len), vec![0; len]].concat(), resolved);
        proportionate("resolved children", &[vec![0, 0], long(len / 3), vec![0; len]].concat(), resolved);
        proportionate("resolved nulls", &[vec![0], long(len), vec![0; 9]].concat(), resolved);
    }
    plans_are_in_proportion_to_the_schemas();
    let mut worst = (0.0, "");
    for specimen in specimens() {
        for sample in specimen.samples() {
            let mut bytes = sample.datum;
            for _ in 0..8 {
                let ratio = proportionate(specimen.name, &bytes, |bytes| specimen.decode(bytes));
                if ratio > worst.0 {
                    worst = (ratio, specimen.name);
                }
                // Huge numbers at random positions of the datum.
                let at = bytes.len() / 3;
                bytes.splice(at..(at + 1).min(bytes.len()), long(bytes.len()));
            }
        }
    }
    println!("the worst of the sample types: {:.0} bytes per byte, {}", worst.0, worst.1);
}
