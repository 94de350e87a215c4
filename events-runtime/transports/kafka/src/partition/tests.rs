use std::time::{Duration, SystemTime};

use events_transport::{Message, Position};
use proptest::prelude::*;

use super::*;
use crate::retry_topics::headers::Retried;

const LEASE: Duration = Duration::from_secs(30);

fn record(key: &str) -> Record {
    let message = Message::new("data");
    let message = if key.is_empty() { message } else { message.with_key(key.to_owned()) };
    Record::new(message, SystemTime::UNIX_EPOCH, None)
}

/// A partition with messages of these keys from offset 0, or without a key where it is empty.
fn filled(keys: &[&str]) -> Partition {
    let mut partition = Partition::new(Progress::at(0));
    for (key, offset) in keys.iter().zip(0..) {
        partition.push(offset, record(key), Now::new());
    }
    partition
}

fn claim(partition: &mut Partition, max: usize, claim: u64, now: Now) -> Vec<(u64, u32)> {
    let mut taken = Vec::new();
    partition.claim(max, Lease { claim, length: LEASE }, now, &mut taken);
    assert!(taken.len() <= max);
    taken.into_iter().map(|claimed| (claimed.offset, claimed.attempt)).collect()
}

fn after(now: Now, millis: u64) -> Now {
    Now { instant: now.instant + Duration::from_millis(millis), millis: now.millis + millis }
}

#[test]
fn the_offset_is_that_of_the_earliest_unsettled_message() {
    let mut partition = filled(&["a", "b", "c", "d"]);
    assert_eq!(partition.progress(), Progress::at(0));
    let now = Now::new();
    assert_eq!(claim(&mut partition, 3, 1, now), [(0, 1), (1, 1), (2, 1)]);
    partition.settle(1, 1).unwrap();
    let progress = partition.progress();
    assert_eq!((progress.offset(), progress.cursor), (0, 3));
    assert!(progress.is_settled(1) && !progress.is_settled(2));
    partition.settle(0, 1).unwrap();
    assert_eq!(partition.progress().offset(), 2);
    partition.settle(2, 1).unwrap();
    assert_eq!(partition.progress(), Progress::at(3));
    assert_eq!(partition.held().messages, 1);
}

#[test]
fn a_waiting_key_holds_back_its_later_messages_only() {
    let mut partition = filled(&["a", "a", "b", "", "a"]);
    let now = Now::new();
    assert_eq!(claim(&mut partition, 1, 1, now), [(0, 1)]);
    partition.requeue(0, 1, Requeue::Counted(Duration::from_secs(1)), now).unwrap();
    assert_eq!(claim(&mut partition, 9, 2, now), [(2, 1), (3, 1)]);
    assert_eq!(partition.held_back(), (1, 2));
    let later = after(now, 1_000);
    assert_eq!(claim(&mut partition, 2, 3, later), [(0, 2), (1, 1)]);
    assert_eq!(claim(&mut partition, 9, 4, later), [(4, 1)]);
}

#[test]
fn a_retry_is_not_delivered_while_a_later_message_of_its_key_is_in_flight() {
    let mut partition = filled(&["a", "a"]);
    let now = Now::new();
    claim(&mut partition, 2, 1, now);
    partition.requeue(0, 1, Requeue::Uncounted(Duration::ZERO), now).unwrap();
    assert_eq!(claim(&mut partition, 9, 2, now), []);
    partition.requeue(1, 1, Requeue::Uncounted(Duration::ZERO), now).unwrap();
    assert_eq!(claim(&mut partition, 9, 3, now), [(0, 1), (1, 1)]);
}

#[test]
fn a_lease_that_ends_counts_an_attempt_unless_it_is_renewed() {
    let mut partition = filled(&["a", "b"]);
    let now = Now::new();
    claim(&mut partition, 2, 1, now);
    let half = after(now, 20_000);
    partition.renew(0, Lease { claim: 1, length: LEASE }, half).unwrap();
    let over = after(now, 31_000);
    assert_eq!(partition.expire(over), 1);
    assert_eq!(partition.settle(1, 1), Err(LeaseLost));
    assert_eq!(claim(&mut partition, 9, 2, over), [(1, 2)]);
    partition.settle(0, 1).unwrap();
    assert_eq!(partition.settle(1, 1), Err(LeaseLost), "another claim holds it");
}

