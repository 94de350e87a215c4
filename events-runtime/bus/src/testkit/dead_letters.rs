//! Dead letters: listed, retried, discarded, exported and restored.

use std::time::{Duration, Instant};

use crate::bus::{DeadLetter, DeadLetters};
use events_transport::{
    Acknowledgement, Consumer, ErrorKind, Message, Subscription, Transport, TransportError,
};
use tokio::sync::mpsc;

use super::over::Over;

use super::{
    Fixture, LONG, can, connect, group, message, named, nothing, receive, receive_one, send, send_to,
    subscribe, subscription, topic,
};

/// The dead letters of `billing` on the usual topic.
fn letters(transport: &dyn Transport) -> DeadLetters<'_> {
    DeadLetters::of(transport, topic(), group("billing")).expect("a valid dead-letter topic")
}

/// Sends messages and has `billing` reject each of them, in order.
async fn give_up(transport: &dyn Transport, batch: &[Message]) -> Box<dyn Consumer> {
    send(transport, batch).await;
    // Hundreds of rejections, one after the other, take long on a slow store.
    let mut consumer = subscribe(transport, subscription("billing").lease(5 * LONG)).await;
    for delivery in receive(&mut *consumer, batch.len()).await {
        delivery.reject("it is poison").await.expect("the rejection is stored");
    }
    consumer
}

async fn listed(transport: &dyn Transport) -> Vec<DeadLetter> {
    let listing = letters(transport).list().await.expect("the dead letters are listed");
    assert_eq!(listing.elsewhere, 0);
    listing.dead_letters
}

fn ids<'a>(letters: impl IntoIterator<Item = &'a DeadLetter>) -> Vec<String> {
    letters.into_iter().map(|letter| letter.id().expect("an id").to_owned()).collect()
}

/// A dead letter has the reason of its failure and its original message.
pub async fn a_dead_letter_names_its_failure_and_its_event(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let sent = message("key", 0).with_header("ce_type", "org.acme.orders.order.placed.v1");
    give_up(&*transport, std::slice::from_ref(&sent)).await;
    let found = listed(&*transport).await;
    let [letter] = found.as_slice() else { panic!("expected one dead letter, found {found:?}") };
    assert_eq!(letter.reason().as_deref(), Some("it is poison"));
    assert_eq!(letter.attempts(), Some(1));
    assert_eq!(letter.event_type(), Some("org.acme.orders.order.placed.v1"));
    assert_eq!(letter.id(), Some("id-key-0"));
    assert_eq!(letter.original(), sent);
    let age = letter.time().elapsed().expect("a time in the past");
    assert!(age < LONG, "{age:?}");
}

/// Listing has no side effects, for any number of dead letters and keys.
pub async fn listing_dead_letters_changes_nothing(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..600).map(|i| message(["a", "b", "c"][i % 3], i)).collect();
    give_up(&*transport, &batch).await;
    let first = listed(&*transport).await;
    let expected: Vec<_> = (0..600).map(|i| format!("id-{}-{i}", ["a", "b", "c"][i % 3])).collect();
    assert_eq!(ids(&first), expected);
    assert_eq!(listed(&*transport).await, first);
    // Nor does it affect another group of the topic.
    let dead = topic().dead_letter(&group("billing")).expect("a valid topic");
    let mut audit = subscribe(&*transport, Subscription::new(dead, group("audit"))).await;
    super::ack(receive(&mut *audit, 600).await).await;
    assert_eq!(listed(&*transport).await, first);
}

/// Listing does not create the dead-letter topic.
pub async fn a_group_without_dead_letters_has_none(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    assert_eq!(listed(&*transport).await, []);
    let handled = letters(&*transport).retry(|_| true).await.expect("there is nothing to do");
    assert!(handled.done.is_empty() && handled.failed.is_empty());
    assert_eq!(transport.topics().await.expect("the topics are listed"), []);
}

