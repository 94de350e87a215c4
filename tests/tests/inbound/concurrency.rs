//! Concurrent events, in order for each key.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use events_runtime::config::Exhausted;
use events_runtime::{Event, PublicSignal};
use tokio::sync::mpsc;

use crate::shop::{
    ORDER_PLACED, OrderPlaced, Running, answer, bus, bus_with, dead_letters, next, place_orders, settled,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sync_receivers_of_different_keys_run_at_the_same_time() {
    let bus = bus_with("parallel", "consumer = { concurrency = 3 }").await;
    place_orders(&bus, &["ada", "bob", "eve"]).await;
    // A barrier for all three.
    let barrier = Barrier::new(3);
    let mut asked = answer(&bus, "meets", move |_, _| {
        barrier.wait();
        Ok(())
    });
    let running = Running::billing(&bus);
    for _ in 0..3 {
        next(&mut asked).await;
    }
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.acked, 3);
}

#[tokio::test]
async fn async_receivers_run_at_the_same_time_on_one_thread_and_never_two_of_a_key() {
    let bus = bus("parallel async").await;
    let customers: Vec<_> = (0..200).map(|number| ["ada", "bob", "eve", "joe"][number % 4]).collect();
    place_orders(&bus, &customers).await;
    let at_work = Arc::new(Mutex::new(HashMap::new()));
    let most = Arc::new(AtomicU32::new(0));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (work, highest, list) = (Arc::clone(&at_work), Arc::clone(&most), Arc::clone(&seen));
    bus.hub().scope(|| {
        ORDER_PLACED.connect_async("works", move |event: Arc<Event<OrderPlaced>>| {
            let (work, highest, list) = (Arc::clone(&work), Arc::clone(&highest), Arc::clone(&list));
            async move {
                {
                    let mut work = work.lock().expect("no panic");
                    assert_eq!(
                        work.insert(event.customer.clone(), event.order),
                        None,
                        "two concurrent events of a key"
                    );
                    let at_once = u32::try_from(work.len()).expect("a few");
                    highest.fetch_max(at_once, Ordering::SeqCst);
                }
                for _ in 0..fastrand::u8(1..20) {
                    tokio::task::yield_now().await;
                }
                work.lock().expect("no panic").remove(&event.customer);
                list.lock().expect("no panic").push((event.customer.clone(), event.order));
            }
        });
    });
    let running = Running::start(bus.consume("orders").group("billing").concurrency(3).batch_size(16));
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.acked, 200);
    assert_eq!(most.load(Ordering::SeqCst), 3, "exactly the configured concurrency");
    let seen = seen.lock().expect("no panic");
    for customer in ["ada", "bob", "eve", "joe"] {
        let orders: Vec<_> = seen.iter().filter(|(name, _)| name == customer).map(|(_, n)| *n).collect();
        assert!(orders.is_sorted() && orders.len() == 50, "{customer}: {orders:?}");
    }
}

#[tokio::test]
async fn a_slow_event_blocks_its_own_key_only() {
    let bus = bus("slow key").await;
    place_orders(&bus, &["ada", "ada", "bob", "eve", "bob"]).await;
    let (sender, mut done) = mpsc::unbounded_channel();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let opened = Arc::clone(&gate);
    bus.hub().scope(|| {
        ORDER_PLACED.connect_async("works", move |event: Arc<Event<OrderPlaced>>| {
            let (sender, gate) = (sender.clone(), Arc::clone(&opened));
            async move {
                if event.order == 1 {
                    gate.acquire().await.expect("the semaphore is open").forget();
                }
                let _ = sender.send(event.order);
            }
        });
    });
    let running = Running::start(bus.consume("orders").group("billing").concurrency(2));
    assert_eq!([next(&mut done).await, next(&mut done).await, next(&mut done).await], [3, 4, 5]);
    // Later events are handled too.
    bus.hub().emit(crate::shop::order(6, "joe")).delivered().await.expect("sent");
    // The same receiver handles the local emission.
    assert_eq!([next(&mut done).await, next(&mut done).await], [6, 6]);
    gate.add_permits(1);
    assert_eq!([next(&mut done).await, next(&mut done).await], [1, 2]);
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.acked, 6);
}

/// Something without a key happened.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.inbound.till.opened.v1")]
struct TillOpened {
    till: u32,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_without_a_key_run_at_the_same_time() {
    let bus = bus("no key").await;
    for till in 1..=3 {
        bus.hub().emit(TillOpened { till }).delivered().await.expect("sent");
    }
    let barrier = Barrier::new(3);
    bus.hub().scope(|| {
        TILL_OPENED.connect("meets", move |_: &Event<TillOpened>| {
            barrier.wait();
        });
    });
    let running = Running::start(bus.consume("orders").group("billing").concurrency(3));
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.acked, 3);
}

#[tokio::test]
async fn the_leases_of_all_events_in_progress_are_renewed() {
    let (one, other) = (bus("leases").await, bus("leases").await);
    place_orders(&one, &["ada", "bob", "eve"]).await;
    let calls = Arc::new(AtomicU32::new(0));
    for bus in [&one, &other] {
        let calls = Arc::clone(&calls);
        bus.hub().scope(|| {
            ORDER_PLACED.connect_async("slow", move |_| {
                let calls = Arc::clone(&calls);
                async move {
                    calls.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            });
        });
    }
    let lease = Duration::from_millis(150);
    let running = [&one, &other]
        .map(|bus| Running::start(bus.consume("orders").group("billing").concurrency(3).lease(lease)));
    settled(&one, "billing").await;
    let [one, other] = running;
    assert_eq!(one.stop().await.acked + other.stop().await.acked, 3);
    assert_eq!(calls.load(Ordering::SeqCst), 3, "no delivery was taken over");
}

#[tokio::test]
async fn a_parked_key_waits_while_other_keys_continue() {
    let bus = bus_with("parked", "consumer = { exhausted = 'park', concurrency = 2 }").await;
    place_orders(&bus, &["ada", "ada", "bob", "bob"]).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&seen);
    let _asked = answer(&bus, "charge", move |order, attempt| {
        // max_attempts is 3; it succeeds much later.
        if order == 1 && attempt < 12 {
            return Err("no money".into());
        }
        list.lock().expect("no panic").push(order);
        Ok(())
    });
    let running = Running::billing(&bus);
    settled(&bus, "billing").await;
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.retried, consumed.parked, consumed.dead_lettered), (4, 2, 9, 0));
    assert_eq!(*seen.lock().expect("no panic"), [3, 4, 1, 2]);
    assert!(dead_letters(&bus).await.is_empty());
}

#[tokio::test]
async fn permanent_errors_are_not_parked() {
    let bus = bus("parked reject").await;
    place_orders(&bus, &["ada"]).await;
    let _asked =
        answer(&bus, "charge", |_, _| Err(events_runtime::receiver::reject("the card expired").into()));
    let running = Running::start(bus.consume("orders").group("billing").exhausted(Exhausted::Park));
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.dead_lettered, 1);
}
