//! Replay of past events, and groups that are moved and removed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::bus::{Backoff, Consume, EventBus, Replay, ReplayError, Replayed, SeekTarget};
use events_core::{Event, Origin, Signal};
use events_transport::{Delivery, ErrorKind, Position, Positions, StartPosition, Subscription, Transport};
use tokio::sync::mpsc;

use super::versions::first::OrderPlaced;
use super::versions::program;
use super::{Fixture, LONG, ack, can, connect, group, member, named, nothing, receive, subscribe, topic};

type Taken = Arc<Mutex<Vec<(i64, uuid::Uuid)>>>;

/// Sends this number of orders of three customers, numbered from 0; returns their positions.
async fn place(fixture: &dyn Fixture, count: i64) -> Vec<Position> {
    place_from(fixture, 0, count).await;
    let transport = connect(fixture);
    let mut reader = member(&*transport, "reader").await;
    let deliveries = receive(&mut *reader, usize::try_from(count).expect("few")).await;
    let positions = deliveries.iter().map(Delivery::position).collect();
    ack(deliveries).await;
    reader.close().await.expect("the reader leaves");
    transport.remove_group(&topic(), &group("reader")).await.expect("the group is removed");
    positions
}

async fn place_from(fixture: &dyn Fixture, first: i64, count: i64) {
    let writer = program::<OrderPlaced>(fixture, &[]).await;
    for number in first..first + count {
        let customer = ["ada", "bob", "eve"].into_iter().cycle().nth(usize::try_from(number).expect("few"));
        let customer = customer.expect("an endless iterator").to_owned();
        writer.hub().emit(OrderPlaced { number, customer, coupon: None, lines: Vec::new() });
    }
    writer.shutdown(LONG).await.expect("all is sent");
}

/// A program that records the orders it receives, and fails at those that the test selects.
async fn taker(fixture: &dyn Fixture, fails: fn(i64) -> bool) -> (EventBus, Taken) {
    let bus = program::<OrderPlaced>(fixture, &[]).await;
    let taken = Taken::default();
    let seen = Arc::clone(&taken);
    bus.hub().scope(|| {
        Signal::<OrderPlaced>::new().connect("taker", move |event: &Event<OrderPlaced>| {
            assert_eq!(event.origin(), Origin::Bus);
            seen.lock().expect("no panic").push((event.number, event.metadata().id()));
            if fails(event.number) { Err("chosen by the test") } else { Ok(()) }
        });
    });
    (bus, taken)
}

fn numbers(taken: &Taken) -> Vec<i64> {
    taken.lock().expect("no panic").iter().map(|(number, _)| *number).collect()
}

fn brief(consume: Consume) -> Consume {
    consume.backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(4)))
}

/// Sleeps before and after each event, and fetches events one by one.
fn step_by_step(consume: Consume) -> Consume {
    brief(consume).max_attempts(2).batch_size(1).middleware(|_, next| async {
        tokio::task::yield_now().await;
        let processed = next.run().await;
        tokio::task::yield_now().await;
        Ok(processed)
    })
}

async fn done(replay: Replay) -> Replayed {
    tokio::time::timeout(LONG, replay.settings(brief).run()).await.expect("it ends").expect("it replays")
}

async fn groups(transport: &dyn Transport) -> Vec<String> {
    let groups = transport.groups(&topic()).await.expect("the groups are listed");
    groups.iter().map(|status| status.group.to_string()).collect()
}

/// Has a group settle the first messages only.
async fn settle_first(transport: &dyn Transport, name: &str, count: usize) {
    let mut consumer = member(transport, name).await;
    ack(receive(&mut *consumer, count).await).await;
    consumer.close().await.expect("the consumer leaves");
}

/// The positions of all messages that a group receives until it has settled all.
async fn rest(transport: &dyn Transport, name: &str) -> Vec<Position> {
    let mut consumer = member(transport, name).await;
    let group = group(name);
    let mut seen = Vec::new();
    loop {
        let status = transport.group(&topic(), &group).await.expect("the group is there");
        if status.is_some_and(|status| status.lag == 0) {
            consumer.close().await.expect("the consumer leaves");
            return seen;
        }
        let deliveries = consumer.receive(100, Duration::from_millis(20)).await.expect("messages");
        seen.extend(deliveries.iter().map(Delivery::position));
        ack(deliveries).await;
    }
}

