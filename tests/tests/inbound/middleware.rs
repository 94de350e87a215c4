//! Middleware around each message.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events_runtime::receiver::{reject, skip};

use crate::shop::{Running, answer, bus, dead_letters, header, next, place_orders, settled};

tokio::task_local! {
    static REQUEST: String;
}

#[tokio::test]
async fn middleware_wraps_each_message_and_the_first_is_outermost() {
    let bus = bus("hooks").await;
    place_orders(&bus, &["ada", "bob"]).await;
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = {
        let log = Arc::clone(&log);
        move |text: String| log.lock().expect("no panic").push(text)
    };
    let receiver = note.clone();
    let _asked = answer(&bus, "notes", move |order, _| {
        receiver(format!("order {order} in {}", REQUEST.get()));
        Ok(())
    });
    let (outer, inner) = (note.clone(), note);
    let consume = bus
        .consume("orders")
        .group("billing")
        .middleware(move |message, next| {
            let note = outer.clone();
            async move {
                note(format!("{} begins, attempt {}", message.position, message.attempt));
                let id = format!("request {}", message.position);
                let processed = REQUEST.scope(id, next.run()).await;
                note(format!("{} ends", message.position));
                Ok(processed)
            }
        })
        .middleware(move |message, next| {
            let note = inner.clone();
            async move {
                note(format!("inner: {}", message.event_type().expect("a type")));
                let processed = next.run().await;
                assert!(processed.error().is_none());
                Ok(processed)
            }
        });
    let running = Running::start(consume);
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.acked, 2);
    let of = |number: u32| {
        [
            format!("{number} begins, attempt 1"),
            "inner: org.acme.inbound.order.placed.v1".to_owned(),
            format!("order {number} in request {number}"),
            format!("{number} ends"),
        ]
    };
    assert_eq!(*log.lock().expect("no panic"), [of(1), of(2)].concat());
}

#[tokio::test]
async fn failing_middleware_fails_the_message_and_not_the_consumer() {
    let bus = bus("failing hook").await;
    place_orders(&bus, &["ada", "bob", "eve", "joe", "kim"]).await;
    let mut asked = answer(&bus, "notes", |_, _| Ok(()));
    let consume = bus.consume("orders").group("billing").middleware(|message, next| {
        assert!(message.position.to_string() != "4" || message.attempt > 1, "at once");
        async move {
            match message.position.to_string().as_str() {
                "1" if message.attempt == 1 => Err("the database is unavailable".into()),
                "2" if message.attempt == 1 => panic!("on the way"),
                "3" => Err(reject("forbidden").into()),
                "5" => Err(skip("not ours").into()),
                _ => Ok(next.run().await),
            }
        }
    });
    let running = Running::start(consume);
    settled(&bus, "billing").await;
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.retried), (3, 3));
    assert_eq!((consumed.dead_lettered, consumed.skipped), (1, 1));
    let mut orders = [next(&mut asked).await, next(&mut asked).await, next(&mut asked).await];
    orders.sort_unstable();
    assert_eq!(orders, [1, 2, 4], "the receivers saw the events that the hook passed on");
    let dead_letter = dead_letters(&bus).await.pop().expect("a dead letter");
    assert_eq!(header(&dead_letter, "dlq_kind"), "hook");
    assert!(header(&dead_letter, "dlq_reason").contains("forbidden"));
}

#[tokio::test]
async fn middleware_sees_the_errors_of_receivers_and_cannot_hide_them() {
    let bus = bus("hiding hook").await;
    place_orders(&bus, &["ada"]).await;
    let _asked = answer(&bus, "charge", |_, _| Err("no money".into()));
    let failures = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&failures);
    let consume = bus.consume("orders").group("billing").middleware(move |_, next| {
        let failures = Arc::clone(&counted);
        async move {
            let processed = next.run().await;
            let error = processed.error().expect("the receiver failed").to_string();
            assert!(error.contains("no money"), "{error}");
            failures.fetch_add(1, Ordering::SeqCst);
            Ok(processed)
        }
    });
    let running = Running::start(consume);
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.dead_lettered, 1);
    assert_eq!(failures.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn middleware_can_set_a_time_limit_for_a_message() {
    let bus = bus("timeout hook").await;
    place_orders(&bus, &["ada"]).await;
    let _asked = crate::shop::answer_async(&bus, "quick", |_| Ok(()));
    bus.hub().scope(|| {
        crate::shop::ORDER_PLACED.connect_async("hangs", |_| std::future::pending::<()>());
    });
    let consume = bus.consume("orders").group("billing").middleware(|_, next| async {
        match tokio::time::timeout(Duration::from_millis(20), next.run()).await {
            Ok(processed) => Ok(processed),
            Err(_) => Err(reject("it took too long").into()),
        }
    });
    let running = Running::start(consume);
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.dead_lettered, 1);
}
