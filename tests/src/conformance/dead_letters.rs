//! Dead letters as a tool: looked at, sent again, dropped, kept elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use events_runtime::bus::{DeadLetter, DeadLetters};
use events_runtime::transport::{
    Acknowledgement, BoxFuture, Consumer, ErrorKind, Message, Position, Producer, Subscription, Topic,
    Transport, TransportError,
};
use tokio::sync::mpsc;

use crate::over::Over;

use super::{
    Fixture, LONG, can, connect, group, member, message, named, nothing, receive, receive_one, send, send_to,
    subscribe, topic,
};

/// The dead letters of `billing` on the usual topic.
fn letters(transport: &dyn Transport) -> DeadLetters<'_> {
    DeadLetters::of(transport, topic(), group("billing")).expect("a valid dead-letter topic")
}

/// Sends messages and has `billing` give each up, in order.
async fn give_up(transport: &dyn Transport, batch: &[Message]) -> Box<dyn Consumer> {
    send(transport, batch).await;
    let mut consumer = member(transport, "billing").await;
    for delivery in receive(&mut *consumer, batch.len()).await {
        delivery.reject("it is poison").await.expect("the rejection is stored");
    }
    consumer
}

async fn listed(transport: &dyn Transport) -> Vec<DeadLetter> {
    let listing = letters(transport).list().await.expect("the letters are listed");
    assert_eq!(listing.elsewhere, 0);
    listing.dead_letters
}

fn ids<'a>(letters: impl IntoIterator<Item = &'a DeadLetter>) -> Vec<String> {
    letters.into_iter().map(|letter| letter.id().expect("an id").to_owned()).collect()
}

/// What a dead letter says of its end can be read, and what it is of.
pub async fn a_dead_letter_tells_its_end_and_its_event(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let sent = message("key", 0).with_header("ce_type", "org.acme.orders.order.placed.v1");
    give_up(&*transport, std::slice::from_ref(&sent)).await;
    let found = listed(&*transport).await;
    let [letter] = found.as_slice() else { panic!("one letter, not {found:?}") };
    assert_eq!(letter.reason().as_deref(), Some("it is poison"));
    assert_eq!(letter.attempts(), Some(1));
    assert_eq!(letter.event_type(), Some("org.acme.orders.order.placed.v1"));
    assert_eq!(letter.id(), Some("id-key-0"));
    assert_eq!(letter.original(), sent);
    let age = letter.time().elapsed().expect("a time that has passed");
    assert!(age < LONG, "{age:?}");
}

/// Looking is free: as often as one likes, and letters of any number and key.
pub async fn listing_dead_letters_takes_nothing(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..600).map(|i| message(["a", "b", "c"][i % 3], i)).collect();
    give_up(&*transport, &batch).await;
    let first = listed(&*transport).await;
    let expected: Vec<_> = (0..600).map(|i| format!("id-{}-{i}", ["a", "b", "c"][i % 3])).collect();
    assert_eq!(ids(&first), expected);
    assert_eq!(listed(&*transport).await, first);
    // Another group of the topic is not concerned either.
    let dead = topic().dead_letter(&group("billing")).expect("a valid topic");
    let mut audit = subscribe(&*transport, Subscription::new(dead, group("audit"))).await;
    super::ack(receive(&mut *audit, 600).await).await;
    assert_eq!(listed(&*transport).await, first);
}

/// A group without dead letters has none; looking makes no topic.
pub async fn a_group_without_dead_letters_has_none(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    assert_eq!(listed(&*transport).await, []);
    let handled = letters(&*transport).retry(|_| true).await.expect("there is nothing to do");
    assert!(handled.done.is_empty() && handled.failed.is_empty());
    assert_eq!(transport.topics().await.expect("the topics are listed"), []);
}