/// The replay runs in a new group, which is removed afterwards.
pub async fn a_replay_emits_a_range_again_with_its_ids_and_other_groups_see_nothing(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let positions = place(fixture, 10).await;
    settle_first(&*transport, "billing", 6).await;
    let before = transport.groups(&topic()).await.expect("the groups are listed");
    let (bus, taken) = taker(fixture, |_| false).await;
    let replay = bus.replay("orders").from(positions[2]).to(positions[7]).group("look");
    let replayed = done(replay).await;
    assert_eq!((replayed.consumed.acked, replayed.finished, replayed.resumed), (5, true, false));
    assert_eq!(replayed.range, Some((positions[2].into(), positions[7].into())));
    assert_eq!(numbers(&taken), [2, 3, 4, 5, 6]);
    let ids: BTreeSet<_> = taken.lock().expect("no panic").iter().map(|(_, id)| *id).collect();
    assert_eq!(transport.groups(&topic()).await.expect("the groups are listed"), before);

    done(bus.replay("orders").group("look")).await;
    assert_eq!(numbers(&taken)[5..], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "all events by default");
    let again: BTreeSet<_> = taken.lock().expect("no panic")[7..12].iter().map(|(_, id)| *id).collect();
    assert_eq!(again, ids, "the events keep their ids");
    assert_eq!(groups(&*transport).await, ["billing"]);
    assert_eq!(rest(&*transport, "billing").await, positions[6..]);
    bus.shutdown(LONG).await.expect("nothing waits");
}

/// Start and end are one position for each partition, also in place; a reset counts over all partitions.
pub async fn a_replay_is_bounded_in_each_partition(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    if !can(&*transport, "a_replay_is_bounded_in_each_partition", |can| can.partitions) {
        return;
    }
    let writer = program::<OrderPlaced>(fixture, &[]).await;
    for number in 0..48 {
        let customer = format!("c{}", number % 12);
        writer.hub().emit(OrderPlaced { number, customer, coupon: None, lines: Vec::new() });
    }
    writer.shutdown(LONG).await.expect("all is sent");
    let mut billing = member(&*transport, "billing").await;
    let deliveries = receive(&mut *billing, 48).await;
    let mut partitions = BTreeMap::<_, Vec<_>>::new();
    for delivery in &deliveries {
        partitions.entry(delivery.position().partition()).or_default().push(delivery.position());
    }
    ack(deliveries).await;
    let topics = transport.topics().await.expect("the topics are listed");
    if topics.iter().any(|status| status.topic == topic() && status.partitions.len() == 1) {
        println!("skipped on {}, whose topics have one partition", transport.url());
        return;
    }
    assert!(partitions.len() > 1, "one of several partitions has all keys");
    billing.close().await.expect("the consumer leaves");
    let ends = |at: fn(&Vec<Position>) -> Position| {
        let mut sorted = partitions.clone();
        for positions in sorted.values_mut() {
            positions.sort_by_key(|position| position.sort_key());
        }
        Positions::new(sorted.values().map(at)).expect("one for each partition")
    };
    let (from, to) = (ends(|positions| positions[1]), ends(|positions| positions[positions.len() - 1]));
    let (bus, taken) = taker(fixture, |_| false).await;
    let within = 48 - 2 * partitions.len() as u64;
    let replayed = done(bus.replay("orders").from(from.clone()).to(to.clone()).group("look")).await;
    assert_eq!((replayed.consumed.acked, replayed.finished), (within, true));
    assert_eq!(replayed.range, Some((from.clone(), to.clone())));
    let before = transport.groups(&topic()).await.expect("the groups are listed");
    let replayed = done(bus.replay("orders").from(from.clone()).to(to).in_place("billing")).await;
    assert_eq!((replayed.consumed.acked, replayed.finished), (within, true));
    assert_eq!(taken.lock().expect("no panic").len() as u64, 2 * within);
    assert_eq!(transport.groups(&topic()).await.expect("the groups are listed"), before);
    let offsets = bus.offsets("orders").expect("a name");
    let plan = offsets.plan(&group("billing"), from.clone()).await.expect("it can be moved");
    assert_eq!((plan.again, plan.passed_over, plan.exact), (within + partitions.len() as u64, 0, true));
    assert_eq!(plan.to, Some(from));
    bus.shutdown(LONG).await.expect("nothing waits");
}

