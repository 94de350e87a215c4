//! The records of a run, and the lines that processes write for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// An event that was acknowledged to its producer: `acked ID KEY N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acked {
    /// The event's id.
    pub id: String,
    /// Its key.
    pub key: String,
    /// Its number; the numbers of a key rise in the order of emission.
    pub n: u64,
}

/// The outcome of a receiver's call, as logged before the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It succeeded.
    Done,
    /// It returned an error.
    Failed,
    /// It panicked.
    Panicked,
    /// It hung.
    Hung,
    /// It returned a permanent error.
    Rejected,
}

impl End {
    const WORDS: [(&'static str, Self); 5] = [
        ("done", Self::Done),
        ("failed", Self::Failed),
        ("panicked", Self::Panicked),
        ("hung", Self::Hung),
        ("rejected", Self::Rejected),
    ];
}

/// An event that a consumer handled: `PROCESS ATTEMPT ID KEY N END`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handling {
    /// The number of the process in the run; process ids may be reused.
    pub process: u32,
    /// The attempt as the bus reported it, from 1.
    pub attempt: u32,
    /// The event's id.
    pub id: String,
    /// Its key.
    pub key: String,
    /// Its number.
    pub n: u64,
    /// The outcome.
    pub end: End,
}

impl fmt::Display for Acked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "acked {} {} {}", self.id, self.key, self.n)
    }
}

impl fmt::Display for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, attempt, id, key, n, end } = self;
        let word = End::WORDS.iter().find(|(_, other)| other == end).map_or("", |(word, _)| word);
        write!(f, "{process} {attempt} {id} {key} {n} {word}")
    }
}

impl FromStr for Acked {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let acked = |line: &str| match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["acked", id, key, n] => {
                Some(Self { id: (*id).to_owned(), key: (*key).to_owned(), n: n.parse().ok()? })
            }
            _ => None,
        };
        acked(line).ok_or_else(|| format!("no acknowledged event: {line:?}"))
    }
}

impl FromStr for Handling {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let handling = |line: &str| match line.split(' ').collect::<Vec<_>>().as_slice() {
            [process, attempt, id, key, n, end] => Some(Self {
                process: process.parse().ok()?,
                attempt: attempt.parse().ok()?,
                id: (*id).to_owned(),
                key: (*key).to_owned(),
                n: n.parse().ok()?,
                end: End::WORDS.iter().find(|(word, _)| word == end)?.1,
            }),
            _ => None,
        };
        handling(line).ok_or_else(|| format!("no handled event: {line:?}"))
    }
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// The event's id.
    pub id: String,
    /// The reason of the rejection.
    pub reason: String,
}

/// The traces of a group.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The events that its members handled, in order.
    pub handlings: Vec<Handling>,
    /// Its dead letters.
    pub dead: Vec<Dead>,
}

/// The traces of a run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The events that were acknowledged to their producers.
    pub acked: Vec<Acked>,
    /// The consumers' side.
    pub groups: Vec<Group>,
    /// The processes that were killed.
    pub killed: BTreeSet<u32>,
    /// The number of outcomes, by process, that the bus reported as not stored: the lease had expired, or the
    /// disk was full.
    pub refused: BTreeMap<u32, usize>,
    /// The number of handled events of a process that may have no stored acknowledgement when it is killed.
    pub unsettled: usize,
}
