//! Reading a topic without a group.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::bus::{Peek, SeekTarget};
use events_transport::{
    ErrorKind, GroupStatus, Message, Position, StartPosition, StoredMessage, Topic, TopicStatus, Transport,
};
use uuid::Uuid;

use super::{Fixture, can, connect, group, member, message, named, receive, send, topic};

/// Everything up to the current end; `None` if the transport can't be read without receiving.
async fn rest(transport: &dyn Transport, peek: &mut Peek<'_>, name: &str) -> Option<Vec<StoredMessage>> {
    let mut all = Vec::new();
    loop {
        match peek.read().await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                println!("skipped on {}: {name}", transport.url());
                return None;
            }
            read => {
                let read = read.expect("the topic is read");
                if read.is_empty() {
                    return Some(all);
                }
                all.extend(read);
            }
        }
    }
}

async fn read(
    transport: &dyn Transport,
    from: impl Into<SeekTarget>,
    name: &str,
) -> Option<Vec<StoredMessage>> {
    let mut peek = Peek::open(transport, topic(), from).await.expect("the topic exists");
    rest(transport, &mut peek, name).await
}

fn positions(stored: &[StoredMessage]) -> Vec<Position> {
    stored.iter().map(|stored| stored.position).collect()
}

/// In the order of reading.
fn sorted(mut positions: Vec<Position>) -> Vec<Position> {
    positions.sort_by_key(|position| position.sort_key());
    positions
}

async fn state(transport: &dyn Transport) -> Vec<(TopicStatus, Vec<GroupStatus>)> {
    let mut state = Vec::new();
    for status in transport.topics().await.expect("the topics are listed") {
        let groups = transport.groups(&status.topic).await.expect("the groups are listed");
        state.push((status, groups));
    }
    state
}

fn batch(count: usize) -> Vec<Message> {
    (0..count).map(|i| message(["a", "b", "c", "d"][i % 4], i)).collect()
}

/// Settled, in flight and undelivered messages are read. No group is created, no lease taken or ended, no
/// attempt counted.
pub async fn peeking_reads_every_message_and_changes_nothing(fixture: &dyn Fixture) {
    let name = "peeking_reads_every_message_and_changes_nothing";
    let transport = connect(fixture);
    let sent = send(&*transport, &batch(600)).await;
    let mut consumer = member(&*transport, "billing").await;
    let mut held = receive(&mut *consumer, 8).await;
    super::ack(held.split_off(4)).await;
    let before = state(&*transport).await;
    let Some(found) = read(&*transport, StartPosition::Earliest, name).await else { return };
    assert_eq!(positions(&found), sorted(sent.clone()));
    for stored in &found {
        let at = sent.iter().position(|position| *position == stored.position).expect("it was sent");
        assert_eq!(stored.message, batch(600)[at]);
    }
    let last = Peek::last(&*transport, topic(), 3, |_| true).await.expect("the last are read");
    assert!(!last.is_empty());
    assert_eq!(state(&*transport).await, before);
    // The leases are still held, and the next deliveries are first attempts.
    super::ack(held).await;
    for delivery in receive(&mut *consumer, 20).await {
        assert_eq!(delivery.attempt(), 1);
        delivery.ack().await.expect("the acknowledgement is stored");
    }
}

/// Nothing is created.
pub async fn peeking_at_a_missing_topic_creates_nothing(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &batch(1)).await;
    let before = state(&*transport).await;
    let absent = named("absent");
    let opened = Peek::open(&*transport, absent.clone(), StartPosition::Earliest).await;
    assert_eq!(opened.expect_err("there is no such topic").kind(), ErrorKind::NotFound);
    let last = Peek::last(&*transport, absent, 3, |_| true).await;
    assert_eq!(last.expect_err("there is no such topic").kind(), ErrorKind::NotFound);
    assert_eq!(state(&*transport).await, before);
}