/// Key, headers, id and data come again, and the letter is gone.
pub async fn a_dead_letter_can_be_sent_again_with_its_id(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let sent = message("key", 0).with_header("mine", "1").with_header("mine", "2");
    let mut consumer = give_up(&*transport, std::slice::from_ref(&sent)).await;
    let handled = letters(&*transport).retry(|_| true).await.expect("the letter is sent");
    assert_eq!((ids(&handled.done), handled.kept), (vec!["id-key-0".to_owned()], 0));
    assert!(handled.failed.is_empty(), "{:?}", handled.failed);
    let delivery = receive_one(&mut *consumer).await;
    assert_eq!(delivery.message(), &sent);
    assert_eq!(delivery.attempt(), 1);
    super::ack(vec![delivery]).await;
    assert_eq!(listed(&*transport).await, []);
}

/// The others stay; those of one key are sent in the order in which they came.
pub async fn only_selected_dead_letters_are_sent_again(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..20).map(|i| message(if i % 2 == 0 { "even" } else { "odd" }, i)).collect();
    let mut consumer = give_up(&*transport, &batch).await;
    let even = |letter: &DeadLetter| letter.id().is_some_and(|id| id.contains("even"));
    let handled = letters(&*transport).retry(even).await.expect("the letters are sent");
    assert_eq!((handled.done.len(), handled.kept), (10, 10));
    let again = receive(&mut *consumer, 10).await;
    let expected: Vec<_> = (0..20).step_by(2).map(|i| format!("even#{i}")).collect();
    assert_eq!(super::texts(&again), expected);
    super::ack(again).await;
    nothing(&mut *consumer).await;
    let odd: Vec<_> = (1..20).step_by(2).map(|i| format!("id-odd-{i}")).collect();
    assert_eq!(ids(&listed(&*transport).await), odd);
}

/// It neither comes again nor is listed.
pub async fn a_dropped_dead_letter_is_gone(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..3).map(|i| message("key", i)).collect();
    let mut consumer = give_up(&*transport, &batch).await;
    let second = |letter: &DeadLetter| letter.id() == Some("id-key-1");
    let handled = letters(&*transport).discard(second).await.expect("the letter is dropped");
    assert_eq!((handled.done.len(), handled.kept), (1, 2));
    let mut left = ids(&listed(&*transport).await);
    left.sort();
    assert_eq!(left, ["id-key-0", "id-key-2"]);
    let again = letters(&*transport).discard(second).await.expect("nothing is left to drop");
    assert_eq!((again.done.len(), again.kept), (0, 2));
    nothing(&mut *consumer).await;
}

/// What goes wrong again is a dead letter again, of its last end.
pub async fn a_dead_letter_that_fails_again_is_a_dead_letter_again(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let mut consumer = give_up(&*transport, &[message("key", 0)]).await;
    letters(&*transport).retry(|_| true).await.expect("the letter is sent");
    receive_one(&mut *consumer).await.reject("still poison").await.expect("the rejection is stored");
    let found = listed(&*transport).await;
    let reasons: Vec<_> = found.iter().map(DeadLetter::reason).collect();
    assert_eq!(reasons, [Some("still poison".into())]);
}

/// A dead-letter topic may be shared; `a.b` of group `c` and `a` of group `b.c` even have one name.
pub async fn dead_letters_of_other_groups_are_passed_over(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let shared = named("failed");
    send(&*transport, &[message("key", 0)]).await;
    for name in ["billing", "audit"] {
        let subscription = super::subscription(name).dead_letter(shared.clone());
        let mut consumer = subscribe(&*transport, subscription).await;
        receive_one(&mut *consumer).await.reject(name).await.expect("the rejection is stored");
    }
    let of = |name| DeadLetters::kept_in(&*transport, topic(), group(name), shared.clone());
    let handled = of("billing").discard(|_| true).await.expect("the letter is dropped");
    let reasons: Vec<_> = handled.done.iter().map(DeadLetter::reason).collect();
    assert_eq!(reasons, [Some("billing".into())]);
    let left = of("audit").list().await.expect("the letters are listed");
    assert_eq!(left.dead_letters.len(), 1);
}

