//! One member's requests in the order in which they were made: outcomes before the next claim, the
//! later outcome of a key behind the earlier.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::{RedisResult, Script, ScriptInvocation, Value};
use tokio::sync::{mpsc, oneshot};

use super::super::{ConsumerGroup, ErrorKind, Outcome, Position, Receipt, Settlement, Topic, TransportError};
use super::acker::ReleasedKeys;
use super::claim::{self, Claimed};
use super::config::Config;
use super::connection::{Connection, Request};
use super::dead_letters::DeadLetters;
use super::{error, script};

/// Names that were made up begin so.
pub(super) const GENERATED_NAME_PREFIX: &str = "events-runtime:";
/// In whose name entries stand whose consumer left.
const PLACEHOLDER_CONSUMER: &str = "events-runtime";
/// A made-up consumer that was not seen for so long has died.
const DEAD_AFTER: Duration = Duration::from_hours(1);

/// Who asks.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) topic: Topic,
    pub(super) group: ConsumerGroup,
    pub(super) dead_letter_topic: Topic,
    /// The name in listings, which may come again.
    pub(super) consumer: String,
    /// No two members anywhere have the same.
    pub(super) number: u64,
    pub(super) lease: Duration,
}

pub(super) type Results = Vec<Result<(), TransportError>>;

pub(super) enum Work {
    Claim(usize, oneshot::Sender<Result<Claimed, TransportError>>),
    Settle(Vec<Settlement>, oneshot::Sender<Results>),
    Renew(Vec<Receipt>, oneshot::Sender<Results>),
    Leave(oneshot::Sender<Result<(), TransportError>>),
}

pub(super) struct Worker {
    pub(super) config: Arc<Config>,
    pub(super) connection: Arc<Connection>,
    pub(super) member: Member,
    /// The dead letters on their way that are stored before their messages are settled.
    pub(super) dead_letters: DeadLetters,
    pub(super) released: Arc<ReleasedKeys>,
    /// The last claim's token, and whether it may be that the server answered it and we did not hear.
    token: u64,
    pub(super) claim_unconfirmed: bool,
    /// Counts the questions whose answers the server remembers.
    pub(super) requests: u64,
    /// The newest entry that it knows the stream to have had.
    pub(super) newest: Option<Position>,
    sweep: ForeignScan,
}

/// What the server said to a claim.
pub(super) struct ClaimReply {
    pub(super) value: RedisResult<Value>,
    /// Whether it looked for entries in nobody's care.
    pub(super) scanned: bool,
}

/// The search for entries in nobody's care.
struct ForeignScan {
    next: Option<Instant>,
    from: String,
    /// Whose entries are looked for whatever their age: those of an earlier member of this name.
    of: String,
}

impl Worker {
    pub(super) fn new(
        config: Arc<Config>,
        connection: Arc<Connection>,
        member: Member,
        released: Arc<ReleasedKeys>,
    ) -> Self {
        let named = !member.consumer.starts_with(GENERATED_NAME_PREFIX);
        let sweep = ForeignScan {
            next: (named || config.claim_older_than.is_some()).then(Instant::now),
            from: "-".to_owned(),
            of: if named { member.consumer.clone() } else { String::new() },
        };
        let dead_letters = DeadLetters::new(config.clone());
        let token = member.number;
        Self {
            config,
            connection,
            token,
            member,
            dead_letters,
            released,
            claim_unconfirmed: false,
            requests: 0,
            newest: None,
            sweep,
        }
    }

    /// Works until nobody can ask any more.
    pub(super) async fn run(mut self, mut work: mpsc::UnboundedReceiver<Work>) {
        let (mut next, mut left) = (None, false);
        let mut leaving: Option<oneshot::Sender<Result<(), TransportError>>> = None;
        loop {
            // Who leaves has first heard of its dead letters.
            if !self.has_pending_dead_letters()
                && let Some(reply) = leaving.take()
            {
                left = true;
                self.leave_and_reply(reply).await;
            }
            let now = match next.take() {
                None => tokio::select! {
                    now = work.recv() => now,
                    dead_letters = self.next_dead_letters() => {
                        self.finish_dead_letters(dead_letters).await;
                        continue;
                    }
                },
                now => now,
            };
            let Some(now) = now else { break };
            match now {
                Work::Claim(max, reply) => self.claim_and_reply(max, None, reply).await,
                Work::Settle(settlements, reply) => {
                    let (plain, behind);
                    (plain, behind, next) = self.gather(settlements, reply, &mut work);
                    if !behind.replies.is_empty() {
                        self.send_dead_letters(behind).await;
                    }
                    self.settle_direct(plain, &mut next).await;
                }
                Work::Renew(receipts, reply) => {
                    next = self.renew_gathered(receipts, reply, &mut work).await;
                }
                Work::Leave(reply) => leaving = Some(reply),
            }
        }
        while self.has_pending_dead_letters() {
            let dead_letters = self.next_dead_letters().await;
            self.finish_dead_letters(dead_letters).await;
        }
        match leaving {
            Some(reply) => self.leave_and_reply(reply).await,
            // A name that stays behind is cleared away by the next member's start.
            None if !left => drop(self.leave().await),
            None => {}
        }
    }

    async fn leave_and_reply(&mut self, reply: oneshot::Sender<Result<(), TransportError>>) {
        let _ = reply.send(self.leave().await);
    }