/// Key, headers, id and data are redelivered, and the dead letter is removed.
pub async fn a_dead_letter_can_be_sent_again_with_its_id(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let sent = message("key", 0).with_header("mine", "1").with_header("mine", "2");
    let mut consumer = give_up(&*transport, std::slice::from_ref(&sent)).await;
    let handled = letters(&*transport).retry(|_| true).await.expect("the dead letter is sent");
    assert_eq!((ids(&handled.done), handled.kept), (vec!["id-key-0".to_owned()], 0));
    assert!(handled.failed.is_empty(), "{:?}", handled.failed);
    let delivery = receive_one(&mut *consumer).await;
    assert_eq!(delivery.message(), &sent);
    assert_eq!(delivery.attempt(), 1);
    super::ack(vec![delivery]).await;
    assert_eq!(listed(&*transport).await, []);
}

/// The others stay; dead letters of one key are sent in their original order.
pub async fn only_selected_dead_letters_are_sent_again(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..20).map(|i| message(if i % 2 == 0 { "even" } else { "odd" }, i)).collect();
    let mut consumer = give_up(&*transport, &batch).await;
    let even = |letter: &DeadLetter| letter.id().is_some_and(|id| id.contains("even"));
    let handled = letters(&*transport).retry(even).await.expect("the dead letters are sent");
    assert_eq!((handled.done.len(), handled.kept), (10, 10));
    let again = receive(&mut *consumer, 10).await;
    let expected: Vec<_> = (0..20).step_by(2).map(|i| format!("even#{i}")).collect();
    assert_eq!(super::texts(&again), expected);
    super::ack(again).await;
    nothing(&mut *consumer).await;
    let odd: Vec<_> = (1..20).step_by(2).map(|i| format!("id-odd-{i}")).collect();
    assert_eq!(ids(&listed(&*transport).await), odd);
}

/// It is neither redelivered nor listed.
pub async fn a_dropped_dead_letter_is_gone(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..3).map(|i| message("key", i)).collect();
    let mut consumer = give_up(&*transport, &batch).await;
    let second = |letter: &DeadLetter| letter.id() == Some("id-key-1");
    let handled = letters(&*transport).discard(second).await.expect("the dead letter is discarded");
    assert_eq!((handled.done.len(), handled.kept), (1, 2));
    let mut left = ids(&listed(&*transport).await);
    left.sort();
    assert_eq!(left, ["id-key-0", "id-key-2"]);
    let again = letters(&*transport).discard(second).await.expect("nothing is left to drop");
    assert_eq!((again.done.len(), again.kept), (0, 2));
    nothing(&mut *consumer).await;
}

/// The second dead letter has the reason of the last failure.
pub async fn a_dead_letter_that_fails_again_is_a_dead_letter_again(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = give_up(&*transport, &[message("key", 0)]).await;
    letters(&*transport).retry(|_| true).await.expect("the dead letter is sent");
    receive_one(&mut *consumer).await.reject("still poison").await.expect("the rejection is stored");
    let found = listed(&*transport).await;
    let reasons: Vec<_> = found.iter().map(DeadLetter::reason).collect();
    assert_eq!(reasons, [Some("still poison".into())]);
}

/// A dead-letter topic may be shared: topic `a.b` of group `c` and topic `a` of group `b.c` have the same one.
pub async fn dead_letters_of_other_groups_are_passed_over(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let shared = named("failed");
    send(&*transport, &[message("key", 0)]).await;
    for name in ["billing", "audit"] {
        let subscription = subscription(name).dead_letter(shared.clone());
        let mut consumer = subscribe(&*transport, subscription).await;
        receive_one(&mut *consumer).await.reject(name).await.expect("the rejection is stored");
    }
    let of = |name| DeadLetters::kept_in(&*transport, topic(), group(name), shared.clone());
    let handled = of("billing").discard(|_| true).await.expect("the dead letter is discarded");
    let reasons: Vec<_> = handled.done.iter().map(DeadLetter::reason).collect();
    assert_eq!(reasons, [Some("billing".into())]);
    let left = of("audit").list().await.expect("the dead letters are listed");
    assert_eq!(left.dead_letters.len(), 1);
}

