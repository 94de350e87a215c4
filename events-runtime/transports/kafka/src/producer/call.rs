//! One call of `send`, until every message has its result.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use events_transport::{Position, SendCall, Topic, TransportError};
use tokio::sync::oneshot;

/// The result of each message, in order.
pub(super) type Results = Vec<Result<Position, TransportError>>;

/// A call whose messages are under way.
pub(super) struct Call {
    pub(super) topic: Topic,
    /// The name of the topic in Kafka.
    pub(super) name: String,
    order: SendCall,
    kept: Mutex<Kept>,
}

struct Kept {
    results: Vec<Option<Result<Position, TransportError>>>,
    /// The number of messages without a result.
    open: usize,
    /// When the last result came.
    last: Option<Instant>,
    reply: Option<oneshot::Sender<Results>>,
}

impl Call {
    pub(super) fn new(
        topic: Topic,
        name: String,
        order: SendCall,
        count: usize,
        reply: oneshot::Sender<Results>,
    ) -> Self {
        let kept = Kept { results: vec![None; count], open: count, last: None, reply: Some(reply) };
        Self { topic, name, order, kept: Mutex::new(kept) }
    }

    /// Whether its messages may be offered to the client; otherwise each has this error now.
    pub(super) fn admit(&self) -> bool {
        let admitted = self.order.admit();
        if let Err(error) = &admitted {
            self.keep_rest(error);
        }
        admitted.is_ok()
    }

    /// Lets no later call be admitted if a message has failed.
    pub(super) fn hold_back_later(&self) {
        if self.kept().results.iter().flatten().any(Result::is_err) {
            self.order.fail();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the result of a message. Returns whether it was the last one without.
    pub(super) fn keep(&self, index: usize, result: Result<Position, TransportError>) -> bool {
        let mut kept = self.kept();
        kept.last = Some(Instant::now());
        kept.set(index, result)
    }

    /// Keeps the error of a message, and `rest` for those after it. Returns whether no message is without a result.
    pub(super) fn keep_from(&self, index: usize, error: TransportError, rest: &TransportError) -> bool {
        self.order.fail();
        let mut kept = self.kept();
        let mut is_last = kept.set(index, Err(error));
        for later in index + 1..kept.results.len() {
            is_last |= kept.set(later, Err(rest.clone()));
        }
        is_last
    }

    /// Gives this error to every message without a result.
    pub(super) fn keep_rest(&self, error: &TransportError) {
        self.order.fail();
        let mut kept = self.kept();
        for slot in kept.results.iter_mut().filter(|slot| slot.is_none()) {
            *slot = Some(Err(error.clone()));
        }
        kept.open = 0;
    }

    /// When the last result came.
    pub(super) fn last_result(&self) -> Option<Instant> {
        self.kept().last
    }

    /// Sends the results to the caller, who may have dropped the future.
    pub(super) fn reply(&self) {
        let mut kept = self.kept();
        let results = std::mem::take(&mut kept.results);
        if let Some(reply) = kept.reply.take() {
            let _ = reply.send(results.into_iter().flatten().collect());
        }
    }
}

impl Kept {
    fn set(&mut self, index: usize, result: Result<Position, TransportError>) -> bool {
        match self.results.get_mut(index) {
            Some(slot @ None) => *slot = Some(result),
            _ => return false,
        }
        self.open -= 1;
        self.open == 0
    }
}

#[cfg(test)]
mod tests {
    use events_transport::{ErrorKind, SendOrder};

    use super::*;

    fn position(offset: u64) -> Position {
        Position::Record { partition: 0, offset }
    }

    #[test]
    fn the_results_of_a_call_are_in_the_order_of_its_messages() {
        let (reply, mut answer) = oneshot::channel();
        let topic = Topic::new("orders").unwrap();
        let (order, _returned) = SendOrder::default().begin(&topic);
        let call = Call::new(topic, "orders".to_owned(), order, 3, reply);
        assert!(!call.keep(2, Ok(position(2))));
        assert!(!call.keep(0, Ok(position(0))));
        assert!(!call.keep(0, Ok(position(9))), "a second result is not kept");
        assert!(call.keep(1, Ok(position(1))));
        call.reply();
        let positions: Vec<_> = answer.try_recv().unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(positions, [position(0), position(1), position(2)]);
    }

    #[test]
    fn what_has_no_result_gets_the_error() {
        let (reply, mut answer) = oneshot::channel();
        let topic = Topic::new("orders").unwrap();
        let (order, _returned) = SendOrder::default().begin(&topic);
        let call = Call::new(topic.clone(), "orders".to_owned(), order, 2, reply);
        call.keep(0, Ok(position(0)));
        call.keep_rest(&TransportError::new(ErrorKind::Unavailable, "send to", &topic, "down"));
        call.reply();
        let results = answer.try_recv().unwrap();
        assert!(results[0].is_ok() && results[1].is_err());
    }
}
