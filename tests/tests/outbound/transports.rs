//! Several transports in one bus.

use std::fs;
use std::time::Duration;

use events_runtime::bus::StartError;
use events_runtime::signal::TopicOutcome;
use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, Message, Subscription, Topic, Transport, connect,
};
use events_runtime::{Config, EventBus, Hub};
use events_tests::gate::{self, State};
use events_tests::sandbox::Sandbox;

use crate::{counted, placed};

const SHORT: Duration = Duration::from_millis(20);

fn config(more: &str) -> Config {
    Config::from_toml(&format!(
        r#"
        [service]
        name = "shop"
        [bus]
        url = "memory:"
        retry = {{ initial = "1ms", max = "2ms" }}
        {more}
        [routes."org.acme.outbound.order.placed.v1"]
        orders = {{ transport = ["bus", "audit"] }}
        [routes."org.acme.outbound.order.counted.v1"]
        orders = {{}}
        "#
    ))
    .expect("a valid configuration")
}

async fn stored(transport: &dyn Transport) -> Vec<Message> {
    let (topic, group) =
        (Topic::new("orders").expect("a name"), ConsumerGroup::new("reader").expect("a name"));
    let mut consumer = transport.consumer(Subscription::new(topic, group)).await.expect("a consumer");
    let deliveries = consumer.receive(100, SHORT).await.expect("messages");
    deliveries.iter().map(|delivery| delivery.message().clone()).collect()
}

#[tokio::test]
async fn an_event_routed_to_two_transports_arrives_on_both() {
    let config = config("[transports.audit]\nurl = 'memory:'");
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await.expect("the bus starts");
    let delivered = bus.hub().emit(placed(1)).delivered().await.expect("sent");
    let mut topics: Vec<_> = delivered.topics().iter().map(TopicOutcome::topic).collect();
    topics.sort_unstable();
    assert_eq!(topics, ["orders", "orders on audit"]);
    bus.hub().emit(counted(1)).delivered().await.expect("sent");
    let audit = bus.transport_named("audit").expect("it is configured");
    assert_eq!((stored(bus.transport()).await.len(), stored(audit).await.len()), (2, 1));
    let queues: Vec<_> =
        bus.status().queues.iter().map(|queue| format!("{} {}", queue.topic, queue.transport)).collect();
    assert_eq!(queues, ["orders audit", "orders bus"]);
    let error = bus.transport_named("adit").err().expect("unknown");
    assert_eq!(error.to_string(), "unknown transport `adit`; did you mean `audit`?");
}

#[tokio::test]
async fn a_consumer_selects_its_transport() {
    let config = config(
        "[transports.audit]
        url = 'memory:'
        [bus.consumer]
        unhandled = 'skip'
        [consumers.orders.configured]
        transport = 'audit'",
    );
    let (hub, receiving) = (Hub::new(), Hub::new());
    let bus = EventBus::builder().config(config.clone()).hub(hub.clone()).start().await.expect("it starts");
    hub.emit(placed(1)).delivered().await.expect("sent");
    let audit = EventBus::builder().config(config).hub(receiving.clone());
    let audit = audit.transport_named("audit", connect("memory:", &ConnectOptions::new()).expect("memory"));
    let audit = audit.start().await.expect("it starts");
    assert!(stored(audit.transport_named("audit").expect("provided")).await.is_empty(), "another store");

    let stop = |bus: EventBus| async move {
        while bus.status().consumers.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(SHORT).await;
        let status = bus.status().consumers;
        assert_eq!(status[0].transport.as_str(), "audit");
    };
    let configured = bus.consume("orders").group("configured").run_until(stop(bus.clone()));
    assert_eq!(configured.await.expect("consumed").skipped, 1);
    let selected = bus.consume("orders").group("selected").transport("audit").run_until(stop(bus.clone()));
    assert_eq!(selected.await.expect("consumed").skipped, 1);
    let replayed = bus.replay("orders").group("again").transport("audit").run().await.expect("replayed");
    assert_eq!(replayed.consumed.skipped, 1);
    let unknown = bus.consume("orders").group("selected").transport("adit").run().await;
    assert!(unknown.expect_err("unknown").to_string().contains("did you mean `audit`?"));
}

