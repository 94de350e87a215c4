//! Messages of one key keep their order across members and outcomes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Consumer, Delivery, Message};

use super::{
    Fixture, LONG, ack, can, connect, key_and_text, long_delay, member, message, nothing, other_member,
    other_or, receive, receive_one, send, subscribe, subscription, texts,
};

/// Keys A, B, C in turn, `each` messages of each.
fn interleaved(each: usize) -> Vec<Message> {
    (0..each).flat_map(|i| ["A", "B", "C"].map(|key| message(key, i))).collect()
}

/// One consumer.
pub async fn the_order_of_each_key_is_kept(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    send(&*transport, &interleaved(40)).await;
    let mut consumer = member(&*transport, "billing").await;
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    for delivery in receive(&mut *consumer, 120).await {
        let (key, text) = key_and_text(&delivery);
        let expected = next.entry(key.clone()).or_default();
        assert_eq!(text, format!("{key}#{expected}"));
        *expected += 1;
        ack(vec![delivery]).await;
    }
}

/// Concurrent members, each settling at its own pace.
pub async fn competing_members_keep_the_order_of_each_key(fixture: &dyn Fixture) {
    const EACH: usize = 60;
    let transport = connect(fixture);
    let other = connect(fixture);
    send(&*transport, &interleaved(EACH)).await;
    let (done, mut settled) = tokio::sync::mpsc::unbounded_channel();
    let mut tasks = Vec::new();
    for (index, transport) in [&transport, &other, &transport].into_iter().enumerate() {
        let mut consumer = member(&**transport, "billing").await;
        let done = done.clone();
        tasks.push(tokio::spawn(async move {
            loop {
                let got = consumer.receive(index + 2, LONG).await.expect("messages are received");
                for delivery in got {
                    let key_and_text = key_and_text(&delivery);
                    tokio::task::yield_now().await;
                    // Reported before the acknowledgement: once that is stored, another member may
                    // report the next message.
                    if done.send(key_and_text).is_err() {
                        return;
                    }
                    delivery.ack().await.expect("the acknowledgement is stored");
                }
            }
        }));
    }
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..3 * EACH {
        let (key, text) = tokio::time::timeout(LONG, settled.recv())
            .await
            .expect("all messages come")
            .expect("a consumer is there");
        let expected = next.entry(key.clone()).or_default();
        assert_eq!(text, format!("{key}#{expected}"));
        *expected += 1;
    }
    for task in tasks {
        task.abort();
    }
}

/// A slow key does not block other keys.
pub async fn a_key_in_flight_elsewhere_waits_while_other_keys_go_on(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if transport.capability().assigns {
        return a_key_in_flight_moves_with_its_partition(&*transport).await;
    }
    send(&*transport, &interleaved(3)).await;
    let mut first = member(&*transport, "billing").await;
    let mut second = member(&*transport, "billing").await;
    let held = receive_one(&mut *first).await;
    assert_eq!(texts(std::slice::from_ref(&held)), ["A#0"]);
    let others = receive(&mut *second, 6).await;
    assert_eq!(texts(&others), ["B#0", "C#0", "B#1", "C#1", "B#2", "C#2"]);
    nothing(&mut *second).await;
    ack(others).await;
    nothing(&mut *second).await;
    ack(vec![held]).await;
    let rest = receive(&mut *second, 2).await;
    assert_eq!(texts(&rest), ["A#1", "A#2"]);
    nothing(&mut *first).await;
    ack(rest).await;
}

/// While a key is in flight, another member gets none of its messages. Once the partition is free, another member
/// gets what is left, in order.
async fn a_key_in_flight_moves_with_its_partition(transport: &dyn super::Transport) {
    send(transport, &interleaved(3)).await;
    let mut first = member(transport, "billing").await;
    let mut second = member(transport, "billing").await;
    let held = receive_one(&mut *first).await;
    assert_eq!(texts(std::slice::from_ref(&held)), ["A#0"]);
    nothing(&mut *second).await;
    let mut others = receive(&mut *first, 8).await;
    assert_eq!(texts(&others), ["B#0", "C#0", "A#1", "B#1", "C#1", "A#2", "B#2", "C#2"]);
    nothing(&mut *second).await;
    let rest = others.split_off(2);
    ack(others).await;
    ack(vec![held]).await;
    for later in rest.into_iter().rev() {
        later.release().await.expect("the release is stored");
    }
    first.close().await.expect("the consumer leaves");
    let rest = receive(&mut *second, 6).await;
    assert_eq!(texts(&rest), ["A#1", "B#1", "C#1", "A#2", "B#2", "C#2"]);
    assert!(rest.iter().all(|delivery| delivery.attempt() == 1), "{rest:?}");
    ack(rest).await;
    nothing(&mut *second).await;
}

