//! Tuple structs of one field, which have that field's schema.

use std::collections::{BTreeMap, HashMap};

use events_runtime::{EventData, EventKey, MapKey, PublicSignal, avro};
use serde_json::json;
use uuid::Uuid;

use crate::{field, schema, travels};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EventData)]
struct Sku(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, EventData)]
struct OrderId(Uuid);

#[derive(Debug, Clone, Copy, PartialEq, Eq, EventData)]
struct Number(i64);

/// A newtype of a newtype.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EventData)]
struct OldNumber(Number);

/// A newtype of a type that can't be a key.
#[derive(Debug, Clone, PartialEq, EventData)]
struct Prices(Vec<f64>);

/// A newtype with a non-ASCII name, which is in no schema.
#[derive(Debug, Clone, PartialEq, EventData)]
struct Größe(f32);

#[derive(Debug, PartialEq, EventData)]
struct Checked<T>(T);

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.shop.stock.counted.v1", key = sku)]
struct StockCounted {
    sku: Sku,
    order: OrderId,
    #[event(default = 7)]
    number: OldNumber,
    prices: Prices,
    size: Größe,
    checked: Checked<bool>,
    by_sku: BTreeMap<Sku, Number>,
    hashed: HashMap<Sku, Sku>,
    maybe: Option<Sku>,
}

fn key<T: EventKey>(key: &T) -> String {
    let mut text = Vec::new();
    key.append_key(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn a_newtype_has_the_schema_of_its_field() {
    let schema = schema::<StockCounted>();
    assert_eq!(field(&schema, "sku")["type"], "string");
    assert_eq!(field(&schema, "order")["type"], json!({"type": "string", "logicalType": "uuid"}));
    assert_eq!(field(&schema, "number")["type"], "long");
    assert_eq!(field(&schema, "number")["default"], 7);
    assert_eq!(field(&schema, "prices")["type"], json!({"type": "array", "items": "double"}));
    assert_eq!(field(&schema, "size")["type"], "float");
    assert_eq!(field(&schema, "checked")["type"], "boolean");
    assert_eq!(field(&schema, "by_sku")["type"], json!({"type": "map", "values": "long"}));
    let sku = Sku("a-1".into());
    travels(&StockCounted {
        sku: sku.clone(),
        order: OrderId(Uuid::from_u128(5)),
        number: OldNumber(Number(3)),
        prices: Prices(vec![0.5]),
        size: Größe(1.5),
        checked: Checked(true),
        by_sku: BTreeMap::from([(sku.clone(), Number(1))]),
        hashed: HashMap::from([(sku.clone(), sku.clone())]),
        maybe: Some(sku),
    });
    assert_eq!(avro::to_vec(&Number(-1)).unwrap(), avro::to_vec(&-1_i64).unwrap());
}

#[test]
fn a_newtype_of_a_key_is_a_key() {
    assert_eq!(key(&Sku("a-1".into())), "a-1");
    assert_eq!(key(&OldNumber(Number(-12))), "-12");
    assert_eq!(key(&OrderId(Uuid::from_u128(5))), "00000000-0000-0000-0000-000000000005");
    assert_eq!(Sku("a".into()).as_str(), "a");
    assert_eq!(Sku::from_text("a"), Sku("a".into()));
    assert_eq!(key(&Checked("a".to_owned())), "a");
    assert_eq!(Checked(Sku("a".into())).as_str(), "a");
}