    pub(super) fn call(&self, script: &'static Script) -> ScriptInvocation<'static> {
        script::on(script, &self.member.topic, Some(&self.member.group))
    }

    /// Claims, unless that was answered already, and hands over what came.
    pub(super) async fn claim_and_reply(
        &mut self,
        max: usize,
        answer: Option<ClaimReply>,
        reply: oneshot::Sender<Result<Claimed, TransportError>>,
    ) {
        let mut claimed = match answer {
            Some(answer) => self.claimed(answer),
            None => self.claim(max).await,
        };
        if let Err(error) = &claimed
            && error.kind() == ErrorKind::NotFound
        {
            claimed = match self.recover_group().await {
                Ok(()) => self.claim(max).await,
                Err(error) => Err(error),
            };
        }
        if let Err(Ok(claimed)) = reply.send(claimed) {
            // The consumer is gone: others may have them.
            drop(self.store(claimed.into_releases()).await);
        }
    }

    async fn claim(&mut self, max: usize) -> Result<Claimed, TransportError> {
        let (call, scanned) = self.claim_call(max, None);
        let value = self.connection.query(Request::Script(&call)).await;
        self.claimed(ClaimReply { value, scanned })
    }

    /// A claim, done only where the question was answered, if one is told; and whether it looks for entries
    /// in nobody's care.
    pub(super) fn claim_call(
        &mut self,
        max: usize,
        behind: Option<u64>,
    ) -> (ScriptInvocation<'static>, bool) {
        if !self.claim_unconfirmed {
            self.token += 1;
        }
        let sweep = self.sweep.next.filter(|next| *next <= Instant::now());
        let idle = match (sweep, self.config.claim_older_than) {
            (None, _) => "-1".to_owned(),
            (Some(_), _) if !self.sweep.of.is_empty() => "0".to_owned(),
            (Some(_), age) => age.unwrap_or_default().as_millis().to_string(),
        };
        let mut call = self.call(&script::CLAIM);
        call.arg(self.member.number)
            .arg(&self.member.consumer)
            .arg(self.token)
            .arg(max.min(claim::MAX_ENTRIES))
            .arg(millis(self.member.lease))
            .arg(claim::MAX_BYTES)
            .arg(idle)
            .arg(&self.sweep.from)
            .arg(&self.sweep.of)
            .arg(behind.map_or_else(String::new, |question| question.to_string()));
        (call, sweep.is_some())
    }

    fn claimed(&mut self, ClaimReply { value, scanned }: ClaimReply) -> Result<Claimed, TransportError> {
        // Whatever the error says: an earlier try of the same call may have been answered unheard, and what
        // it claimed is held until it is asked for by the same token.
        self.claim_unconfirmed = value.is_err();
        let topic = &self.member.topic;
        let claimed = value
            .map_err(|error| match error.code() {
                Some("NOGROUP") => TransportError::no_group("receive from", topic, &self.member.group),
                _ => error::convert(error, "receive from", topic),
            })
            .and_then(|value| claim::read(value, self.token).ok_or_else(|| claim::malformed_reply(topic)))?;
        self.observe(&claimed);
        self.report_trimmed_pending(claimed.trimmed_pending);
        self.report_trimmed_unread(claimed.trimmed_unread);
        if scanned {
            self.scanned(&claimed.sweep);
        }
        Ok(claimed)
    }

    /// Sees to the next look for entries in nobody's care.
    fn scanned(&mut self, from: &str) {
        from.clone_into(&mut self.sweep.from);
        if from == "-" {
            self.sweep.of.clear();
            let age = self.config.claim_older_than;
            self.sweep.next = age.and_then(|age| {
                Instant::now()
                    .checked_add((age / 4).clamp(Duration::from_millis(100), Duration::from_mins(1)))
            });
        }
    }

    async fn leave(&mut self) -> Result<(), TransportError> {
        let mut call = self.call(&script::LEAVE);
        call.arg(&self.member.consumer)
            .arg(PLACEHOLDER_CONSUMER)
            .arg(millis(DEAD_AFTER))
            .arg(GENERATED_NAME_PREFIX);
        let left: RedisResult<u64> = self.connection.query(Request::Script(&call)).await;
        match left {
            Err(error) if error.code() == Some("NOGROUP") || error.to_string().contains("no such key") => {
                Ok(())
            }
            Err(error) => Err(error::convert(error, "leave", &self.member.topic)),
            Ok(trimmed_pending) => {
                self.report_trimmed_pending(trimmed_pending);
                Ok(())
            }
        }
    }

    /// Entries were found to be gone that the group never read.
    fn report_trimmed_unread(&self, count: u64) {
        let Member { topic, group, .. } = &self.member;
        if count > 0 {
            metrics::counter!("events_trimmed_unread_total", "topic" => topic.to_string()).increment(count);
            tracing::error!(
                %topic, %group, count,
                "entries were trimmed away or deleted by somebody before the group had read them, and are lost to it: have producers \
                 trim less (Open edX's keep 10,000), or consumers follow faster"
            );
        }
    }

    /// Pending entries were found to be gone from the stream.
    fn report_trimmed_pending(&self, count: u64) {
        let Member { topic, group, .. } = &self.member;
        if count > 0 {
            metrics::counter!("events_trimmed_pending_total", "topic" => topic.to_string()).increment(count);
            tracing::warn!(
                %topic, %group, count,
                "entries that the group had not settled were trimmed away by somebody: they are acknowledged and passed over"
            );
        }
    }
}

/// What a Lua number holds exactly, and Redis's clock can be added to.
pub(super) fn millis(duration: Duration) -> u64 {
    const CENTURY: u64 = 100 * 365 * 24 * 3_600_000;
    u64::try_from(duration.as_millis()).unwrap_or(CENTURY).min(CENTURY)
}

impl Claimed {
    fn into_releases(self) -> Vec<Settlement> {
        let token = self.token;
        let release = |position: Position, key| Settlement {
            receipt: Receipt { position, key, token },
            outcome: Outcome::Release,
        };
        self.entries.into_iter().rev().map(|entry| release(entry.position, entry.message.key)).collect()
    }
}