/// For callers that know events and not positions.
pub async fn a_replay_begins_and_ends_at_events_by_their_ids(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let positions = place(fixture, 10).await;
    let (bus, taken) = taker(fixture, |_| false).await;
    done(bus.replay("orders").group("ids")).await;
    let ids: Vec<_> = taken.lock().expect("no panic").iter().map(|(_, id)| *id).collect();
    let replayed = done(bus.replay("orders").from(ids[3]).to(ids[5]).group("look")).await;
    assert_eq!(replayed.range, Some((positions[3].into(), positions[5].into())));
    assert_eq!(numbers(&taken)[10..], [3, 4]);
    let absent = uuid::Uuid::nil();
    let error = bus.replay("orders").from(absent).group("look").run().await.expect_err("it does not exist");
    assert!(
        matches!(&error, ReplayError::Transport(error) if error.kind() == ErrorKind::NotFound),
        "{error}"
    );
    assert!(error.to_string().contains(&absent.to_string()), "{error}");
    let error = bus.replay("orders").from(positions[5]).to(positions[3]).group("look").run().await;
    assert!(matches!(error, Err(ReplayError::Transport(error)) if error.kind() == ErrorKind::Invalid));
    assert!(groups(&*transport).await.is_empty(), "no group is left");
    bus.shutdown(LONG).await.expect("nothing waits");
}

/// The replay is identified by its group's name.
pub async fn an_interrupted_replay_goes_on_where_it_stopped(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    place(fixture, 12).await;
    let (bus, taken) = taker(fixture, |_| false).await;
    let stopped = || super::until(|| async { numbers(&taken).len() >= 4 });
    let slow = |consume: Consume| {
        consume.batch_size(1).middleware(|_, next| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(next.run().await)
        })
    };
    let first = bus.replay("orders").group("look").settings(slow).run_until(stopped()).await;
    let first = first.expect("it stops");
    assert!(!first.finished && first.consumed.acked < 12, "{first:?}");
    assert_eq!(groups(&*transport).await, ["look.replay"]);
    let second = done(bus.replay("orders").group("look")).await;
    assert!(second.finished && second.resumed, "{second:?}");
    assert_eq!(first.consumed.acked + second.consumed.acked, 12);
    assert_eq!(numbers(&taken), (0..12).collect::<Vec<_>>(), "in order, without duplicates");
    assert!(groups(&*transport).await.is_empty());
    bus.shutdown(LONG).await.expect("nothing waits");
}

/// Retries, then a dead letter; later events of the key wait.
pub async fn a_failing_event_of_a_replay_becomes_a_dead_letter(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    place(fixture, 7).await;
    let (bus, taken) = taker(fixture, |number| number == 3).await;
    let replay = bus.replay("orders").group("look").settings(|consume| consume.max_attempts(3));
    let replayed = done(replay).await;
    assert_eq!((replayed.consumed.acked, replayed.consumed.dead_lettered), (6, 1));
    let taken = numbers(&taken);
    assert_eq!(taken.iter().filter(|number| **number == 3).count(), 3, "three attempts");
    let index_of = |number| taken.iter().rposition(|taken| *taken == number).expect("it came");
    assert!(index_of(6) > index_of(3), "6 has the same customer: {taken:?}");
    let letters = named("orders.look.replay.dlq");
    let mut reader = subscribe(&*transport, Subscription::new(letters, group("reader"))).await;
    ack(receive(&mut *reader, 1).await).await;
    nothing(&mut *reader).await;
    bus.shutdown(LONG).await.expect("nothing waits");
}