/// Letters taken away as lines can be brought back, once.
pub async fn dropped_dead_letters_can_be_restored_from_their_lines(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch = [message("key", 0), Message::new(vec![0, 255]).with_header("bytes", vec![254])];
    give_up(&*transport, &batch).await;
    let before = listed(&*transport).await;
    let lines: Vec<_> = before.iter().map(DeadLetter::to_line).collect();
    let messages = || {
        let read = lines.iter().map(|line| DeadLetter::message_of_line(line).expect("a letter's line"));
        read.collect::<Vec<_>>()
    };
    letters(&*transport).discard(|_| true).await.expect("the letters are dropped");
    for expected in [(2, 0), (0, 2)] {
        let restored = letters(&*transport).restore(messages()).await.expect("the letters are restored");
        assert_eq!((restored.stored, restored.present), expected);
    }
    let elsewhere = DeadLetters::of(&*transport, topic(), group("audit")).expect("a valid topic");
    let refused = elsewhere.restore(messages()).await.expect("the call succeeds");
    assert_eq!((refused.stored, refused.failed.len()), (0, 2), "they are another group's");
    let sent = |letters: &[DeadLetter]| letters.iter().map(DeadLetter::original).collect::<Vec<_>>();
    let after = listed(&*transport).await;
    assert_eq!(sent(&after), batch);
    assert_eq!(sent(&before), batch);
}

/// A program that ends after it sent and before it removed leaves the letter where it was.
pub async fn a_retry_that_dies_between_send_and_removal_loses_nothing(fixture: &dyn Fixture) {
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

    let handled = letters(&*transport).retry(|_| true).await.expect("the letter is sent once more");
    assert_eq!(ids(&handled.done), ["id-key-0"]);
    let second = receive_one(&mut *consumer).await;
    assert_eq!(second.message(), &message("key", 0), "a duplicate with its id");
    super::ack(vec![second]).await;
    assert_eq!(listed(&*transport).await, []);
}

/// What another holds is counted and not touched; it comes back when its lease ends.
pub async fn dead_letters_in_other_hands_are_counted(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let name = "dead_letters_in_other_hands_are_counted";
    if !can(&*transport, name, |can| can.takeover && can.acknowledgement != Acknowledgement::Cumulative) {
        return;
    }
    give_up(&*transport, &[message("a", 0)]).await;
    let tool = letters(&*transport);
    let subscription = Subscription::new(tool.topic().clone(), group(DeadLetters::GROUP));
    // A listing that took longer than the lease shows nothing: the next lease is longer.
    let mut lease = Duration::from_millis(300) * fixture.patience();
    loop {
        let mut other = subscribe(&*transport, subscription.clone().lease(lease)).await;
        let begun = Instant::now();
        let held = receive_one(&mut *other).await;
        let elsewhere = tool.list().await.expect("the letters are listed").elsewhere;
        std::mem::forget(held);
        if begun.elapsed() < lease {
            assert_eq!(elsewhere, 1);
            break;
        }
        lease *= 2;
    }
    let handled = || async { tool.discard(|_| true).await.expect("the call succeeds").done.len() == 1 };
    crate::until(handled).await;
    assert_eq!(listed(&*transport).await, []);
}

/// A listing shows what another program has in hand; nothing else touches it, and none of it is said to be done.
pub async fn dead_letters_in_other_hands_are_listed_and_left(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let name = "dead_letters_in_other_hands_are_listed_and_left";
    if !can(&*transport, name, |can| can.acknowledgement != Acknowledgement::Cumulative) {
        return;
    }
    let batch: Vec<_> = (0..3).map(|i| message(["a", "a", "b"][i], i)).collect();
    let mut consumer = give_up(&*transport, &batch).await;
    let tool = letters(&*transport);
    let subscription = Subscription::new(tool.topic().clone(), group(DeadLetters::GROUP));
    let mut other = subscribe(&*transport, subscription).await;
    let held = receive_one(&mut *other).await;
    let listing = tool.list().await.expect("the letters are listed");
    if transport.unsettled(tool.topic(), &group("x"), None, 1).await.is_err() {
        println!("skipped on {}: {name}: it can only receive", transport.url());
        return held.release().await.expect("the release is stored");
    }
    assert_eq!(listing.dead_letters.len(), 3);
    let handled = tool.retry(|_| true).await.expect("the letters are sent");
    assert_eq!(ids(&handled.done), ["id-b-2"]);
    assert!(handled.elsewhere >= 1 && !handled.is_complete(), "{handled:?}");
    held.release().await.expect("the release is stored");
    let rest = tool.retry(|_| true).await.expect("the letters are sent");
    assert_eq!((ids(&rest.done).len(), rest.elsewhere, rest.is_complete()), (2, 0, true));
    super::ack(receive(&mut *consumer, 3).await).await;
    nothing(&mut *consumer).await;
}

