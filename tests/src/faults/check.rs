//! The promises: nothing lost, ids kept, keys in order, and a reason for each repetition.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use super::record::{End, Group, Handling, Run};

/// The reason why an event was handled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Its receiver failed, panicked or rejected it before.
    Failure,
    /// Its receiver had hung before.
    Hang,
    /// The process that handled it before was killed before its acknowledgement was certainly stored.
    Killed,
    /// The bus reported to a process that an outcome was not stored.
    Refused,
}

/// The errors and counts of a run.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Acknowledged events that a group neither handled nor rejected.
    pub lost: Vec<String>,
    /// Events that were handled before an earlier one of their key was finished.
    pub out_of_order: Vec<String>,
    /// Events whose id or key changed.
    pub changed: Vec<String>,
    /// Repetitions without a cause, and dead letters without a reason.
    pub unexplained: Vec<String>,
    /// Repetitions by cause.
    pub again: BTreeMap<Cause, usize>,
    /// The number of acknowledged events.
    pub acked: usize,
    /// The number of acknowledged events that each group handled.
    pub handled: Vec<usize>,
    /// The number of acknowledged events that each group rejected.
    pub dead: Vec<usize>,
    /// The number of events that reached a group although their producer saw no acknowledgement.
    pub unacked: usize,
}

impl Verdict {
    /// Whether all promises were kept.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        [&self.lost, &self.out_of_order, &self.changed, &self.unexplained]
            .iter()
            .all(|found| found.is_empty())
    }

    /// The number of calls beyond the first for each event and group.
    #[must_use]
    pub fn repeated(&self) -> usize {
        self.again.values().sum::<usize>()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |cause| self.again.get(&cause).copied().unwrap_or(0);
        write!(
            f,
            "{} acknowledged, {:?} of them handled and {:?} rejected by the groups, ",
            self.acked, self.handled, self.dead
        )?;
        write!(f, "{} came unacknowledged, {} duplicates: ", self.unacked, self.repeated())?;
        write!(
            f,
            "{} after a kill, {} after an outcome that was not stored, ",
            of(Cause::Killed),
            of(Cause::Refused)
        )?;
        write!(f, "{} after a failure, {} after a hang; ", of(Cause::Failure), of(Cause::Hang))?;
        write!(f, "{} lost, {} out of order, ", self.lost.len(), self.out_of_order.len())?;
        write!(f, "{} changed, {} unexplained", self.changed.len(), self.unexplained.len())
    }
}

/// An event as its payload identifies it; independent of its id.
type Name<'r> = (&'r str, u64);

/// Compares acknowledged with handled events.
#[must_use]
pub fn check(run: &Run) -> Verdict {
    let mut verdict = Verdict { acked: run.acked.len(), ..Verdict::default() };
    let acked: HashMap<Name<'_>, &str> =
        run.acked.iter().map(|acked| ((acked.key.as_str(), acked.n), acked.id.as_str())).collect();
    let names = Names::new(run);
    let mut unacked = BTreeSet::new();
    for group in &run.groups {
        unacked.extend(group.handlings.iter().map(name).filter(|name| !acked.contains_key(name)));
        names.check(group, &mut verdict);
        check_loss(run, group, &mut verdict);
        check_order(group, &mut verdict);
        check_again(run, group, &mut verdict);
    }
    verdict.unacked = unacked.len();
    verdict
}

fn name(handling: &Handling) -> Name<'_> {
    (&handling.key, handling.n)
}

/// The first id seen for each event.
struct Names<'r> {
    ids: HashMap<Name<'r>, &'r str>,
    names: HashMap<&'r str, Name<'r>>,
}

impl<'r> Names<'r> {
    fn new(run: &'r Run) -> Self {
        let acked = run.acked.iter().map(|acked| ((acked.key.as_str(), acked.n), acked.id.as_str()));
        let handled = run.groups.iter().flat_map(|group| &group.handlings);
        let mut names = Self { ids: HashMap::new(), names: HashMap::new() };
        for (name, id) in acked.chain(handled.map(|handling| (name(handling), handling.id.as_str()))) {
            names.ids.entry(name).or_insert(id);
            names.names.entry(id).or_insert(name);
        }
        names
    }

