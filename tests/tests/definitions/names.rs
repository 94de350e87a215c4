//! Names in the schema: where they come from and how to change them.

use events_runtime::{EventData, PublicSignal, Signal};
use serde_json::json;

use crate::{field, schema, travels};

#[derive(Debug, PartialEq, EventData)]
#[event(alias = "Client", alias = "org.acme.old.Customer")]
struct Customer {
    #[event(alias = "nr")]
    id: String,
}

#[derive(Debug, PartialEq, EventData)]
#[event(rename = "Place", namespace = "org.acme.shared")]
struct Address {
    #[event(rename = "postal_code", alias = "zip", alias = "plz")]
    code: String,
    country: Country,
}

#[derive(Debug, PartialEq, EventData)]
#[event(alias = "Land")]
enum Country {
    #[event(rename = "DE")]
    Germany,
    #[event(rename = "FR")]
    France,
    #[event(default, rename = "OTHER")]
    Other,
}

#[derive(Debug, PartialEq, EventData)]
enum Payment {
    #[event(alias = "PaymentPlastic")]
    Card { number: String },
    #[event(rename = "Money")]
    Cash,
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.named.v1", minor_version = 3)]
struct OrderNamed {
    customer: Customer,
    address: Address,
    payment: Payment,
    again: Option<Country>,
}

fn order_named() -> OrderNamed {
    OrderNamed {
        customer: Customer { id: "1".into() },
        address: Address { code: "10115".into(), country: Country::Germany },
        payment: Payment::Card { number: "4".into() },
        again: Some(Country::Other),
    }
}

#[test]
fn the_event_is_named_by_its_struct_in_the_namespace_of_its_type() {
    let schema = schema::<OrderNamed>();
    assert_eq!(schema["name"], "OrderNamed");
    assert_eq!(schema["namespace"], "org.acme.orders.order.named.v1");
    assert_eq!(OrderNamed::EVENT_TYPE, "org.acme.orders.order.named.v1");
    assert_eq!(OrderNamed::MINOR_VERSION, 3);
    travels(&order_named());
    travels(&OrderNamed { payment: Payment::Cash, again: None, ..order_named() });
}

#[test]
fn a_nested_type_bears_its_name_and_inherits_the_namespace() {
    let schema = schema::<OrderNamed>();
    let customer = &field(&schema, "customer")["type"];
    assert_eq!(customer["name"], "Customer");
    assert_eq!(customer.get("namespace"), None);
    assert!(OrderNamed::CANONICAL.contains(r#""name":"org.acme.orders.order.named.v1.Customer""#));
}

#[test]
fn rename_and_namespace_change_it() {
    let schema = schema::<OrderNamed>();
    let address = &field(&schema, "address")["type"];
    assert_eq!((&address["name"], &address["namespace"]), (&json!("Place"), &json!("org.acme.shared")));
    assert_eq!(field(address, "postal_code")["type"], "string");
    // What is nested in it inherits its namespace, not the event's.
    assert!(OrderNamed::CANONICAL.contains(r#""name":"org.acme.shared.Country""#));
}

#[test]
fn the_symbols_of_an_enum_are_its_variants() {
    let schema = schema::<OrderNamed>();
    let country = &field(&field(&schema, "address")["type"], "country")["type"];
    assert_eq!(country["symbols"], json!(["DE", "FR", "OTHER"]));
    assert_eq!(country["default"], "OTHER");
}

#[test]
fn the_branches_of_a_union_are_named_by_enum_and_variant() {
    let schema = schema::<OrderNamed>();
    let branches = &field(&schema, "payment")["type"];
    assert_eq!(branches[0]["name"], "PaymentCard");
    assert_eq!(branches[1]["name"], "PaymentMoney");
    assert_eq!(branches[1]["fields"], json!([]));
}

#[test]
fn aliases_are_in_the_schema() {
    let schema = schema::<OrderNamed>();
    let customer = &field(&schema, "customer")["type"];
    assert_eq!(customer["aliases"], json!(["Client", "org.acme.old.Customer"]));
    assert_eq!(field(customer, "id")["aliases"], json!(["nr"]));
    let address = &field(&schema, "address")["type"];
    assert_eq!(field(address, "postal_code")["aliases"], json!(["zip", "plz"]));
    assert_eq!(field(address, "country")["type"]["aliases"], json!(["Land"]));
    assert_eq!(field(&schema, "payment")["type"][0]["aliases"], json!(["PaymentPlastic"]));
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.orders.order.renamed.v1",
    name = "Renamed",
    namespace = "com.acme",
    signal = ORDERS,
)]
#[event(alias = "OrderRenamed")]
struct OrderRenamed {
    id: String,
}

#[test]
fn an_event_may_have_a_name_a_namespace_and_a_signal_of_its_own() {
    let schema = schema::<OrderRenamed>();
    assert_eq!(schema["name"], "Renamed");
    assert_eq!(schema["namespace"], "com.acme");
    assert_eq!(schema["aliases"], json!(["OrderRenamed"]));
    let signal: &Signal<OrderRenamed> = &ORDERS;
    assert_eq!(signal.event_type(), "org.acme.orders.order.renamed.v1");
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.scales.size.measured.v1", name = "SizeMeasured")]
struct GrößeGemessen {
    #[event(rename = "size")]
    größe: i32,
    #[event()]
    other: i32,
}

#[test]
fn a_rust_name_of_any_alphabet_may_have_an_avro_name() {
    let signal: &Signal<GrößeGemessen> = &GRÖSSE_GEMESSEN;
    assert_eq!(signal.event_type(), GrößeGemessen::EVENT_TYPE);
    assert_eq!(field(&schema::<GrößeGemessen>(), "size")["type"], "int");
    travels(&GrößeGemessen { größe: 1, other: 2 });
}

/// An event with neither fields nor a key.
#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.health.service.started.v1")]
struct ServiceStarted;

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.health.service.stopped.v1")]
struct ServiceStopped {}

#[test]
fn an_event_may_be_empty() {
    assert_eq!(schema::<ServiceStarted>()["fields"], json!([]));
    travels(&ServiceStarted);
    travels(&ServiceStopped {});
    assert!(!ServiceStarted.append_key(&mut Vec::new()));
}
