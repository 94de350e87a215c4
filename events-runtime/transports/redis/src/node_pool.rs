//! Shared connections to the nodes of a cluster, one per node.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::redis::RedisError;
use ::redis::aio::MultiplexedConnection;

use super::endpoint::{Address, authority};

/// An open connection to one server.
#[derive(Clone)]
pub(super) struct ServerConnection {
    pub(super) connection: MultiplexedConnection,
    /// The cluster node.
    node: Option<Address>,
    /// Its number in the pool, if shared.
    shared: Option<u64>,
}

impl ServerConnection {
    /// A connection that is not shared.
    pub(super) const fn exclusive(connection: MultiplexedConnection, node: Option<Address>) -> Self {
        Self { connection, node, shared: None }
    }

    /// Adds the node's address to an error.
    pub(super) fn at(&self, error: RedisError) -> RedisError {
        match &self.node {
            Some(node) => at(node, error),
            None => error,
        }
    }
}

#[derive(Default)]
pub(super) struct NodePool(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// Counts connections, so that a late error does not close a newer one.
    count: u64,
    by_address: HashMap<Address, ServerConnection>,
}

impl NodePool {
    pub(super) fn get(&self, address: &Address) -> Option<ServerConnection> {
        self.open().by_address.get(address).cloned()
    }

    /// Adds a new connection.
    pub(super) fn share(&self, address: &Address, connection: MultiplexedConnection) -> ServerConnection {
        let mut open = self.open();
        open.count += 1;
        let server = ServerConnection { connection, node: Some(address.clone()), shared: Some(open.count) };
        open.by_address.insert(address.clone(), server.clone());
        server
    }

    /// Removes a broken connection.
    pub(super) fn retire(&self, broken: &ServerConnection) {
        let (Some(address), Some(number)) = (&broken.node, broken.shared) else { return };
        let mut open = self.open();
        if open.by_address.get(address).is_some_and(|open| open.shared == Some(number)) {
            open.by_address.remove(address);
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds the address of an unreachable node to an error, since the URL may not list it.
pub(super) fn at(node: &Address, error: RedisError) -> RedisError {
    let io = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
    let kind = match io {
        Some(io) => io.kind(),
        None if error.is_connection_dropped() => std::io::ErrorKind::BrokenPipe,
        None => return error,
    };
    std::io::Error::new(kind, format!("{}: {error}", authority(node))).into()
}
