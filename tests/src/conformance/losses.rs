//! Members that are lost: which message was their end, and what that costs it and the others.

use std::collections::VecDeque;
use std::time::Duration;

use events_runtime::transport::{Consumer, Delivery, Subscription};

use super::{
    Fixture, LONG, ack, can, connect, member, message, nothing, receive, receive_one, send, subscribe,
    subscription, texts,
};

/// Time enough for a few calls, even of a store that is disturbed.
fn lease(fixture: &dyn Fixture) -> Duration {
    Duration::from_millis(300) * fixture.patience()
}

fn billing(fixture: &dyn Fixture) -> Subscription {
    subscription("billing").lease(lease(fixture))
}

/// What a member held that is lost: it is neither settled nor given back.
fn lose(deliveries: Vec<Delivery>) {
    deliveries.into_iter().for_each(std::mem::forget);
}

/// Receives and acknowledges so many: each with its attempt.
async fn take(consumer: &mut dyn Consumer, count: usize) -> Vec<(String, u32)> {
    let mut taken = Vec::new();
    for _ in 0..count {
        let delivery = receive_one(consumer).await;
        taken.push((texts(std::slice::from_ref(&delivery)).remove(0), delivery.attempt()));
        ack(vec![delivery]).await;
    }
    taken
}

/// A message whose receiver ends every member that holds it is found out: its attempts are counted, and
/// the messages that were fetched with it lose none of theirs.
pub async fn a_message_that_ends_its_members_is_found_and_costs_the_others_no_attempt(fixture: &dyn Fixture) {
    const DEADLY: &str = "deadly#0";
    let transport = connect(fixture);
    let name = "a_message_that_ends_its_members_is_found_and_costs_the_others_no_attempt";
    if !can(&*transport, name, |can| can.isolates) {
        return;
    }
    let mut batch: Vec<_> = (0..4).map(|i| message(&format!("key{}", i % 2), i)).collect();
    batch.insert(1, message("deadly", 0));
    batch.push(message("deadly", 1));
    send(&*transport, &batch).await;
    // What a dead member held is neither settled nor given back.
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
            assert_ne!(text, "deadly#1", "it waits behind the first of its key");
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
            delivery.reject("it is deadly").await.expect("it is given up");
        }
    }
    ack(receive(&mut *member, 1).await).await;
    nothing(&mut *member).await;
    others.sort();
    assert_eq!(
        others,
        [("key0#0", 1), ("key0#2", 1), ("key1#1", 1), ("key1#3", 1)].map(|(text, n)| (text.to_owned(), n)),
        "they were handed out more often, and lost no attempt"
    );
    // Twice among others, uncounted, and then alone: with the two it is at its third by the end of that.
    assert_eq!(deadly, [1, 1, 1, 4]);
}

/// A member that held two by two claims, one of which ends first, had two.
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

/// The first of a key is suspected while a later one is held by another claim of its member: both come.
pub async fn a_key_whose_first_message_is_suspected_goes_on(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_key_whose_first_message_is_suspected_goes_on", |can| can.isolates) {
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
    let place = |text: &str| taken.iter().position(|taken| taken == text).expect("it came");
    assert!(place("a#0") < place("a#1"), "{taken:?}");
    assert!(taken.iter().any(|text| text == "b#0"));
}

/// A suspect that is worked on for long, alive, does not keep everything else from its member.
pub async fn a_suspect_at_work_leaves_room_for_others_in_the_end(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_suspect_at_work_leaves_room_for_others_in_the_end", |can| can.isolates) {
        return;
    }
    send(&*transport, &[message("a", 0), message("b", 0)]).await;
    for _ in 0..2 {
        let mut lost = subscribe(&*transport, billing(fixture)).await;
        lose(receive(&mut *lost, 2).await);
    }
    let mut member = subscribe(&*transport, billing(fixture)).await;
    let suspect = receive_one(&mut *member).await;
    send(&*transport, &[message("c", 0)]).await;
    let mut others = 0;
    for _ in 0..100 {
        suspect.renew().await.expect("the lease is renewed");
        let more = member.receive(10, lease(fixture) / 6).await.expect("messages are received");
        others += more.len();
        ack(more).await;
        if others == 2 {
            break;
        }
    }
    assert_eq!(others, 2, "who renews a suspect gets nothing else");
    ack(vec![suspect]).await;
    nothing(&mut *member).await;
}
