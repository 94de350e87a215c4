//! The inbox in a real Postgres.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use events_runtime::bus::ConsumeError;
use events_runtime::inbox::{Arrival, InboxError, PostgresInbox, SeenEvents};
use events_runtime::transport::ConsumerGroup;
use events_runtime::{BoxError, Config, Event, EventBus, Hub, PublicSignal};
use events_server_tests::billing::{bill, billing, count, server};
use events_server_tests::{Postgres, connect};
use events_tests::inbox::event;
use events_tests::{chain, until};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, IsolationLevel};

const LONG: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn an_event_is_recorded_on_commit_and_not_on_rollback() {
    let inbox = billing();
    let (_server, mut client) = server(&inbox).await;
    for (commits, expected) in [(false, Arrival::First), (true, Arrival::First), (true, Arrival::Duplicate)] {
        let transaction = client.transaction().await.expect("begun");
        assert_eq!(inbox.insert(&transaction, &event(1)).await.expect("asked"), expected);
        if commits {
            transaction.commit().await.expect("committed");
        }
    }
    assert_eq!(count(&client, "events_inbox").await, 1);
    let receipts = inbox.receiver("receipts").expect("a name");
    assert_eq!(bill(&receipts, &mut client, 1).await.expect("no fault"), Some(()), "another receiver");
}

#[tokio::test]
async fn once_executes_the_work_once_and_rolls_back_failed_work() {
    let inbox = billing();
    let (_server, mut client) = server(&inbox).await;
    let event = event(1);
    let failed = inbox.once(&mut client, &event, async |transaction| {
        transaction.execute("INSERT INTO receipts VALUES (1)", &[]).await?;
        Err::<(), _>("the printer is out of paper".into())
    });
    let error = failed.await.expect_err("the work failed");
    assert_eq!(chain(&error), "the work failed and was rolled back: the printer is out of paper");
    assert_eq!((count(&client, "receipts").await, count(&client, "events_inbox").await), (0, 0));
    for expected in [Some(()), None, None] {
        assert_eq!(bill(&inbox, &mut client, 1).await.expect("no fault"), expected);
    }
    assert_eq!((count(&client, "receipts").await, count(&client, "events_inbox").await), (1, 1));
}

/// What a second member is told that has asked while the first one's transaction was open.
async fn second_member(level: IsolationLevel, first_commits: bool) -> Result<Arrival, InboxError> {
    let inbox = billing();
    let (server, mut first) = server(&inbox).await;
    let transaction = first.build_transaction().isolation_level(level).start().await.expect("begun");
    assert!(inbox.insert(&transaction, &event(1)).await.expect("asked").is_first());
    let mut second = server.connect().await;
    let pid: i32 = second.query_one("SELECT pg_backend_pid()", &[]).await.expect("asked").get(0);
    let asked = tokio::spawn(async move {
        let transaction = second.build_transaction().isolation_level(level).start().await.expect("begun");
        inbox.insert(&transaction, &event(1)).await
    });
    // Postgres reports that the second waits for the first.
    let observer = server.connect().await;
    until(async || {
        let waits = observer.query_one("SELECT cardinality(pg_blocking_pids($1)) > 0", &[&pid]).await;
        waits.expect("asked").get(0)
    })
    .await;
    assert!(!asked.is_finished());
    if first_commits {
        transaction.commit().await.expect("committed");
    } else {
        transaction.rollback().await.expect("rolled back");
    }
    tokio::time::timeout(LONG, asked).await.expect("the second goes on").expect("no panic")
}

#[tokio::test]
async fn a_second_member_waits_for_the_outcome_of_the_first() {
    let level = IsolationLevel::ReadCommitted;
    assert_eq!(second_member(level, true).await.expect("told"), Arrival::Duplicate);
    assert_eq!(second_member(level, false).await.expect("told"), Arrival::First);
}

#[tokio::test]
async fn at_stricter_levels_a_second_member_gets_a_retryable_conflict() {
    for level in [IsolationLevel::RepeatableRead, IsolationLevel::Serializable] {
        let error = second_member(level, true).await.expect_err("it can't see what it would have to");
        assert!(matches!(&error, InboxError::Conflict { .. }) && error.is_retryable(), "{error:?}");
        assert_eq!(second_member(level, false).await.expect("told"), Arrival::First);
    }
}