/// More of one key than a batch takes, all of them handed back before: each is found, wherever it stands.
pub async fn one_dead_letter_among_many_of_its_key_is_found(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..600).map(|i| message("key", i)).collect();
    give_up(&*transport, &batch).await;
    let tool = letters(&*transport);
    for wanted in ["id-key-599", "id-key-300", "id-key-0"] {
        let one = |letter: &DeadLetter| letter.id() == Some(wanted);
        let handled = tool.discard(one).await.expect("the letter is dropped");
        assert_eq!((ids(&handled.done), handled.is_complete()), (vec![wanted.to_owned()], true));
    }
    assert_eq!(listed(&*transport).await.len(), 597);
}

/// What is under way is finished; the next call goes on, and sends nothing twice.
pub async fn a_retry_that_is_told_to_stop_leaves_the_rest(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..600).map(|i| message(["a", "b", "c"][i % 3], i)).collect();
    let mut consumer = give_up(&*transport, &batch).await;
    let tool = letters(&*transport);
    let nothing_done = tool.retry_until(|_| true, async {}).await.expect("the call succeeds");
    assert!(nothing_done.stopped && !nothing_done.is_complete(), "{nothing_done:?}");
    assert_eq!((nothing_done.done.len(), nothing_done.untried), (0, 600));
    // Told while the first batch is on its way.
    let (sent, mut was_sent) = mpsc::channel(1);
    let telling = Over::new(&*transport).producer(move |inner| Telling { inner, sent: sent.clone() });
    let stop = async { was_sent.recv().await };
    let some = letters(&telling).retry_until(|_| true, stop).await.expect("the letters are sent");
    assert!(some.stopped && !some.done.is_empty() && some.failed.is_empty(), "{}", some.done.len());
    assert_eq!(some.done.len() as u64 + some.untried, 600);
    let rest = tool.retry(|_| true).await.expect("the letters are sent");
    assert_eq!((rest.done.len() as u64, rest.is_complete()), (some.untried, true));
    super::ack(receive(&mut *consumer, 600).await).await;
    nothing(&mut *consumer).await;
    assert_eq!(listed(&*transport).await, []);
}

/// What is in hand is renewed: chosen letters and others, while a send takes longer than a lease lasts.
pub async fn dead_letters_are_kept_while_a_send_takes_its_time(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..4).map(|i| message(["a", "b"][i % 2], i)).collect();
    let mut consumer = give_up(&*transport, &batch).await;
    let lease = (Duration::from_millis(300) * fixture.patience()).max(Duration::from_secs(2));
    let pause = lease * 2;
    let slow = Over::new(&*transport).producer(move |inner| Slow { inner, pause });
    let select = |letter: &DeadLetter| letter.id() != Some("id-b-1");
    let handled = letters(&slow).lease(lease).retry(select).await.expect("the letters are sent");
    assert_eq!((handled.done.len(), handled.kept, handled.is_complete()), (3, 1, true), "{handled:?}");
    super::ack(receive(&mut *consumer, 3).await).await;
    nothing(&mut *consumer).await;
    let left = listed(&*transport).await;
    assert_eq!(ids(&left), ["id-b-1"]);
}

