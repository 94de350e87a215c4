use std::collections::BTreeSet;
use std::time::SystemTime;

use events_transport::{ErrorKind, Message};

use super::commits::grouped;
use super::*;
use crate::client::CommitFailure;

const LEASE: Duration = Duration::from_secs(30);

fn place(topic: usize, partition: u32) -> Place {
    Place { topic, partition }
}

/// A state with this number of messages in each place.
fn filled(places: &[(Place, u64)]) -> State {
    let mut state = State::new(2);
    for (place, count) in places {
        state.add(*place, Progress::at(0), Some((0, String::new())));
        let partition = &mut state.partitions.get_mut(place).expect("it was added").partition;
        for offset in 0..*count {
            let record = Record::new(Message::new("data"), SystemTime::UNIX_EPOCH, None);
            partition.push(offset, record, Now::new());
        }
    }
    state
}

fn unavailable() -> TransportError {
    TransportError::new(ErrorKind::Unavailable, "commit to", "the group", "no coordinator")
}

#[test]
fn each_partition_has_a_share_of_a_claim() {
    let mut state = filled(&[(place(0, 0), 1_000), (place(0, 1), 3), (place(1, 0), 1)]);
    let (_, taken, _) = state.claim(9, LEASE);
    let of = |at| taken.iter().filter(|(place, _)| *place == at).count();
    assert_eq!((of(place(0, 0)), of(place(0, 1)), of(place(1, 0))), (5, 3, 1));
}

#[test]
fn claims_of_one_message_take_turns() {
    let mut state = filled(&[(place(0, 0), 10), (place(0, 1), 10), (place(1, 0), 10)]);
    let taken: Vec<_> = (0..6).map(|_| state.claim(1, LEASE).1[0].0).collect();
    let all = [place(0, 0), place(0, 1), place(1, 0)];
    assert_eq!(taken, [all, all].concat());
}

#[test]
fn nothing_is_claimed_of_a_partition_that_is_returned() {
    let mut state = filled(&[(place(0, 0), 3)]);
    state.partitions.get_mut(&place(0, 0)).expect("it is there").is_revoking = true;
    assert!(state.claim(9, LEASE).1.is_empty());
}

#[test]
fn an_outcome_is_answered_when_a_commit_that_covers_it_is_stored() {
    let mut state = filled(&[(place(0, 0), 3)]);
    let (claim, _, _) = state.claim(3, LEASE);
    state.settle(place(0, 0), 0, claim).expect("it is held");
    let mut first = state.committed(place(0, 0)).expect("it is not committed");
    let sent = state.take_changes();
    state.settle(place(0, 0), 1, claim).expect("it is held");
    let mut second = state.committed(place(0, 0)).expect("it is not committed");
    assert_eq!(sent[0].offset, 1);
    state.on_commit(sent, &Ok(()));
    assert!(matches!(first.try_recv(), Ok(Ok(()))));
    assert!(second.try_recv().is_err(), "its commit is not stored");
    assert!(state.has_waiters());
    let sent = state.take_changes();
    assert_eq!((sent[0].offset, sent[0].metadata.as_str()), (2, "events1 1 0 0"));
    state.on_commit(sent, &Ok(()));
    assert!(matches!(second.try_recv(), Ok(Ok(()))));
}

#[test]
fn a_commit_that_is_refused_in_a_rebalance_is_sent_again() {
    let mut state = filled(&[(place(0, 0), 1)]);
    let (claim, _, _) = state.claim(1, LEASE);
    state.settle(place(0, 0), 0, claim).expect("it is held");
    let mut answer = state.committed(place(0, 0)).expect("it is not committed");
    for failure in [CommitFailure::Rebalance, CommitFailure::Unavailable(unavailable())] {
        let sent = state.take_changes();
        state.on_commit(sent, &Err(failure));
        assert!(answer.try_recv().is_err());
    }
    let sent = state.take_changes();
    state.on_commit(sent, &Ok(()));
    assert!(matches!(answer.try_recv(), Ok(Ok(()))));
}

#[test]
fn an_outcome_that_changes_nothing_needs_no_commit() {
    let mut state = filled(&[(place(0, 0), 1)]);
    let sent = state.take_changes();
    assert!(sent.is_empty());
    let (claim, _, _) = state.claim(1, LEASE);
    state.settle(place(0, 0), 0, claim).expect("it is held");
    assert_eq!(state.settle(place(0, 0), 0, claim), Err(LeaseLost));
    assert_eq!(state.take_changes().len(), 1);
}

#[test]
fn an_outcome_that_is_not_stored_in_time_is_an_error_with_its_cause() {
    let mut state = filled(&[(place(0, 0), 1)]);
    let (claim, _, _) = state.claim(1, LEASE);
    state.settle(place(0, 0), 0, claim).expect("it is held");
    let mut answer = state.committed(place(0, 0)).expect("it is not committed");
    let sent = state.take_changes();
    state.on_commit(sent, &Err(CommitFailure::Unavailable(unavailable())));
    std::thread::sleep(Duration::from_millis(2));
    state.give_up(Duration::from_millis(1), |cause| cause.expect("the last failure"));
    let answered = answer.try_recv().expect("it is answered");
    assert_eq!(answered.expect_err("it is not stored").kind(), ErrorKind::Unavailable);
    assert_eq!(state.take_changes().len(), 1, "a later commit still has it");
}

#[test]
fn outcomes_of_a_partition_that_is_taken_away_are_lost() {
    let mut state = filled(&[(place(0, 0), 1)]);
    let (claim, _, _) = state.claim(1, LEASE);
    state.settle(place(0, 0), 0, claim).expect("it is held");
    let mut answer = state.committed(place(0, 0)).expect("it is not committed");
    state.remove(place(0, 0), &unavailable());
    assert!(matches!(answer.try_recv(), Ok(Err(_))));
    assert_eq!(state.settle(place(0, 0), 0, claim), Err(LeaseLost));
}

