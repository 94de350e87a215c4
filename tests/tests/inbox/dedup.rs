//! `Consume::dedup`, without a transaction.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use events_runtime::bus::{Consume, Consumed, DeadLetters};
use events_runtime::inbox::{SeenEvents, SqliteInbox};
use events_runtime::transport::{BoxFuture, ConsumerGroup, StartPosition, Topic};
use events_runtime::{BoxError, Config, Event, EventBus, Hub, Origin, PublicSignal};
use events_tests::until;
use rusqlite::Connection;
use uuid::Uuid;

use crate::{count, open};

/// A mail was asked for.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.inbox.mail.wanted.v1")]
struct MailWanted {
    number: u32,
}

/// A bus with this number of mails in its topic, and a count of sent mails.
async fn bus(name: &str, mails: u32) -> (EventBus, Arc<AtomicU32>) {
    let config = format!(
        r#"
        [service]
        name = "shop"
        [bus]
        url = "memory:inbox {name}"
        retry = {{ initial = "1ms", max = "2ms", max_attempts = 3 }}
        [routes."org.acme.inbox.mail.wanted.v1"]
        mails = {{}}
        "#
    );
    let config = Config::from_toml(&config).expect("a right configuration");
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await.expect("the bus starts");
    for number in 0..mails {
        bus.hub().emit(MailWanted { number }).delivered().await.expect("stored");
    }
    let sent = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&sent);
    bus.hub().scope(|| {
        MAIL_WANTED.connect("post", move |event: &Event<MailWanted>| {
            assert_eq!(event.origin(), Origin::Bus);
            counted.fetch_add(1, Ordering::Relaxed);
        });
    });
    (bus, sent)
}

/// Consumes until the group has settled all messages.
async fn drain(bus: &EventBus, group: &str, set_up: impl FnOnce(Consume) -> Consume) -> Consumed {
    let topic = Topic::new("mails").expect("a name");
    let settled = until(|| async {
        let groups = bus.transport().groups(&topic).await.unwrap_or_default();
        groups.iter().any(|status| status.group.as_str() == group && status.lag == 0)
    });
    set_up(bus.consume("mails").group(group)).run_until(settled).await.expect("no error")
}

async fn again(bus: &EventBus, group: &str) {
    let (topic, group) = (Topic::new("mails").expect("a name"), ConsumerGroup::new(group).expect("a name"));
    bus.transport().seek(&topic, &group, StartPosition::Earliest).await.expect("set back");
}

fn sent(sent: &AtomicU32) -> u32 {
    sent.load(Ordering::Relaxed)
}

#[tokio::test]
async fn events_handled_by_a_group_reach_no_receiver_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("seen.db");
    let inbox = SqliteInbox::new("any").expect("a name");
    inbox.create(&open(&path)).expect("the table is made");
    let (bus, mails) = bus("sqlite", 5).await;
    for _ in 0..3 {
        let consumed = drain(&bus, "post", |consume| consume.dedup(inbox.seen_events(open(&path)))).await;
        assert_eq!(consumed.acked, 5, "a duplicate is acknowledged");
        assert_eq!(sent(&mails), 5);
        again(&bus, "post").await;
    }
    // Another group has handled nothing yet.
    drain(&bus, "archive", |consume| consume.dedup(inbox.seen_events(open(&path)))).await;
    assert_eq!(sent(&mails), 10);
    assert_eq!(count(&open(&path), "events_inbox"), 10);
    // Without `dedup`, every event is handled again.
    drain(&bus, "post", |consume| consume).await;
    assert_eq!(sent(&mails), 15);
}

/// A store that fails on demand.
#[derive(Default)]
struct Store {
    seen: Mutex<HashSet<(ConsumerGroup, Uuid)>>,
    cannot_be_asked: AtomicBool,
    cannot_be_told: AtomicBool,
}

impl SeenEvents for Store {
    fn contains<'a>(&'a self, group: &'a ConsumerGroup, id: Uuid) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(async move {
            // Once; the next attempt succeeds.
            if self.cannot_be_asked.swap(false, Ordering::Relaxed) {
                return Err("the store is unavailable".into());
            }
            Ok(self.seen.lock().expect("no panic").contains(&(group.clone(), id)))
        })
    }

    fn insert<'a>(&'a self, group: &'a ConsumerGroup, id: Uuid) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            if self.cannot_be_told.load(Ordering::Relaxed) {
                return Err("the store is full".into());
            }
            self.seen.lock().expect("no panic").insert((group.clone(), id));
            Ok(())
        })
    }
}