/// A retry blocks its own key only.
pub async fn a_key_waiting_for_a_retry_holds_its_later_messages(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_key_waiting_for_a_retry_holds_its_later_messages", |can| can.retries_hold_key) {
        return;
    }
    let mut consumer = member(&*transport, "billing").await;
    let mut other = other_member(&*transport, "billing").await;
    send(&*transport, &[message("A", 0)]).await;
    let failing = receive_one(&mut *consumer).await;
    let second = other_or(&mut other, &mut consumer);
    failing.retry(long_delay(fixture)).await.expect("the retry is stored");
    send(&*transport, &[message("A", 1), message("B", 0), message("A", 2)]).await;
    let b = receive(second, 1).await;
    assert_eq!(texts(&b), ["B#0"]);
    ack(b).await;
    let again = receive(second, 3).await;
    assert_eq!(texts(&again), ["A#0", "A#1", "A#2"]);
    let attempts: Vec<_> = again.iter().map(Delivery::attempt).collect();
    assert_eq!(attempts, [2, 1, 1]);
    ack(again).await;
}

/// A postponed message blocks its own key only.
pub async fn a_postponed_key_holds_its_later_messages_while_other_keys_go_on(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = member(&*transport, "billing").await;
    let mut other = other_member(&*transport, "billing").await;
    send(&*transport, &[message("A", 0), message("A", 1)]).await;
    let mut postponed = receive(&mut *consumer, 2).await;
    let second = other_or(&mut other, &mut consumer);
    // The later one first, so that it does not overtake the earlier one.
    postponed.remove(1).release().await.expect("the release is stored");
    postponed.remove(0).postpone(long_delay(fixture)).await.expect("the outcome is stored");
    send(&*transport, &[message("B", 0), message("A", 2)]).await;
    let b = receive(second, 1).await;
    assert_eq!(texts(&b), ["B#0"]);
    ack(b).await;
    let again = receive(second, 3).await;
    assert_eq!(texts(&again), ["A#0", "A#1", "A#2"]);
    let attempts: Vec<_> = again.iter().map(Delivery::attempt).collect();
    assert_eq!(attempts, [1, 1, 1]);
    ack(again).await;
}

/// Messages without a key have no order.
pub async fn messages_without_a_key_are_not_held_back(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..4).map(|i| Message::new(format!("{i}"))).collect();
    send(&*transport, &batch).await;
    let mut first = member(&*transport, "billing").await;
    let mut other = other_member(&*transport, "billing").await;
    let held = receive_one(&mut *first).await;
    let rest = receive(other_or(&mut other, &mut first), 3).await;
    assert_eq!(texts(&rest), ["1", "2", "3"]);
    ack(rest).await;
    ack(vec![held]).await;
}

/// The dead member's messages are delivered first.
pub async fn a_taken_over_key_keeps_its_order(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_taken_over_key_keeps_its_order", |can| can.takeover) {
        return;
    }
    send(&*transport, &interleaved(2)).await;
    let short = subscription("billing").lease(Duration::from_millis(120));
    let mut dead = subscribe(&*transport, short).await;
    // A#0, B#0 and C#0 stay in flight.
    let held = receive(&mut *dead, 3).await;
    send(&*transport, &[message("A", 2), message("D", 0)]).await;
    let mut alive = member(&*transport, "billing").await;
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..8 {
        let delivery = receive_one(&mut *alive).await;
        let (key, text) = key_and_text(&delivery);
        let expected = next.entry(key.clone()).or_default();
        assert_eq!(text, format!("{key}#{expected}"));
        *expected += 1;
        ack(vec![delivery]).await;
    }
    drop(held);
    nothing(&mut *alive).await;
}

