//! Stores the outcomes of deliveries, and renews leases.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rusqlite::{OptionalExtension as _, params};

use super::error::TxnError;
use super::row::{Row, length};
use super::txn::{GroupId, Txn};
use events_transport::{
    ConsumerGroup, Message, Outcome, Position, Receipt, Settlement, Topic, TransportError,
};

/// Identifies the consumer that received a delivery.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Globally unique.
    pub(super) number: i64,
    pub(super) id: GroupId,
    pub(super) topic: Topic,
    pub(super) group: ConsumerGroup,
    pub(super) dead_letter_topic: Topic,
}

impl Member {
    fn lost(&self, operation: &'static str, receipt: &Receipt) -> TransportError {
        TransportError::lease_lost(operation, &self.topic, &self.group, receipt.position)
    }
}

/// The run of a claim.
struct Run {
    first: i64,
    last: i64,
    gaps: HashSet<i64>,
    /// Settled in this transaction.
    done: BTreeSet<i64>,
}

impl Run {
    fn holds(&self, seq: i64) -> bool {
        (self.first..=self.last).contains(&seq) && !self.gaps.contains(&seq) && !self.done.contains(&seq)
    }

    /// The first message that is still held.
    fn first_held(&self) -> Option<i64> {
        (self.first..=self.last).find(|seq| self.holds(*seq))
    }
}

/// When a message is redelivered, and whether its attempt counts.
#[derive(Clone, Copy)]
struct Requeue {
    ready: i64,
    counted: bool,
}

