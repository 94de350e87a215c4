//! What a member tells of its deliveries: outcomes, and leases that begin anew.

use ::redis::{RedisResult, ScriptInvocation};

use super::super::{Message, Outcome, Receipt, Settlement, TransportError};
use super::link::Request;
use super::worker::{Member, Results, Worker, millis};
use super::{entry, fault, script};

impl Worker {
    /// Stores outcomes; in a cluster none with a dead letter.
    pub(super) async fn store(&mut self, settlements: Vec<Settlement>) -> Results {
        if settlements.is_empty() {
            return Results::new();
        }
        let call = self.settle_call(&settlements);
        let answer = self.link.ask(Request::Script(&call)).await;
        self.settled(settlements, answer)
    }

    pub(super) fn settle_call(&mut self, settlements: &[Settlement]) -> ScriptInvocation<'static> {
        self.questions += 1;
        let mut call = self.call(&script::SETTLE);
        if self.letters.is_none() {
            call.key(self.member.dead_letter.as_str());
        }
        call.arg(self.member.number).arg(self.questions);
        for run in settlements.chunk_by(is_run) {
            let Some(Settlement { receipt, outcome }) = run.first() else { continue };
            call.arg(receipt.token);
            match outcome {
                Outcome::Ack | Outcome::Release => {
                    let verb = if matches!(outcome, Outcome::Ack) { "a" } else { "u" };
                    call.arg(verb).arg(run.len());
                    for settlement in run {
                        call.arg(settlement.receipt.position.to_string());
                    }
                }
                Outcome::Retry(after) => {
                    call.arg("r").arg(receipt.position.to_string()).arg(millis(*after));
                }
                Outcome::Reject(letter) => {
                    call.arg("x").arg(receipt.position.to_string());
                    letter_args(&mut call, letter);
                }
            }
        }
        call
    }

    pub(super) fn settled(&self, settlements: Vec<Settlement>, answer: RedisResult<String>) -> Results {
        let answer = answer.map(|kept| kept.bytes().map(|digit| i64::from(digit == b'1')).collect());
        self.spread("settle", settlements.into_iter().map(|settlement| settlement.receipt), answer)
    }

    pub(super) async fn renew(&mut self, receipts: &[Receipt]) -> Results {
        if receipts.is_empty() {
            return Results::new();
        }
        let mut call = self.call(&script::RENEW);
        call.arg(millis(self.member.lease));
        for receipt in receipts {
            call.arg(receipt.token).arg(receipt.position.to_string());
        }
        let answer: RedisResult<Vec<i64>> = self.link.ask(Request::Script(&call)).await;
        self.spread("renew", receipts.iter().cloned(), answer)
    }

    fn spread(
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
                let error = fault::explain(error, operation, topic);
                receipts.map(|_| Err(error.clone())).collect()
            }
        }
    }
}

/// Whether two outcomes next to each other may be told as one, of entries of the same claim.
fn is_run(one: &Settlement, next: &Settlement) -> bool {
    one.receipt.token == next.receipt.token
        && matches!(
            (&one.outcome, &next.outcome),
            (Outcome::Ack, Outcome::Ack) | (Outcome::Release, Outcome::Release)
        )
}

fn letter_args(call: &mut ScriptInvocation<'_>, letter: &Message) {
    let fields = entry::fields(letter);
    call.arg(fields.len() * 2);
    for (name, value) in &fields {
        call.arg(name.as_ref()).arg(&value[..]);
    }
}
