//! The task that sends a consumer's requests in order: outcomes before the next claim, and the outcomes of
//! a key in the order in which they were settled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::{Pipeline, RedisResult, Script, ScriptInvocation, Value, from_redis_value};
use tokio::sync::{mpsc, oneshot};

use super::acker::ReleasedKeys;
use super::claim::{self, Claimed};
use super::config::Config;
use super::connection::{Connection, Request};
use super::dead_letters::DeadLetters;
use super::read::{self, LastRead, Read};
use super::{error, script};
use events_transport::{
    ConsumerGroup, ErrorKind, Outcome, Position, Receipt, Settlement, Topic, TransportError,
};

/// Generated consumer names start with this.
pub(super) const GENERATED_NAME_PREFIX: &str = "events-runtime:";
/// Owns the pending entries of consumers that left.
const PLACEHOLDER_CONSUMER: &str = "events-runtime";
/// A consumer with a generated name is considered dead after this idle time.
const DEAD_AFTER: Duration = Duration::from_secs(60 * 60);

/// A consumer as a member of a group.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) topic: Topic,
    pub(super) group: ConsumerGroup,
    pub(super) dead_letter_topic: Topic,
    /// The name in Redis. Another consumer may use it later.
    pub(super) consumer: String,
    /// Globally unique.
    pub(super) number: u64,
    pub(super) lease: Duration,
}

pub(super) type Results = Vec<Result<(), TransportError>>;

type ReplyClaimed = oneshot::Sender<Result<Claimed, TransportError>>;

pub(super) enum Work {
    Claim(usize, ReplyClaimed),
    Settle(Vec<Settlement>, oneshot::Sender<Results>),
    Renew(Vec<Receipt>, oneshot::Sender<Results>),
    Leave(oneshot::Sender<Result<(), TransportError>>),
}

pub(super) struct Worker {
    pub(super) config: Arc<Config>,
    pub(super) connection: Arc<Connection>,
    pub(super) member: Member,
    /// Dead letters that are stored before their messages are settled.
    pub(super) dead_letters: DeadLetters,
    pub(super) released: Arc<ReleasedKeys>,
    /// The token of the last claim.
    token: u64,
    /// Whether the reply to the last claim may have been lost. It is then requested again by its token.
    pub(super) claim_unconfirmed: bool,
    /// The number of the last request whose reply the server stores.
    pub(super) requests: u64,
    /// The newest known entry of the stream.
    pub(super) newest: Option<Position>,
    scan: ForeignScan,
    pub(super) last_read: LastRead,
    ahead: Option<Ahead>,
    /// Whether an entry was requeued, or its outcome may not be stored, since the last read: entries of its key that
    /// were read ahead must follow it.
    requeued: bool,
}

/// A claim that was made before it was asked for, while the consumer works on the previous one.
struct Ahead {
    claimed: Claimed,
    /// When its entries are released if it was not asked for.
    until: Instant,
}

/// The server's reply to a claim by the script.
pub(super) struct ClaimReply {
    pub(super) value: RedisResult<Value>,
    /// Whether the claim scanned for entries of foreign clients.
    pub(super) scanned: bool,
}

/// The scan for pending entries that foreign clients received and did not settle.
struct ForeignScan {
    next: Option<Instant>,
    from: String,
    /// Restricts the scan to the entries of this consumer, whatever their age: those of an earlier
    /// consumer of the same name.
    owner: String,
}

impl Worker {
    pub(super) fn new(
        config: Arc<Config>,
        connection: Arc<Connection>,
        member: Member,
        released: Arc<ReleasedKeys>,
    ) -> Self {
        let named = !member.consumer.starts_with(GENERATED_NAME_PREFIX);
        let scan = ForeignScan {
            next: (named || config.claim_older_than.is_some()).then(Instant::now),
            from: "-".to_owned(),
            owner: if named { member.consumer.clone() } else { String::new() },
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
            scan,
            last_read: LastRead::default(),
            ahead: None,
            requeued: false,
        }
    }