#[test]
fn a_message_whose_dead_letter_is_stored_keeps_its_lease() {
    let mut partition = filled(&["a"]);
    let now = Now::new();
    claim(&mut partition, 1, 1, now);
    partition.leave(0, 1).unwrap();
    assert_eq!(partition.leave(0, 1), Err(LeaseLost), "settled twice");
    assert_eq!(partition.expire(after(now, 60_000)), 0);
    partition.settle(0, 1).unwrap();
    assert_eq!(partition.held(), Held::default());
}

#[test]
fn the_next_member_continues_with_attempts_and_retry_times() {
    let mut partition = filled(&["a", "b", "c", "d", "e"]);
    let now = Now::new();
    claim(&mut partition, 4, 1, now);
    partition.settle(1, 1).unwrap();
    partition.requeue(0, 1, Requeue::Counted(Duration::from_millis(500)), now).unwrap();
    partition.requeue(2, 1, Requeue::Counted(Duration::ZERO), now).unwrap();
    // Message 3 is in flight: it counts as not delivered.
    let progress = partition.progress();
    let restored = Progress::decode(progress.offset(), &progress.encode()).unwrap();
    let mut next = Partition::new(restored.clone());
    assert_eq!(next.progress(), restored);
    for (key, offset) in ["a", "b", "c", "d", "e"].iter().zip(0..) {
        next.push(offset, record(key), now);
        assert_eq!(next.progress().offset(), 0);
    }
    assert_eq!(claim(&mut next, 9, 1, now), [(2, 2), (3, 1), (4, 1)]);
    assert_eq!(claim(&mut next, 9, 1, after(now, 500)), [(0, 2)]);
}

#[test]
fn messages_that_the_log_no_longer_has_count_as_settled() {
    let exceptions = BTreeMap::from([(5, Exception::default()), (7, Exception { attempts: 3, due: 0 })]);
    let mut partition = Partition::new(Progress { cursor: 9, exceptions });
    assert_eq!(partition.progress().offset(), 5);
    partition.push(6, record("a"), Now::new());
    assert_eq!(partition.progress().offset(), 7, "retention removed message 5, and 6 was settled");
    partition.push(20, record("a"), Now::new());
    assert_eq!(partition.progress(), Progress::at(20));
    assert_eq!(claim(&mut partition, 9, 1, Now::new()), [(20, 1)]);
}

/// A step of a generated history; its numbers are taken modulo what there is.
#[derive(Debug, Clone, Copy)]
enum Step {
    Fetch(u8),
    Claim(u8),
    Settle(u8),
    Return(u8, bool, u16),
    Pass(u16),
    /// Another member takes the partition over.
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..5u8).prop_map(Step::Fetch),
        4 => (1..6u8).prop_map(Step::Claim),
        4 => any::<u8>().prop_map(Step::Settle),
        3 => (any::<u8>(), any::<bool>(), 0..200u16).prop_map(|(pick, counts, after)| Step::Return(pick, counts, after)),
        2 => (0..300u16).prop_map(Step::Pass),
        1 => Just(Step::Restore),
    ]
}

