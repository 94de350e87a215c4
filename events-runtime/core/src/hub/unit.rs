//! The unit of work of a thread or a future: what a bus wants to know of an event that is emitted while it waits
//! for the receivers of another.
//!
//! A unit follows its work as a hub does: the sync receivers run on its thread, and each async receiver takes it
//! along. Spawned work leaves it.

use std::any::Any;
use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A unit of work, in the form that its bus gave it.
pub type Unit = Arc<dyn Any + Send + Sync>;

thread_local! {
    static CURRENT: RefCell<Option<Unit>> = const { RefCell::new(None) };
}

/// The unit of the work that runs on this thread.
pub fn current_unit() -> Option<Unit> {
    // A thread that is shutting down has no unit.
    CURRENT.try_with(|current| current.borrow().clone()).unwrap_or_default()
}

/// Enters a unit, or leaves all units, until the guard is dropped.
pub(super) fn enter(unit: Option<Unit>) -> Entered {
    Entered { outer: CURRENT.try_with(|current| current.replace(unit)).unwrap_or_default() }
}

/// A thread in a unit of work.
pub(super) struct Entered {
    outer: Option<Unit>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let inner = CURRENT.try_with(|current| current.replace(self.outer.take()));
        // Dropped after the borrow has ended: it may be the last handle.
        drop(inner);
    }
}

/// A future that is in a unit of work whenever it is polled.
#[must_use = "futures do nothing unless polled"]
pub struct InUnit<F> {
    unit: Unit,
    /// `None` only while it is dropped.
    future: Option<Pin<Box<F>>>,
}

impl<F> InUnit<F> {
    /// Puts a future into a unit of work.
    pub fn new(unit: Unit, future: F) -> Self {
        Self { unit, future: Some(Box::pin(future)) }
    }
}

impl<F: Future> Future for InUnit<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = enter(Some(Arc::clone(&self.unit)));
        match &mut self.future {
            Some(future) => future.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for InUnit<F> {
    /// Drops the future in the unit too: a destructor may emit.
    fn drop(&mut self) {
        let _entered = enter(Some(Arc::clone(&self.unit)));
        drop(self.future.take());
    }
}
