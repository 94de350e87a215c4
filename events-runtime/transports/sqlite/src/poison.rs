//! Finds poison messages: messages that crash the process or block it beyond the lease.
//!
//! A lost member counts as an attempt only if it held a single message; otherwise it is unknown which message
//! caused the loss. A message that was lost twice among others is a poison candidate. It is delivered in
//! isolation, to a member that holds nothing else. If that member is lost too, the loss counts as an attempt,
//! and so do the earlier losses.
//!
//! Isolation delays a member by at most one lease. A member that has held messages for longer is alive: it may
//! receive other messages beside a poison candidate, and a poison candidate beside others.

use std::collections::HashMap;

use rusqlite::params;

use super::claim::{Held, Request};
use super::claim_scan::{ClaimScan, Key, SCAN};
use super::error::TxnError;
use super::row::{count, run_length};
use super::txn::{GroupId, Txn};

/// After this many losses among other messages, a message is a poison candidate.
pub(super) const CANDIDATE_AFTER: i64 = 2;

/// How a claim ended whose messages were not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimEnd {
    /// The member never received it.
    Undelivered,
    /// The member was lost and held several messages.
    LostAmongOthers,
    /// The member was lost and held a single message.
    LostAlone,
}

/// The result of looking for a poison candidate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Isolation {
    /// There is none, or it no longer needs isolation.
    None,
    /// One was taken; the claim must contain nothing else.
    Taken,
    /// The member holds one, or must settle its other messages first.
    Waits,
}

impl Txn<'_> {
    /// How each expired claim ended. Must be called before the first of them is returned, since that changes
    /// what its member holds.
    pub(super) fn claim_ends(&self, id: GroupId, held: &[Held]) -> Result<HashMap<i64, ClaimEnd>, TxnError> {
        let mut claim_ends = HashMap::new();
        for over in held.iter().filter(|held| held.is_over(self.now)) {
            let alone = !over.shared && self.held_count(held, over.member)? == 1;
            claim_ends.insert(over.id, if alone { ClaimEnd::LostAlone } else { ClaimEnd::LostAmongOthers });
        }
        for over in held.iter().filter(|held| claim_ends.contains_key(&held.id)) {
            // Messages that the member still holds do not count as held alone.
            self.conn
                .prepare_cached("UPDATE claims SET shared = 1 WHERE grp = ?1 AND member = ?2")?
                .execute([id.group, over.member])?;
        }
        Ok(claim_ends)
    }

    /// The number of messages that a member holds.
    fn held_count(&self, held: &[Held], member: i64) -> Result<i64, TxnError> {
        let mut held_count = 0;
        for held in held.iter().filter(|held| held.member == member) {
            held_count += self
                .conn
                .prepare_cached(
                    "SELECT (SELECT count(*) FROM pending WHERE claim = ?1)
                     - (SELECT count(*) FROM gaps WHERE claim = ?1)",
                )?
                .query_row([held.id], |row| row.get::<_, i64>(0))?;
            held_count =
                held_count.saturating_add(held.run.map_or(0, |(first, last)| run_length(first, last)));
        }
        Ok(held_count)
    }

    /// Whether the group has poison candidates. A settlement may allow another member to claim one.
    pub(super) fn has_isolated(&self, id: GroupId) -> Result<bool, TxnError> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT EXISTS(SELECT 1 FROM pending INDEXED BY pending_alone WHERE grp = ?1 AND alone = 1)",
            )?
            .query_row([id.group], |row| row.get(0))?)
    }
}

impl ClaimScan<'_> {
    /// Takes one poison candidate that is due, if there is one.
    pub(super) fn take_isolated(&mut self, now: i64) -> Result<Isolation, TxnError> {
        if !self.pending {
            return Ok(Isolation::None);
        }
        let Request { group: GroupId { group, .. }, member, lease, max } = self.request;
        let suspects: Vec<(i64, Option<Key>, u32, bool)> = self
            .conn
            .prepare_cached(
                "SELECT seq, key, attempts, claim IS NOT NULL FROM pending INDEXED BY pending_alone
                 LEFT JOIN claims ON claims.id = claim
                 WHERE pending.grp = ?1 AND alone = 1
                 AND CASE WHEN claim IS NULL THEN ready <= ?2 ELSE member = ?3 END
                 ORDER BY claim IS NULL, ready, seq LIMIT ?4",
            )?
            .query_map(params![group, now, member, SCAN], |row| {
                Ok((row.get(0)?, row.get(1)?, count(row, 2)?, row.get(3)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        for (seq, key, attempts, held) in suspects {
            if !held
                && let Some(key) = &key
                && !self.is_first(key, seq)?
            {
                self.block(seq)?;
                continue;
            }
            match self.holds_since {
                None if max > 0 => {
                    self.redelivered.push((seq, attempts.saturating_add(1)));
                    return Ok(Isolation::Taken);
                }
                Some(since) if since.saturating_add(lease) > now => return Ok(Isolation::Waits),
                _ => {
                    self.excludes_isolated = false;
                    return Ok(Isolation::None);
                }
            }
        }
        Ok(Isolation::None)
    }

    /// Whether a pending message is the earliest of its key, and no member holds one of the key.
    fn is_first(&self, key: &Key, seq: i64) -> Result<bool, TxnError> {
        let first: bool = self
            .conn
            .prepare_cached(
                "SELECT NOT EXISTS(SELECT 1 FROM pending INDEXED BY pending_by_key
                 WHERE grp = ?1 AND key = ?2 AND (seq < ?3 OR claim IS NOT NULL))",
            )?
            .query_row(params![self.request.group.group, key, seq], |row| row.get(0))?;
        Ok(first && !self.in_flight.contains_key(key))
    }
}
