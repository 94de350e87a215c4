//! The current hub of a thread or a future.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Hub;

thread_local! {
    static CURRENT: RefCell<Option<Hub>> = const { RefCell::new(None) };
}

/// The hub of the thread's scope.
pub(super) fn current() -> Option<Hub> {
    // A thread that is shutting down has no scope.
    CURRENT.try_with(|current| current.borrow().clone()).unwrap_or_default()
}

/// Enters a hub's scope until the guard is dropped.
pub(super) fn enter(hub: Hub) -> Entered {
    let outer = CURRENT.try_with(|current| current.replace(Some(hub))).unwrap_or_default();
    Entered { outer }
}

/// A thread in a hub's scope.
pub(super) struct Entered {
    outer: Option<Hub>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let inner = CURRENT.try_with(|current| current.replace(self.outer.take()));
        // Dropped after the borrow has ended: it may be the hub's last handle.
        drop(inner);
    }
}

/// A future that is in a hub's scope whenever it is polled: [`Hub::scope_async`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Scoped<F> {
    hub: Hub,
    /// `None` only while it is dropped.
    future: Option<Pin<Box<F>>>,
}

impl<F> Scoped<F> {
    pub(super) fn new(hub: Hub, future: F) -> Self {
        Self { hub, future: Some(Box::pin(future)) }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = enter(self.hub.clone());
        match &mut self.future {
            Some(future) => future.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for Scoped<F> {
    /// Drops the future in the scope too: a destructor may emit.
    fn drop(&mut self) {
        let _entered = enter(self.hub.clone());
        drop(self.future.take());
    }
}
