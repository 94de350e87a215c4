//! The spans of a message by OpenTelemetry's messaging conventions, and the context that links them.

use std::sync::{Arc, Mutex};

use events_runtime::bus::{TraceContext, TracePropagator};
use events_runtime::{Event, EventBus, EventMetadata, Hub, Origin};
use events_tests::spans::{Recorded, Spans};
use tracing::Span;

use crate::{ORDER_PLACED, OrderPlaced, block_on, bus, config, consume_orders, placed};

fn traced(work: impl AsyncFnOnce()) -> Spans {
    let spans = Spans::default();
    tracing::subscriber::with_default(spans.clone(), || block_on(work()));
    spans
}

fn of_orders(spans: &Spans, name: &str) -> Vec<Recorded> {
    let is_of_orders = |span: &Recorded| span.field("messaging.destination.name") == "dev-orders";
    spans.named(name).into_iter().filter(is_of_orders).collect()
}

#[track_caller]
fn assert_fields(span: &Recorded, expected: &[(&str, &str)]) {
    for (field, value) in expected {
        assert_eq!(span.field(field), *value, "{field} of {span:#?}");
    }
}

#[test]
fn the_spans_of_a_message_have_the_attributes_of_the_conventions() {
    let mut id = String::new();
    let spans = traced(async || {
        let bus = bus("memory:", "").await;
        let emission = bus.hub().emit(placed(7));
        id = emission.event().metadata().id().to_string();
        emission.delivered().await.expect("sent");
        consume_orders(&bus, "orders", 2, |_| Err("out of paper".into())).await;
    });
    let event = [
        ("messaging.message.id", id.as_str()),
        ("cloudevents.event_id", &id),
        ("cloudevents.event_type", crate::PLACED),
        ("cloudevents.event_source", "shop"),
        ("messaging.system", "memory"),
    ];
    let create = of_orders(&spans, "create");
    assert_eq!(create.len(), 1);
    assert_fields(&create[0], &event);
    assert_fields(&create[0], &[("otel.kind", "producer"), ("otel.name", "create dev-orders")]);
    assert_fields(
        &of_orders(&spans, "send")[0],
        &[("otel.kind", "client"), ("messaging.operation.type", "send")],
    );

    let receive = of_orders(&spans, "receive");
    // Two polls returned messages; empty polls have no span.
    assert_eq!(receive.len(), 2);
    assert_fields(
        &receive[0],
        &[
            ("otel.kind", "client"),
            ("otel.name", "receive dev-orders"),
            ("messaging.operation.type", "receive"),
            ("messaging.consumer.group.name", "billing"),
            ("messaging.message.id", &id),
        ],
    );
    let process = of_orders(&spans, "process");
    assert_eq!(process.len(), 2);
    for span in &process {
        assert_fields(span, &event);
        assert_fields(
            span,
            &[
                ("otel.kind", "consumer"),
                ("otel.name", "process dev-orders"),
                ("messaging.operation.name", "process"),
                ("messaging.operation.type", "process"),
                ("messaging.consumer.group.name", "billing"),
                ("error.type", "receivers"),
                ("otel.status_code", "ERROR"),
            ],
        );
    }
    let settle = of_orders(&spans, "settle");
    let operations: Vec<_> = settle.iter().map(|span| span.field("messaging.operation.name")).collect();
    assert_eq!(operations, ["retry", "reject"]);
    assert_fields(
        &settle[1],
        &[
            ("otel.name", "reject dev-orders"),
            ("messaging.operation.type", "settle"),
            ("messaging.message.id", &id),
            ("error.type", ""),
        ],
    );
}

#[test]
fn a_batch_is_counted_and_its_acknowledgement_is_one_span() {
    let spans = traced(async || {
        let bus = bus("memory:", "").await;
        let emissions: Vec<_> = (1..=3).map(|number| bus.hub().emit(placed(number))).collect();
        for emission in emissions {
            emission.delivered().await.expect("sent");
        }
        consume_orders(&bus, "orders", 3, |_| Ok(())).await;
    });
    let count = ("messaging.batch.message_count", "3");
    assert_fields(&of_orders(&spans, "receive")[0], &[count]);
    let settle = of_orders(&spans, "settle");
    // The third stops the consumer, which then acknowledges it.
    assert_eq!(settle.len(), 2, "{settle:#?}");
    let two = ("messaging.batch.message_count", "2");
    assert_fields(&settle[0], &[two, ("messaging.operation.name", "ack"), ("messaging.message.id", "")]);
}

