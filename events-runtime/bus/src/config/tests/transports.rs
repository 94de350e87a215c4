//! `[transports.NAME]`.

use std::time::Duration;

use crate::config::{Config, ConfigError};
use events_core::registry::Registry;
use events_transport::{ConsumerGroup, Topic};

const BASE: &str = r#"
bus.url = "memory:"
bus.batch_size = 7
[transports.audit]
url = "memory:audit"
retain_age = "30d"
[routes."org.acme.orders.order.placed.v1"]
orders = { transport = ["bus", "audit"] }
mail = {}
[consumers.orders.billing]
transport = "audit"
"#;

fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::builder().toml("base", BASE).variables(variables.iter().copied()).load()
}

#[test]
fn a_named_transport_has_its_own_url_and_retention() {
    let config = with(&[]).unwrap();
    let audit = config.transport("audit").unwrap();
    assert_eq!((audit.url.expose(), audit.batch_size.get()), ("memory:audit", 7));
    assert_eq!(audit.retention.max_age, Some(Duration::from_secs(30 * 24 * 60 * 60)));
    assert_eq!(config.connect_options_of(&audit).unwrap().retention, Some(audit.retention));
    let bus = config.transport("bus").unwrap();
    assert_eq!((bus.url.expose(), bus.retention), ("memory:", config.bus().retention));
    assert_eq!(config.transports().len(), 1);
}

#[test]
fn a_route_and_a_consumer_select_a_transport() {
    let config = with(&[]).unwrap();
    let of = |topic: &str| {
        let route = config.routes().iter().find(|route| route.topic.as_str() == topic).unwrap();
        route.transports.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        (of("orders"), of("mail")),
        (vec!["bus".to_owned(), "audit".to_owned()], vec!["bus".to_owned()])
    );
    let group = |topic: &str, group: &str| {
        let (topic, group) = (Topic::new(topic).unwrap(), ConsumerGroup::new(group).unwrap());
        config.group(&topic, &group).transport.to_string()
    };
    assert_eq!(
        (group("orders", "billing"), group("mail", "billing")),
        ("audit".to_owned(), "bus".to_owned())
    );
    assert_eq!(config.explain().get("consumers.orders.billing.transport").unwrap().value, "audit");
}

#[test]
fn the_environment_sets_a_named_transport() {
    let config = with(&[
        ("EVENTS_TRANSPORTS__AUDIT__URL", "memory:other"),
        ("EVENTS_TRANSPORTS__NEW__URL", "memory:new"),
        ("EVENTS_ROUTES__ORG_ACME_ORDERS_ORDER_PLACED_V1__MAIL__TRANSPORT", "audit,new"),
        ("EVENTS_CONSUMERS__ORDERS__BILLING__TRANSPORT", "new"),
    ])
    .unwrap();
    assert_eq!(config.transport("audit").unwrap().url.expose(), "memory:other");
    assert_eq!(config.transport("new").unwrap().url.expose(), "memory:new");
    let key = "routes.\"org.acme.orders.order.placed.v1\".mail.transport";
    assert_eq!(config.explain().get(key).unwrap().value, "[audit, new]");
    let error = with(&[("EVENTS_TRANSPORTS_AUDIT_URL", "redis://u:s3cret@host")]).unwrap_err().to_string();
    assert!(error.contains("did you mean `EVENTS_TRANSPORTS__TRANSPORT__URL`?"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn a_password_of_a_named_transport_is_masked() {
    let config = Config::from_toml(
        "bus.url = 'memory:'\n[transports.audit]\nurl = 'memory://u:s3cret@host/x?password=s3cret'",
    )
    .unwrap();
    let shown = format!("{config:?} {}", config.explain());
    assert!(shown.contains("memory://u:***@host") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn an_unknown_transport_is_an_error_that_suggests_a_name() {
    let text = "bus.url = 'memory:'
        [transports.audit]
        url = 'memory:'
        [consumers.orders.billing]
        transport = 'adit'";
    let config = Config::from_toml(text).unwrap();
    let registry = Registry::builder().build().unwrap();
    let error = config.check(&registry).unwrap_err().to_string();
    assert!(
        error.contains("consumers.orders.billing.transport: unknown transport `adit`; did you mean `audit`?"),
        "{error}"
    );
    assert_eq!(
        config.transport("kafka").unwrap_err().to_string(),
        "unknown transport `kafka`; expected one of `bus`, `audit`; add a table `[transports.NAME]` for another one"
    );
}

#[test]
fn an_invalid_table_is_reported_with_its_key() {
    for (text, expected) in [
        ("[transports.audit]", "transports.audit.url: is missing"),
        (
            "[transports.bus]\nurl = 'memory:'",
            "transports.bus: `bus` is the name of the transport of `[bus]`",
        ),
        ("[transports.'a b']\nurl = 'memory:'", "transports.\"a b\""),
        ("[transports.audit]\nurl = 'memory:'\nbatchsize = 1", "transports.audit.batchsize: unknown key"),
        ("[routes.x]\ny = { transport = [] }", "routes.x.y.transport: is empty"),
        ("[routes.x]\ny = { transport = 1 }", "routes.x.y.transport: expected the name of a transport"),
    ] {
        let error = Config::from_toml(&format!("bus.url = 'memory:'\n{text}")).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
