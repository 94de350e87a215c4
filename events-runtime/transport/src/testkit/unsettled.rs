//! Listing a group's unsettled messages without receiving them.

use std::time::Duration;

use crate::{ErrorKind, GroupStatus, Position, StoredMessage, Transport};

use super::{Fixture, ack, connect, group, member, message, nothing, receive, send, topic};

/// The unsettled messages of `billing`, in portions of this size; `None` if the transport can't list them.
async fn unsettled(transport: &dyn Transport, name: &str, max: usize) -> Option<Vec<StoredMessage>> {
    let (topic, billing) = (topic(), group("billing"));
    let mut all: Vec<StoredMessage> = Vec::new();
    loop {
        let after = all.last().map(|stored| stored.position);
        let portion = match transport.unsettled(&topic, &billing, after, max).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                println!("skipped on {}: {name}", transport.url());
                return None;
            }
            portion => portion.expect("the group's messages are read"),
        };
        if portion.is_empty() {
            return Some(all);
        }
        assert!(portion.len() <= max, "{} of {max}", portion.len());
        all.extend(portion);
    }
}

fn positions(stored: &[StoredMessage]) -> Vec<Position> {
    stored.iter().map(|stored| stored.position).collect()
}

async fn groups(transport: &dyn Transport) -> Vec<GroupStatus> {
    transport.groups(&topic()).await.expect("the groups are listed")
}

/// In flight, released, waiting for a retry and undelivered: all of them, in order, in portions of any size.
pub async fn unsettled_messages_are_listed_in_order(fixture: &dyn Fixture) {
    let name = "unsettled_messages_are_listed_in_order";
    let transport = connect(fixture);
    let batch: Vec<_> = (0..12).map(|i| message(["a", "b", "c", "d"][i % 4], i)).collect();
    let sent = send(&*transport, &batch).await;
    let mut consumer = member(&*transport, "billing").await;
    let (mut acked, mut held, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for (index, delivery) in receive(&mut *consumer, 8).await.into_iter().enumerate() {
        if matches!(index, 1 | 2 | 5) {
            acked.push(delivery);
            continue;
        }
        expected.push(delivery.position());
        match index {
            0 => delivery.retry(Duration::from_secs(60 * 60)).await.expect("the retry is stored"),
            3 => delivery.release().await.expect("the release is stored"),
            _ => held.push(delivery),
        }
    }
    ack(acked).await;
    expected.extend(&sent[8..]);
    expected.sort_by_key(|position| position.sort_key());
    for max in [1, 3, 100] {
        let Some(found) = unsettled(&*transport, name, max).await else { return };
        assert_eq!(positions(&found), expected, "in portions of {max}");
        for stored in found {
            let at = sent.iter().position(|position| *position == stored.position).expect("it was sent");
            assert_eq!(stored.message, batch[at]);
            assert!(stored.time.elapsed().is_ok_and(|age| age < super::LONG), "{:?}", stored.time);
        }
    }
    ack(held).await;
}

/// It creates no group, takes no lease and counts no attempt.
pub async fn reading_what_is_unsettled_changes_nothing(fixture: &dyn Fixture) {
    let name = "reading_what_is_unsettled_changes_nothing";
    let transport = connect(fixture);
    let sent = send(&*transport, &[message("a", 0), message("a", 1)]).await;
    let Some(found) = unsettled(&*transport, name, 10).await else { return };
    assert_eq!(positions(&found), sent, "an absent group has settled nothing");
    assert_eq!(groups(&*transport).await, []);
    let mut consumer = member(&*transport, "billing").await;
    let before = groups(&*transport).await;
    assert_eq!(positions(&unsettled(&*transport, name, 10).await.expect("as before")), sent);
    assert_eq!(groups(&*transport).await, before);
    let deliveries = receive(&mut *consumer, 2).await;
    assert!(deliveries.iter().all(|delivery| delivery.attempt() == 1));
    assert_eq!(positions(&unsettled(&*transport, name, 10).await.expect("as before")), sent);
    ack(deliveries).await;
    assert_eq!(unsettled(&*transport, name, 10).await, Some(Vec::new()));
    nothing(&mut *consumer).await;
}

/// The error kind says so.
pub async fn an_absent_topic_has_no_unsettled_messages(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let error = transport.unsettled(&topic(), &group("billing"), None, 10).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported), "{error}");
}
