use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Currency {
    Eur,
    Usd,
}

#[derive(EventData)]
struct Address {
    street: String,
    #[event(default = "")]
    zip: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.boolean.set.v1")]
struct Boolean {
    #[event(default = 0)]
    value: bool,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.int.set.v1")]
struct Int {
    #[event(default = 2_147_483_648)]
    value: i32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.long.set.v1")]
struct Long {
    #[event(default = "0")]
    value: i64,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.double.set.v1")]
struct Double {
    #[event(default = "1.5")]
    value: f64,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.text.set.v1")]
struct Text {
    #[event(default = 5)]
    value: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.raw.set.v1")]
struct Raw {
    #[event(default = [1, 2])]
    value: Vec<u8>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.list.set.v1")]
struct List {
    #[event(default = [1, "two"])]
    value: Vec<i32>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.map.set.v1")]
struct Map {
    #[event(default = [])]
    value: BTreeMap<String, i32>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.optional.set.v1")]
struct Optional {
    #[event(default = "5")]
    value: Option<i32>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.symbol.set.v1")]
struct Symbol {
    #[event(default = "Gbp")]
    value: Currency,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.missing.set.v1")]
struct MissingField {
    #[event(default = { "zip": "1" })]
    value: Address,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.unknown.set.v1")]
struct UnknownField {
    #[event(default = { "street": "", "city": "" })]
    value: Address,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.defaults.logical.set.v1")]
struct LogicalType {
    #[event(default = 5)]
    value: uuid::Uuid,
}

fn main() {}
