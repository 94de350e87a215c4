use crate::avro::Schema;
use crate::avro::schema::{Field, Logical, Name, Origin, Record};
use crate::config::{Config, KeyPath};
use crate::private::{Profile, SignalDescriptor};

const fn name(base: &'static str) -> Name {
    Name { base, arguments: &[], namespace: None }
}

const fn record(base: &'static str, fields: &'static [Field]) -> Record {
    let origin = Origin { rust_type: base, location: "" };
    Record { name: name(base), origin, aliases: &[], attributes: "", fields }
}

const fn field(name: &'static str, schema: &'static Schema) -> Field {
    Field { name, aliases: &[], attributes: "", schema, default: None, pii: false }
}

const UUID: Schema =
    Schema::Logical(&Logical { base: Schema::String, name: "uuid", attributes: "\"logicalType\":\"uuid\"" });

static CUSTOMER: Schema = Schema::Record(&record(
    "Customer",
    &[field("id", &Schema::String), field("number", &Schema::Long), field("vip", &Schema::Boolean)],
));

static ORDER: Schema = Schema::Record(&record(
    "OrderPlaced",
    &[
        field("order_id", &UUID),
        field("note", &Schema::Nullable(&Schema::String)),
        field("lines", &Schema::Array(&CUSTOMER)),
        field("customer", &CUSTOMER),
        field("payer", &Schema::Nullable(&CUSTOMER)),
    ],
));

static PLACED: SignalDescriptor = SignalDescriptor {
    event_type: "org.acme.orders.order.placed.v1",
    minor_version: 0,
    rust_type: "OrderPlaced",
    file: "orders.rs",
    line: 1,
    profile: Profile::Native,
    schema: &ORDER,
    schema_json: || "",
    canonical: || "",
    fingerprint: || 0,
    key: &[],
    emit_datum: |_, _, _| unreachable!("no event is emitted here"),
};

fn fault(path: &str) -> String {
    KeyPath::resolve(&ORDER, path).unwrap_err().to_string()
}

#[test]
fn a_key_is_found_through_records() {
    for (path, steps) in [("order_id", &[0][..]), ("customer.id", &[3, 0]), ("customer.number", &[3, 1])] {
        let key = KeyPath::resolve(&ORDER, path).unwrap();
        assert_eq!((key.as_str(), key.steps()), (path, steps));
    }
}

#[test]
fn a_wrong_path_names_the_fields_that_exist_and_the_nearest_one() {
    assert_eq!(
        fault("custmer.id"),
        "`OrderPlaced` has no field `custmer`; did you mean `customer`? \
         its fields are `order_id`, `note`, `lines`, `customer`, `payer`"
    );
    assert_eq!(
        fault("customer.email"),
        "`customer` has no field `email`; its fields are `id`, `number`, `vip`"
    );
    assert!(fault("customer..id").contains("no field path"));
    assert!(fault("").contains("no field path"));
}

#[test]
fn a_path_leads_through_records_only_and_ends_at_a_key() {
    assert!(fault("note").contains("`note` is optional"));
    assert!(fault("payer.id").contains("`payer` is optional"));
    assert!(fault("lines.id").contains("`lines` is a list"));
    assert!(fault("order_id.x").contains("has no fields"));
    assert!(fault("customer.vip").contains("`customer.vip` is a boolean"));
    assert!(fault("customer").ends_with("such as `customer.id`, `customer.number`"));
}

#[test]
fn routes_resolve_against_the_linked_definitions() {
    let config = Config::from_toml(
        r#"bus.url = "memory:"
        [routes."org.acme.orders.order.placed.v1"]
        orders = { key = "customer.id" }
        audit = {}
        off = { enabled = false, key = "no.such.field" }
        [routes."org.acme.elsewhere.v1"]
        there = { enabled = false }"#,
    )
    .unwrap();
    let resolved = config.check_against([&PLACED]).unwrap();
    let routes: Vec<_> = resolved
        .routes
        .iter()
        .map(|route| (route.topic.to_string(), route.key.as_ref().map(KeyPath::as_str)))
        .collect();
    assert_eq!(routes, [("audit".to_owned(), None), ("orders".to_owned(), Some("customer.id"))]);
}

#[test]
fn everything_that_does_not_fit_the_definitions_is_listed_at_once() {
    let config = Config::builder()
        .toml(
            "base",
            r#"bus.url = "memory:"
service.expect = ["org.acme.orders.order.placd.v1", "org.acme.orders.order.placed.v1"]
[routes."org.acme.orders.order.placed.v1"]
orders = { key = "customer.ident" }
[routes."org.acme.elsewhere.v1"]
a = {}
b = { enabled = true }"#,
        )
        .variables([("EVENTS_ROUTES__ORG_ACME_ORDERS_ORDER_PLACED_V1__AUDIT__KEY", "note")])
        .load()
        .unwrap();
    let error = config.check_against([&PLACED]).unwrap_err();
    let found: Vec<_> = error.problems().iter().map(ToString::to_string).collect();
    let expected = [
        "base:2: service.expect: the event type `org.acme.orders.order.placd.v1` is not linked into \
         this program; did you mean `org.acme.orders.order.placed.v1`?",
        "base:5: routes.\"org.acme.elsewhere.v1\": the event type `org.acme.elsewhere.v1` is not linked",
        "environment variable EVENTS_ROUTES__ORG_ACME_ORDERS_ORDER_PLACED_V1__AUDIT__KEY: \
         routes.\"org.acme.orders.order.placed.v1\".audit.key: `note` is optional",
        "base:4: routes.\"org.acme.orders.order.placed.v1\".orders.key: `customer` has no field `ident`; \
         its fields are",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}
