//! The const check agrees with apache-avro, or a known deviation explains the difference.
//!
//! The const check is compared with apache-avro's `SchemaCompatibility` (here), with Java's
//! `SchemaCompatibility` and with fastavro's reader (`tests/run interop`), on the same generated pairs of
//! schemas (`events_tests::pairs`), half of them compatible. A different verdict passes only if a second
//! implementation of the specification's rules, with the deviations as switches, gives both verdicts: ours
//! with all switched off, the other one's with its own switched on. The smallest such set is the reason.
//!
//! | Deviation | apache-avro | Java | fastavro | The specification agrees |
//! |---|:-:|:-:|:-:|---|
//! | `TypesHaveNoAliases`: renamed types don't match by alias | ✓ | | | with both: aliases are optional |
//! | `NamesStandForThemselves`: a reference matches no definition | ✓ | | | with us |
//! | `AnyBranch`: any branch of a union that reads it | ✓ | ✓ | | with us: the first that matches by type is taken, or it is an error |
//! | `FirstBranch`: the first branch of the unqualified name | | | ✓ | with fastavro literally; we and Java's reader prefer the full name |
//! | `KindsAreOne`: an enum's name matches a record's | | | ✓ | with us |
//! | `AliasesAsWritten`: a bare alias matches every namespace | | | ✓ | with us |
//! | `DecimalsAreBytes`: any precision and scale | | ✓ | ✓ | with us |
//! | `UnitsAreNumbers`: milliseconds are read as microseconds | ✓ | ✓ | ✓ | silent; we refuse a silent factor of 1000 |
//! | `LogicalTypesHaveNoBase`: a decimal of bytes and of a fixed | ✓ | | | with us |
//! | `UnionsDoNotGrow`: an unknown branch is an error for a union with `#[event(other)]` too | ✓ | ✓ | ✓ | with them; the attribute is ours, see decision 78 |
//! | `ItselfNeedsNoRules`: equal schemas are read without resolution | | | ✓ | with both: it only hides `FirstBranch` |
//!
//! `tests/src/pairs/deviations.rs` quotes the specification for each deviation. apache-avro's partial
//! compatibility, where some data can be read, counts as incompatible.

use std::collections::BTreeMap;

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use events_tests::pairs::{COUNT, Judge, Pair, SEED, Sketch, ours, pairs, shrink};

fn parse(sketch: &Sketch) -> Schema {
    let text = sketch.json().to_string();
    Schema::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Whether apache-avro says that all data can be read; a partial compatibility counts as no.
fn apache(pair: &Pair) -> bool {
    SchemaCompatibility::can_read(&parse(&pair.writer), &parse(&pair.reader)) == Ok(Compatibility::Full)
}

/// Fails with the smallest pair that breaks a promise.
fn minimal(pair: &Pair, broken: impl Fn(&Pair) -> bool, promise: &str) -> ! {
    let least = shrink(pair, broken);
    panic!(
        "{promise}\nreader: {}\nwriter: {}\nconst check {:?}, rules {}, apache-avro {}, its deviations {}",
        least.reader.json(),
        least.writer.json(),
        ours(&least),
        least.reads(&[]),
        apache(&least),
        least.reads(Judge::ApacheAvro.deviations()),
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
        if apache(&pair) != pair.reads(Judge::ApacheAvro.deviations()) {
            minimal(
                &pair,
                |pair| apache(pair) != pair.reads(Judge::ApacheAvro.deviations()),
                "apache-avro's deviations are known",
            );
        }
        for mutation in &pair.mutations {
            *mutations.entry(mutation.to_string()).or_default() += 1;
        }
        compatible += usize::from(verdict);
        views += seen;
        trees += usize::from(seen == 4);
        let deviations = pair.reasons(Judge::ApacheAvro.deviations());
        if deviations.is_empty() {
            agreed += 1;
        } else {
            *reasons.entry(deviations).or_default() += 1;
        }
    }
    println!("{COUNT} pairs, {trees} of them with two trees, {views} verdicts of the const check");
    println!("{compatible} compatible, {} incompatible", COUNT - compatible);
    println!("{agreed} agreed, {} disagreements explained:", COUNT - agreed);
    for (deviations, count) in &reasons {
        println!("  {count:5} {}", Judge::describe(deviations));
    }
    println!("mutations: {mutations:?}");
    assert!((COUNT / 3..COUNT * 2 / 3).contains(&compatible), "the pairs are not balanced");
    assert!(trees > COUNT / 3, "too few pairs are seen as trees");
}