/// Dead letters exported as lines can be restored, once.
pub async fn dropped_dead_letters_can_be_restored_from_their_lines(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch = [message("key", 0), Message::new(vec![0, 255]).with_header("bytes", vec![254])];
    give_up(&*transport, &batch).await;
    let before = listed(&*transport).await;
    let lines: Vec<_> = before.iter().map(DeadLetter::to_line).collect();
    let messages = || {
        let read =
            lines.iter().map(|line| DeadLetter::message_of_line(line).expect("a line of a dead letter"));
        read.collect::<Vec<_>>()
    };
    letters(&*transport).discard(|_| true).await.expect("the dead letters are discarded");
    for expected in [(2, 0), (0, 2)] {
        let restored = letters(&*transport).restore(messages()).await.expect("the dead letters are restored");
        assert_eq!((restored.stored, restored.present), expected);
    }
    let elsewhere = DeadLetters::of(&*transport, topic(), group("audit")).expect("a valid topic");
    let refused = elsewhere.restore(messages()).await.expect("the call succeeds");
    assert_eq!((refused.stored, refused.failed.len()), (0, 2), "they belong to another group");
    let sent = |letters: &[DeadLetter]| letters.iter().map(DeadLetter::original).collect::<Vec<_>>();
    let after = listed(&*transport).await;
    assert_eq!(sent(&after), batch);
    assert_eq!(sent(&before), batch);
}

/// A program that dies after the send and before the removal leaves the dead letter in place.
pub async fn a_retry_killed_between_send_and_removal_loses_nothing(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = give_up(&*transport, &[message("key", 0)]).await;
    let (sent, mut was_sent) = mpsc::channel(1);
    let hanging = hanging(&*transport, sent);
    let tool = letters(&hanging);
    tokio::select! {
        handled = tool.retry(|_| true) => panic!("the retry ended: {handled:?}"),
        _ = was_sent.recv() => {}
    }
    let first = receive_one(&mut *consumer).await;
    assert_eq!(first.message(), &message("key", 0));
    super::ack(vec![first]).await;

    let handled = letters(&*transport).retry(|_| true).await.expect("the dead letter is sent once more");
    assert_eq!(ids(&handled.done), ["id-key-0"]);
    let second = receive_one(&mut *consumer).await;
    assert_eq!(second.message(), &message("key", 0), "a duplicate with its id");
    super::ack(vec![second]).await;
    assert_eq!(listed(&*transport).await, []);
}

/// A dead letter that another program has leased is counted and not touched; it is redelivered when the lease ends.
pub async fn dead_letters_leased_by_others_are_counted(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let name = "dead_letters_leased_by_others_are_counted";
    if !can(&*transport, name, |can| can.takeover && can.acknowledgement != Acknowledgement::Cumulative) {
        return;
    }
    give_up(&*transport, &[message("a", 0)]).await;
    let tool = letters(&*transport);
    let subscription = Subscription::new(tool.topic().clone(), group(DeadLetters::GROUP));
    // If the listing took longer than the lease, this proves nothing: the next lease is longer.
    let mut lease = Duration::from_millis(300) * fixture.patience();
    loop {
        let mut other = subscribe(&*transport, subscription.clone().lease(lease)).await;
        let begun = Instant::now();
        let held = receive_one(&mut *other).await;
        let elsewhere = tool.list().await.expect("the dead letters are listed").elsewhere;
        std::mem::forget(held);
        if begun.elapsed() < lease {
            assert_eq!(elsewhere, 1);
            break;
        }
        lease *= 2;
    }
    let handled = || async { tool.discard(|_| true).await.expect("the call succeeds").done.len() == 1 };
    super::until(handled).await;
    assert_eq!(listed(&*transport).await, []);
}

