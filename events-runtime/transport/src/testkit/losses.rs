//! Members that die: which message killed them, and whose attempts that costs.

use std::collections::VecDeque;
use std::time::Duration;

use crate::{Consumer, Delivery, Subscription};

use super::{
    Fixture, LONG, ack, can, connect, member, message, nothing, receive, receive_one, send, subscribe,
    subscription, texts,
};

/// Long enough for a few calls, even on a store under disturbance.
fn lease(fixture: &dyn Fixture) -> Duration {
    Duration::from_millis(300) * fixture.patience()
}

fn billing(fixture: &dyn Fixture) -> Subscription {
    subscription("billing").lease(lease(fixture))
}

/// Simulates a dead member: its deliveries are neither settled nor released.
fn lose(deliveries: Vec<Delivery>) {
    deliveries.into_iter().for_each(std::mem::forget);
}

/// Receives and acknowledges this number of messages; gives each one's text and attempt.
async fn take(consumer: &mut dyn Consumer, count: usize) -> Vec<(String, u32)> {
    let mut taken = Vec::new();
    for _ in 0..count {
        let delivery = receive_one(consumer).await;
        taken.push((texts(std::slice::from_ref(&delivery)).remove(0), delivery.attempt()));
        ack(vec![delivery]).await;
    }
    taken
}

/// A message that kills every member that handles it is identified: its attempts are counted, and
/// messages fetched in the same batch lose no attempts.
pub async fn a_message_that_kills_its_members_is_identified_and_costs_the_others_no_attempt(
    fixture: &dyn Fixture,
) {
    const DEADLY: &str = "deadly#0";
    let transport = connect(fixture);
    let name = "a_message_that_kills_its_members_is_identified_and_costs_the_others_no_attempt";
    if !can(&*transport, name, |can| can.isolates) {
        return;
    }
    let mut batch: Vec<_> = (0..4).map(|i| message(&format!("key{}", i % 2), i)).collect();
    batch.insert(1, message("deadly", 0));
    batch.push(message("deadly", 1));
    send(&*transport, &batch).await;
    // A dead member's deliveries are neither settled nor released.
    let mut dead = Vec::new();
    let (mut deadly, mut others) = (Vec::new(), Vec::new());
    while others.len() < 4 {
        let mut member = subscribe(&*transport, billing(fixture)).await;
        let mut held: VecDeque<_> =
            member.receive(10, LONG).await.expect("messages are received").into_iter().collect();
        while let Some(delivery) = held.pop_front() {
            let text = texts(std::slice::from_ref(&delivery)).remove(0);
            if text == DEADLY {
                deadly.push(delivery.attempt());
                held.push_front(delivery);
                dead.push((member, held));
                break;
            }
            assert_ne!(text, "deadly#1", "it is delivered after the first of its key");
            others.push((text, delivery.attempt()));
            delivery.ack().await.expect("the acknowledgement is stored");
        }
    }
    let mut member = member(&*transport, "billing").await;
    while deadly.last() < Some(&4) {
        let delivery = receive_one(&mut *member).await;
        assert_eq!(texts(std::slice::from_ref(&delivery)), [DEADLY]);
        deadly.push(delivery.attempt());
        if delivery.attempt() < 4 {
            drop(delivery);
        } else {
            delivery.reject("it is deadly").await.expect("the rejection is stored");
        }
    }
    ack(receive(&mut *member, 1).await).await;
    nothing(&mut *member).await;
    others.sort();
    assert_eq!(
        others,
        [("key0#0", 1), ("key0#2", 1), ("key1#1", 1), ("key1#3", 1)].map(|(text, n)| (text.to_owned(), n)),
        "they were delivered more often, and lost no attempt"
    );
    // Twice with others, uncounted, then isolated: the two then count, and the isolated delivery was the third.
    assert_eq!(deadly, [1, 1, 1, 4]);
}

/// A member that holds two messages by two claims, of which one expires first, held two.
pub async fn losing_a_member_with_several_claims_costs_no_attempt(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "losing_a_member_with_several_claims_costs_no_attempt", |can| can.isolates) {
        return;
    }
    let mut lost = subscribe(&*transport, billing(fixture)).await;
    send(&*transport, &[message("a", 0)]).await;
    let first = receive(&mut *lost, 1).await;
    tokio::time::sleep(lease(fixture) / 3).await;
    send(&*transport, &[message("b", 0)]).await;
    let second = receive(&mut *lost, 1).await;
    lose(first);
    lose(second);
    let mut member = subscribe(&*transport, billing(fixture)).await;
    let mut taken = take(&mut *member, 2).await;
    taken.sort();
    assert_eq!(taken, [("a#0".to_owned(), 1), ("b#0".to_owned(), 1)]);
}

/// The key's first message is a poison candidate, a later one belongs to another claim of the same member:
/// both are delivered.
pub async fn a_key_with_a_poison_candidate_makes_progress(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_key_with_a_poison_candidate_makes_progress", |can| can.isolates) {
        return;
    }
    let mut first = subscribe(&*transport, billing(fixture)).await;
    send(&*transport, &[message("a", 0), message("b", 0)]).await;
    lose(receive(&mut *first, 2).await);
    let mut second = subscribe(&*transport, billing(fixture)).await;
    let again = receive(&mut *second, 2).await;
    tokio::time::sleep(lease(fixture) / 3).await;
    send(&*transport, &[message("a", 1)]).await;
    let later = receive(&mut *second, 1).await;
    lose(again);
    lose(later);
    let mut member = subscribe(&*transport, billing(fixture)).await;
    let taken: Vec<_> = take(&mut *member, 3).await.into_iter().map(|(text, _)| text).collect();
    let index = |text: &str| taken.iter().position(|taken| taken == text).expect("it was delivered");
    assert!(index("a#0") < index("a#1"), "{taken:?}");
    assert!(taken.iter().any(|text| text == "b#0"));
}

/// A member that works on a poison candidate for long still gets other messages.
pub async fn a_slow_poison_candidate_does_not_block_other_messages(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_slow_poison_candidate_does_not_block_other_messages", |can| can.isolates) {
        return;
    }
    send(&*transport, &[message("a", 0), message("b", 0)]).await;
    for _ in 0..2 {
        let mut lost = subscribe(&*transport, billing(fixture)).await;
        lose(receive(&mut *lost, 2).await);
    }
    let mut member = subscribe(&*transport, billing(fixture)).await;
    let candidate = receive_one(&mut *member).await;
    send(&*transport, &[message("c", 0)]).await;
    let mut others = 0;
    for _ in 0..100 {
        candidate.renew().await.expect("the lease is renewed");
        let more = member.receive(10, lease(fixture) / 6).await.expect("messages are received");
        others += more.len();
        ack(more).await;
        if others == 2 {
            break;
        }
    }
    assert_eq!(others, 2, "a member that renews a candidate gets no other message");
    ack(vec![candidate]).await;
    nothing(&mut *member).await;
}
