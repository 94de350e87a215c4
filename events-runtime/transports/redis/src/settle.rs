//! Sends outcomes and lease renewals to the server, in batches.

use ::redis::{Pipeline, RedisResult, ScriptInvocation, Value, from_redis_value};
use tokio::sync::{mpsc, oneshot};

use super::acker::requeues;
use super::claim::Claimed;
use super::connection::Request;
use super::read::Read;
use super::worker::{ClaimReply, Member, Results, Work, Worker, millis};
use super::{dead_letters, entry, error, script};
use events_support::error_chain::chain;
use events_transport::{Message, Outcome, Receipt, Settlement, TransportError};

/// Limits of one call.
const MAX_OUTCOMES: usize = 1000;
const MAX_RENEWALS: usize = 10_000;
/// Dead letters of larger requests are stored by separate commands, since Lua's stack holds about 8,000
/// values.
const MAX_SCRIPT_FIELDS: usize = 1_000;
const MAX_SCRIPT_BYTES: usize = 1 << 20;
/// A call whose dead letters reach this many fields or bytes gathers no more requests.
const GATHERED_FIELDS: usize = 20_000;
const GATHERED_BYTES: usize = 8 << 20;

/// Outcomes of several requests, with the number of outcomes and the reply channel of each request.
#[derive(Default)]
pub(super) struct SettleBatch {
    pub(super) settlements: Vec<Settlement>,
    pub(super) replies: Vec<(usize, oneshot::Sender<Results>)>,
}

/// Sends each request its results.
pub(super) fn reply_all(results: Results, replies: Vec<(usize, oneshot::Sender<Results>)>) {
    let mut results = results.into_iter();
    for (count, reply) in replies {
        // The requester may have stopped waiting.
        let _ = reply.send(results.by_ref().take(count).collect());
    }
}

impl Worker {
    /// Gathers queued settle requests: those that one script call can store, those whose dead letters must be
    /// stored first, and the next work of another kind.
    pub(super) fn gather(
        &mut self,
        settlements: Vec<Settlement>,
        reply: oneshot::Sender<Results>,
        work: &mut mpsc::UnboundedReceiver<Work>,
    ) -> (SettleBatch, SettleBatch, Option<Work>) {
        let (mut direct, mut two_step) = (SettleBatch::default(), SettleBatch::default());
        let (mut fields, mut bytes) = (0, 0);
        let mut next = Work::Settle(settlements, reply);
        loop {
            let Work::Settle(settlements, reply) = next else { return (direct, two_step, Some(next)) };
            if settlements.iter().any(|settlement| requeues(&settlement.outcome)) {
                self.note_requeued();
            }
            let (count, size) = dead_letters::weight(&settlements);
            let is_large = count > MAX_SCRIPT_FIELDS || size > MAX_SCRIPT_BYTES;
            let is_two_step = is_large || (count > 0 && self.config.endpoint.is_cluster());
            (fields, bytes) = (fields + count, bytes + size);
            let requests = if is_two_step { &mut two_step } else { &mut direct };
            requests.replies.push((settlements.len(), reply));
            if requests.settlements.is_empty() {
                requests.settlements = settlements;
            } else {
                requests.settlements.extend(settlements);
            }
            if direct.settlements.len() + two_step.settlements.len() >= MAX_OUTCOMES
                || fields >= GATHERED_FIELDS
                || bytes >= GATHERED_BYTES
            {
                return (direct, two_step, None);
            }
            match work.try_recv() {
                Ok(more) => next = more,
                Err(_) => return (direct, two_step, None),
            }
        }
    }

    /// Stores outcomes by one script call. A claim that follows shares the round trip: of the entries that are asked
    /// for, or if those were claimed ahead, of the entries after them.
    pub(super) async fn settle_direct(&mut self, requests: SettleBatch, next: &mut Option<Work>) {
        let SettleBatch { settlements, replies } = requests;
        let (max, reply) = match next.take() {
            Some(Work::Claim(max, reply)) if !settlements.is_empty() => (max, reply),
            other => {
                *next = other;
                return reply_all(self.store(settlements).await, replies);
            }
        };
        match self.reply_ahead(reply).await {
            Ok(()) => {
                let Some(read) = self.next_read(max) else {
                    return reply_all(self.store(settlements).await, replies);
                };
                let (results, claimed) = self.settle_and_read(settlements, read).await;
                reply_all(results, replies);
                self.keep_ahead(claimed);
            }
            Err(reply) => {
                let (results, claimed) = match self.next_read(max) {
                    Some(read) => {
                        let (results, claimed) = self.settle_and_read(settlements, read).await;
                        (results, claimed.map(Ok))
                    }
                    None => self.settle_and_claim(settlements, max).await,
                };
                reply_all(results, replies);
                self.claim_and_reply(max, claimed, reply).await;
            }
        }
    }