/// A listing shows the dead letters that another program has leased; a retry skips them and does not report
/// them as done.
pub async fn dead_letters_leased_by_others_are_listed_and_left(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let name = "dead_letters_leased_by_others_are_listed_and_left";
    if !can(&*transport, name, |can| can.acknowledgement != Acknowledgement::Cumulative) {
        return;
    }
    let batch: Vec<_> = (0..3).map(|i| message(["a", "a", "b"][i], i)).collect();
    let mut consumer = give_up(&*transport, &batch).await;
    let tool = letters(&*transport);
    let subscription = Subscription::new(tool.topic().clone(), group(DeadLetters::GROUP));
    let mut other = subscribe(&*transport, subscription).await;
    let held = receive_one(&mut *other).await;
    let listing = tool.list().await.expect("the dead letters are listed");
    if transport.unsettled(tool.topic(), &group("x"), None, 1).await.is_err() {
        println!("skipped on {}: {name}: the transport can only receive", transport.url());
        return held.release().await.expect("the release is stored");
    }
    assert_eq!(listing.dead_letters.len(), 3);
    let handled = tool.retry(|_| true).await.expect("the dead letters are sent");
    assert_eq!(ids(&handled.done), ["id-b-2"]);
    assert!(handled.elsewhere >= 1 && !handled.is_complete(), "{handled:?}");
    held.release().await.expect("the release is stored");
    let rest = tool.retry(|_| true).await.expect("the dead letters are sent");
    assert_eq!((ids(&rest.done).len(), rest.elsewhere, rest.is_complete()), (2, 0, true));
    super::ack(receive(&mut *consumer, 3).await).await;
    nothing(&mut *consumer).await;
}

/// More dead letters of one key than fit a batch, all of them released before: each is found at any position.
pub async fn one_dead_letter_among_many_of_its_key_is_found(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..600).map(|i| message("key", i)).collect();
    give_up(&*transport, &batch).await;
    let tool = letters(&*transport);
    for wanted in ["id-key-599", "id-key-300", "id-key-0"] {
        let one = |letter: &DeadLetter| letter.id() == Some(wanted);
        let handled = tool.discard(one).await.expect("the dead letter is discarded");
        assert_eq!((ids(&handled.done), handled.is_complete()), (vec![wanted.to_owned()], true));
    }
    assert_eq!(listed(&*transport).await.len(), 597);
}

/// The batch in progress is finished; the next call continues and sends nothing twice.
pub async fn a_stopped_retry_leaves_the_rest(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..600).map(|i| message(["a", "b", "c"][i % 3], i)).collect();
    let mut consumer = give_up(&*transport, &batch).await;
    let tool = letters(&*transport);
    let nothing_done = tool.retry_until(|_| true, async {}).await.expect("the call succeeds");
    assert!(nothing_done.stopped && !nothing_done.is_complete(), "{nothing_done:?}");
    assert_eq!((nothing_done.done.len(), nothing_done.untried), (0, 600));
    // Stopped while the first batch is being sent.
    let (sent, mut was_sent) = mpsc::channel(1);
    let signaling = signaling(&*transport, sent);
    let stop = async { was_sent.recv().await };
    let some = letters(&signaling).retry_until(|_| true, stop).await.expect("the dead letters are sent");
    assert!(some.stopped && !some.done.is_empty() && some.failed.is_empty(), "{}", some.done.len());
    assert_eq!(some.done.len() as u64 + some.untried, 600);
    let rest = tool.retry(|_| true).await.expect("the dead letters are sent");
    assert_eq!((rest.done.len() as u64, rest.is_complete()), (some.untried, true));
    super::ack(receive(&mut *consumer, 600).await).await;
    nothing(&mut *consumer).await;
    assert_eq!(listed(&*transport).await, []);
}

/// Leases of selected and other dead letters are renewed while a send takes longer than a lease.
pub async fn dead_letters_are_kept_while_a_send_takes_its_time(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..4).map(|i| message(["a", "b"][i % 2], i)).collect();
    let mut consumer = give_up(&*transport, &batch).await;
    let lease = (Duration::from_millis(300) * fixture.patience()).max(Duration::from_secs(2));
    let slow = slow(&*transport, lease * 2);
    let select = |letter: &DeadLetter| letter.id() != Some("id-b-1");
    let handled = letters(&slow).lease(lease).retry(select).await.expect("the dead letters are sent");
    assert_eq!((handled.done.len(), handled.kept, handled.is_complete()), (3, 1, true), "{handled:?}");
    super::ack(receive(&mut *consumer, 3).await).await;
    nothing(&mut *consumer).await;
    let left = listed(&*transport).await;
    assert_eq!(ids(&left), ["id-b-1"]);
}

