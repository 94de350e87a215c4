//! Conditional fields and variants: disabled ones are not in the schema.
#![allow(clippy::non_minimal_cfg, reason = "conditions that always and never hold")]

use events_runtime::{EventData, PublicSignal};

#[derive(Debug, PartialEq, EventData)]
enum Kind {
    Always,
    #[cfg(not(test))]
    Never(Unknown),
    #[cfg_attr(test, event(rename = "Sometimes"))]
    Renamed,
}

#[derive(Debug, PartialEq, PublicSignal)]
#[cfg_attr(test, public_signal(event_type = "org.acme.hygiene.condition.met.v1"))]
#[public_signal(key = id)]
struct ConditionMet {
    #[cfg(not(test))]
    never: Unknown,
    #[cfg(test)]
    id: String,
    kind: Kind,
    #[cfg_attr(test, event(default = 1), doc = "How many.")]
    count: i32,
}

#[derive(Debug, PartialEq, EventData)]
struct Wrapped(#[cfg(not(test))] Unknown, #[cfg(test)] i32);

#[test]
fn disabled_fields_are_not_in_the_schema() {
    super::travels(&ConditionMet { id: "a".into(), kind: Kind::Renamed, count: 2 });
    super::travels(&ConditionMet { id: "a".into(), kind: Kind::Always, count: 2 });
    assert_eq!(
        ConditionMet::CANONICAL,
        concat!(
            r#"{"name":"org.acme.hygiene.condition.met.v1.ConditionMet","type":"record","fields":["#,
            r#"{"name":"id","type":"string"},"#,
            r#"{"name":"kind","type":{"name":"org.acme.hygiene.condition.met.v1.Kind","type":"enum","#,
            r#""symbols":["Always","Sometimes"]}},"#,
            r#"{"name":"count","type":"int"}]}"#,
        )
    );
    assert!(ConditionMet::SCHEMA_JSON.contains("How many."));
    assert_eq!(events_runtime::avro::to_vec(&Wrapped(1)).unwrap(), [2]);
}
