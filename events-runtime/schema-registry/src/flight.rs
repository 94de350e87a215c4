//! Requests under way, which calls for the same result share.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::RegistryError;

type Answer<V> = Option<Result<V, RegistryError>>;

/// The requests under way, by what they ask for.
pub(crate) struct Flights<K, V>(Arc<Mutex<HashMap<K, watch::Receiver<Answer<V>>>>>);

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// What a call does for a key.
pub(crate) enum Flight<K: Hash + Eq, V> {
    /// Makes the request.
    First(Landing<K, V>),
    /// Waits for the request of another call.
    Later(watch::Receiver<Answer<V>>),
}

/// Ends a request. Calls that wait for it fail if it is dropped without an answer.
pub(crate) struct Landing<K: Hash + Eq, V> {
    flights: Arc<Mutex<HashMap<K, watch::Receiver<Answer<V>>>>>,
    key: K,
    answer: watch::Sender<Answer<V>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Flights<K, V> {
    pub(crate) fn join(&self, key: K) -> Flight<K, V> {
        let mut flights = lock(&self.0);
        if let Some(answer) = flights.get(&key) {
            return Flight::Later(answer.clone());
        }
        let (answer, receiver) = watch::channel(None);
        flights.insert(key.clone(), receiver);
        Flight::First(Landing { flights: Arc::clone(&self.0), key, answer })
    }
}

impl<K: Hash + Eq, V> Landing<K, V> {
    pub(crate) fn land(self, answer: Result<V, RegistryError>) {
        self.answer.send_replace(Some(answer));
    }
}

impl<K: Hash + Eq, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        lock(&self.flights).remove(&self.key);
    }
}

/// The answer of a request that another call made; `None` if that call panicked.
pub(crate) async fn answer<V: Clone>(
    mut receiver: watch::Receiver<Answer<V>>,
) -> Option<Result<V, RegistryError>> {
    receiver.wait_for(Option::is_some).await.ok()?.clone()
}

/// A poisoned lock is safe to use: no critical section leaves the map inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
