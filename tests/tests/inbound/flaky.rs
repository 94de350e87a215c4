//! A transport whose consumers fail on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use events_runtime::transport::{
    BoxFuture, ConnectOptions, Consumer, Delivery, ErrorKind, Topic, Transport, TransportError, connect,
};
use events_tests::over::Over;

/// A memory store whose consumers fail this number of polls.
pub(crate) fn flaky(failures: u32, kind: ErrorKind) -> Box<dyn Transport> {
    flaky_while(&Arc::new(AtomicU32::new(failures)), kind)
}

/// The same; the test can read and set the number of failures left.
pub(crate) fn flaky_while(failures: &Arc<AtomicU32>, kind: ErrorKind) -> Box<dyn Transport> {
    let memory = connect("memory:", &ConnectOptions::new()).expect("memory");
    let failures = Arc::clone(failures);
    Box::new(Over::new(memory).consumer(move |memory| FlakyConsumer {
        memory,
        failures: Arc::clone(&failures),
        kind,
    }))
}

struct FlakyConsumer {
    memory: Box<dyn Consumer>,
    failures: Arc<AtomicU32>,
    kind: ErrorKind,
}

impl Consumer for FlakyConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            let topic = Topic::new("orders").expect("a name");
            let error = TransportError::new(self.kind, "receive from", &topic, "it is unavailable");
            return Box::pin(std::future::ready(Err(error)));
        }
        self.memory.receive(max, wait)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        self.memory.close()
    }
}