impl Txn<'_> {
    /// Stores outcomes. Returns the result of each, in order.
    pub(super) fn settle(
        &mut self,
        member: &Member,
        settlements: &[Settlement],
    ) -> Result<Vec<Result<(), TransportError>>, TxnError> {
        let mut by_claim: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (index, settlement) in settlements.iter().enumerate() {
            by_claim.entry(settlement.receipt.token.cast_signed()).or_default().push(index);
        }
        let mut results: Vec<Result<(), TransportError>> = settlements.iter().map(|_| Ok(())).collect();
        for (claim, indices) in by_claim {
            let of_claim = indices.iter().filter_map(|index| settlements.get(*index));
            let held = self.settle_claim(member, claim, of_claim.clone())?;
            for ((index, settlement), held) in indices.iter().zip(of_claim).zip(held) {
                if let (false, Some(result)) = (held, results.get_mut(*index)) {
                    *result = Err(member.lost("settle", &settlement.receipt));
                }
            }
        }
        self.unblock(
            member.id,
            settlements.iter().filter_map(|settlement| settlement.receipt.key.as_deref()),
        )?;
        if self.has_isolated(member.id)? {
            self.woken.insert(member.id.topic);
        }
        Ok(results)
    }

    /// Settles messages of one claim. Returns for each whether the claim held it.
    fn settle_claim<'s>(
        &mut self,
        member: &Member,
        claim: i64,
        settlements: impl Iterator<Item = &'s Settlement>,
    ) -> Result<Vec<bool>, TxnError> {
        let ends: Option<(Option<i64>, Option<i64>)> = self
            .conn
            .prepare_cached("SELECT first, last FROM claims WHERE id = ?1 AND grp = ?2 AND member = ?3")?
            .query_row([claim, member.id.group, member.number], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some(ends) = ends else {
            return Ok(settlements.map(|_| false).collect());
        };
        let mut run = match ends.0.zip(ends.1) {
            Some((first, last)) => Some(Run { first, last, gaps: self.gaps(claim)?, done: BTreeSet::new() }),
            None => None,
        };
        let mut held = Vec::new();
        for Settlement { receipt, outcome, .. } in settlements {
            let seq = sequence(receipt);
            let requeue = match outcome {
                Outcome::Ack | Outcome::AckWith(_) | Outcome::Reject(_) => None,
                Outcome::Retry(after) => Some(Requeue { ready: self.now + length(*after), counted: true }),
                Outcome::Release => Some(Requeue { ready: self.now, counted: false }),
                Outcome::Postpone(after) => {
                    Some(Requeue { ready: self.now + length(*after), counted: false })
                }
            };
            let is_held = match &mut run {
                Some(run) if run.holds(seq) => {
                    run.done.insert(seq);
                    self.settle_new(member.id, seq, requeue)?;
                    true
                }
                _ => self.settle_pending(member.id, claim, seq, requeue)?,
            };
            match outcome {
                Outcome::Reject(dead_letter) if is_held => {
                    self.append_dead_letter(&member.dead_letter_topic, dead_letter)?;
                }
                Outcome::AckWith(outputs) if is_held => {
                    for (topic, output) in outputs {
                        self.append(topic, &[Row::from(output)])?;
                    }
                }
                _ => {}
            }
            held.push(is_held);
        }
        self.shrink(claim, run.as_ref())?;
        Ok(held)
    }

    fn gaps(&self, claim: i64) -> Result<HashSet<i64>, TxnError> {
        let gaps = self
            .conn
            .prepare_cached("SELECT seq FROM gaps WHERE claim = ?1")?
            .query_map([claim], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(gaps)
    }

    fn settle_new(&mut self, id: GroupId, seq: i64, requeue: Option<Requeue>) -> Result<(), TxnError> {
        if let Some(Requeue { ready, counted }) = requeue {
            // Inserts nothing if retention has removed the message.
            self.conn
                .prepare_cached(&format!(
                    "INSERT OR REPLACE INTO pending(grp, seq, key, attempts, ready, since)
                     SELECT ?1, seq, CAST(key AS BLOB), ?2, ?3, ?5 FROM messages_{} WHERE seq = ?4",
                    id.topic
                ))?
                .execute(params![id.group, i64::from(counted), ready, seq, self.now])?;
            self.woken.insert(id.topic);
        }
        Ok(())
    }

    fn settle_pending(
        &mut self,
        id: GroupId,
        claim: i64,
        seq: i64,
        requeue: Option<Requeue>,
    ) -> Result<bool, TxnError> {
        let changed = match requeue {
            None => self
                .conn
                .prepare_cached("DELETE FROM pending WHERE grp = ?1 AND seq = ?2 AND claim = ?3")?
                .execute([id.group, seq, claim])?,
            Some(Requeue { ready, counted }) => {
                self.woken.insert(id.topic);
                self.conn
                    .prepare_cached(
                        // A released poison candidate waits, so that other messages go first.
                        "UPDATE pending SET claim = NULL, ready = ?4 + 1000 * ?5 * alone, since = ?6,
                         attempts = max(attempts, ?5) - ?5,
                         losses = losses * ?5, alone = alone * ?5
                         WHERE grp = ?1 AND seq = ?2 AND claim = ?3",
                    )?
                    .execute(params![id.group, seq, claim, ready, i64::from(!counted), self.now])?
            }
        };
        Ok(changed > 0)
    }

    fn append_dead_letter(&mut self, topic: &Topic, dead_letter: &Message) -> Result<(), TxnError> {
        self.append(topic, &[Row::from(dead_letter)])?;
        Ok(())
    }

    /// Stores what a claim still holds, and ends it if that is nothing.
    fn shrink(&self, claim: i64, run: Option<&Run>) -> Result<(), TxnError> {
        if let Some((run, open)) = run.and_then(|run| Some((run, run.first_held()?))) {
            return self.shrink_run(claim, run, open);
        }
        let holds: bool = self
            .conn
            .prepare_cached("SELECT EXISTS(SELECT 1 FROM pending WHERE claim = ?1)")?
            .query_row([claim], |row| row.get(0))?;
        if !holds {
            self.end_claim(claim)?;
        } else if run.is_some() {
            self.conn
                .prepare_cached("UPDATE claims SET first = NULL, last = NULL WHERE id = ?1")?
                .execute([claim])?;
            self.conn.prepare_cached("DELETE FROM gaps WHERE claim = ?1")?.execute([claim])?;
        }
        Ok(())
    }

    /// Stores the rest of a run. If its messages are settled in order, only its start moves.
    fn shrink_run(&self, claim: i64, run: &Run, open: i64) -> Result<(), TxnError> {
        if open > run.first {
            self.conn.prepare_cached("UPDATE claims SET first = ?2 WHERE id = ?1")?.execute([claim, open])?;
            if !run.gaps.is_empty() {
                self.conn
                    .prepare_cached("DELETE FROM gaps WHERE claim = ?1 AND seq < ?2")?
                    .execute([claim, open])?;
            }
        }
        for seq in run.done.range(open..) {
            self.conn
                .prepare_cached("INSERT OR IGNORE INTO gaps(claim, seq) VALUES (?1, ?2)")?
                .execute([claim, *seq])?;
        }
        Ok(())
    }

    /// Makes the earliest pending message of each key due if it was blocked.
    fn unblock<'k>(&mut self, id: GroupId, keys: impl Iterator<Item = &'k [u8]>) -> Result<(), TxnError> {
        let blocked: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS(SELECT 1 FROM pending WHERE grp = ?1 AND claim IS NULL AND ready IS NULL)",
            )?
            .query_row([id.group], |row| row.get(0))?;
        if !blocked {
            return Ok(());
        }
        for key in keys.collect::<BTreeSet<_>>() {
            let changed = self
                .conn
                .prepare_cached(
                    "UPDATE pending SET ready = 0 WHERE grp = ?1 AND claim IS NULL AND ready IS NULL
                     AND seq = (SELECT min(seq) FROM pending WHERE grp = ?1 AND key = ?2)",
                )?
                .execute(params![id.group, key])?;
            if changed > 0 {
                self.woken.insert(id.topic);
            }
        }
        Ok(())
    }

    /// Renews the claims of deliveries. Returns the result of each, in order.
    pub(super) fn renew(
        &mut self,
        member: &Member,
        receipts: &[Receipt],
    ) -> Result<Vec<Result<(), TransportError>>, TxnError> {
        let mut renewed: BTreeMap<i64, bool> = BTreeMap::new();
        for receipt in receipts {
            let claim = receipt.token.cast_signed();
            if let std::collections::btree_map::Entry::Vacant(entry) = renewed.entry(claim) {
                let changed = self
                    .conn
                    .prepare_cached(
                        "UPDATE claims SET until = ?4 + min(lease, ?5) WHERE id = ?1 AND grp = ?2 AND member = ?3",
                    )?
                    .execute([claim, member.id.group, member.number, self.now, i64::MAX / 4])?;
                entry.insert(changed > 0);
            }
        }
        Ok(receipts
            .iter()
            .map(|receipt| match renewed.get(&receipt.token.cast_signed()) {
                Some(true) => Ok(()),
                _ => Err(member.lost("renew", receipt)),
            })
            .collect())
    }
}

/// The row ID of a message.
fn sequence(receipt: &Receipt) -> i64 {
    match receipt.position {
        Position::Sequence(seq) => i64::try_from(seq).unwrap_or(0),
        // Not a position of this transport; no claim holds 0.
        _ => 0,
    }
}