    /// Runs until the consumer and its acker are dropped.
    pub(super) async fn run(mut self, mut work: mpsc::UnboundedReceiver<Work>) {
        let (mut next, mut left) = (None, false);
        let mut leaving: Option<oneshot::Sender<Result<(), TransportError>>> = None;
        loop {
            // Leave only after all dead letters are settled.
            if !self.has_pending_dead_letters()
                && let Some(reply) = leaving.take()
            {
                left = true;
                self.release_ahead().await;
                self.leave_and_reply(reply).await;
            }
            let ahead_until = self.ahead.as_ref().map(|ahead| ahead.until);
            let now = match next.take() {
                None => tokio::select! {
                    now = work.recv() => now,
                    dead_letters = self.next_dead_letters() => {
                        self.finish_dead_letters(dead_letters).await;
                        continue;
                    }
                    () = sleep_until(ahead_until) => {
                        self.release_ahead().await;
                        continue;
                    }
                },
                now => now,
            };
            let Some(now) = now else { break };
            match now {
                Work::Claim(max, reply) => self.claim_for(max, reply).await,
                Work::Settle(settlements, reply) => {
                    let (direct, two_step);
                    (direct, two_step, next) = self.gather(settlements, reply, &mut work);
                    if !two_step.replies.is_empty() {
                        self.send_dead_letters(two_step).await;
                    }
                    self.settle_direct(direct, &mut next).await;
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
        self.release_ahead().await;
        match leaving {
            Some(reply) => self.leave_and_reply(reply).await,
            // If this fails, a later consumer's `leave` removes the name.
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

    /// Replies with the claim that was made ahead, if there is one.
    pub(super) async fn reply_ahead(&mut self, reply: ReplyClaimed) -> Result<(), ReplyClaimed> {
        if self.requeued || self.ahead.as_ref().is_some_and(|ahead| ahead.until <= Instant::now()) {
            self.release_ahead().await;
        }
        let Some(Ahead { claimed, .. }) = self.ahead.take() else { return Err(reply) };
        if let Err(Ok(claimed)) = reply.send(Ok(claimed)) {
            drop(self.store(claimed.into_releases()).await);
        }
        Ok(())
    }

    /// Keeps a claim for when it is asked for.
    pub(super) fn keep_ahead(&mut self, claimed: Option<Claimed>) {
        let until = Instant::now().checked_add(self.member.lease / 4);
        self.ahead = claimed.zip(until).map(|(claimed, until)| Ahead { claimed, until });
    }

    pub(super) const fn note_requeued(&mut self) {
        self.requeued = true;
    }

    async fn release_ahead(&mut self) {
        if let Some(Ahead { claimed, .. }) = self.ahead.take() {
            self.last_read.forget();
            drop(self.store(claimed.into_releases()).await);
        }
    }

    /// Replies with a claim, and makes the next one if more entries wait.
    async fn claim_for(&mut self, max: usize, reply: ReplyClaimed) {
        if let Err(reply) = self.reply_ahead(reply).await {
            self.claim_and_reply(max, None, reply).await;
        }
        if let Some(read) = self.next_read(max) {
            let claimed = self.execute(read).await;
            self.keep_ahead(claimed);
        }
    }

    /// Replies with these claimed entries, or those of a new claim if it is `None`.
    pub(super) async fn claim_and_reply(
        &mut self,
        max: usize,
        claimed: Option<Result<Claimed, TransportError>>,
        reply: ReplyClaimed,
    ) {
        let mut claimed = match claimed {
            Some(claimed) => claimed,
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
            // The consumer was dropped: release the entries.
            drop(self.store(claimed.into_releases()).await);
        }
    }

    async fn claim(&mut self, max: usize) -> Result<Claimed, TransportError> {
        if let Some(read) = self.next_read(max)
            && let Some(claimed) = self.execute(read).await
        {
            return Ok(claimed);
        }
        let (call, scanned) = self.claim_call(max, None);
        let value = self.connection.query(Request::Script(&call)).await;
        self.claimed(max, ClaimReply { value, scanned })
    }

    /// The read that can take the place of the next claim by the script.
    pub(super) fn next_read(&mut self, max: usize) -> Option<Read> {
        let scans = self.scan.next.is_some_and(|next| next <= Instant::now());
        if scans || self.claim_unconfirmed || !self.config.endpoint.has_nested_replies() {
            return None;
        }
        let read = self.last_read.next(self.token + 1, max)?;
        self.token += 1;
        self.requeued = false;
        Some(read)
    }

    async fn execute(&mut self, read: Read) -> Option<Claimed> {
        let mut pipeline = Pipeline::with_capacity(Read::COMMANDS);
        read.add_to(&mut pipeline, self, None);
        pipeline.ignore_errors();
        let answer = self.connection.send_once(&Request::Pipeline(&pipeline)).await;
        let answers: Option<Vec<RedisResult<Value>>> =
            answer.ok().and_then(|answers| from_redis_value(answers).ok());
        let executed = answers.and_then(|answers| answers.into_iter().last()?.ok());
        self.finish_read(read, executed).await
    }

    /// The entries of a read that is registered as a claim; `None` if the script must claim.
    pub(super) async fn finish_read(&mut self, read: Read, executed: Option<Value>) -> Option<Claimed> {
        self.last_read.forget();
        // If the reply was lost, or is an error, the script returns the entries of the claim, if there is one.
        self.claim_unconfirmed = true;
        let (claimed, mut registered) = read.executed(executed?)?;
        if registered == read::NOTHING
            && let Some(first) = claimed.entries.first()
        {
            // Another client moved the group back.
            let register = read.starting_at(first.position).register(self, None);
            registered = self.connection.query(Request::Command(&register)).await.ok()?;
        }
        self.claim_unconfirmed = false;
        if registered != read::REGISTERED {
            return None;
        }
        self.last_read.observe_read(&claimed, &read);
        self.observe(&claimed);
        Some(claimed)
    }

    /// The call of a claim, and whether it scans for entries of foreign clients. With `after_request`, the
    /// claim is skipped unless the server executed that request.
    pub(super) fn claim_call(
        &mut self,
        max: usize,
        after_request: Option<u64>,
    ) -> (ScriptInvocation<'static>, bool) {
        if !self.claim_unconfirmed {
            self.token += 1;
        }
        let scan = self.scan.next.filter(|next| *next <= Instant::now());
        let idle = match (scan, self.config.claim_older_than) {
            (None, _) => "-1".to_owned(),
            (Some(_), _) if !self.scan.owner.is_empty() => "0".to_owned(),
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
            .arg(&self.scan.from)
            .arg(&self.scan.owner)
            .arg(after_request.map_or_else(String::new, |request| request.to_string()));
        (call, scan.is_some())
    }

    pub(super) fn claimed(
        &mut self,
        max: usize,
        ClaimReply { value, scanned }: ClaimReply,
    ) -> Result<Claimed, TransportError> {
        // For every kind of error: an earlier attempt of this call may have been executed, and its entries
        // stay claimed until they are requested by the same token.
        self.claim_unconfirmed = value.is_err();
        let topic = &self.member.topic;
        let claimed = value
            .map_err(|error| match error.code() {
                Some("NOGROUP") => TransportError::no_group("receive from", topic, &self.member.group),
                _ => error::convert(error, "receive from", topic),
            })
            .and_then(|value| claim::read(value, self.token).ok_or_else(|| claim::malformed_reply(topic)))?;
        self.last_read.observe_claim(&claimed, max);
        self.observe(&claimed);
        self.report_trimmed_pending(claimed.trimmed_pending);
        self.report_trimmed_unread(claimed.trimmed_unread);
        if scanned {
            self.schedule_scan(&claimed.scan_from);
        }
        Ok(claimed)
    }

    /// Schedules the next scan.
    fn schedule_scan(&mut self, from: &str) {
        from.clone_into(&mut self.scan.from);
        if from == "-" {
            self.scan.owner.clear();
            let age = self.config.claim_older_than;
            self.scan.next = age.and_then(|age| {
                Instant::now()
                    .checked_add((age / 4).clamp(Duration::from_millis(100), Duration::from_secs(60)))
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

    /// Reports entries that were removed from the stream before the group read them.
    fn report_trimmed_unread(&self, count: u64) {
        let Member { topic, group, .. } = &self.member;
        if count > 0 {
            metrics::counter!("events_trimmed_unread_total", "topic" => topic.to_string()).increment(count);
            tracing::error!(
                %topic, %group, count,
                "another client trimmed or deleted entries before the group read them, which are lost to it: keep more \
                 entries (Open edX's producers keep 10,000), or add consumers"
            );
        }
    }

    /// Reports pending entries that were removed from the stream.
    fn report_trimmed_pending(&self, count: u64) {
        let Member { topic, group, .. } = &self.member;
        if count > 0 {
            metrics::counter!("events_trimmed_pending_total", "topic" => topic.to_string()).increment(count);
            tracing::warn!(
                %topic, %group, count,
                "another client trimmed entries that the group had not settled: they are acknowledged and skipped"
            );
        }
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

/// Milliseconds, limited so that Lua can add them to the clock exactly.
pub(super) fn millis(duration: Duration) -> u64 {
    const CENTURY: u64 = 100 * 365 * 24 * 3_600_000;
    u64::try_from(duration.as_millis()).unwrap_or(CENTURY).min(CENTURY)
}

impl Claimed {
    fn into_releases(self) -> Vec<Settlement> {
        let token = self.token;
        let release =
            |position: Position, key| Settlement::new(Receipt::new(position, key, token), Outcome::Release);
        self.entries.into_iter().rev().map(|entry| release(entry.position, entry.message.key)).collect()
    }
}
