//! The state of the simulator besides its store: the dice, the history and the redeliveries.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::dice::Dice;
use super::{Fault, Faults, History};
use events_transport::Later as _;
use events_transport::{ConsumerGroup, Delivery, Message, Position, SchemaId, Topic};

pub(super) struct State {
    pub(super) dice: Dice,
    pub(super) history: History,
    /// The number of consumers that joined.
    pub(super) consumers: u64,
    pub(super) crashes: u64,
    /// The number of deliveries.
    pub(super) tokens: u64,
    /// By topic and group.
    pub(super) groups: BTreeMap<(Topic, ConsumerGroup), Progress>,
    /// Messages that were stored but reported as not stored, with the position of the first copy. An equal
    /// message is a retry.
    unreported: HashMap<Topic, Vec<(Message, Position)>>,
    /// The first copy of each later copy.
    copies: HashMap<(Topic, Position), Position>,
    /// Until when a stored schema is not found.
    hidden: HashMap<(Topic, SchemaId), Instant>,
}

/// The simulated progress of a group.
#[derive(Default)]
pub(super) struct Progress {
    /// The number of deliveries of a message that a fault requeued, and that are not attempts.
    pub(super) uncounted: HashMap<Position, u32>,
    /// The fault because of which a message is redelivered.
    pub(super) causes: HashMap<Position, Fault>,
    /// The delivered messages.
    delivered: HashSet<Position>,
    /// The first copies of the delivered messages.
    delivered_copies: HashSet<Position>,
    /// Acknowledged messages to redeliver, by due time and the sort key of their position.
    pub(super) redeliveries: BTreeMap<(Instant, (u32, u64, u64)), Redelivery>,
    /// The positions of the redeliveries that consumers hold.
    pub(super) held: Vec<Position>,
}

/// An acknowledged message to redeliver.
pub(super) struct Redelivery {
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
            hidden: HashMap::new(),
        }
    }

    pub(super) fn progress(&mut self, topic: &Topic, group: &ConsumerGroup) -> &mut Progress {
        self.groups.entry((topic.clone(), group.clone())).or_default()
    }

    fn first_copy(&self, topic: &Topic, position: Position) -> Position {
        self.copies.get(&(topic.clone(), position)).copied().unwrap_or(position)
    }

    /// Records a message that is stored but reported as not stored.
    pub(super) fn unreported(&mut self, topic: &Topic, message: &Message, position: Position) {
        let first = self.first_copy(topic, position);
        self.unreported.entry(topic.clone()).or_default().push((message.clone(), first));
    }

    /// Whether the message that is stored at this position was stored before.
    pub(super) fn is_copy(&mut self, topic: &Topic, message: &Message, position: Position) -> bool {
        let Some(unreported) = self.unreported.get_mut(topic) else { return false };
        let Some(index) = unreported.iter().position(|(earlier, _)| earlier == message) else { return false };
        let (_, first) = unreported.swap_remove(index);
        self.copies.insert((topic.clone(), position), first);
        true
    }

    /// Whether a fault hides a schema now.
    pub(super) fn hides(&mut self, topic: &Topic, schema: &SchemaId) -> bool {
        let hidden = (topic.clone(), schema.clone());
        let now = Instant::now();
        if self.hidden.get(&hidden).is_some_and(|until| now < *until) {
            return true;
        }
        let occurs = self.dice.occurs(Fault::HideSchema);
        if occurs {
            let until = now.later(self.dice.pause(Fault::HideSchema));
            self.hidden.insert(hidden, until);
        }
        occurs
    }

    /// The fault because of which a message is delivered again, at this position or another.
    pub(super) fn cause(
        &mut self,
        topic: &Topic,
        group: &ConsumerGroup,
        position: Position,
    ) -> Option<Fault> {
        let first = self.first_copy(topic, position);
        let progress = self.progress(topic, group);
        let is_known = !progress.delivered_copies.insert(first);
        let is_copy = progress.delivered.insert(position) && is_known;
        progress.causes.remove(&position).or(is_copy.then_some(Fault::LoseSendAck))
    }
}

impl Progress {
    /// The attempt of a delivery.
    pub(super) fn attempt(&self, delivery: &Delivery) -> u32 {
        let uncounted = self.uncounted.get(&delivery.position()).copied().unwrap_or_default();
        delivery.attempt().saturating_sub(uncounted).max(1)
    }

    /// The number of unsettled redeliveries.
    pub(super) fn outstanding(&self) -> u64 {
        (self.redeliveries.len() + self.held.len()) as u64
    }

    /// The position of the earliest unsettled redelivery.
    pub(super) fn earliest(&self) -> Option<Position> {
        let redeliveries = self.redeliveries.values().map(|redelivery| redelivery.position);
        redeliveries.chain(self.held.iter().copied()).min_by_key(|position| position.sort_key())
    }

    /// Removes a redelivery that a consumer holds; `false` if the consumer had lost it.
    pub(super) fn remove_held(&mut self, position: Position) -> bool {
        let index = self.held.iter().position(|held| *held == position);
        index.map(|index| self.held.swap_remove(index)).is_some()
    }

    /// Redelivers a message after a time.
    pub(super) fn redeliver(&mut self, after: Duration, redelivery: Redelivery) {
        self.redeliveries.insert((Instant::now().later(after), redelivery.position.sort_key()), redelivery);
    }

    /// Resets the progress after the group was moved or removed. Consumers lose the redeliveries that they
    /// hold.
    pub(super) fn reset(&mut self) {
        self.uncounted.clear();
        self.causes.clear();
        self.delivered.clear();
        self.delivered_copies.clear();
        self.redeliveries.clear();
        self.held.clear();
    }

    /// Takes up to `max` redeliveries that are due.
    pub(super) fn due(&mut self, now: Instant, max: usize) -> Vec<Redelivery> {
        let mut due = Vec::new();
        while due.len() < max
            && let Some(next) = self.redeliveries.first_entry()
            && next.key().0 <= now
        {
            due.push(next.remove());
        }
        self.held.extend(due.iter().map(|redelivery| redelivery.position));
        due
    }
}