#[tokio::test]
async fn a_missing_transport_fails_at_the_start() {
    let started = EventBus::builder().config(config("")).hub(Hub::new()).start().await;
    let Err(StartError::Config(error)) = started else { panic!("it started: {started:?}") };
    let text = error.to_string();
    assert!(text.contains(".orders.transport: unknown transport `audit`; expected one of `bus`"), "{text}");
}

#[tokio::test]
async fn an_unreachable_transport_stops_no_other_and_its_events_are_spilled_with_its_name() {
    let (transport, gates) = gate::over_memory();
    gates.set("orders", State::Hangs);
    let builder = EventBus::builder().config(config("")).hub(Hub::new());
    let bus = builder.transport_named("audit", transport).start().await.expect("the program provides it");
    let emission = bus.hub().emit(placed(1));
    let unacknowledged = bus.flush(SHORT).await.expect_err("one topic hangs");
    let left = unacknowledged.unacknowledged();
    assert_eq!((left.len(), left[0].transport.as_str()), (1, "audit"));
    assert_eq!(stored(bus.transport()).await.len(), 1);

    let sandbox = Sandbox::with_config(
        env!("CARGO_BIN_EXE_shop_cli"),
        "bus.url = 'sqlite://events.db'\n[transports.audit]\nurl = 'sqlite://audit.db'",
    );
    let file = sandbox.path().join("spill.jsonl");
    assert_eq!(bus.shutdown_or_spill(SHORT, &file).await.expect("written"), 1);
    emission.delivered().await.expect_err("not delivered to one");
    let line = fs::read_to_string(&file).expect("a file");
    assert!(line.contains(r#""topic":"orders","transport":"audit""#), "{line}");
    let sent = sandbox.run(&["produce", "--from-spill", "spill.jsonl"]);
    assert_eq!((sent.code, sent.err.as_str()), (0, ""), "{}", sent.out);
    let open = |name: &str| {
        let url = format!("sqlite://{}", sandbox.path().join(name).display());
        connect(&url, &ConnectOptions::new()).expect("it opens")
    };
    assert_eq!(stored(&*open("audit.db")).await.len(), 1);
    assert!(stored(&*open("events.db")).await.is_empty());
}

#[test]
fn commands_take_the_name_of_a_transport() {
    let shop = Sandbox::with_config(
        env!("CARGO_BIN_EXE_shop_cli"),
        "bus.url = 'sqlite://events.db'
        [transports.audit]
        url = 'sqlite://audit.db'
        [consumers.orders.configured]
        transport = 'audit'",
    );
    let order = r#"{"number": 7, "customer": {"customer_id": "c-1", "email": "b@foo.example"}, "lines": []}"#;
    let placed = ["produce", "--type", "org.acme.cli.order.placed.v1", "--data", order];
    shop.out(&[&placed[..], &["--topic", "orders", "--transport", "audit"]].concat());
    let consume = |group: &str, more: &[&str]| {
        let base =
            ["consume", "--topic", "orders", "--group", group, "--acknowledge", "--idle", "200ms", "--json"];
        let ran = shop.run(&[&base[..], more].concat());
        if ran.code != 0 {
            assert!(ran.err.contains("no topic `orders` in `sqlite://events.db`"), "{}", ran.err);
        }
        ran.out.lines().count()
    };
    assert_eq!(consume("a", &["--transport", "audit"]), 1);
    assert_eq!(consume("configured", &[]), 1, "the transport of its configuration");
    assert_eq!(consume("a", &[]), 0, "the transport of `[bus]`");
    let offsets = shop.out(&["offsets", "list", "--topic", "orders", "--transport", "audit"]);
    assert!(offsets.contains("configured"), "{offsets}");
    let letters = ["dlq", "list", "--topic", "orders", "--group", "a", "--json"];
    assert_eq!(shop.out(&[&letters[..], &["--transport", "audit"]].concat()).trim(), "[]");
    let wrong = shop.run(&[&letters[..], &["--transport", "adit"]].concat());
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("unknown transport `adit`; did you mean `audit`?"), "{}", wrong.err);
    let checks = shop.run(&["doctor"]).out;
    assert!(checks.contains("transport\n") && checks.contains("transport of `audit`\n"), "{checks}");
    let explained = shop.out(&["config", "explain"]);
    assert!(explained.contains("transports.audit.url"), "{explained}");
}