/// Each kind of target.
pub async fn peeking_starts_at_a_position_a_time_or_an_event(fixture: &dyn Fixture) {
    let name = "peeking_starts_at_a_position_a_time_or_an_event";
    let transport = connect(fixture);
    let id = Uuid::now_v7();
    let mut batch = batch(20);
    batch[12] = Message::new("it").with_key("a").with_header("ce_id", id.to_string());
    let sent = send(&*transport, &batch[..10]).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let time = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let later = send(&*transport, &batch[10..]).await;
    let all = sorted([&sent[..], &later[..]].concat());

    let Some(found) = read(&*transport, time, name).await else { return };
    assert_eq!(positions(&found), sorted(later.clone()));
    let in_partition = |from: Position| -> Vec<Position> {
        let is_left_out =
            |it: &Position| it.partition() == from.partition() && it.sort_key() < from.sort_key();
        all.iter().copied().filter(|it| !is_left_out(it)).collect()
    };
    for from in [sent[0], sent[7], later[9]] {
        let found = read(&*transport, from, name).await.expect("it is supported");
        assert_eq!(positions(&found), in_partition(from), "from {from}");
    }
    let found = read(&*transport, StartPosition::Latest, name).await.expect("it is supported");
    assert_eq!(positions(&found), []);
    let found = read(&*transport, id, name).await.expect("it is supported");
    let same = |it: &Position| it.partition() == later[2].partition() && it.sort_key() >= later[2].sort_key();
    assert_eq!(positions(&found), all.iter().copied().filter(same).collect::<Vec<_>>());
    let mut peek = Peek::open(&*transport, topic(), Uuid::now_v7()).await.expect("the topic exists");
    assert_eq!(peek.read().await.expect_err("no event has the id").kind(), ErrorKind::NotFound);
}

/// Of each partition, and those that satisfy a condition.
pub async fn the_last_messages_are_read(fixture: &dyn Fixture) {
    let name = "the_last_messages_are_read";
    let transport = connect(fixture);
    let sent = send(&*transport, &batch(700)).await;
    if read(&*transport, StartPosition::Latest, name).await.is_none() {
        return;
    }
    let expected = |count: usize, want: &dyn Fn(usize) -> bool| {
        let mut of_partition: BTreeMap<Option<u32>, Vec<Position>> = BTreeMap::new();
        for (_, position) in sent.iter().enumerate().filter(|(index, _)| want(*index)) {
            of_partition.entry(position.partition()).or_default().push(*position);
        }
        let last = of_partition.into_values().flat_map(|all| all[all.len().saturating_sub(count)..].to_vec());
        last.collect::<Vec<_>>()
    };
    for count in [0, 1, 5, 1000] {
        let last = Peek::last(&*transport, topic(), count, |_| true).await.expect("the last are read");
        assert_eq!(positions(&last), expected(count, &|_| true), "the last {count}");
    }
    let early = |stored: &StoredMessage| {
        stored
            .message
            .headers
            .get("ce_id")
            .is_some_and(|id| id.as_ref() == b"id-b-1" || id.as_ref() == b"id-b-5")
    };
    let last = Peek::last(&*transport, topic(), 1, early).await.expect("the last is read");
    assert_eq!(positions(&last), expected(1, &|index| index == 1 || index == 5));
}

/// The same reader continues with what arrives, in a topic that was empty too.
pub async fn a_peek_continues_with_later_messages(fixture: &dyn Fixture) {
    let name = "a_peek_continues_with_later_messages";
    let transport = connect(fixture);
    let empty = topic();
    drop(member(&*transport, "billing").await);
    let mut peek = Peek::open(&*transport, empty, StartPosition::Earliest).await.expect("the topic exists");
    let Some(found) = rest(&*transport, &mut peek, name).await else { return };
    assert_eq!(found, []);
    for _ in 0..3 {
        let sent = send(&*transport, &batch(40)).await;
        let found = rest(&*transport, &mut peek, name).await.expect("it is supported");
        assert_eq!(positions(&found), sorted(sent));
    }
}

/// Dead letters are messages of their topic, also after a retry.
pub async fn a_dead_letter_topic_is_read_as_any_other(fixture: &dyn Fixture) {
    let name = "a_dead_letter_topic_is_read_as_any_other";
    let transport = connect(fixture);
    if !can(&*transport, name, |capability| capability.takeover) {
        return;
    }
    send(&*transport, &batch(2)).await;
    let mut consumer = member(&*transport, "billing").await;
    for delivery in receive(&mut *consumer, 2).await {
        delivery.reject("it is poison").await.expect("the rejection is stored");
    }
    let dead: Topic = topic().dead_letter(&group("billing")).expect("a valid topic");
    let before = state(&*transport).await;
    let mut peek = Peek::open(&*transport, dead, StartPosition::Earliest).await.expect("the topic exists");
    let Some(found) = rest(&*transport, &mut peek, name).await else { return };
    let reason = |stored: &StoredMessage| stored.message.headers.get("dlq_reason").cloned();
    assert_eq!(found.iter().filter_map(reason).collect::<Vec<_>>(), ["it is poison"; 2]);
    assert_eq!(state(&*transport).await, before);
}
