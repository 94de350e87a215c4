//! The known nodes of a cluster, in the order in which they are queried for the owner of a topic.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::endpoint::Address;

/// The nodes that the URL lists and those discovered from them.
pub(super) struct NodeDirectory {
    listed: Vec<Address>,
    /// Least recently queried first, so a stale node is not retried repeatedly.
    nodes: Mutex<VecDeque<Node>>,
}

struct Node {
    address: Address,
    /// Whether it answered the last query; `false` during a query.
    responsive: bool,
}

impl Node {
    const fn new(address: Address) -> Self {
        Self { address, responsive: true }
    }
}

impl NodeDirectory {
    pub(super) fn new(listed: Vec<Address>) -> Self {
        let nodes = listed.iter().cloned().map(Node::new).collect();
        Self { listed, nodes: Mutex::new(nodes) }
    }

    /// The next node to query that is not in `queried`; responsive nodes first.
    pub(super) fn next(&self, queried: &[Address]) -> Option<Address> {
        let mut nodes = self.nodes();
        let is_left = |node: &Node| !queried.contains(&node.address);
        let responsive = nodes.iter().position(|node| node.responsive && is_left(node));
        let next = responsive.or_else(|| nodes.iter().position(is_left))?;
        let mut node = nodes.remove(next)?;
        // Other calls then avoid a node that hangs, also if this call is cancelled.
        node.responsive = false;
        let address = node.address.clone();
        nodes.push_back(node);
        Some(address)
    }

    pub(super) fn mark_responsive(&self, address: &Address) {
        if let Some(node) = self.nodes().iter_mut().find(|node| node.address == *address) {
            node.responsive = true;
        }
    }

    /// Adds discovered nodes, and removes nodes that are neither listed nor discovered.
    pub(super) fn update<'n>(&self, discovered: impl Iterator<Item = &'n Address>) {
        let discovered: Vec<_> = discovered.collect();
        let mut nodes = self.nodes();
        nodes.retain(|old| self.listed.contains(&old.address) || discovered.contains(&&old.address));
        for address in discovered {
            if nodes.iter().all(|old| old.address != *address) {
                nodes.push_back(Node::new(address.clone()));
            }
        }
    }

    fn nodes(&self) -> MutexGuard<'_, VecDeque<Node>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_queried_in_turn_and_unresponsive_ones_last() {
        let node = |name: &str| (name.to_owned(), 1);
        let known = NodeDirectory::new(["a", "b", "c"].map(node).to_vec());
        let next = || known.next(&[]).expect("a node").0;
        assert_eq!(next(), "a");
        assert_eq!(next(), "b");
        known.mark_responsive(&node("b"));
        assert_eq!(next(), "c");
        known.mark_responsive(&node("c"));
        assert_eq!([next(), next()], ["b", "c"]);
        assert_eq!(next(), "a", "no node is responsive");
        assert_eq!(known.next(&["a", "b", "c"].map(node)), None);
    }

    #[test]
    fn a_node_that_left_the_cluster_is_removed_unless_listed() {
        let node = |name: &str| (name.to_owned(), 1);
        let known = NodeDirectory::new(vec![node("listed")]);
        known.update([node("old"), node("stays")].iter());
        known.update([node("stays"), node("new")].iter());
        let names: Vec<_> = known.nodes().iter().map(|node| node.address.0.clone()).collect();
        assert_eq!(names, ["listed", "stays", "new"]);
    }
}
