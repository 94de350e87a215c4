//! The capabilities of transports.

/// How a transport stores the progress of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Acknowledgement {
    /// Per entry (Redis).
    Entry,
    /// One offset per partition, up to the lowest unsettled message (Kafka): after a restart, messages that
    /// were delivered beyond it are redelivered.
    Cumulative,
    /// Per message, under a lease that expires (memory, `SQLite`).
    Lease,
}

/// The capabilities of a transport. Tests and commands check them before they rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
// The flags are independent, not the states of a state machine.
#[allow(clippy::struct_excessive_bools)]
pub struct Capability {
    /// How the progress of groups is stored.
    pub acknowledgement: Acknowledgement,
    /// Messages and progress survive the process.
    pub durable: bool,
    /// Several processes can share a store.
    pub shared: bool,
    /// Messages of a lost member are delivered to another when the lease ends.
    pub takeover: bool,
    /// The attempt count survives the member.
    pub counts_attempts: bool,
    /// Poison messages are isolated: a message whose members were lost repeatedly is delivered in isolation,
    /// and the loss of its member then counts as an attempt.
    pub isolates: bool,
    /// The delay of a retry survives the member.
    pub keeps_delay: bool,
    /// After a message that is not stored, no later one of its key is stored by calls of
    /// [`Producer::send`](super::Producer::send) that were made on the same handle before that failure was returned: a
    /// bus may have several calls of a topic under way. [`SendOrder`](super::SendOrder) helps to keep it. Otherwise a bus makes one at a time.
    pub ordered_sends: bool,
    /// A message that waits for a retry holds back the later messages of its key. Every transport does; it is `false`
    /// only where a setting allows later messages to overtake, such as `retry_topics` of Kafka. The messages of a key
    /// may then also be in flight at the same time, on two members.
    pub retries_hold_key: bool,
    /// A group can start at a time.
    pub start_at_time: bool,
    /// A group can start at a position.
    pub start_at_position: bool,
    /// A group can be moved to a position.
    pub seek: bool,
    /// Topics have partitions, each with its own order and positions. A key belongs to one partition.
    pub partitions: bool,
    /// A partition belongs to one member of a group at a time: the other members get none of its messages, and a
    /// member that joins or leaves moves partitions. Otherwise all members share the messages, key by key.
    pub assigns: bool,
    /// One consumer receives from several topics by itself, see
    /// [`Transport::consumer_of`](super::Transport::consumer_of); otherwise one consumer for each is merged.
    pub multi_topic: bool,
    /// Writers' schemas are stored beside their topics, see
    /// [`Transport::store_schema`](super::Transport::store_schema). Otherwise consumers need the files of other
    /// versions.
    pub schemas: bool,
    /// Messages are stored together with an acknowledgement, see
    /// [`Delivery::add_outputs`](super::Delivery::add_outputs).
    pub transactions: bool,
    /// The client applies the retention, see [`Transport::trim`](super::Transport::trim).
    pub trim: bool,
}

impl Capability {
    /// Whether an acknowledgement is stored for its message alone. With a cumulative offset and nothing beside it,
    /// acknowledging a message acknowledges all before it.
    #[must_use]
    pub const fn acknowledges_each(&self) -> bool {
        // A transport whose attempts survive the member stores what an offset can't hold.
        !matches!(self.acknowledgement, Acknowledgement::Cumulative) || self.counts_attempts
    }

    /// Creates the capabilities of a transport that can only send and receive, each key in order.
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
            ordered_sends: false,
            retries_hold_key: true,
            start_at_time: false,
            start_at_position: false,
            seek: false,
            partitions: false,
            assigns: false,
            multi_topic: false,
            schemas: false,
            transactions: false,
            trim: false,
        }
    }
}