/// What the partition must do, with one entry for each fetched message.
#[derive(Debug, Clone, Copy)]
struct Expected {
    key: u8,
    is_settled: bool,
    claim: Option<u64>,
    attempts: u32,
    due: u64,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn generated_histories_keep_the_order_of_each_key_and_lose_nothing(steps in prop::collection::vec(step(), 1..120)) {
        let (mut partition, mut now, mut claims) = (Partition::new(Progress::at(0)), Now::new(), 0u64);
        let mut all: Vec<Expected> = Vec::new();
        let key_of = |key: u8| if key == 0 { String::new() } else { format!("k{key}") };
        let add = |partition: &mut Partition, all: &[Expected], now: Now| {
            for (expected, offset) in all.iter().zip(0..) {
                partition.push(offset, record(&key_of(expected.key)), now);
            }
        };
        for step in steps {
            match step {
                Step::Fetch(key) => {
                    all.push(Expected { key, is_settled: false, claim: None, attempts: 0, due: 0 });
                    add(&mut partition, &all, now);
                }
                Step::Claim(max) => {
                    claims += 1;
                    for (offset, attempt) in claim(&mut partition, max.into(), claims, now) {
                        let at = usize::try_from(offset).unwrap();
                        let Expected { key, is_settled, claim, attempts, due } = all[at];
                        prop_assert!(!is_settled && claim.is_none() && due <= now.millis);
                        prop_assert_eq!(attempt, attempts + 1);
                        if key > 0 {
                            let open = all[..at].iter().filter(|one| one.key == key && !one.is_settled);
                            prop_assert!(open.clone().all(|one| one.claim.is_some()), "{} before an earlier one", at);
                            let later = all[at + 1..].iter().any(|one| one.key == key && one.claim.is_some());
                            prop_assert!(!later, "{at} after a later one");
                        }
                        all[at].claim = Some(claims);
                    }
                }
                Step::Settle(pick) | Step::Return(pick, ..) => {
                    let held: Vec<usize> = (0..all.len()).filter(|at| all[*at].claim.is_some()).collect();
                    if held.is_empty() { continue }
                    let at = held[usize::from(pick) % held.len()];
                    let (offset, claim) = (at as u64, all[at].claim.take().unwrap());
                    if let Step::Return(_, counts, wait) = step {
                        let wait_for = Duration::from_millis(wait.into());
                        let how = if counts { Requeue::Counted(wait_for) } else { Requeue::Uncounted(wait_for) };
                        prop_assert_eq!(partition.requeue(offset, claim, how, now), Ok(()));
                        all[at].attempts += u32::from(counts);
                        all[at].due = if wait == 0 { 0 } else { now.millis + u64::from(wait) };
                    } else {
                        prop_assert_eq!(partition.settle(offset, claim), Ok(()));
                        all[at].is_settled = true;
                    }
                }
                Step::Pass(millis) => now = after(now, millis.into()),
                Step::Restore => {
                    let progress = partition.progress();
                    partition = Partition::new(Progress::decode(progress.offset(), &progress.encode()).unwrap());
                    for one in &mut all { one.claim = None; }
                    add(&mut partition, &all, now);
                }
            }
            let progress = partition.progress();
            for (expected, offset) in all.iter().zip(0..) {
                prop_assert_eq!(progress.is_settled(offset), expected.is_settled, "{}", offset);
            }
            let lowest = all.iter().position(|one| !one.is_settled).unwrap_or(all.len());
            prop_assert_eq!(progress.offset(), lowest as u64);
            prop_assert_eq!(partition.in_flight(), all.iter().filter(|one| one.claim.is_some()).count());
            let open = all.iter().filter(|one| !one.is_settled).count();
            prop_assert_eq!(partition.held().messages, open);
        }
        // All that is left is delivered.
        for one in &mut all { one.claim = None; }
        let progress = partition.progress();
        let mut last = Partition::new(progress.clone());
        add(&mut last, &all, now);
        let taken = claim(&mut last, usize::MAX, 1, after(now, 1_000));
        prop_assert_eq!(taken.len(), all.iter().filter(|one| !one.is_settled).count());
    }
}

#[test]
fn what_is_skipped_is_settled_and_what_was_restored_behind_it_waits() {
    let exceptions = [(3, Exception::default()), (6, Exception { attempts: 2, due: 0 })];
    let mut partition = Partition::new(Progress { cursor: 8, exceptions: exceptions.into() });
    assert!(partition.skip_to(5) && !partition.skip_to(5) && !partition.skip_to(4));
    assert_eq!((partition.next(), partition.progress().offset()), (5, 6));
    partition.push(6, record("a"), Now::new());
    assert!(partition.skip_to(10));
    assert_eq!(claim(&mut partition, 9, 1, Now::new()), [(6, 3)]);
    partition.settle(6, 1).unwrap();
    assert_eq!(partition.progress(), Progress::at(10));
}

#[test]
fn what_is_skipped_behind_a_fetched_message_waits_for_it() {
    let mut partition = filled(&["a"]);
    assert!(partition.skip_to(4));
    assert_eq!(partition.progress().offset(), 0);
    assert_eq!(claim(&mut partition, 9, 1, Now::new()), [(0, 1)]);
    partition.settle(0, 1).unwrap();
    assert_eq!(partition.progress(), Progress::at(4));
}

/// A record of a retry topic that is due this long after `now`.
fn waiting(key: &str, attempts: u32, now: Now, millis: u64) -> Record {
    let position = Position::Record { partition: 7, offset: 70 };
    let retried = Retried { position, stored: SystemTime::UNIX_EPOCH, attempts, due: now.millis + millis };
    let mut record = record(key);
    record.retried = Some(retried);
    record
}

