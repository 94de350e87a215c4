//! What the simulator knows beyond its store: the dice, the history, and what comes again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::dice::Dice;
use super::{Fault, Faults, History};
use events_transport::Later as _;
use events_transport::{ConsumerGroup, Delivery, Message, Position, Topic};

pub(super) struct State {
    pub(super) dice: Dice,
    pub(super) history: History,
    /// Consumers that joined.
    pub(super) consumers: u64,
    pub(super) crashes: u64,
    /// Deliveries that were handed out.
    pub(super) tokens: u64,
    /// By topic and group.
    pub(super) groups: BTreeMap<(Topic, ConsumerGroup), Progress>,
    /// Stored, and reported as not stored, with the place of the first copy: an equal message is
    /// the same one sent again.
    unreported: HashMap<Topic, Vec<(Message, Position)>>,
    /// The first copy of each further one.
    copies: HashMap<(Topic, Position), Position>,
}

/// What a group's messages went through.
#[derive(Default)]
pub(super) struct Progress {
    /// How many of a message's attempts are no attempts: it went back by a fault.
    pub(super) uncounted: HashMap<Position, u32>,
    /// Why a message comes again.
    pub(super) causes: HashMap<Position, Fault>,
    /// What was handed out.
    handed: HashSet<Position>,
    /// The first copies of what was handed out.
    handed_copies: HashSet<Position>,
    /// Acknowledged messages that come again, by due time and the sort key of their position.
    pub(super) echoes: BTreeMap<(Instant, (u32, u64, u64)), Echo>,
    /// The places of the echoes that consumers hold.
    pub(super) lent: Vec<Position>,
}

/// An acknowledged message that comes again.
pub(super) struct Echo {
    pub(super) message: Message,
    pub(super) position: Position,
    pub(super) attempt: u32,
    pub(super) time: SystemTime,
    pub(super) cause: Option<Fault>,
}

impl State {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self {
            dice: Dice::new(seed, faults),
            history: History::default(),
            consumers: 0,
            crashes: 0,
            tokens: 0,
            groups: BTreeMap::new(),
            unreported: HashMap::new(),
            copies: HashMap::new(),
        }
    }

    pub(super) fn progress(&mut self, topic: &Topic, group: &ConsumerGroup) -> &mut Progress {
        self.groups.entry((topic.clone(), group.clone())).or_default()
    }

    fn first_copy(&self, topic: &Topic, position: Position) -> Position {
        self.copies.get(&(topic.clone(), position)).copied().unwrap_or(position)
    }

    /// Remembers that nobody was told that this message is stored.
    pub(super) fn unreported(&mut self, topic: &Topic, message: &Message, position: Position) {
        let first = self.first_copy(topic, position);
        self.unreported.entry(topic.clone()).or_default().push((message.clone(), first));
    }

    /// Whether a message that is stored here now was stored before.
    pub(super) fn is_copy(&mut self, topic: &Topic, message: &Message, position: Position) -> bool {
        let Some(unreported) = self.unreported.get_mut(topic) else { return false };
        let Some(index) = unreported.iter().position(|(earlier, _)| earlier == message) else { return false };
        let (_, first) = unreported.swap_remove(index);
        self.copies.insert((topic.clone(), position), first);
        true
    }

    /// Why a message is handed out that was handed out before, at this place or another.
    pub(super) fn cause(
        &mut self,
        topic: &Topic,
        group: &ConsumerGroup,
        position: Position,
    ) -> Option<Fault> {
        let first = self.first_copy(topic, position);
        let progress = self.progress(topic, group);
        let is_known = !progress.handed_copies.insert(first);
        let is_copy = progress.handed.insert(position) && is_known;
        progress.causes.remove(&position).or(is_copy.then_some(Fault::LoseSendAck))
    }
}

impl Progress {
    /// Which attempt a delivery is.
    pub(super) fn attempt(&self, delivery: &Delivery) -> u32 {
        let uncounted = self.uncounted.get(&delivery.position()).copied().unwrap_or_default();
        delivery.attempt().saturating_sub(uncounted).max(1)
    }

    /// How many echoes are not settled.
    pub(super) fn outstanding(&self) -> u64 {
        (self.echoes.len() + self.lent.len()) as u64
    }

    /// The earliest echo.
    pub(super) fn earliest(&self) -> Option<Position> {
        let echoes = self.echoes.values().map(|echo| echo.position);
        echoes.chain(self.lent.iter().copied()).min_by_key(|position| position.sort_key())
    }

    /// A consumer holds an echo no more; `false` where it was taken from it before.
    pub(super) fn give_back(&mut self, position: Position) -> bool {
        let index = self.lent.iter().position(|lent| *lent == position);
        index.map(|index| self.lent.swap_remove(index)).is_some()
    }

    /// Has a message come again after a time.
    pub(super) fn echo(&mut self, after: Duration, echo: Echo) {
        self.echoes.insert((Instant::now().later(after), echo.position.sort_key()), echo);
    }

    /// The group was moved or removed: what happened to its messages is forgotten, and what its
    /// consumers hold is theirs no more.
    pub(super) fn restart(&mut self) {
        self.uncounted.clear();
        self.causes.clear();
        self.handed.clear();
        self.handed_copies.clear();
        self.echoes.clear();
        self.lent.clear();
    }

    /// Takes up to `max` echoes that are due.
    pub(super) fn due(&mut self, now: Instant, max: usize) -> Vec<Echo> {
        let mut due = Vec::new();
        while due.len() < max
            && let Some(next) = self.echoes.first_entry()
            && next.key().0 <= now
        {
            due.push(next.remove());
        }
        self.lent.extend(due.iter().map(|echo| echo.position));
        due
    }
}
