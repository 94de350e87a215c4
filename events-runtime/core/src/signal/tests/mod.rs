//! Tests of signals.

mod answers;
mod asynchronous;
mod bus;
mod emitting;
mod origins;
mod receivers;
mod scopes;

use std::sync::{Arc, Mutex};

/// A list that receivers write into.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().expect("no panic").push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}