/// Counts add up to what there was, and none is lost.
pub async fn a_retry_that_fails_tells_how_many_are_left(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..300).map(|i| message("key", i)).collect();
    give_up(&*transport, &batch).await;
    let failing = Over::new(&*transport).producer(|inner| Failing { inner, at: "key#270".into() });
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

/// Where a group's progress is an offset, letters that stay are put behind those that go.
pub async fn dead_letters_that_stay_survive_a_cumulative_removal(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let batch: Vec<_> = (0..4).map(|i| message("key", i)).collect();
    give_up(&*transport, &batch).await;
    let cumulative = cumulative(&*transport);
    let third = |letter: &DeadLetter| letter.id() == Some("id-key-2");
    let handled = letters(&cumulative).discard(third).await.expect("the letter is dropped");
    assert_eq!((handled.done.len(), handled.kept), (1, 3));
    // Nothing that is unsettled stands before what was removed.
    let left = listed(&*transport).await;
    assert_eq!(ids(&left), ["id-key-3", "id-key-0", "id-key-1"]);
    assert!(left.iter().all(|letter| letter.position() > handled.done[0].position()));
    assert!(left.iter().all(|letter| letter.reason().as_deref() == Some("it is poison")));
}

/// A letter that others wrote, without a word about its end.
pub async fn a_dead_letter_without_a_reason_is_one_all_the_same(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let foreign = Message::new("data").with_header("dlq_attempts", "many");
    send_to(&*transport, letters(&*transport).topic(), &[foreign]).await;
    let found = listed(&*transport).await;
    let [letter] = found.as_slice() else { panic!("one letter, not {found:?}") };
    assert_eq!((letter.reason(), letter.attempts(), letter.id()), (None, None, None));
    assert_eq!(letter.original(), Message::new("data"));
}

/// A transport whose producers tell when messages are stored, and never end a send.
pub fn hanging(inner: &dyn Transport, sent: mpsc::Sender<()>) -> Over<&dyn Transport> {
    Over::new(inner).producer(move |inner| Hanging { inner, sent: sent.clone() })
}

/// A transport that says that its groups remember an offset.
fn cumulative(inner: &dyn Transport) -> Over<&dyn Transport> {
    Over::new(inner).capability(|mut capability| {
        capability.acknowledgement = Acknowledgement::Cumulative;
        capability
    })
}

/// Stores messages, and tells of it.
struct Telling {
    inner: Arc<dyn Producer>,
    sent: mpsc::Sender<()>,
}

impl Producer for Telling {
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
        let (stored, sent) = (self.inner.send(topic, batch), self.sent.clone());
        Box::pin(async move {
            let stored = stored.await;
            let _ = sent.try_send(());
            stored
        })
    }
}

/// Stores messages, and says so after a time.
struct Slow {
    inner: Arc<dyn Producer>,
    pause: Duration,
}

impl Producer for Slow {
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
        let (stored, pause) = (self.inner.send(topic, batch), self.pause);
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            stored.await
        })
    }
}

/// Stores no message with this data, and none behind it.
struct Failing {
    inner: Arc<dyn Producer>,
    at: Bytes,
}

impl Producer for Failing {
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
        let good = batch.iter().position(|message| message.data == self.at).unwrap_or(batch.len());
        let (stored, failed) = (self.inner.send(topic, &batch[..good]), batch.len() - good);
        let topic = topic.clone();
        Box::pin(async move {
            let mut results = stored.await;
            let refused = || TransportError::new(ErrorKind::Full, "send to", &topic, "the test says so");
            results.extend((0..failed).map(|_| Err(refused())));
            results
        })
    }
}

struct Hanging {
    inner: Arc<dyn Producer>,
    sent: mpsc::Sender<()>,
}

impl Producer for Hanging {
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
        let (stored, sent) = (self.inner.send(topic, batch), self.sent.clone());
        Box::pin(async move {
            for stored in stored.await {
                stored.expect("the message is stored");
            }
            sent.send(()).await.expect("the test waits for it");
            std::future::pending().await
        })
    }
}