#[test]
fn brokers_that_refuse_metadata_get_none() {
    let mut state = filled(&[(place(0, 0), 3)]);
    let (claim, _, _) = state.claim(3, LEASE);
    for offset in [0, 2] {
        state.settle(place(0, 0), offset, claim).expect("it is held");
    }
    let sent = state.take_changes();
    assert_eq!((sent[0].offset, sent[0].metadata.as_str()), (1, "events1 2 0 0"));
    state.on_commit(sent, &Err(CommitFailure::TooMuchMetadata));
    let sent = state.take_changes();
    assert_eq!((sent[0].offset, sent[0].metadata.as_str()), (1, ""));
}

#[test]
fn long_metadata_has_a_commit_of_its_own() {
    let sent = |topic, partition, length| Sent {
        place: place(topic, partition),
        change: 1,
        offset: 0,
        metadata: "x".repeat(length),
    };
    let groups = grouped(vec![sent(0, 0, 0), sent(0, 1, 9), sent(0, 2, 600), sent(0, 3, 0), sent(1, 0, 0)]);
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1, 1]);
}

/// A state whose messages are all claimed, and kept in flight by this claim.
fn leaving(count: u64) -> State {
    let mut state = filled(&[(place(0, 0), count)]);
    let (claim, taken, _) = state.claim(usize::try_from(count).expect("few"), LEASE);
    for (place, one) in taken {
        state.leave(place, one.offset, claim).expect("it is held");
    }
    state
}

#[test]
fn a_commit_of_a_transaction_has_its_messages_only() {
    let state = leaving(5);
    let mut settled = BTreeMap::from([(place(0, 0), BTreeSet::from([0, 2, 3])), (place(1, 0), [7].into())]);
    let commits = state.commits_of(&mut settled);
    let found: Vec<_> = commits.iter().map(|one| (one.place, one.offset, one.metadata.as_str())).collect();
    assert_eq!(found, [(place(0, 0), 1, "events1 4 0 0,2")]);
    assert_eq!(
        settled,
        BTreeMap::from([(place(0, 0), BTreeSet::from([0, 2, 3]))]),
        "a lost partition is left out"
    );
}

#[test]
fn an_acknowledgement_that_the_metadata_has_no_room_for_is_not_of_the_transaction() {
    let state = leaving(10_000);
    // Every other message: a run for each of the others.
    let all: BTreeSet<u64> = (0..10_000).filter(|offset| offset % 2 == 1).collect();
    let mut settled = BTreeMap::from([(place(0, 0), all.clone())]);
    let commits = state.commits_of(&mut settled);
    let kept = &settled[&place(0, 0)];
    assert!(kept.len() > 1_000 && kept.len() < all.len(), "{}", kept.len());
    assert!(all.iter().zip(kept).all(|(one, other)| one == other), "the first ones have room");
    let [sent] = &commits[..] else { panic!("one partition") };
    let stored = Progress::decode(sent.offset, &sent.metadata).expect("it is progress");
    for offset in 0..10_000 {
        assert_eq!(stored.is_settled(offset), kept.contains(&offset), "{offset}");
    }
}

#[test]
fn without_metadata_a_transaction_acknowledges_the_first_messages_only() {
    let mut state = leaving(4);
    state.commit.is_bare = true;
    for (wanted, kept) in [(vec![0, 1, 3], vec![0, 1]), (vec![1, 2], vec![])] {
        let mut settled = BTreeMap::from([(place(0, 0), wanted.into_iter().collect::<BTreeSet<u64>>())]);
        let commits = state.commits_of(&mut settled);
        assert_eq!(settled[&place(0, 0)], kept.iter().copied().collect());
        let offsets: Vec<_> = commits.iter().map(|one| one.offset).collect();
        assert_eq!(offsets, if kept.is_empty() { vec![] } else { vec![2] });
    }
}

#[test]
fn outputs_of_a_key_are_not_stored_before_an_earlier_message_that_is_delivered_again() {
    let mut state = State::new(1);
    state.add(place(0, 0), Progress::at(0), None);
    let partition = &mut state.partitions.get_mut(&place(0, 0)).expect("it was added").partition;
    for (offset, key) in ["a", "b", "a"].into_iter().enumerate() {
        let message = Message::new("data").with_key(key);
        partition.push(offset as u64, Record::new(message, SystemTime::UNIX_EPOCH, None), Now::new());
    }
    let (claim, _, _) = state.claim(3, LEASE);
    for offset in 1..3 {
        state.leave(place(0, 0), offset, claim).expect("it is held");
    }
    state.requeue(place(0, 0), 0, claim, Requeue::Counted(LEASE)).expect("it is held");
    assert!(state.hold_order(place(0, 0), 1, claim), "another key");
    assert!(!state.hold_order(place(0, 0), 2, claim));
    assert!(!state.hold_order(place(0, 0), 2, claim), "it is no longer in flight");
    assert!(state.claim(3, LEASE).1.is_empty(), "both wait");
}

#[test]
fn a_transaction_has_ended_when_another_began() {
    let mut state = State::new(1);
    assert!(state.has_ended(state.last_transaction()), "none has begun");
    for begun in 1..3 {
        state.commit.is_transacting = true;
        state.commit.transactions = begun;
        assert!(state.has_ended(begun - 1) && !state.has_ended(begun));
    }
    state.commit.is_transacting = false;
    assert!(state.has_ended(state.last_transaction()));
}