#[tokio::test]
async fn a_failed_lookup_is_retried_and_a_failed_insert_is_acknowledged() {
    let (bus, mails) = bus("own", 2).await;
    let store = Arc::new(Store::default());
    store.cannot_be_asked.store(true, Ordering::Relaxed);
    let consumed = drain(&bus, "post", |consume| consume.dedup(Arc::clone(&store))).await;
    assert_eq!((consumed.retried, consumed.acked, consumed.dead_lettered), (1, 2, 0));
    assert_eq!(sent(&mails), 2);

    again(&bus, "post").await;
    store.seen.lock().expect("no panic").clear();
    store.cannot_be_told.store(true, Ordering::Relaxed);
    let consumed = drain(&bus, "post", |consume| consume.dedup(Arc::clone(&store))).await;
    assert_eq!((consumed.retried, consumed.acked), (0, 2));
    assert_eq!(sent(&mails), 4);
}

#[tokio::test]
async fn an_event_that_failed_is_not_remembered() {
    let (bus, mails) = bus("failing", 1).await;
    let failures = AtomicU32::new(0);
    bus.hub().scope(|| {
        MAIL_WANTED.connect("moody", move |_: &Event<MailWanted>| {
            if failures.fetch_add(1, Ordering::Relaxed) == 0 { Err("not today") } else { Ok(()) }
        });
    });
    let store = Arc::new(Store::default());
    let consumed = drain(&bus, "post", |consume| consume.dedup(Arc::clone(&store))).await;
    assert_eq!((consumed.retried, consumed.acked), (1, 1));
    assert_eq!(sent(&mails), 2, "every receiver is called at each attempt");
    again(&bus, "post").await;
    drain(&bus, "post", |consume| consume.dedup(Arc::clone(&store))).await;
    assert_eq!(sent(&mails), 2);
}

#[tokio::test]
async fn a_lookup_in_a_locked_file_is_retried_until_the_attempts_are_exhausted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("seen.db");
    let inbox = SqliteInbox::new("any").expect("a name");
    let asking = || {
        let db = Connection::open(&path).expect("a database");
        db.busy_timeout(std::time::Duration::ZERO).expect("set");
        db
    };
    inbox.create(&asking()).expect("the table is made");
    let (bus, mails) = bus("locked", 1).await;
    let locking = asking();
    let lock = || locking.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    lock();
    // A lasting outage exhausts the attempts, as any failure does.
    let consumed = drain(&bus, "post", |consume| consume.dedup(inbox.seen_events(asking()))).await;
    assert_eq!((consumed.retried, consumed.dead_lettered, sent(&mails)), (2, 1, 0));
    locking.execute_batch("COMMIT").expect("unlocked");

    // A short one costs attempts only.
    again(&bus, "post").await;
    lock();
    let patient = |consume: Consume| consume.max_attempts(1_000_000).dedup(inbox.seen_events(asking()));
    let unlock = async {
        let topic = Topic::new("mails").expect("a name");
        until(|| async {
            let groups = bus.transport().groups(&topic).await.unwrap_or_default();
            groups.iter().any(|status| status.group.as_str() == "post" && status.waiting > 0)
        })
        .await;
        locking.execute_batch("COMMIT").expect("unlocked");
    };
    let (consumed, ()) = tokio::join!(drain(&bus, "post", patient), unlock);
    assert!(consumed.retried >= 1, "{consumed:?}");
    assert_eq!((consumed.acked, consumed.dead_lettered, sent(&mails)), (1, 0, 1));
}

#[tokio::test]
async fn the_error_of_a_missing_inbox_table_reaches_the_dead_letter() {
    let (bus, mails) = bus("no table", 1).await;
    let db = Connection::open_in_memory().expect("a database");
    let inbox = SqliteInbox::new("any").expect("a name");
    let consumed = drain(&bus, "post", |consume| consume.dedup(inbox.seen_events(db))).await;
    assert_eq!((consumed.dead_lettered, sent(&mails)), (1, 0));
    let (topic, group) = (Topic::new("mails").expect("a name"), ConsumerGroup::new("post").expect("a name"));
    let letters = DeadLetters::of(bus.transport(), topic, group).expect("names");
    let letters = letters.list().await.expect("listed").dead_letters;
    let reason = letters[0].reason().expect("a reason");
    assert!(reason.contains("table `events_inbox` does not exist: call `create`"), "{reason}");
}
