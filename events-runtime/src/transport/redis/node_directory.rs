//! The nodes of a cluster that may be asked who has a topic.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::endpoint::Address;

/// The nodes that the URL lists and those that they told of.
pub(super) struct NodeDirectory {
    listed: Vec<Address>,
    /// Who was asked last comes last, so that one that knows no better is not asked again and again.
    nodes: Mutex<VecDeque<Node>>,
}

struct Node {
    address: Address,
    /// Whether it answered when it was asked last; no, while it is asked.
    answers: bool,
}

impl Node {
    const fn new(address: Address) -> Self {
        Self { address, answers: true }
    }
}

impl NodeDirectory {
    pub(super) fn new(listed: Vec<Address>) -> Self {
        let nodes = listed.iter().cloned().map(Node::new).collect();
        Self { listed, nodes: Mutex::new(nodes) }
    }

    /// Who is asked next, beside those that were: one that answers, where there is any.
    pub(super) fn next(&self, asked: &[Address]) -> Option<Address> {
        let mut nodes = self.nodes();
        let is_left = |node: &Node| !asked.contains(&node.address);
        let answering = nodes.iter().position(|node| node.answers && is_left(node));
        let next = answering.or_else(|| nodes.iter().position(is_left))?;
        let mut node = nodes.remove(next)?;
        // So that one that hangs is not asked again by others, or after a call that was given up.
        node.answers = false;
        let address = node.address.clone();
        nodes.push_back(node);
        Some(address)
    }

    pub(super) fn answered(&self, address: &Address) {
        if let Some(node) = self.nodes().iter_mut().find(|node| node.address == *address) {
            node.answers = true;
        }
    }

    /// Takes note of nodes, and forgets those that are neither listed nor in the cluster any more.
    pub(super) fn learn<'n>(&self, told: impl Iterator<Item = &'n Address>) {
        let told: Vec<_> = told.collect();
        let mut nodes = self.nodes();
        nodes.retain(|old| self.listed.contains(&old.address) || told.contains(&&old.address));
        for address in told {
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
    fn nodes_are_asked_in_turn_and_those_that_did_not_answer_last() {
        let node = |name: &str| (name.to_owned(), 1);
        let known = NodeDirectory::new(["a", "b", "c"].map(node).to_vec());
        let next = || known.next(&[]).expect("a node").0;
        assert_eq!(next(), "a");
        assert_eq!(next(), "b");
        known.answered(&node("b"));
        assert_eq!(next(), "c");
        known.answered(&node("c"));
        assert_eq!([next(), next()], ["b", "c"]);
        assert_eq!(next(), "a", "nobody answers");
        assert_eq!(known.next(&["a", "b", "c"].map(node)), None);
    }

    #[test]
    fn who_left_the_cluster_is_forgotten_unless_listed() {
        let node = |name: &str| (name.to_owned(), 1);
        let known = NodeDirectory::new(vec![node("listed")]);
        known.learn([node("old"), node("stays")].iter());
        known.learn([node("stays"), node("new")].iter());
        let names: Vec<_> = known.nodes().iter().map(|node| node.address.0.clone()).collect();
        assert_eq!(names, ["listed", "stays", "new"]);
    }
}
