//! The transport `folder:` passes the conformance suite, and the command line works on it.
#![forbid(unsafe_code)]
#![deny(warnings, clippy::pedantic)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use events_runtime::testing::conformance::Fixture;
use events_runtime::transport::{self, ConnectOptions, ConsumerGroup, Subscription, Topic, Transport};
use events_runtime::{BoxError, Config, EventBus, Hub};
use outside::{Brand, Customer, CustomerId, OrderPlaced, Payment};
use tempfile::TempDir;

/// A folder for one test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }
}

impl Fixture for Folder {
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        transport::connect(&format!("folder:{}", self.0.path().display()), options).expect("the folder opens")
    }
}

events_runtime::conformance!(folder, Folder::new());

const CONFIG: &str = r#"
[service]
name = "outside"
[bus]
url = "folder:store"
[routes."org.acme.orders.order.placed.v1"]
orders = {}
"#;
const BILLING: [&str; 4] = ["--topic", "orders", "--group", "billing"];

fn order(number: u128) -> OrderPlaced {
    OrderPlaced {
        order_id: uuid::Uuid::from_u128(number),
        customer: Customer { id: CustomerId(format!("c{number}")), email: "ada@acme.example".into() },
        lines: Vec::new(),
        payment: Payment::Card { digits: "42".into(), brand: Brand::Visa },
        note: None,
    }
}

/// Runs the command line of the shop. Returns its output.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop-events"));
    let output = command.args(arguments).current_dir(folder).output().expect("the program starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out.into_owned()
}

#[tokio::test]
async fn the_command_line_works_on_a_transport_from_outside() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("events.toml"), CONFIG)?;
    let url = format!("folder:{}", folder.path().join("store").display());
    let hub = Hub::new();
    let config = Config::from_toml(&CONFIG.replace("folder:store", &url))?;
    let bus = EventBus::builder().config(config).hub(hub.clone()).start().await?;
    for number in 1..=3 {
        let _delivered = hub.emit(order(number)).delivered().await?;
    }
    bus.shutdown(Duration::from_secs(5)).await?;
    let transport = transport::connect(&url, &ConnectOptions::new())?;
    let billing = Subscription::new(Topic::new("orders")?, ConsumerGroup::new("billing")?);
    let mut consumer = transport.consumer(billing).await?;
    for delivery in consumer.receive(2, Duration::ZERO).await? {
        delivery.reject("no such customer").await?;
    }
    consumer.close().await?;

    let dlq =
        |command: &str, more: &[&str]| run(folder.path(), &[&["dlq", command][..], &BILLING, more].concat());
    assert_eq!(dlq("list", &[]).matches("no such customer").count(), 2);
    assert!(dlq("show", &["1"]).contains("c1"));
    assert!(dlq("retry", &["1"]).contains('1'));
    assert_eq!(dlq("list", &[]).matches("no such customer").count(), 1);

    let peek = |more: &[&str]| run(folder.path(), &[&["peek", "--json", "--topic"], more].concat()).lines().count();
    assert_eq!(peek(&["orders"]), 4, "three, and one sent again");
    assert_eq!(peek(&["orders", "--last", "1"]), 1);
    assert_eq!(peek(&["orders.billing.dlq"]), 2);
    let consume = ["consume", "--topic", "orders", "--idle", "200ms", "--json"];
    assert_eq!(run(folder.path(), &consume).lines().count(), 4);
    let groups = transport.groups(&Topic::new("orders")?).await?;
    assert_eq!(groups.iter().map(|status| status.group.as_str()).collect::<Vec<_>>(), ["billing"]);

    let offsets = |arguments: &[&str]| run(folder.path(), &[&["offsets"], arguments].concat());
    assert!(offsets(&["list", "--topic", "orders"]).contains("billing"));
    let reset = ["reset", "--topic", "orders", "--group", "billing", "--to", "earliest", "--yes"];
    let _plan = offsets(&reset);
    let groups = transport.groups(&Topic::new("orders")?).await?;
    assert_eq!(groups.iter().map(|status| status.lag).collect::<Vec<_>>(), [4], "three, and one sent again");

    let replay =
        ["replay", "--topic", "orders", "--from", "earliest", "--group", "rebuild", "--allow-untaken"];
    assert!(run(folder.path(), &replay).contains('4'));
    assert!(run(folder.path(), &["doctor"]).contains("folder:store"));
    Ok(())
}
