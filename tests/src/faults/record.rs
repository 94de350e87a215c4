//! The records of a run, and the lines that processes write them as.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// An event that was acknowledged to its producer: `told ID KEY N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The event's id.
    pub id: String,
    /// Its key.
    pub key: String,
    /// Its number; those of a key go up in the order in which they were emitted.
    pub n: u64,
}

/// How a receiver's work on an event ended, or was about to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It succeeded.
    Done,
    /// It was an error.
    Failed,
    /// It panicked.
    Panicked,
    /// It did not end.
    Hung,
    /// It was an error that says that trying again is of no use.
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
    /// The number of the process in the run; process ids are used again.
    pub process: u32,
    /// Which attempt the bus said that this is, from 1.
    pub attempt: u32,
    /// The event's id.
    pub id: String,
    /// Its key.
    pub key: String,
    /// Its number.
    pub n: u64,
    /// What came of it.
    pub end: End,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "told {} {} {}", self.id, self.key, self.n)
    }
}

impl fmt::Display for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, attempt, id, key, n, end } = self;
        let word = End::WORDS.iter().find(|(_, other)| other == end).map_or("", |(word, _)| word);
        write!(f, "{process} {attempt} {id} {key} {n} {word}")
    }
}

impl FromStr for Told {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let told = |line: &str| match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["told", id, key, n] => {
                Some(Self { id: (*id).to_owned(), key: (*key).to_owned(), n: n.parse().ok()? })
            }
            _ => None,
        };
        told(line).ok_or_else(|| format!("no acknowledged event: {line:?}"))
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
    /// Why it was given up.
    pub reason: String,
}

/// What a group left behind.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What its members handled, in the order of all.
    pub handlings: Vec<Handling>,
    /// Its dead letters.
    pub dead: Vec<Dead>,
}

/// What a run left behind.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The events that were acknowledged to their producers.
    pub told: Vec<Told>,
    /// The consumers' side.
    pub groups: Vec<Group>,
    /// The processes that were killed.
    pub killed: BTreeSet<u32>,
    /// How many outcomes of a process the bus said that it had not stored: the lease was over, or the
    /// file took nothing.
    pub refused: BTreeMap<u32, usize>,
    /// So many handled events of a process may have no stored acknowledgement yet when it is killed.
    pub unsettled: usize,
}