/// Three members that acknowledge, retry, release and drop at random, over many rounds: every
/// message is acknowledged once, the acknowledgements of a key are in order, and what is in flight
/// of a key is never out of order.
pub async fn random_settling_keeps_the_order_and_loses_nothing(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "random_settling_keeps_the_order_and_loses_nothing", |can| can.retries_hold_key) {
        return;
    }
    for seed in 1..=seeds() {
        let transport = connect(fixture);
        let name = format!("group-{seed}");
        let mut members: Vec<Box<dyn Consumer>> = Vec::new();
        // A delivery is held over many rounds, which take long on a busy machine and on a store that is disturbed.
        let lease = 5 * LONG * fixture.patience();
        for _ in 0..3 {
            members.push(subscribe(&*transport, subscription(&name).lease(lease)).await);
        }
        settle_at_random(&*transport, &mut members, seed).await;
    }
}

/// The number of seeds: `CONFORMANCE_SEEDS`, by default 4.
fn seeds() -> u64 {
    std::env::var("CONFORMANCE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(4)
}

/// Xorshift, so that a failing seed can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit as u64)).expect("below a usize")
    }
}

async fn settle_at_random(transport: &dyn super::Transport, members: &mut [Box<dyn Consumer>], seed: u64) {
    const KEYS: [&str; 4] = ["A", "B", "C", "D"];
    const EACH: usize = 12;
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let start: BTreeMap<&str, usize> = BTreeMap::from(KEYS.map(|key| (key, 0)));
    // Skip the messages of earlier seeds.
    for member in members.iter_mut() {
        loop {
            let old = member.receive(1_000, Duration::ZERO).await.expect("messages are received");
            if old.is_empty() {
                break;
            }
            ack(old).await;
        }
    }
    let mut acked = start.clone();
    let mut sent = start;
    let mut held: Vec<Vec<Delivery>> = members.iter().map(|_| Vec::new()).collect();
    let finished = |acked: &BTreeMap<&str, usize>| acked.values().all(|count| *count == EACH);
    let mut rounds = 0;
    while !finished(&acked) {
        rounds += 1;
        assert!(rounds < 20_000, "seed {seed}: stuck at {acked:?}, held {held:?}");
        let key = KEYS[random.below(KEYS.len())];
        let count = sent.get_mut(key).expect("a known key");
        if *count < EACH {
            send(transport, &[message(key, *count)]).await;
            *count += 1;
        }
        let index = random.below(members.len());
        let got =
            members[index].receive(1 + random.below(5), Duration::ZERO).await.expect("messages are received");
        for delivery in got {
            let (key, text) = key_and_text(&delivery);
            // The messages in flight of a key are its earliest unsettled ones, held by one member, in order.
            let in_flight: Vec<(usize, String)> = held
                .iter()
                .enumerate()
                .flat_map(|(member, held)| held.iter().map(move |delivery| (member, delivery)))
                .filter(|(_, delivery)| key_and_text(delivery).0 == key)
                .map(|(member, delivery)| (member, key_and_text(delivery).1))
                .collect();
            let expected = format!("{key}#{}", acked[&*key] + in_flight.len());
            assert_eq!(text, expected, "seed {seed}: in flight {in_flight:?}");
            assert!(in_flight.iter().all(|(member, _)| *member == index), "seed {seed}");
            held[index].push(delivery);
        }
        let index = random.below(members.len());
        if held[index].is_empty() || random.below(3) == 0 {
            continue;
        }
        let at = random.below(held[index].len());
        let (key, _) = key_and_text(&held[index][at]);
        // As a consumer must: settle the first message of the key; if it is released, release all.
        let mut of_key: Vec<Delivery> = Vec::new();
        let mut rest = Vec::new();
        for delivery in held[index].drain(..) {
            if key_and_text(&delivery).0 == key {
                of_key.push(delivery);
            } else {
                rest.push(delivery);
            }
        }
        held[index] = rest;
        let first = of_key.remove(0);
        let what = random.below(6);
        if what < 3 {
            first.ack().await.expect("the acknowledgement is stored");
            *acked.get_mut(&*key).expect("a known key") += 1;
            held[index].splice(0..0, of_key);
            continue;
        }
        // The later ones first, so that the key stays leased while they are held.
        for later in of_key.into_iter().rev() {
            later.release().await.expect("the release is stored");
        }
        match what {
            3 => first.retry(Duration::from_millis(2)).await.expect("the retry is stored"),
            4 => first.release().await.expect("the release is stored"),
            _ => drop(first),
        }
    }
    for member in members {
        nothing(&mut **member).await;
    }
}
