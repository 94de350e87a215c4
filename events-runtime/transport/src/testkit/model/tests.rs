//! The models accept the memory transport, and notice transports that break a promise.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::super::over::Over;
use super::*;
use crate::{BoxFuture, ConnectOptions, Consumer, Delivery, Transport, TransportError};

struct Memory(String);

impl Memory {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(format!("memory:model-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Fixture for Memory {
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        crate::connect(&self.0, options).expect("a memory store opens")
    }
}

crate::conformance!(memory, Memory::new());

/// Changes what each receive returns.
struct Changed {
    memory: Memory,
    change: fn(usize, Vec<Delivery>) -> Vec<Delivery>,
}

struct ChangedConsumer {
    inner: Box<dyn Consumer>,
    change: fn(usize, Vec<Delivery>) -> Vec<Delivery>,
    calls: Arc<AtomicUsize>,
}

impl Fixture for Changed {
    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        let (change, calls) = (self.change, Arc::new(AtomicUsize::new(0)));
        Box::new(Over::new(self.memory.connect(options)).consumer(move |inner| ChangedConsumer {
            inner,
            change,
            calls: Arc::clone(&calls),
        }))
    }
}

impl Consumer for ChangedConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            let received = self.inner.receive(max, wait).await?;
            Ok((self.change)(self.calls.fetch_add(1, Ordering::Relaxed), received))
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        self.inner.close()
    }
}

const SUBJECT: Subject = Subject::Cursor { steps: 60 };

/// The shortest failing history of some seeds, and its error.
fn failure(change: fn(usize, Vec<Delivery>) -> Vec<Delivery>) -> (Vec<Op>, String) {
    let mut found = None;
    crate::testkit::run(async {
        let fixture = Changed { memory: Memory::new(), change };
        for seed in 1..20 {
            let history = generate(SUBJECT, seed);
            if let Some(error) = run(&fixture, SUBJECT, &history).await {
                let fails = async |history: &[Op]| run(&fixture, SUBJECT, history).await;
                found = Some(shrink(history, error, TRIALS, fails).await);
                break;
            }
        }
    });
    found.expect("a history notices the change")
}

#[test]
fn a_transport_that_breaks_the_order_of_a_key_is_noticed_by_a_short_history() {
    let (history, error) = failure(|_, deliveries| deliveries.into_iter().rev().collect());
    assert!(error.contains("which has the same key"), "{error}");
    assert!(history.len() <= 3, "{history:?}");
}

#[test]
fn a_transport_that_returns_deliveries_by_itself_is_noticed() {
    let (_, error) = failure(|call, deliveries| {
        let mut deliveries = VecDeque::from(deliveries);
        if call % 4 == 3 {
            drop(deliveries.pop_front());
        }
        deliveries.into()
    });
    assert!(!error.is_empty());
}