#[tokio::test]
async fn a_conflict_within_the_work_is_reported_as_one() {
    let inbox = billing();
    let (server, mut client) = server(&inbox).await;
    client.batch_execute("SET default_transaction_isolation = 'repeatable read'").await.expect("set");
    client.batch_execute("INSERT INTO receipts VALUES (1)").await.expect("inserted");
    let other = server.connect().await;
    let first = event(1);
    let conflict = inbox.once(&mut client, &first, async |transaction| {
        other.execute("UPDATE receipts SET number = 2", &[]).await?;
        transaction.execute("UPDATE receipts SET number = 3", &[]).await?;
        Ok(())
    });
    let error = conflict.await.expect_err("the other has changed the row");
    assert!(matches!(&error, InboxError::Work(_)) && error.is_retryable(), "{error:?}");
    assert_eq!(bill(&inbox, &mut client, 1).await.expect("no fault"), Some(()));
}

#[tokio::test]
async fn processes_may_create_the_table_concurrently_while_others_use_it() {
    let server = Postgres::start();
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(server.connect().await);
    }
    for round in 0..10 {
        let table = format!("inbox_{round}");
        let creations: Vec<_> = std::mem::take(&mut clients)
            .into_iter()
            .map(|client| {
                let inbox = billing().table(&table).expect("a name");
                tokio::spawn(async move { inbox.create(&client).await.map(|()| client) })
            })
            .collect();
        for creation in creations {
            clients.push(creation.await.expect("no panic").expect("the table is there"));
        }
    }
    // If the table exists, `create` takes no lock and needs no permission.
    let (mut user, other) = (clients.pop().expect("a client"), clients.pop().expect("a client"));
    let inbox = billing().table("inbox_0").expect("a name");
    let transaction = user.transaction().await.expect("begun");
    assert!(inbox.insert(&transaction, &event(1)).await.expect("asked").is_first());
    other
        .batch_execute(
            "CREATE ROLE service; GRANT SELECT, INSERT, UPDATE, DELETE ON inbox_0 TO service;
             REVOKE CREATE ON SCHEMA public FROM public; SET ROLE service",
        )
        .await
        .expect("another user");
    tokio::time::timeout(LONG, inbox.create(&other))
        .await
        .expect("it waits for nobody")
        .expect("it is there");
    transaction.commit().await.expect("committed");
    // Inserting and pruning need only these permissions.
    let mut other = other;
    let inbox = inbox.max_count(10);
    // The 64th insert prunes.
    for number in 2..=64 {
        inbox.once(&mut other, &event(number), async |_| Ok(())).await.expect("no fault");
    }
    assert_eq!(count(&other, "inbox_0").await, 10);
}

#[tokio::test]
async fn the_inbox_is_bounded_by_age_and_count() {
    let inbox = billing().max_age(HOUR);
    let (_server, mut client) = server(&inbox).await;
    let insert = async |client: &mut Client, inbox: &PostgresInbox, numbers: std::ops::Range<u128>| {
        for number in numbers {
            inbox.once(client, &event(number), async |_| Ok(())).await.expect("no fault").expect("it is new");
        }
    };
    insert(&mut client, &inbox, 0..200).await;
    let older = "UPDATE events_inbox SET handled_at = handled_at - interval '2 hours'";
    client.batch_execute(older).await.expect("aged");
    // By inserts only, at most 128 rows at a time.
    insert(&mut client, &inbox, 200..264).await;
    assert_eq!(count(&client, "events_inbox").await, 200 + 64 - 128);
    insert(&mut client, &inbox, 264..328).await;
    assert_eq!(count(&client, "events_inbox").await, 128);
    // All at once, by count, the oldest first.
    let fewer = billing().max_count(100);
    assert_eq!(fewer.prune(&client, 10).await.expect("pruned"), 10);
    assert_eq!(fewer.prune(&client, 1_000).await.expect("pruned"), 18);
    assert_eq!(fewer.prune(&client, 1_000).await.expect("pruned"), 0);
    assert_eq!(inbox.once(&mut client, &event(228), async |_| Ok(())).await.expect("no fault"), None);
    assert_eq!(inbox.once(&mut client, &event(227), async |_| Ok(())).await.expect("no fault"), Some(()));
    client.batch_execute(older).await.expect("aged");
    assert_eq!(inbox.prune(&client, 1_000).await.expect("pruned"), 101);
}

#[tokio::test]
async fn no_insert_is_pruned_by_its_own_step() {
    let (_server, mut client) = server(&billing()).await;
    for (name, inbox) in [("few", billing().max_count(0)), ("short", billing().max_age(Duration::ZERO))] {
        let inbox = inbox.receiver(name).expect("a name");
        for number in 0..200 {
            for expected in [Some(()), None] {
                let once = inbox.once(&mut client, &event(number), async |_| Ok(())).await;
                assert_eq!(once.expect("no fault"), expected, "{name} {number}");
            }
        }
    }
}