#[test]
fn events_of_receivers_are_in_the_span_of_their_message() {
    let spans = traced(async || {
        let bus = bus("memory:", "").await;
        bus.hub().scope(|| {
            ORDER_PLACED.connect("sync", |event: &Event<OrderPlaced>| {
                if event.origin() == Origin::Bus {
                    tracing::info!(target: "work", by = "sync");
                }
            });
            ORDER_PLACED.connect_async("async", |event: Arc<Event<OrderPlaced>>| async move {
                tokio::task::yield_now().await;
                if event.origin() == Origin::Bus {
                    tracing::info!(target: "work", by = "async");
                }
            });
        });
        bus.hub().emit(placed(1)).delivered().await.expect("sent");
        consume_orders(&bus, "orders", 1, |_| Ok(())).await;
    });
    let all = spans.spans();
    let work = spans.events("work");
    assert_eq!(work.len(), 2);
    for event in work {
        let around = event.parent.and_then(|parent| all.get(parent)).map(|span| span.name.as_str());
        assert_eq!(around, Some("process"), "{event:?}");
    }
}

const CONTEXT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A call of the propagator: the operation, its span, and the context received.
type Call = (String, Option<String>);

/// A propagator that records its calls.
#[derive(Clone, Default)]
struct Linked(Arc<Mutex<Vec<Call>>>);

impl TracePropagator for Linked {
    fn inject(&self, span: &Span) -> Option<TraceContext> {
        let name = span.metadata().map(|metadata| metadata.name().to_owned()).unwrap_or_default();
        self.0.lock().expect("no panic").push((format!("inject {name}"), None));
        Some(TraceContext::new(CONTEXT).with_tracestate("vendor=opaque"))
    }

    fn extract(&self, metadata: &EventMetadata, span: &Span) {
        let name = span.metadata().map(|metadata| metadata.name().to_owned()).unwrap_or_default();
        let is_entered = Span::current() == *span;
        assert!(!is_entered, "a parent can only be set before");
        let context = metadata.extensions().get("traceparent").map(str::to_owned);
        self.0.lock().expect("no panic").push((format!("extract {name}"), context));
    }
}

#[test]
fn a_propagator_injects_the_emitters_context_and_extracts_it_before_processing() {
    let linked = Linked::default();
    let seen = Arc::new(Mutex::new(None));
    traced(async || {
        let builder = EventBus::builder().config(config("memory:", "")).hub(Hub::new());
        let bus = builder.propagator(linked.clone()).start().await.expect("starts");
        let at_receiver = Arc::clone(&seen);
        bus.hub().scope(|| {
            ORDER_PLACED.connect("seen", move |event: &Event<OrderPlaced>| {
                let state = event.metadata().extensions().get("tracestate").map(str::to_owned);
                *at_receiver.lock().expect("no panic") = state;
            });
        });
        bus.hub().emit(placed(1)).delivered().await.expect("sent");
        consume_orders(&bus, "orders", 1, |_| Ok(())).await;
    });
    assert_eq!(seen.lock().expect("no panic").as_deref(), Some("vendor=opaque"));
    let calls = linked.0.lock().expect("no panic").clone();
    // One for each of the three topics.
    let injected = ("inject create".to_owned(), None);
    assert_eq!(calls[..3], [injected.clone(), injected.clone(), injected]);
    assert_eq!(calls[3..], [("extract process".to_owned(), Some(CONTEXT.to_owned()))]);
}

#[test]
fn a_failing_propagator_costs_only_the_context() {
    struct Broken;
    impl TracePropagator for Broken {
        fn inject(&self, _: &Span) -> Option<TraceContext> {
            panic!("no tracer")
        }
        fn extract(&self, _: &EventMetadata, _: &Span) {
            panic!("no tracer")
        }
    }
    block_on(async {
        let builder = EventBus::builder().config(config("memory:", "")).hub(Hub::new());
        let bus = builder.propagator(Broken).start().await.expect("starts");
        bus.hub().emit(placed(1)).delivered().await.expect("sent anyway");
        consume_orders(&bus, "orders", 1, |_| Ok(())).await;
    });
}
