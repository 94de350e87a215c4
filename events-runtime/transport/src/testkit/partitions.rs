//! Transports with partitions: positions, start, seek, status and the order of each key.

use std::collections::BTreeMap;

use crate::{Delivery, ErrorKind, Message, Position, Positions, StartPosition, Subscription, Transport};

use super::{
    Fixture, ack, can, connect, group, key_and_text, member, message, nothing, receive, send, subscribe,
    subscription, topic,
};

/// A transport with partitions, and messages of many keys with their positions; `None` without partitions.
async fn filled(
    fixture: &dyn Fixture,
    name: &str,
) -> Option<(Box<dyn Transport>, BTreeMap<u32, Vec<(Position, Message)>>)> {
    let transport = connect(fixture);
    if !can(&*transport, name, |can| can.partitions) {
        return None;
    }
    let batch: Vec<_> = (0..48).map(|i| message(&format!("k{}", i % 12), i)).collect();
    let positions = send(&*transport, &batch).await;
    let mut partitions = BTreeMap::<_, Vec<_>>::new();
    for (position, message) in positions.into_iter().zip(batch) {
        let partition = position.partition().expect("a position has its partition");
        partitions.entry(partition).or_default().push((position, message));
    }
    let topics = transport.topics().await.expect("the topics are listed");
    let is_it = |status: &&crate::TopicStatus| status.topic == topic();
    if topics.iter().find(is_it).is_some_and(|status| status.partitions.len() == 1) {
        println!("skipped on {}, whose topics have one partition: {name}", transport.url());
        return None;
    }
    assert!(partitions.len() > 1, "one of several partitions has all keys");
    Some((transport, partitions))
}

/// The middle of each partition.
fn middles(partitions: &BTreeMap<u32, Vec<(Position, Message)>>) -> Positions {
    let middle = |messages: &Vec<(Position, Message)>| messages[messages.len() / 2].0;
    Positions::new(partitions.values().map(middle)).expect("one for each partition")
}

/// The messages at or after these positions, as sorted text; all of the partitions that have none.
fn from(partitions: &BTreeMap<u32, Vec<(Position, Message)>>, start: &Positions) -> Vec<String> {
    let all = partitions.values().flatten();
    let after = all.filter(|(position, _)| start.of(position.partition()).is_none_or(|at| *position >= at));
    let mut texts: Vec<_> =
        after.map(|(_, message)| String::from_utf8_lossy(&message.data).into_owned()).collect();
    texts.sort();
    texts
}

fn sorted(deliveries: &[Delivery]) -> Vec<String> {
    let mut texts: Vec<_> = deliveries.iter().map(|delivery| key_and_text(delivery).1).collect();
    texts.sort();
    texts
}

/// Within a partition, positions rise; between partitions, they have no order.
pub async fn positions_of_two_partitions_do_not_compare(fixture: &dyn Fixture) {
    let name = "positions_of_two_partitions_do_not_compare";
    let Some((_transport, partitions)) = filled(fixture, name).await else { return };
    for messages in partitions.values() {
        assert!(messages.is_sorted_by(|one, other| one.0 < other.0), "{messages:?}");
    }
    let firsts: Vec<_> = partitions.values().map(|messages| messages[0].0).collect();
    assert_eq!(firsts[0].partial_cmp(&firsts[1]), None);
}

/// Also across send calls.
pub async fn the_messages_of_a_key_are_in_one_partition(fixture: &dyn Fixture) {
    let name = "the_messages_of_a_key_are_in_one_partition";
    let Some((transport, partitions)) = filled(fixture, name).await else { return };
    let more: Vec<_> = (48..60).map(|i| message(&format!("k{}", i % 12), i)).collect();
    let positions = send(&*transport, &more).await;
    for (position, message) in positions.into_iter().zip(more) {
        let partition = position.partition().expect("a position has its partition");
        let is_of_key = |(_, earlier): &&(Position, Message)| earlier.key == message.key;
        let of_key = partitions[&partition].iter().filter(is_of_key).count();
        assert_eq!(of_key, 4, "all earlier messages of {:?}", message.key);
    }
}

/// A partition that the position does not name starts at its earliest message.
pub async fn a_group_starts_at_a_position_in_each_partition(fixture: &dyn Fixture) {
    let name = "a_group_starts_at_a_position_in_each_partition";
    let Some((transport, partitions)) = filled(fixture, name).await else { return };
    let middles = middles(&partitions);
    let first = Positions::from(middles.iter().next().expect("a partition"));
    for (name, start) in [("all", middles), ("first", first)] {
        let expected = from(&partitions, &start);
        let at = Subscription::new(topic(), group(name)).start(start.into());
        let mut consumer = subscribe(&*transport, at).await;
        let deliveries = receive(&mut *consumer, expected.len()).await;
        assert_eq!(sorted(&deliveries), expected);
        ack(deliveries).await;
        nothing(&mut *consumer).await;
    }
}