#[tokio::test]
async fn inserts_at_stricter_levels_prune_nothing_and_cause_no_conflicts() {
    let inbox = billing().max_count(1);
    let (_server, mut client) = server(&inbox).await;
    client.batch_execute("SET default_transaction_isolation = 'serializable'").await.expect("set");
    for number in 0..128 {
        bill(&inbox, &mut client, number).await.expect("no fault");
    }
    assert_eq!(count(&client, "events_inbox").await, 128);
    assert_eq!(inbox.prune(&client, 1_000).await.expect("pruned"), 127);
}

#[tokio::test]
async fn members_that_insert_and_prune_concurrently_handle_each_event_once() {
    const EVENTS: u128 = 600;
    let inbox = billing().max_age(HOUR);
    let (server, mut client) = server(&inbox).await;
    for number in 0..500 {
        inbox.once(&mut client, &event(1_000_000 + number), async |_| Ok(())).await.expect("no fault");
    }
    let older = "UPDATE events_inbox SET handled_at = handled_at - interval '2 hours'";
    client.batch_execute(older).await.expect("aged");
    let mut members = Vec::new();
    for member in 0..4_u128 {
        // Each is a process with its own pruning steps.
        let (inbox, mut client) = (billing().max_age(HOUR), server.connect().await);
        members.push(tokio::spawn(async move {
            for number in 0..EVENTS {
                // All of them receive every event, in different orders.
                let number = (number * 7 + member * 150) % EVENTS;
                bill(&inbox, &mut client, number).await.expect("no fault");
            }
        }));
    }
    for member in members {
        member.await.expect("no panic");
    }
    assert_eq!(count(&client, "receipts").await, 600);
    inbox.prune(&client, 1_000).await.expect("pruned");
    assert_eq!(count(&client, "events_inbox").await, 600);
}