/// Beyond the range, settled messages are not delivered again, and unsettled ones are.
pub async fn a_replay_in_place_ends_where_the_group_stood(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let positions = place(fixture, 12).await;
    settle_first(&*transport, "billing", 8).await;
    let (bus, taken) = taker(fixture, |_| false).await;
    let replay = bus.replay("orders").from(positions[2]).to(positions[5]).in_place("billing");
    let replayed = done(replay).await;
    assert!(replayed.finished && replayed.consumed.acked == 3, "{replayed:?}");
    assert_eq!(numbers(&taken), [2, 3, 4]);
    let groups = transport.groups(&topic()).await.expect("the groups are listed");
    assert!(groups.iter().all(|status| status.group == group("billing")), "no other is left: {groups:?}");
    // A new coordinator may leave a group out of a list for a moment.
    let status =
        transport.group(&topic(), &group("billing")).await.expect("it is read").expect("it is there");
    assert_eq!((status.next, status.lag), (Some(positions[8]), 4));
    assert_eq!(rest(&*transport, "billing").await, positions[8..]);

    // Beyond the group's position, to the end.
    let replayed = done(bus.replay("orders").from(positions[9]).in_place("billing")).await;
    assert_eq!(replayed.consumed.acked, 3);
    assert!(rest(&*transport, "billing").await.is_empty(), "all is settled");
    place_from(fixture, 12, 1).await;
    assert_eq!(rest(&*transport, "billing").await.len(), 1, "new messages are not skipped");
    bus.shutdown(LONG).await.expect("nothing waits");
}

/// Moving forward would skip the messages between.
pub async fn a_replay_in_place_never_moves_a_group_forward(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let positions = place(fixture, 6).await;
    settle_first(&*transport, "billing", 2).await;
    let (bus, taken) = taker(fixture, |_| false).await;
    let refused = bus.replay("orders").from(positions[4]).in_place("billing").run().await;
    let error = refused.expect_err("it is refused");
    assert!(matches!(&error, ReplayError::Behind { next, .. } if *next == positions[2]), "{error}");
    let unknown = bus.replay("orders").in_place("biling").run().await.expect_err("no such group");
    assert!(unknown.to_string().contains("`billing`"), "{unknown}");
    assert!(numbers(&taken).is_empty());
    assert_eq!(rest(&*transport, "billing").await, positions[2..]);
    bus.shutdown(LONG).await.expect("nothing waits");
}

/// The future is dropped at each of its await points.
pub async fn a_replay_in_place_cancelled_anywhere_loses_nothing(fixture: &dyn Fixture) {
    const MOST: usize = 2_000;
    let transport = connect(fixture);
    let positions = place(fixture, 8).await;
    let (bus, _) = taker(fixture, |number| number == 2).await;
    let mut cut = 0;
    loop {
        let name = format!("billing-{cut}");
        let mut consumer = member(&*transport, &name).await;
        let mut deliveries = receive(&mut *consumer, 6).await;
        // Settled out of order, and one waits for its retry: 4, 6 and 7 are not settled.
        let waits = deliveries.remove(4);
        ack(deliveries).await;
        waits.retry(Duration::from_millis(1)).await.expect("it waits");
        consumer.close().await.expect("the consumer leaves");

        let replay = bus.replay("orders").from(positions[1]).to(positions[3]).in_place(&name);
        let mut polls = 0;
        let cut_off = std::future::poll_fn(|_| {
            polls += 1;
            if polls > cut { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        });
        let finished = tokio::select! {
            biased;
            () = cut_off => false,
            replayed = replay.settings(step_by_step).run() => {
                replayed.expect("it replays").finished
            }
        };
        let seen: HashSet<_> = rest(&*transport, &name).await.into_iter().collect();
        for open in [4, 6, 7] {
            assert!(seen.contains(&positions[open]), "{open} is lost if cancelled at {cut}: {seen:?}");
        }
        transport.remove_group(&topic(), &group(&name)).await.expect("the group is removed");
        if finished {
            break;
        }
        // Every one of the first steps, then a sample.
        cut += 1 + cut / 16;
        assert!(cut < MOST, "it completes");
    }
    println!("cancelled at up to {cut} points on {}", transport.url());
    assert!(cut > 3, "it was cancelled at some points");
    bus.shutdown(LONG).await.expect("nothing waits");
}

/// They share the replay and continue with new messages.
pub async fn running_members_take_part_in_a_replay_in_place_and_nothing_is_lost(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let positions = place(fixture, 30).await;
    let (running, by_member) = taker(fixture, |_| false).await;
    let (replaying, by_replay) = taker(fixture, |_| false).await;
    let (stop, mut stopped) = mpsc::channel::<()>(1);
    let consume = brief(running.consume("orders").group("billing")).batch_size(3);
    let task = tokio::spawn(consume.run_until(async move { stopped.recv().await }));
    let lag = async |wanted: u64| {
        super::until(|| async {
            let status = transport.groups(&topic()).await.expect("the groups are listed");
            status.iter().any(|status| status.group.as_str() == "billing" && status.lag <= wanted)
        })
        .await;
    };
    lag(15).await;
    let replay = replaying.replay("orders").from(positions[0]).to(positions[10]).in_place("billing");
    let replay = replay.settings(|consume| consume.batch_size(2));
    let (replayed, ()) = tokio::join!(done(replay), place_from(fixture, 30, 10));
    assert!(replayed.finished);
    lag(0).await;
    drop(stop);
    task.await.expect("no panic").expect("it consumes");
    let mut counts: BTreeMap<i64, u32> = BTreeMap::new();
    for number in [numbers(&by_member), numbers(&by_replay)].concat() {
        *counts.entry(number).or_default() += 1;
    }
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), (0..40).collect::<Vec<_>>(), "none is lost");
    assert!((0..10).all(|number| counts[&number] >= 2), "the range was redelivered: {counts:?}");
    for bus in [running, replaying] {
        bus.shutdown(LONG).await.expect("nothing waits");
    }
}

