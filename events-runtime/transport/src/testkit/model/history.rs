//! Generated histories: operations that any state can interpret, so that a part of a history is one too.

/// One operation. Its numbers are taken modulo what there is: the members, the deliveries in flight, the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Sends messages with this key, 0 for none.
    Send {
        /// The key.
        key: u8,
        /// The number of messages.
        count: u8,
    },
    /// A member receives.
    Receive {
        /// The member.
        member: u8,
        /// The most messages.
        max: u8,
    },
    /// A delivery is settled.
    Settle {
        /// The delivery.
        pick: u8,
        /// The outcome.
        how: How,
    },
    /// A member returns what it holds and leaves; another one joins.
    Close {
        /// The member.
        member: u8,
    },
    /// All members leave, and a new handle of the store is opened.
    Reopen,
    /// The group is moved.
    Seek {
        /// To this message, to the earliest one, or to the end.
        to: u8,
    },
    /// Retention is applied.
    Trim,
    /// Every member is lost, and all leases end.
    LoseAll,
}

/// How a delivery is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Acknowledged.
    Ack,
    /// Returned with its attempt counted, for some milliseconds.
    Retry(u8),
    /// Returned as if it had not been delivered.
    Release,
    /// Returned without counting its attempt, for some milliseconds.
    Postpone(u8),
    /// Dropped without an outcome.
    Drop,
    /// Sent to the dead-letter topic.
    Reject,
}

/// What a history is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Settling in any order, with leases that do not end.
    Cursor {
        /// The number of operations.
        steps: usize,
    },
    /// Lost members.
    Poison {
        /// How many times all members are lost.
        rounds: usize,
    },
}

/// The history of this seed.
#[must_use]
pub fn generate(subject: Subject, seed: u64) -> Vec<Op> {
    let mut random = fastrand::Rng::with_seed(seed);
    match subject {
        Subject::Cursor { steps } => (0..steps).map(|_| any(&mut random)).collect(),
        Subject::Poison { rounds } => {
            let mut history = vec![send(&mut random), send(&mut random), send(&mut random)];
            for _ in 0..rounds {
                for _ in 0..random.u8(1..4) {
                    history.push(Op::Receive { member: random.u8(..), max: random.u8(1..4) });
                }
                for _ in 0..random.u8(0..3) {
                    history.push(settle(&mut random));
                }
                if random.u8(0..3) == 0 {
                    history.push(send(&mut random));
                }
                history.push(Op::LoseAll);
            }
            history
        }
    }
}

fn any(random: &mut fastrand::Rng) -> Op {
    match random.u8(0..40) {
        0..=9 => send(random),
        10..=21 => Op::Receive { member: random.u8(..), max: random.u8(1..6) },
        22..=34 => settle(random),
        35 => Op::Close { member: random.u8(..) },
        36 => Op::Reopen,
        37 => Op::Seek { to: random.u8(..) },
        _ => Op::Trim,
    }
}

fn send(random: &mut fastrand::Rng) -> Op {
    Op::Send { key: random.u8(0..4), count: random.u8(1..4) }
}

fn settle(random: &mut fastrand::Rng) -> Op {
    let how = match random.u8(0..10) {
        0..=4 => How::Ack,
        5 | 6 => How::Retry(random.u8(0..25)),
        7 if random.bool() => How::Release,
        7 => How::Postpone(random.u8(1..25)),
        8 => How::Drop,
        _ => How::Reject,
    };
    Op::Settle { pick: random.u8(..), how }
}

/// The shortest history found that still fails: parts are removed for as long as `fails` returns an error, with at
/// most `most` trials. Returns it with its error.
pub async fn shrink<O: Clone>(
    mut history: Vec<O>,
    mut error: String,
    most: usize,
    fails: impl AsyncFn(&[O]) -> Option<String>,
) -> (Vec<O>, String) {
    let (mut length, mut trials) = (history.len() / 2, 0);
    while length > 0 && trials < most {
        let mut at = 0;
        while at < history.len() && trials < most {
            let mut shorter = history.clone();
            shorter.drain(at..(at + length).min(history.len()));
            trials += 1;
            if let Some(found) = fails(&shorter).await {
                (history, error) = (shorter, found);
            } else {
                at += length;
            }
        }
        length /= 2;
    }
    (history, error)
}