    /// Stores outcomes and then reads, in one round trip. The read is undone if the outcomes were not stored.
    async fn settle_and_read(
        &mut self,
        settlements: Vec<Settlement>,
        read: Read,
    ) -> (Results, Option<Claimed>) {
        let settle = self.settle_call(&settlements);
        let mut both = Pipeline::with_capacity(1 + Read::COMMANDS);
        both.invoke_script(&settle).ignore_errors();
        read.add_to(&mut both, self, Some(self.requests));
        let (results, rest) = self.send_both(settlements, &settle, &both).await;
        let executed = rest.into_iter().last().and_then(Result::ok);
        (results, self.finish_read(read, executed).await)
    }

    /// Stores outcomes and then claims, in one round trip. A reply that is missing or an error is requested
    /// again; both calls are idempotent. The claim is skipped if the outcomes were not stored.
    async fn settle_and_claim(
        &mut self,
        settlements: Vec<Settlement>,
        max: usize,
    ) -> (Results, Option<Result<Claimed, TransportError>>) {
        let settle = self.settle_call(&settlements);
        let (claim, scanned) = self.claim_call(max, Some(self.requests));
        let mut both = Pipeline::with_capacity(2);
        both.invoke_script(&settle).invoke_script(&claim).ignore_errors();
        let (results, rest) = self.send_both(settlements, &settle, &both).await;
        let claimed =
            rest.into_iter().next().filter(|answer| answer.as_ref().is_ok_and(|value| *value != Value::Nil));
        // The next claim requests it by the same token.
        self.claim_unconfirmed = claimed.is_none();
        (results, claimed.map(|value| self.claimed(max, ClaimReply { value, scanned })))
    }

    /// Sends a pipeline that begins with a settle call. Returns the results of that call, which is sent again if its
    /// reply is missing or an error, and the other answers.
    async fn send_both(
        &mut self,
        settlements: Vec<Settlement>,
        settle: &ScriptInvocation<'static>,
        both: &Pipeline,
    ) -> (Results, Vec<RedisResult<Value>>) {
        let answers = self.connection.send_once(&Request::Pipeline(both)).await;
        let answers: RedisResult<Vec<RedisResult<Value>>> =
            answers.and_then(|answers| Ok(from_redis_value(answers)?));
        let mut answers = answers.unwrap_or_default().into_iter();
        let settled = match answers.next() {
            Some(Ok(kept)) => from_redis_value(kept).map_err(Into::into),
            _ => self.connection.query(Request::Script(settle)).await,
        };
        let receipts = settlements.into_iter().map(|settlement| settlement.receipt).collect();
        (self.settle_results(receipts, settled).await, answers.collect())
    }

    /// Stores outcomes, which in a cluster must not contain dead letters.
    pub(super) async fn store(&mut self, settlements: Vec<Settlement>) -> Results {
        self.store_and_park(settlements, Vec::new()).await
    }

    /// Stores outcomes, and parks deliveries: they are redelivered a lease later, without counting an attempt.
    pub(super) async fn store_and_park(
        &mut self,
        settlements: Vec<Settlement>,
        parked: Vec<Receipt>,
    ) -> Results {
        if settlements.is_empty() && parked.is_empty() {
            return Results::new();
        }
        let answer = self.call_settle(&settlements, &parked).await;
        let receipts = settlements.into_iter().map(|settlement| settlement.receipt).chain(parked).collect();
        self.settle_results(receipts, answer).await
    }

    async fn call_settle(&mut self, settlements: &[Settlement], parked: &[Receipt]) -> RedisResult<String> {
        let mut call = self.settle_call(settlements);
        for receipt in parked {
            call.arg(receipt.token).arg("p").arg(receipt.position.to_string()).arg(millis(self.member.lease));
        }
        self.connection.query(Request::Script(&call)).await
    }

