//! A transport from outside: its URL scheme, in the configuration and in the tools.
#![forbid(unsafe_code)]
#![deny(warnings, clippy::pedantic)]

use std::time::Duration;

use events_runtime::bus::DeadLetters;
use events_runtime::receiver::reject;
use events_runtime::transport::{
    self, ConnectOptions, ConsumerGroup, ErrorKind, Retention, Scheme, Target, Topic, Transport,
    TransportError, UrlForm,
};
use events_runtime::{BoxError, Config, Event, EventBus, Hub};
use outside::{Brand, Customer, CustomerId, Line, ORDER_PLACED, OrderPlaced, Payment};

/// `shared:NAME`: messages of this process, under a name.
fn open(target: &Target<'_>, options: &ConnectOptions) -> Result<Box<dyn Transport>, TransportError> {
    target.only(&["limit"])?;
    if target.path.is_empty() {
        return Err(target.invalid("the name is missing: write `shared:NAME`"));
    }
    let limit = target.get("limit").unwrap_or("100");
    transport::connect(&format!("memory:{}?retention_count={limit}", target.path), options)
}

transport::register_scheme! {
    Scheme::new("shared", UrlForm::Path, open)
        .settings(&["limit"])
        .retention(Retention::unlimited().max_count(100))
}

const CONFIG: &str = r#"
[service]
name = "outside"
[bus]
url = "shared:orders?limit=50"
[bus.consumer]
start = "earliest"
[routes."org.acme.orders.order.placed.v1"]
orders = {}
"#;

fn order() -> OrderPlaced {
    OrderPlaced {
        order_id: uuid::Uuid::from_u128(1),
        customer: Customer { id: CustomerId("c1".into()), email: "ada@acme.example".into() },
        lines: vec![Line { sku: "a".into(), count: 2, labels: std::collections::BTreeMap::new() }],
        payment: Payment::Card { digits: "42".into(), brand: Brand::Visa },
        note: None,
    }
}

#[tokio::test]
async fn a_registered_scheme_opens_a_bus_and_its_dead_letters() -> Result<(), BoxError> {
    let config = Config::from_toml(CONFIG)?;
    assert_eq!(config.bus().url.scheme(), "shared");
    assert_eq!(config.bus().url.to_string(), "shared:orders?limit=50", "a known setting is shown");
    let hub = Hub::new();
    let bus = EventBus::builder().config(config).hub(hub.clone()).start().await?;
    let _delivered = hub.emit(order()).delivered().await?;
    hub.scope(|| {
        ORDER_PLACED.connect("refuses", |_: &Event<OrderPlaced>| {
            Err::<(), _>(BoxError::from(reject(std::io::Error::other("no"))))
        });
    });
    let (topic, group) = (Topic::new("orders")?, ConsumerGroup::new("billing")?);
    let settled = async {
        loop {
            let groups = bus.transport().groups(&topic).await.unwrap_or_default();
            if groups.iter().any(|status| status.group == group && status.lag == 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let consumed = bus.consume("orders").group("billing").run_until(settled).await?;
    assert_eq!(consumed.dead_lettered, 1);

    let tools = transport::connect("SHARED:orders", &ConnectOptions::new())?;
    let dead_letters = DeadLetters::of(&*tools, topic, group)?;
    assert_eq!(dead_letters.list().await?.dead_letters.len(), 1);
    bus.shutdown(Duration::from_secs(5)).await?;
    Ok(())
}

#[test]
fn a_wrong_url_of_a_registered_scheme_says_what_to_write() {
    let error = |url: &str| transport::connect(url, &ConnectOptions::new()).err().expect("it is refused");
    assert_eq!(error("shared:").kind(), ErrorKind::Invalid);
    assert!(error("shared:").to_string().contains("write `shared:NAME`"));
    assert!(error("shared:x?limits=1").to_string().contains("`limit`"));
    assert!(error("shred:x").to_string().contains("did you mean `shared:`?"));
    let problem = Config::from_toml("[bus]\nurl = 'shred:x'").expect_err("it is refused").to_string();
    assert!(problem.contains("did you mean `shared:`?"), "{problem}");
}