/// Another kind of position, or an absent partition.
pub async fn a_position_of_no_partition_is_an_error(fixture: &dyn Fixture) {
    let name = "a_position_of_no_partition_is_an_error";
    let Some((transport, _partitions)) = filled(fixture, name).await else { return };
    for position in [Position::Sequence(1), Position::Record { partition: 1_000_000, offset: 0 }] {
        let at = subscription("billing").start(position.into());
        let error = transport.consumer(at).await.err().expect("it is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
}

/// A partition that the position does not name keeps the group's progress.
pub async fn a_group_is_moved_in_each_partition(fixture: &dyn Fixture) {
    let name = "a_group_is_moved_in_each_partition";
    let Some((transport, partitions)) = filled(fixture, name).await else { return };
    if !can(&*transport, name, |can| can.seek) {
        return;
    }
    let mut consumer = member(&*transport, "billing").await;
    ack(receive(&mut *consumer, 48).await).await;
    let middles = middles(&partitions);
    let expected = from(&partitions, &middles);
    transport.seek(&topic(), &group("billing"), middles.clone().into()).await.expect("the group is moved");
    let again = receive(&mut *consumer, expected.len()).await;
    assert_eq!(sorted(&again), expected);
    ack(again).await;
    nothing(&mut *consumer).await;

    let one = middles.iter().next().expect("a partition");
    let partition = one.partition().expect("its number");
    let only = BTreeMap::from([(partition, partitions[&partition].clone())]);
    let expected = from(&only, &one.into());
    transport.seek(&topic(), &group("billing"), one.into()).await.expect("the group is moved");
    let again = receive(&mut *consumer, expected.len()).await;
    assert_eq!(sorted(&again), expected);
    ack(again).await;
    nothing(&mut *consumer).await;
    transport.seek(&topic(), &group("billing"), StartPosition::Latest).await.expect("the group is moved");
    nothing(&mut *consumer).await;
}

/// Lag, next position, and the range of each partition.
pub async fn a_status_reports_each_partition(fixture: &dyn Fixture) {
    let name = "a_status_reports_each_partition";
    let Some((transport, partitions)) = filled(fixture, name).await else { return };
    let mut consumer = member(&*transport, "billing").await;
    let status = async || {
        let groups = transport.groups(&topic()).await.expect("the groups are listed");
        groups.into_iter().find(|status| status.group == group("billing")).expect("it exists")
    };
    let check = async |settled: &dyn Fn(Position) -> bool| {
        let status = status().await;
        let mut lag = 0;
        for (partition, messages) in &partitions {
            let left: Vec<_> = messages
                .iter()
                .map(|(position, _)| *position)
                .filter(|position| !settled(*position))
                .collect();
            assert_eq!(status.lag_in(Some(*partition)), left.len() as u64, "{status:?}");
            let end = messages[messages.len() - 1].0.after();
            let next = status.positions().expect("it is reported").of(Some(*partition));
            assert_eq!(next, Some(left.first().copied().unwrap_or(end)));
            lag += left.len() as u64;
        }
        assert_eq!(status.lag, lag);
    };
    check(&|_| false).await;
    let mut deliveries = receive(&mut *consumer, 48).await;
    let rest = deliveries.split_off(20);
    let acked: Vec<_> = deliveries.iter().map(Delivery::position).collect();
    ack(deliveries).await;
    check(&|position| acked.contains(&position)).await;
    ack(rest).await;
    check(&|_| true).await;
    let topics = transport.topics().await.expect("the topics are listed");
    let topic = topics.iter().find(|status| status.topic == topic()).expect("it is listed");
    for (partition, messages) in &partitions {
        let is_it = |range: &&crate::PartitionRange| range.first.partition() == Some(*partition);
        let range = topic.partitions.iter().find(is_it).expect("it is listed");
        assert_eq!((range.first, range.end), (messages[0].0, messages[messages.len() - 1].0.after()));
    }
}

/// In portions of any size: the rest of a partition, then the next ones.
pub async fn unsettled_messages_are_listed_by_partition(fixture: &dyn Fixture) {
    let name = "unsettled_messages_are_listed_by_partition";
    let Some((transport, partitions)) = filled(fixture, name).await else { return };
    let expected: Vec<_> = partitions.values().flatten().map(|(position, _)| *position).collect();
    for max in [1, 5, 100] {
        let mut found = Vec::new();
        loop {
            let after = found.last().copied();
            let portion = match transport.unsettled(&topic(), &group("billing"), after, max).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    println!("skipped on {}: {name}", transport.url());
                    return;
                }
                portion => portion.expect("the messages are read"),
            };
            if portion.is_empty() {
                break;
            }
            found.extend(portion.into_iter().map(|stored| stored.position));
        }
        assert_eq!(found, expected, "in portions of {max}");
    }
}

/// Over several members.
pub async fn members_keep_the_order_of_each_key(fixture: &dyn Fixture) {
    let name = "members_keep_the_order_of_each_key";
    let Some((transport, partitions)) = filled(fixture, name).await else { return };
    let mut members = [member(&*transport, "billing").await, member(&*transport, "billing").await];
    let mut seen = BTreeMap::<String, Vec<String>>::new();
    let mut count = 0;
    while count < 48 {
        let before = count;
        for consumer in &mut members {
            let deliveries =
                consumer.receive(5, std::time::Duration::from_millis(1)).await.expect("it receives");
            count += deliveries.len();
            for delivery in &deliveries {
                let (key, text) = key_and_text(delivery);
                seen.entry(key).or_default().push(text);
            }
            ack(deliveries).await;
        }
        if before == count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    for messages in partitions.values() {
        for (_, message) in messages {
            let key = String::from_utf8_lossy(message.key.as_deref().unwrap_or_default()).into_owned();
            let of_key = messages.iter().filter(|(_, other)| other.key == message.key);
            let sent: Vec<_> =
                of_key.map(|(_, message)| String::from_utf8_lossy(&message.data).into_owned()).collect();
            assert_eq!(seen[&key], sent);
        }
    }
}