/// The counts add up to the number of dead letters, and none is lost.
pub async fn a_failed_retry_reports_how_many_are_left(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..300).map(|i| message("key", i)).collect();
    give_up(&*transport, &batch).await;
    let failing = failing(&*transport, "key#270");
    let select = |letter: &DeadLetter| letter.id() != Some("id-key-1");
    let handled = letters(&failing).retry(select).await.expect("the call succeeds");
    assert!(!handled.is_complete() && !handled.stopped);
    assert_eq!((handled.kept, handled.elsewhere), (1, 0));
    let failed = handled.failed.len();
    assert!(failed > 0 && !handled.done.is_empty());
    assert_eq!(handled.done.len() + failed + usize::try_from(handled.untried).expect("few"), 299);
    let left = listed(&*transport).await;
    assert_eq!(left.len(), 300 - handled.done.len());
}

/// If a group's progress is an offset, dead letters that stay are sent again behind those that are removed.
pub async fn dead_letters_that_stay_survive_a_cumulative_removal(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..4).map(|i| message("key", i)).collect();
    give_up(&*transport, &batch).await;
    let cumulative = cumulative(&*transport);
    let third = |letter: &DeadLetter| letter.id() == Some("id-key-2");
    let handled = letters(&cumulative).discard(third).await.expect("the dead letter is discarded");
    assert_eq!((handled.done.len(), handled.kept), (1, 3));
    // No unsettled message is in front of the removed one.
    let left = listed(&*transport).await;
    assert_eq!(ids(&left), ["id-key-3", "id-key-0", "id-key-1"]);
    assert!(left.iter().all(|letter| letter.position() > handled.done[0].position()));
    assert!(left.iter().all(|letter| letter.reason().as_deref() == Some("it is poison")));
}

/// Another program wrote the dead letter, without headers about its failure.
pub async fn a_dead_letter_without_a_reason_is_listed(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let foreign = Message::new("data").with_header("dlq_attempts", "many");
    send_to(&*transport, letters(&*transport).topic(), &[foreign]).await;
    let found = listed(&*transport).await;
    let [letter] = found.as_slice() else { panic!("expected one dead letter, found {found:?}") };
    assert_eq!((letter.reason(), letter.attempts(), letter.id()), (None, None, None));
    assert_eq!(letter.original(), Message::new("data"));
}

/// A transport whose producers signal that messages are stored, and never complete a send.
pub fn hanging(inner: &dyn Transport, sent: mpsc::Sender<()>) -> Over<&dyn Transport> {
    Over::new(inner).sends(move |inner, topic, batch| {
        let (stored, sent) = (inner.send(topic, batch), sent.clone());
        Box::pin(async move {
            for stored in stored.await {
                stored.expect("the message is stored");
            }
            sent.send(()).await.expect("the test waits for it");
            std::future::pending().await
        })
    })
}

/// A transport whose capability says that groups remember an offset.
fn cumulative(inner: &dyn Transport) -> Over<&dyn Transport> {
    Over::new(inner).capability(|mut capability| {
        capability.acknowledgement = Acknowledgement::Cumulative;
        capability.counts_attempts = false;
        capability
    })
}

/// Stores messages and signals each stored batch.
fn signaling(inner: &dyn Transport, sent: mpsc::Sender<()>) -> Over<&dyn Transport> {
    Over::new(inner).sends(move |inner, topic, batch| {
        let (stored, sent) = (inner.send(topic, batch), sent.clone());
        Box::pin(async move {
            let stored = stored.await;
            let _ = sent.try_send(());
            stored
        })
    })
}

/// Stores messages after a pause.
fn slow(inner: &dyn Transport, pause: Duration) -> Over<&dyn Transport> {
    Over::new(inner).sends(move |inner, topic, batch| {
        let stored = inner.send(topic, batch);
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            stored.await
        })
    })
}

/// Fails at the message with this data, and at all behind it.
fn failing<'a>(inner: &'a dyn Transport, at: &'static str) -> Over<&'a dyn Transport> {
    Over::new(inner).sends(move |inner, topic, batch| {
        let good = batch.iter().position(|message| message.data == at).unwrap_or(batch.len());
        let (stored, failed) = (inner.send(topic, &batch[..good]), batch.len() - good);
        let topic = topic.clone();
        Box::pin(async move {
            let mut results = stored.await;
            let error = || TransportError::new(ErrorKind::Full, "send to", &topic, "injected by the test");
            results.extend((0..failed).map(|_| Err(error())));
            results
        })
    })
}
