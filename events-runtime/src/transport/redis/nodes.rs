//! Connections to the nodes of a cluster, one for each, which many topics share.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::redis::aio::MultiplexedConnection;

use super::endpoint::Address;

/// A connection, and what to give back where it broke.
#[derive(Clone)]
pub(super) struct Connected {
    pub(super) connection: MultiplexedConnection,
    shared: Option<(Address, u64)>,
}

impl Connected {
    /// One that nobody else uses.
    pub(super) const fn alone(connection: MultiplexedConnection) -> Self {
        Self { connection, shared: None }
    }
}

#[derive(Default)]
pub(super) struct Nodes(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// Counts the connections, so that a late error does not end the next one.
    count: u64,
    by_address: HashMap<Address, Connected>,
}

impl Nodes {
    pub(super) fn get(&self, address: &Address) -> Option<Connected> {
        self.open().by_address.get(address).cloned()
    }

    /// Shares a new connection from now on.
    pub(super) fn share(&self, address: &Address, connection: MultiplexedConnection) -> Connected {
        let mut open = self.open();
        open.count += 1;
        let connected = Connected { connection, shared: Some((address.clone(), open.count)) };
        open.by_address.insert(address.clone(), connected.clone());
        connected
    }

    /// Gives a broken connection to nobody any more.
    pub(super) fn retire(&self, broken: &Connected) {
        let Some((address, number)) = &broken.shared else { return };
        let mut open = self.open();
        let is_it = |open: &Connected| open.shared.as_ref().is_some_and(|(_, current)| current == number);
        if open.by_address.get(address).is_some_and(is_it) {
            open.by_address.remove(address);
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