    fn check(&self, group: &Group, verdict: &mut Verdict) {
        for handling in &group.handlings {
            let same = self.ids.get(&name(handling)) == Some(&handling.id.as_str())
                && self.names.get(handling.id.as_str()) == Some(&name(handling));
            if !same {
                verdict.changed.push(format!("{}: {handling}", group.name));
            }
        }
    }
}

fn check_loss(run: &Run, group: &Group, verdict: &mut Verdict) {
    let done: HashSet<Name<'_>> =
        group.handlings.iter().filter(|handling| handling.end == End::Done).map(name).collect();
    let dead: HashSet<&str> = group.dead.iter().map(|dead| dead.id.as_str()).collect();
    let (mut handled, mut given_up) = (0, 0);
    for acked in &run.acked {
        if done.contains(&(acked.key.as_str(), acked.n)) {
            handled += 1;
        } else if dead.contains(acked.id.as_str()) {
            given_up += 1;
        } else {
            verdict.lost.push(format!("{}: {acked}", group.name));
        }
    }
    verdict.handled.push(handled);
    verdict.dead.push(given_up);
    for dead in group.dead.iter().filter(|dead| dead.reason.is_empty()) {
        verdict.unexplained.push(format!("{}: the dead letter {} has no reason", group.name, dead.id));
    }
}

/// An event starts only after its predecessor of the same key has succeeded or become a dead letter.
fn check_order(group: &Group, verdict: &mut Verdict) {
    let dead: HashSet<&str> = group.dead.iter().map(|dead| dead.id.as_str()).collect();
    let mut begun: HashSet<Name<'_>> = HashSet::new();
    let mut ended: HashSet<Name<'_>> = HashSet::new();
    let mut latest: HashMap<&str, &Handling> = HashMap::new();
    for handling in &group.handlings {
        if begun.insert(name(handling)) {
            if let Some(before) = latest.get(handling.key.as_str()) {
                let has_ended = ended.contains(&name(before)) || dead.contains(before.id.as_str());
                if before.n > handling.n || !has_ended {
                    verdict.out_of_order.push(format!("{}: {handling}, behind {before}", group.name));
                }
            }
            latest.insert(&handling.key, handling);
        }
        if handling.end == End::Done {
            ended.insert(name(handling));
        }
    }
}

fn check_again(run: &Run, group: &Group, verdict: &mut Verdict) {
    let mut left: HashMap<u32, usize> = HashMap::new();
    for handling in &group.handlings {
        *left.entry(handling.process).or_default() += 1;
    }
    // The number of later calls of the same process.
    let mut rank = Vec::with_capacity(group.handlings.len());
    for handling in &group.handlings {
        let left = left.entry(handling.process).or_default();
        *left -= 1;
        rank.push(*left);
    }
    let mut refused = run.refused.clone();
    let mut latest: BTreeMap<Name<'_>, usize> = BTreeMap::new();
    for (at, handling) in group.handlings.iter().enumerate() {
        let before = match latest.entry(name(handling)) {
            Entry::Vacant(entry) => {
                entry.insert(at);
                continue;
            }
            Entry::Occupied(mut entry) => entry.insert(at),
        };
        let died_with = |at: usize| {
            let process = group.handlings.get(at).map(|handling| handling.process);
            process.is_some_and(|process| run.killed.contains(&process))
                && rank.get(at).is_some_and(|rank| *rank < run.unsettled)
        };
        let Some(previous) = group.handlings.get(before) else { continue };
        let cause = match previous.end {
            End::Failed | End::Panicked => Some(Cause::Failure),
            End::Hung => Some(Cause::Hang),
            End::Done | End::Rejected if died_with(before) => Some(Cause::Killed),
            End::Done | End::Rejected => [previous.process, handling.process]
                .into_iter()
                .find_map(|process| take(&mut refused, process))
                // A process that lost its lease and was killed before it learned so has the older attempt.
                .or((handling.attempt <= previous.attempt && died_with(at)).then_some(Cause::Killed)),
        };
        match cause {
            Some(cause) => *verdict.again.entry(cause).or_default() += 1,
            None => verdict.unexplained.push(format!("{}: {handling}, after {previous}", group.name)),
        }
    }
}

fn take(refused: &mut BTreeMap<u32, usize>, process: u32) -> Option<Cause> {
    let left = refused.get_mut(&process)?;
    *left = left.checked_sub(1)?;
    Some(Cause::Refused)
}
