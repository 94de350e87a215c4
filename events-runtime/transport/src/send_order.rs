//! The order of a producer's calls over failures.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{ErrorKind, Topic, TransportError};

/// For producers that promise [`ordered_sends`](crate::Capability::ordered_sends): tells them which calls must
/// fail because an earlier one has failed and its caller does not know yet. Each handle of a producer has its own: calls
/// of others do not wait for what its caller knows.
///
/// ```
/// use events_transport::{SendOrder, Topic};
///
/// let (order, topic) = (SendOrder::default(), Topic::new("orders")?);
/// let (first, first_returned) = order.begin(&topic);
/// let (second, second_returned) = order.begin(&topic);
/// first.fail();
/// assert!(second.admit().is_err(), "the caller did not know when it made the second call");
/// drop((first_returned, second_returned)); // Their results are returned.
/// assert!(order.begin(&topic).0.admit().is_ok());
/// # Ok::<(), events_transport::NameError>(())
/// ```
#[derive(Debug, Default)]
pub struct SendOrder {
    topics: Mutex<HashMap<Topic, Arc<Mutex<Calls>>>>,
}

/// The calls of a topic, which are numbered, and which of them have failed.
#[derive(Debug, Default)]
struct Calls {
    next: u64,
    /// Failed, and their callers do not know yet.
    failed: BTreeSet<u64>,
    /// Calls with these numbers were made after a failed one, and before its caller knew.
    late: Range<u64>,
}

impl Calls {
    /// Whether a call was made after a failed one, and before its caller knew.
    fn is_late(&self, number: u64) -> bool {
        self.late.contains(&number) || self.failed.first().is_some_and(|failed| *failed < number)
    }
}

/// One call of [`Producer::send`](crate::Producer::send), as the producer keeps it until it is stored or has failed.
#[derive(Debug, Clone)]
pub struct SendCall(Arc<Shared>);

/// Kept by the future that [`Producer::send`](crate::Producer::send) returns: to be dropped when the future returns
/// the results, or is dropped itself.
#[derive(Debug)]
#[must_use = "as long as it is kept, the caller does not know the results"]
pub struct SendReturned(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    topic: Topic,
    calls: Arc<Mutex<Calls>>,
    number: u64,
    /// Changed while the calls are locked.
    is_returned: AtomicBool,
}

impl SendOrder {
    /// Begins a call, before `send` returns.
    pub fn begin(&self, topic: &Topic) -> (SendCall, SendReturned) {
        let mut topics = lock(&self.topics);
        let calls = match topics.get(topic) {
            Some(calls) => Arc::clone(calls),
            None => Arc::clone(topics.entry(topic.clone()).or_default()),
        };
        drop(topics);
        let mut begun = lock(&calls);
        let number = begun.next;
        begun.next += 1;
        drop(begun);
        let call =
            Arc::new(Shared { topic: topic.clone(), calls, number, is_returned: AtomicBool::new(false) });
        (SendCall(Arc::clone(&call)), SendReturned(call))
    }
}

impl SendCall {
    /// Whether the messages of the call may be stored. To be asked in the order of the calls, directly before they
    /// are.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`Unavailable`](ErrorKind::Unavailable), for each of its messages, if an earlier
    /// call has failed whose results were not returned when this one was made. This one then counts as failed too.
    pub fn admit(&self) -> Result<(), TransportError> {
        let mut calls = lock(&self.0.calls);
        if !calls.is_late(self.0.number) {
            // Calls ask in their order, so that none of the late ones will.
            if self.0.number >= calls.late.end {
                calls.late = 0..0;
            }
            return Ok(());
        }
        self.set_failed(calls);
        let text = "an earlier message of the topic was not stored: send the messages again after it";
        Err(TransportError::new(ErrorKind::Unavailable, "send to", &self.0.topic, text))
    }

    /// At least one message of the call is not stored. To be told before a later call of the topic is admitted.
    pub fn fail(&self) {
        self.set_failed(lock(&self.0.calls));
    }

    fn set_failed(&self, mut calls: MutexGuard<'_, Calls>) {
        // A caller that dropped the future does not wait for a result.
        if !self.0.is_returned.load(Ordering::Relaxed) {
            calls.failed.insert(self.0.number);
        }
    }
}

impl Drop for SendReturned {
    fn drop(&mut self) {
        let mut calls = lock(&self.0.calls);
        self.0.is_returned.store(true, Ordering::Relaxed);
        if calls.failed.remove(&self.0.number) {
            // Of two ranges, the space between is taken for late too: those calls are sent again for nothing.
            let first =
                if calls.late.is_empty() { self.0.number } else { calls.late.start.min(self.0.number) };
            calls.late = first..calls.next;
        }
    }
}

/// A poisoned lock is safe to use: nothing panics inside.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> Topic {
        Topic::new(name).unwrap()
    }

    #[test]
    fn a_call_fails_until_the_result_of_each_failed_one_is_returned() {
        let order = SendOrder::default();
        let (first, first_returned) = order.begin(&topic("a"));
        let (second, second_returned) = order.begin(&topic("a"));
        first.fail();
        first.fail();
        assert!(second.admit().is_err());
        drop(first_returned);
        let (third, third_returned) = order.begin(&topic("a"));
        assert!(third.admit().is_err(), "the failure of the second is not known yet");
        drop((second_returned, third_returned));
        assert!(order.begin(&topic("a")).0.admit().is_ok());
    }

    #[test]
    fn a_call_made_before_the_failure_was_returned_fails_after_it_too() {
        let order = SendOrder::default();
        let (first, first_returned) = order.begin(&topic("a"));
        let (second, _second_returned) = order.begin(&topic("a"));
        first.fail();
        drop(first_returned);
        assert!(second.admit().is_err());
    }

    #[test]
    fn a_call_made_before_the_failed_one_is_stored() {
        let order = SendOrder::default();
        let (first, _first_returned) = order.begin(&topic("a"));
        let (second, second_returned) = order.begin(&topic("a"));
        second.fail();
        assert!(first.admit().is_ok());
        drop(second_returned);
        assert!(first.admit().is_ok());
    }

    #[test]
    fn a_failure_of_long_ago_makes_no_call_late() {
        let order = SendOrder::default();
        let (first, returned) = order.begin(&topic("a"));
        first.fail();
        drop(returned);
        assert!(order.begin(&topic("a")).0.admit().is_ok());
        let (third, _third_returned) = order.begin(&topic("a"));
        let (fourth, fourth_returned) = order.begin(&topic("a"));
        fourth.fail();
        drop(fourth_returned);
        assert!(third.admit().is_ok(), "it was made before the failed one");
    }

    #[test]
    fn a_call_whose_future_was_dropped_holds_up_no_later_one() {
        let order = SendOrder::default();
        let (first, returned) = order.begin(&topic("a"));
        drop(returned);
        first.fail();
        assert!(order.begin(&topic("a")).0.admit().is_ok());
    }

    #[test]
    fn topics_are_independent() {
        let order = SendOrder::default();
        let (first, _returned) = order.begin(&topic("a"));
        first.fail();
        assert!(order.begin(&topic("a")).0.admit().is_err());
        assert!(order.begin(&topic("b")).0.admit().is_ok());
    }
}
