//! Blocks a thread until a future finishes, if the thread may block.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use crate::hub::block;

/// The result of a blocking wait.
pub(super) enum Wait<T> {
    /// The future finished.
    Finished(T),
    /// The deadline passed first.
    TimedOut,
    /// The thread must not block.
    WouldBlock,
}

/// Blocks the thread until a future finishes, if the thread may block.
pub(super) fn block_until<F: Future + Unpin>(future: &mut F, deadline: Option<Instant>) -> Wait<F::Output> {
    if let Poll::Ready(output) = Pin::new(&mut *future).poll(&mut Context::from_waker(Waker::noop())) {
        return Wait::Finished(output);
    }
    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        return Wait::TimedOut;
    }
    match block(|| park_until(future, deadline)) {
        Some(Some(output)) => Wait::Finished(output),
        Some(None) => Wait::TimedOut,
        None => Wait::WouldBlock,
    }
}

/// Parks the thread until a future finishes; `None` if the deadline passed first.
fn park_until<F: Future + Unpin>(future: &mut F, deadline: Option<Instant>) -> Option<F::Output> {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = Pin::new(&mut *future).poll(&mut context) {
            return Some(output);
        }
        match deadline {
            None => thread::park(),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return None;
                }
                thread::park_timeout(left);
            }
        }
    }
}