/// The plan has the counts before anything is changed.
pub async fn a_reset_says_what_it_does(fixture: &dyn Fixture) {
    let transport = connect(fixture);
    let positions = place(fixture, 10).await;
    settle_first(&*transport, "billing", 6).await;
    let bus = program::<OrderPlaced>(fixture, &[]).await;
    let offsets = bus.offsets("orders").expect("a topic");
    let billing = group("billing");
    for (place, to, again, passed_over) in [
        (SeekTarget::from(StartPosition::Earliest), positions[0], 6, 0),
        (positions[4].into(), positions[4], 2, 0),
        (positions[6].into(), positions[6], 0, 0),
        (positions[8].into(), positions[8], 0, 2),
        (StartPosition::Latest.into(), positions[9].after(), 0, 4),
    ] {
        let plan = offsets.plan(&billing, place.clone()).await.expect("a plan");
        assert_eq!((plan.from, plan.to), (Some(positions[6].into()), Some(to.into())), "{place}");
        assert_eq!((plan.again, plan.passed_over, plan.exact), (again, passed_over, true), "{place}");
    }
    assert_eq!(groups(&*transport).await, ["billing"], "a plan leaves no group");
    let plan = offsets.plan(&billing, positions[4]).await.expect("a plan");
    offsets.reset(&plan).await.expect("it is moved");
    assert_eq!(rest(&*transport, "billing").await, positions[4..]);

    // Settled out of order: 3 is settled, 2 is not.
    let mut consumer = member(&*transport, "audit").await;
    let mut deliveries = receive(&mut *consumer, 4).await;
    let held = deliveries.remove(2);
    ack(deliveries).await;
    let plan = offsets.plan(&group("audit"), positions[4]).await.expect("a plan");
    assert_eq!((plan.from, plan.passed_over), (Some(positions[2].into()), 2));
    // Where partitions are assigned, only their members know what they hold.
    assert!(plan.in_flight == 1 || transport.capability().assigns, "{}", plan.in_flight);
    assert!(!plan.exact, "at most 2, since 3 is settled");
    held.ack().await.expect("it is stored");
    let error = offsets.plan(&group("biling"), StartPosition::Latest).await.expect_err("no such group");
    assert!(error.to_string().contains("`billing`"), "{error}");
    bus.shutdown(LONG).await.expect("nothing waits");
}
