//! What a transport can do.

/// How a transport remembers what a group has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Acknowledgement {
    /// Each entry by itself (Redis).
    Entry,
    /// One offset per partition, behind the lowest unsettled message (Kafka): after a restart all
    /// that was handed out beyond it comes again.
    Cumulative,
    /// Each message by itself, held by a lease with an end (memory, `SQLite`).
    Lease,
}

/// What a transport can do; tests and commands ask before they rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
// Independent answers to independent questions, not the state of one machine.
#[allow(clippy::struct_excessive_bools)]
pub struct Capability {
    /// How the groups' progress is remembered.
    pub acknowledgement: Acknowledgement,
    /// Messages and progress outlive the process.
    pub durable: bool,
    /// Several processes can use one store.
    pub shared: bool,
    /// Messages held by a member that died go to another when the lease ends.
    pub takeover: bool,
    /// The attempt count outlives the member.
    pub counts_attempts: bool,
    /// A message that ends its members is found: one whose members were lost again and again goes out
    /// alone, and a lost member counts as an attempt of the message that it held alone.
    pub isolates: bool,
    /// A retry's delay outlives the member.
    pub keeps_delay: bool,
    /// A group can start at a time.
    pub start_at_time: bool,
    /// A group can start at a position.
    pub start_at_position: bool,
    /// A group can be moved.
    pub seek: bool,
    /// Topics have partitions: each has its own order and positions, and a key belongs to one of them.
    pub partitions: bool,
    /// One consumer receives from several topics by itself, see
    /// [`Transport::consumer_of`](super::Transport::consumer_of); otherwise one consumer for each is merged.
    pub multi_topic: bool,
    /// Retention is applied by this side, see [`Transport::trim`](super::Transport::trim).
    pub trim: bool,
}

impl Capability {
    /// A transport of this model that can do nothing beyond sending and receiving.
    #[must_use]
    pub const fn new(acknowledgement: Acknowledgement) -> Self {
        Self {
            acknowledgement,
            durable: false,
            shared: false,
            takeover: false,
            counts_attempts: false,
            isolates: false,
            keeps_delay: false,
            start_at_time: false,
            start_at_position: false,
            seek: false,
            partitions: false,
            multi_topic: false,
            trim: false,
        }
    }
}