#[tokio::test]
async fn a_missing_table_is_named_and_a_lost_connection_is_distinguished_from_other_errors() {
    let inbox = billing().table("seen").expect("a name");
    let server = Postgres::start();
    let mut client = server.connect().await;
    let error = bill(&inbox, &mut client, 1).await.expect_err("no table");
    assert!(matches!(&error, InboxError::NoTable { table, .. } if table == "seen"), "{error:?}");
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("call `create`"), "{error}");
    drop(server);
    let error = bill(&inbox, &mut client, 1).await.expect_err("no server");
    assert!(matches!(&error, InboxError::Disconnected { .. }) && error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn a_member_that_loses_its_connection_before_the_commit_leaves_the_event_to_others() {
    let inbox = billing();
    let (server, mut first) = server(&inbox).await;
    let pid: i32 = first.query_one("SELECT pg_backend_pid()", &[]).await.expect("asked").get(0);
    let transaction = first.transaction().await.expect("begun");
    assert!(inbox.insert(&transaction, &event(1)).await.expect("asked").is_first());
    let mut second = server.connect().await;
    second.execute("SELECT pg_terminate_backend($1)", &[&pid]).await.expect("ended");
    assert_eq!(bill(&inbox, &mut second, 1).await.expect("no fault"), Some(()));
    let error = transaction.commit().await.expect_err("it is ended");
    assert!(error.is_closed() || error.code() == Some(&SqlState::ADMIN_SHUTDOWN), "{error:?}");
}

/// An order was placed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.inbox.order.sent.v1", key = customer)]
struct OrderSent {
    number: u32,
    customer: u32,
}

const ORDERS: u32 = 30;

/// A bus with orders in its topic.
async fn bus(name: &str) -> EventBus {
    let config = format!(
        r#"
        [service]
        name = "shop"
        [bus]
        url = "memory:postgres {name}"
        retry = {{ initial = "1ms", max = "2ms", max_attempts = 20 }}
        [routes."org.acme.inbox.order.sent.v1"]
        orders = {{}}
        "#
    );
    let config = Config::from_toml(&config).expect("a right configuration");
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await.expect("the bus starts");
    for number in 0..ORDERS {
        bus.hub().emit(OrderSent { number, customer: number % 4 }).delivered().await.expect("stored");
    }
    bus
}

async fn settled(bus: &EventBus) {
    let topic = events_runtime::transport::Topic::new("orders").expect("a name");
    until(|| async {
        let groups = bus.transport().groups(&topic).await.unwrap_or_default();
        groups.iter().any(|status| status.group.as_str() == "billing" && status.lag == 0)
    })
    .await;
}

async fn again(bus: &EventBus) {
    let topic = events_runtime::transport::Topic::new("orders").expect("a name");
    let group = ConsumerGroup::new("billing").expect("a name");
    let start = events_runtime::transport::StartPosition::Earliest;
    bus.transport().seek(&topic, &group, start).await.expect("set back");
}

#[tokio::test]
async fn async_receivers_of_the_bus_bill_each_order_once_despite_failures_and_redeliveries() {
    let inbox = billing().receiver("receipts").expect("a name");
    let (server, client) = server(&inbox).await;
    let bus = bus("receivers").await;
    let (config, calls) = (server.config(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&calls);
    bus.hub().scope(|| {
        ORDER_SENT.connect_async("receipts", move |event: Arc<Event<OrderSent>>| {
            let (inbox, config, calls) = (inbox.clone(), config.clone(), Arc::clone(&counted));
            async move {
                let mut client = connect(&config).await?;
                let number = i32::try_from(event.number)?;
                let billed = inbox.once(&mut client, event.metadata(), async |transaction| {
                    transaction.execute("INSERT INTO receipts VALUES ($1)", &[&number]).await?;
                    Ok(())
                });
                billed.await?;
                // After the commit: the work must not be repeated.
                let call = calls.fetch_add(1, Ordering::Relaxed);
                if call.is_multiple_of(3) { Err(BoxError::from("crashed")) } else { Ok(()) }
            }
        });
    });
    for _ in 0..2 {
        let consumer = bus.consume("orders").group("billing").concurrency(4).run_until(settled(&bus));
        consumer.await.expect("no fault");
        again(&bus).await;
    }
    assert_eq!((count(&client, "receipts").await, count(&client, "events_inbox").await), (30, 30));
    assert!(calls.load(Ordering::Relaxed) > 2 * ORDERS, "events came again");
}

#[tokio::test]
async fn dedup_queries_postgres_and_reconnects_after_a_lost_connection() {
    let inbox = billing();
    let (server, client) = server(&inbox).await;
    let bus = bus("dedup").await;
    let received = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&received);
    bus.hub().scope(|| {
        ORDER_SENT.connect("count", move |_: &Event<OrderSent>| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
    });
    let config = server.config();
    let seen = Arc::new(inbox.seen_events(move || {
        let config = config.clone();
        async move { Ok(connect(&config).await?) }
    }));
    for _ in 0..2 {
        let consumer =
            bus.consume("orders").group("billing").dedup(Arc::clone(&seen)).run_until(settled(&bus));
        assert_eq!(consumer.await.expect("no fault").acked, u64::from(ORDERS));
        assert_eq!(received.load(Ordering::Relaxed), ORDERS);
        again(&bus).await;
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        client.execute(others, &[]).await.expect("ended");
    }
    let group = ConsumerGroup::new("billing").expect("a name");
    let answer = until_answered(&*seen, &group).await;
    assert!(!answer, "an event that nobody has emitted");
}

#[tokio::test]
async fn events_reach_no_receiver_while_postgres_is_down_and_are_handled_afterwards() {
    let inbox = billing();
    let (server, client) = server(&inbox).await;
    let bus = bus("store away").await;
    let received = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&received);
    bus.hub().scope(|| {
        ORDER_SENT.connect("count", move |_: &Event<OrderSent>| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
    });
    let seen_by = |config: tokio_postgres::Config| {
        inbox.seen_events(move || {
            let config = config.clone();
            async move { Ok(connect(&config).await?) }
        })
    };
    let config = server.config();
    drop((client, server));
    // The consumer ends before the 20 attempts of an event are exhausted.
    let ending = bus.consume("orders").group("billing").dedup(seen_by(config)).max_consecutive_errors(5);
    let ended = tokio::time::timeout(LONG, ending.run()).await.expect("it ends by itself");
    let error = ended.expect_err("the store is away");
    assert!(matches!(error, ConsumeError::TooManyErrors { .. }), "{error}");
    assert_eq!(received.load(Ordering::Relaxed), 0);

    let (server, client) = self::server(&inbox).await;
    let again = bus.consume("orders").group("billing").dedup(seen_by(server.config()));
    let done = again.run_until(settled(&bus)).await.expect("no fault");
    assert_eq!((done.acked, done.dead_lettered), (u64::from(ORDERS), 0));
    assert_eq!(received.load(Ordering::Relaxed), ORDERS);
    assert_eq!(count(&client, "events_inbox").await, i64::from(ORDERS));
}

/// The first question on a connection that was just lost may fail.
async fn until_answered(seen: &dyn SeenEvents, group: &ConsumerGroup) -> bool {
    for _ in 0..100 {
        if let Ok(answer) = seen.contains(group, event(1).id()).await {
            return answer;
        }
    }
    panic!("it never connected again")
}