    fn settle_call(&mut self, settlements: &[Settlement]) -> ScriptInvocation<'static> {
        self.requests += 1;
        let mut call = self.call(&script::SETTLE);
        if !self.config.endpoint.is_cluster() {
            call.key(self.member.dead_letter_topic.as_str());
        }
        call.arg(self.member.number).arg(self.requests).arg(self.last_read.bounds());
        for run in settlements.chunk_by(is_run) {
            let Some(Settlement { receipt, outcome, .. }) = run.first() else { continue };
            call.arg(receipt.token);
            match outcome {
                // Outputs can be in other slots of a cluster. The bus does not ask for them; released is safe.
                Outcome::Ack | Outcome::Release | Outcome::AckWith(_) => {
                    let verb = if matches!(outcome, Outcome::Ack) { "a" } else { "u" };
                    call.arg(verb).arg(run.len());
                    for settlement in run {
                        call.arg(settlement.receipt.position.to_string());
                    }
                }
                Outcome::Postpone(after) => {
                    call.arg("d").arg(receipt.position.to_string()).arg(millis(*after));
                }
                Outcome::Retry(after) => {
                    call.arg("r").arg(receipt.position.to_string()).arg(millis(*after));
                }
                Outcome::Reject(dead_letter) => {
                    call.arg("x").arg(receipt.position.to_string());
                    dead_letter_args(&mut call, dead_letter);
                }
            }
        }
        call
    }

    async fn settle_results(&mut self, receipts: Vec<Receipt>, answer: RedisResult<String>) -> Results {
        let answer = answer.map(|answer| match answer.split_once(' ') {
            Some((kept, dead_letter_error)) => (kept.to_owned(), dead_letter_error.to_owned()),
            None => (answer, String::new()),
        });
        let (kept, dead_letter_error) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.note_requeued();
                return self.results_for("settle", receipts.into_iter(), Err(error));
            }
        };
        let refused = kept.bytes().zip(&receipts).filter(|(digit, _)| *digit == b'x');
        let refused: Vec<Receipt> = refused.map(|(_, receipt)| receipt.clone()).collect();
        if !refused.is_empty() {
            self.note_requeued();
            // Redeliver them a lease later to store the dead letter again, without counting an attempt.
            self.released.add(refused.iter().filter_map(|receipt| receipt.key.clone()));
            if let Err(error) = self.call_settle(&[], &refused).await {
                tracing::debug!(topic = %self.member.topic, error = chain(&error), "could not park messages without a dead letter: they are redelivered when their leases expire");
            }
        }
        let digits = kept.bytes().map(|digit| i64::from(digit != b'0')).collect();
        let results = self.results_for("settle", receipts.into_iter(), Ok(digits));
        let dead_letter = |(result, digit)| match digit {
            b'x' => Err(error::from_text(&dead_letter_error, "send to", &self.member.dead_letter_topic)),
            _ => result,
        };
        results.into_iter().zip(kept.bytes()).map(dead_letter).collect()
    }

    /// Renews leases together with queued renewals. Returns the next work of another kind.
    pub(super) async fn renew_gathered(
        &mut self,
        mut receipts: Vec<Receipt>,
        reply: oneshot::Sender<Results>,
        work: &mut mpsc::UnboundedReceiver<Work>,
    ) -> Option<Work> {
        let mut replies = vec![(receipts.len(), reply)];
        let mut next = None;
        while receipts.len() < MAX_RENEWALS && next.is_none() {
            match work.try_recv() {
                Ok(Work::Renew(more, reply)) => {
                    replies.push((more.len(), reply));
                    receipts.extend(more);
                }
                Ok(other) => next = Some(other),
                Err(_) => break,
            }
        }
        reply_all(self.renew(&receipts).await, replies);
        next
    }

    pub(super) async fn renew(&mut self, receipts: &[Receipt]) -> Results {
        if receipts.is_empty() {
            return Results::new();
        }
        let mut call = self.call(&script::RENEW);
        call.arg(millis(self.member.lease));
        for run in receipts.chunk_by(|one, next| one.token == next.token) {
            call.arg(run.first().map_or(0, |receipt| receipt.token)).arg(run.len());
            for receipt in run {
                call.arg(receipt.position.to_string());
            }
        }
        let answer: RedisResult<String> = self.connection.query(Request::Script(&call)).await;
        let answer = answer.map(|kept| kept.bytes().map(|digit| i64::from(digit == b'1')).collect());
        self.results_for("renew", receipts.iter().cloned(), answer)
    }

    fn results_for(
        &self,
        operation: &'static str,
        receipts: impl Iterator<Item = Receipt>,
        answer: RedisResult<Vec<i64>>,
    ) -> Results {
        let Member { topic, group, .. } = &self.member;
        match answer {
            Ok(kept) => receipts
                .zip(kept)
                .map(|(receipt, kept)| match kept {
                    0 => Err(TransportError::lease_lost(operation, topic, group, receipt.position)),
                    _ => Ok(()),
                })
                .collect(),
            Err(error) => {
                let error = error::convert(error, operation, topic);
                receipts.map(|_| Err(error.clone())).collect()
            }
        }
    }
}

/// Whether two adjacent outcomes can be sent as one run: same claim, same verb.
fn is_run(one: &Settlement, next: &Settlement) -> bool {
    one.receipt.token == next.receipt.token
        && matches!(
            (&one.outcome, &next.outcome),
            (Outcome::Ack, Outcome::Ack) | (Outcome::Release, Outcome::Release)
        )
}

fn dead_letter_args(call: &mut ScriptInvocation<'_>, dead_letter: &Message) {
    let fields = entry::fields(dead_letter);
    call.arg(fields.len() * 2);
    for (name, value) in &fields {
        call.arg(name.as_ref()).arg(&value[..]);
    }
}