#[test]
fn a_message_of_a_retry_topic_is_claimed_when_it_is_due_with_its_attempts() {
    let now = Now::new();
    let mut partition = Partition::new(Progress::at(0));
    partition.push(0, waiting("a", 2, now, 1_000), now);
    let mut taken = Vec::new();
    let again = partition.claim(9, Lease { claim: 1, length: LEASE }, now, &mut taken);
    assert!(taken.is_empty());
    assert_eq!(again, Some(now.instant + Duration::from_secs(1)));
    assert_eq!(partition.progress(), Progress::at(0), "what waits in order needs no metadata");
    assert_eq!(claim(&mut partition, 9, 2, after(now, 999)), []);
    assert_eq!(claim(&mut partition, 9, 3, after(now, 1_000)), [(0, 3)]);
    partition.settle(0, 3).unwrap();
    assert_eq!(partition.progress(), Progress::at(1));
}

#[test]
fn a_message_that_is_due_does_not_wait_for_one_before_it_in_a_retry_topic() {
    let now = Now::new();
    let mut partition = Partition::new(Progress::at(0));
    for (offset, millis) in [(0, 9_000), (1, 1_000), (2, 5_000), (3, 1_000)] {
        partition.push(offset, waiting("a", 1, now, millis), now);
    }
    let later = after(now, 1_000);
    assert_eq!(claim(&mut partition, 9, 1, later), [(1, 2), (3, 2)]);
    partition.settle(1, 1).unwrap();
    partition.settle(3, 1).unwrap();
    let progress = partition.progress();
    let exceptions: Vec<_> =
        progress.exceptions.iter().map(|(at, one)| (*at, one.attempts, one.due)).collect();
    assert_eq!(exceptions, [(0, 1, now.millis + 9_000), (2, 1, now.millis + 5_000)]);
    assert_eq!(progress.cursor, 4);
    assert_eq!(claim(&mut partition, 9, 2, after(now, 5_000)), [(2, 2)]);
    assert_eq!(claim(&mut partition, 9, 3, after(now, 9_000)), [(0, 2)]);
}

#[test]
fn attempts_and_the_due_time_of_a_retry_topic_survive_the_member() {
    let now = Now::new();
    let mut partition = Partition::new(Progress::at(0));
    partition.push(0, waiting("a", 2, now, 0), now);
    partition.push(1, waiting("b", 1, now, 5_000), now);
    partition.push(2, waiting("c", 1, now, 0), now);
    assert_eq!(claim(&mut partition, 9, 1, now), [(0, 3), (2, 2)]);
    partition.settle(2, 1).unwrap();
    let stored = partition.progress();
    let mut next = Partition::new(Progress::decode(stored.offset(), &stored.encode()).unwrap());
    for (offset, record) in [waiting("a", 2, now, 0), waiting("b", 1, now, 5_000), waiting("c", 1, now, 0)]
        .into_iter()
        .enumerate()
    {
        next.push(offset as u64, record, now);
    }
    assert_eq!(claim(&mut next, 9, 1, now), [(0, 3)], "the attempt in flight was not counted");
    assert_eq!(claim(&mut next, 9, 2, after(now, 5_000)), [(1, 2)]);
}

#[test]
fn a_message_that_is_skipped_counts_as_settled() {
    let mut partition = Partition::new(Progress::at(0));
    assert!(partition.skip_to(1));
    assert_eq!(partition.progress(), Progress::at(1));
    partition.push(1, record("a"), Now::new());
    assert_eq!(claim(&mut partition, 9, 1, Now::new()), [(1, 1)]);
    assert!(partition.skip_to(3));
    assert_eq!(partition.progress().offset(), 1);
}

#[test]
fn a_returned_message_is_delivered_while_an_earlier_one_of_its_key_is_in_flight() {
    let mut partition = filled(&["a", "a"]);
    let now = Now::new();
    assert_eq!(claim(&mut partition, 2, 1, now), [(0, 1), (1, 1)]);
    partition.requeue(1, 1, Requeue::Uncounted(Duration::ZERO), now).unwrap();
    partition.requeue(0, 1, Requeue::Uncounted(Duration::ZERO), now).unwrap();
    assert_eq!(claim(&mut partition, 1, 2, now), [(0, 1)]);
    assert_eq!(claim(&mut partition, 1, 3, now), [(1, 1)]);
}
