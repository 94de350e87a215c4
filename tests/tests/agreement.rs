//! The const check agrees with apache-avro, and here is why where it does not.
//!
//! The judges are apache-avro's `SchemaCompatibility` (here), Java's `SchemaCompatibility` and what
//! fastavro reads (`tests/run interop`). Each is asked about the same made-up pairs of schemas
//! (`events_tests::pairs`), half of them compatible. A verdict other than ours passes only where the
//! rules of the specification, written once more with a judge's own ways as switches, give both: ours
//! with all switched off, the judge's with his switched on. The fewest ways that do it are the reason.
//!
//! | Way | apache-avro | Java | fastavro | The specification is |
//! |---|:-:|:-:|:-:|---|
//! | `TypesHaveNoAliases`: renamed types don't match by alias | ✓ | | | with both: aliases are optional |
//! | `NamesStandForThemselves`: a name matches no definition | ✓ | | | with us |
//! | `AnyBranch`: whichever branch of a union reads it | ✓ | ✓ | | with us: the first that matches by type is taken, or it is an error |
//! | `FirstBranch`: the first branch of the unqualified name | | | ✓ | with fastavro to the letter; we and Java's reader prefer the full name |
//! | `KindsAreOne`: an enum's name matches a record's | | | ✓ | with us |
//! | `AliasesAsWritten`: a bare alias is of every namespace | | | ✓ | with us |
//! | `DecimalsAreBytes`: any precision and scale | | ✓ | ✓ | with us |
//! | `UnitsAreNumbers`: milliseconds are read as microseconds | ✓ | ✓ | ✓ | silent; we refuse a silent factor of 1000 |
//! | `LogicalTypesHaveNoBase`: a decimal of bytes and of a fixed | ✓ | | | with us |
//! | `ItselfNeedsNoRules`: equal schemas are read without resolution | | | ✓ | with both: it only hides `FirstBranch` |
//!
//! The specification's words are beside each way in `tests/src/pairs/ways.rs`. apache-avro's partial
//! compatibility, for data of which some is read, counts as incompatible.

use std::collections::BTreeMap;

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use events_tests::pairs::{COUNT, Judge, Pair, SEED, Sketch, ours, pairs, shrink};

fn parse(sketch: &Sketch) -> Schema {
    let text = sketch.json().to_string();
    Schema::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Whether apache-avro says that all data is read; it calls "partial" what is read in part.
fn apache(pair: &Pair) -> bool {
    SchemaCompatibility::can_read(&parse(&pair.writer), &parse(&pair.reader)) == Ok(Compatibility::Full)
}

/// Fails with the smallest pair of which a promise does not hold.
fn minimal(pair: &Pair, broken: impl Fn(&Pair) -> bool, promise: &str) -> ! {
    let least = shrink(pair, broken);
    panic!(
        "{promise}\nreader: {}\nwriter: {}\nconst check {:?}, rules {}, apache-avro {}, its ways {}",
        least.reader.json(),
        least.writer.json(),
        ours(&least),
        least.reads(&[]),
        apache(&least),
        least.reads(Judge::ApacheAvro.ways()),
    );
}

#[test]
fn the_const_check_agrees_with_apache_avro_or_the_specification_says_why() {
    let mut mutations = BTreeMap::<_, usize>::new();
    let mut reasons = BTreeMap::<_, usize>::new();
    let (mut compatible, mut agreed, mut views, mut trees) = (0, 0, 0, 0);
    for pair in pairs(SEED).take(COUNT) {
        let Ok((verdict, seen)) = ours(&pair) else {
            minimal(&pair, |pair| ours(pair).is_err(), "a tree and its text are seen alike")
        };
        if verdict != pair.reads(&[]) {
            minimal(
                &pair,
                |pair| ours(pair).is_ok_and(|(verdict, _)| verdict != pair.reads(&[])),
                "the const check follows the rules of the specification",
            );
        }
        if apache(&pair) != pair.reads(Judge::ApacheAvro.ways()) {
            minimal(
                &pair,
                |pair| apache(pair) != pair.reads(Judge::ApacheAvro.ways()),
                "apache-avro's ways are known",
            );
        }
        for mutation in &pair.mutations {
            *mutations.entry(mutation.to_string()).or_default() += 1;
        }
        compatible += usize::from(verdict);
        views += seen;
        trees += usize::from(seen == 4);
        let ways = pair.reasons(Judge::ApacheAvro.ways());
        if ways.is_empty() {
            agreed += 1;
        } else {
            *reasons.entry(ways).or_default() += 1;
        }
    }
    println!("{COUNT} pairs, {trees} of them with two trees, {views} verdicts of the const check");
    println!("{compatible} compatible, {} incompatible", COUNT - compatible);
    println!("{agreed} agreed, {} disagreements explained:", COUNT - agreed);
    for (ways, count) in &reasons {
        println!("  {count:5} {}", Judge::words(ways));
    }
    println!("mutations: {mutations:?}");
    assert!((COUNT / 3..COUNT * 2 / 3).contains(&compatible), "the pairs are not balanced");
    assert!(trees > COUNT / 3, "too few pairs are seen as trees");
}
