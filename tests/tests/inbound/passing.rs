//! Temporary groups: those of replays and of lookups.

use std::time::{Duration, SystemTime};

use events_runtime::bus::Offsets;
use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, Message, Subscription, Topic, Transport, connect,
};
use events_runtime::{EventBus, Hub};
use events_tests::over::Over;
use events_tests::until;
use uuid::{NoContext, Timestamp, Uuid};

use crate::shop::{LONG, Running, answer, bus, config, next, place_orders};

fn open(url: &str) -> Box<dyn Transport> {
    connect(url, &ConnectOptions::new()).expect("it opens")
}

fn orders() -> Topic {
    Topic::new("orders").expect("a name")
}

async fn groups(transport: &dyn Transport) -> Vec<String> {
    let groups = transport.groups(&orders()).await.expect("listed");
    groups.into_iter().map(|status| status.group.to_string()).collect()
}

#[tokio::test]
async fn a_replay_whose_group_another_process_removed_is_finished() {
    // The group is removed before or after the replay has seen it.
    for has_seen_it in [true, false] {
        let name = format!("finished by another {has_seen_it}");
        let url = format!("memory:inbound {name}");
        let other = open(&url);
        let transport = Over::new(open(&url)).groups(move |mut groups| {
            let replay = groups.iter().position(|status| status.group.as_str() == "look.replay");
            if let Some(at) = replay {
                if groups[at].lag == 0 {
                    // The other process looks first. A memory store reports this by the call.
                    drop(other.remove_group(&orders(), &groups[at].group));
                }
                if groups[at].lag == 0 || !has_seen_it {
                    groups.remove(at);
                }
            }
            async { groups }
        });
        let builder = EventBus::builder().config(config(&name, "")).hub(Hub::new());
        let bus = builder.transport(Box::new(transport)).start().await.expect("the bus starts");
        place_orders(&bus, &["ada", "bob"]).await;
        let mut asked = answer(&bus, "look", |_, _| Ok(()));
        let replay = bus.replay("orders").group("look").run();
        let replayed = tokio::time::timeout(LONG, replay).await.expect("it ends").expect("no error");
        assert!(replayed.finished && replayed.consumed.acked == 2, "{replayed:?}");
        assert_eq!((next(&mut asked).await, next(&mut asked).await), (1, 2));
        assert!(groups(bus.transport()).await.is_empty());
    }
}

#[tokio::test]
async fn a_consumer_removes_abandoned_lookup_groups_only() {
    let bus = bus("left behind").await;
    let _handled = answer(&bus, "charge", |_, _| Ok(()));
    place_orders(&bus, &["ada"]).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let made = |ago: u64| Uuid::new_v7(Timestamp::from_unix(NoContext, now - ago, 0));
    let (stale, fresh) = (format!("lookup.{}", made(7_200)), format!("lookup.{}", made(60)));
    for group in [&stale, &fresh, "archive"] {
        let group = ConsumerGroup::new(group).expect("a name");
        let consumer = bus.transport().consumer(Subscription::new(orders(), group)).await;
        consumer.expect("a consumer").close().await.expect("closed");
    }
    let consumer = Running::billing(&bus);
    until(|| async { !groups(bus.transport()).await.contains(&stale) }).await;
    consumer.stop().await;
    assert_eq!(groups(bus.transport()).await, ["archive", "billing", fresh.as_str()]);
}

#[tokio::test]
async fn a_dropped_lookup_leaves_no_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!("sqlite://{}", folder.path().join("events.db").display());
    for url in ["memory:inbound dropped look", &file] {
        let (transport, (looks, mut looking)) = (open(url), tokio::sync::mpsc::unbounded_channel());
        let producer = transport.producer().await.expect("a producer");
        for sent in producer.send(&orders(), &[Message::new("an order")]).await {
            sent.expect("stored");
        }
        let hanging = Over::new(open(url)).groups(move |groups| {
            let looks = looks.clone();
            async move {
                if groups.iter().any(|status| status.group.as_str().starts_with("lookup.")) {
                    looks.send(()).expect("the receiver is alive");
                    std::future::pending::<()>().await;
                }
                groups
            }
        });
        let offsets = Offsets::of(&hanging, orders());
        tokio::select! {
            located = offsets.locate(SystemTime::now() - Duration::from_secs(60 * 60)) => panic!("{located:?}"),
            looked = looking.recv() => looked.expect("a lookup has started"),
        }
        until(|| async { groups(&*transport).await.is_empty() }).await;
    }
}
