//! Traces: the context of an event, and the spans of a send.

use std::time::Duration;

use events_runtime::{Config, EmitOptions, Event, EventBus, Hub, Origin};
use events_tests::log::Log;
use tokio::sync::{mpsc, oneshot};

use crate::{ORDER_COUNTED, OrderCounted, bus, counted};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACESTATE: &str = "vendor=opaque,other=1";

async fn travels(url: &str) {
    let config = || {
        let routes = "[routes.\"org.acme.outbound.order.counted.v1\"]\ncounts = {}\n";
        Config::from_toml(&format!("[bus]\nurl = \"{url}\"\n{routes}")).expect("a right configuration")
    };
    let start = || EventBus::builder().config(config()).hub(Hub::new()).start();
    let (shop, billing) = (start().await.expect("starts"), start().await.expect("starts"));
    let (sender, mut seen) = mpsc::unbounded_channel();
    billing.hub().scope(|| {
        ORDER_COUNTED.connect("traced", move |event: &Event<OrderCounted>| {
            let extension = |name| event.metadata().extensions().get(name).map(str::to_owned);
            let _ = sender.send((extension("traceparent"), extension("tracestate"), event.origin()));
        });
    });
    let (end, stopped) = oneshot::channel::<()>();
    let consumer = tokio::spawn(billing.consume("counts").group("billing").run_until(stopped));
    let options = EmitOptions::new()
        .extension("traceparent", TRACEPARENT)
        .and_then(|options| options.extension("tracestate", TRACESTATE))
        .expect("names of extensions");
    shop.hub().emit_with(counted(1), options).delivered().await.expect("sent");
    let seen = tokio::time::timeout(Duration::from_secs(20), seen.recv()).await.expect("it arrives in time");
    assert_eq!(seen, Some((Some(TRACEPARENT.to_owned()), Some(TRACESTATE.to_owned()), Origin::Bus)));
    drop(end);
    consumer.await.expect("no panic").expect("a normal stop");
}

#[tokio::test]
async fn the_trace_context_travels_from_emit_to_receiver() {
    travels("memory:trace").await;
    let folder = tempfile::tempdir().expect("a folder");
    travels(&format!("sqlite://{}", folder.path().join("events.db").display())).await;
}

/// The log of a bus that sends this number of events in one batch, and their ids.
fn logged(count: u32) -> (String, Vec<String>) {
    let mut ids = Vec::new();
    let log = Log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (bus, _gates) = bus(100).await;
            // On this single thread, the topic queue drains only after all events are queued.
            let emissions: Vec<_> = (0..count).map(|number| bus.hub().emit(counted(number))).collect();
            for emission in emissions {
                ids.push(emission.event().metadata().id().to_string());
                emission.delivered().await.expect("sent");
            }
        });
    });
    (log, ids)
}

#[test]
fn a_send_has_a_span_by_the_messaging_conventions() {
    let (log, ids) = logged(1);
    for field in [
        // Of the call; the message's own context is that of its `create` span.
        "otel.kind=\"client\"",
        "otel.kind=\"producer\"",
        "otel.name=send dev-counts",
        "otel.name=create dev-counts",
        "messaging.system=\"memory\"",
        "messaging.destination.name=\"dev-counts\"",
        "messaging.operation.type=\"send\"",
        &format!("messaging.message.id=\"{}\"", ids[0]),
    ] {
        assert!(log.contains(field), "{field} is missing: {log}");
    }
    assert!(!log.contains("messaging.batch.message_count"), "one message is no batch: {log}");

    let (log, ids) = logged(3);
    assert!(log.contains("messaging.batch.message_count=3"), "{log}");
    assert!(ids.iter().all(|id| log.contains(&format!("messaging.message.id=\"{id}\""))), "{log}");
}
