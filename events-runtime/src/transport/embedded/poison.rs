//! Which message ends its members, by killing the process or by blocking it beyond the lease.
//!
//! A lost member counts as an attempt only where it held one message: which of several was its end is
//! not known. A message that was lost twice among others goes out alone, to a member that holds nothing
//! else; a member that is lost with it is charged to it, with the losses that were left out before.
//!
//! Nobody waits for that for long. A member that has held something for longer than a lease is alive and
//! at work: it is given other messages beside a suspect, and a suspect beside others.

use std::collections::HashMap;

use rusqlite::params;

use super::claim::{Held, Request};
use super::claim_scan::{ClaimScan, Key, SCAN};
use super::error::TxnError;
use super::row::{count, run_length};
use super::txn::{GroupId, Txn};

/// A message whose members were lost so often, among others, goes out alone.
pub(super) const ALONE_AFTER: i64 = 2;

/// How a claim ended without its messages being settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimEnd {
    /// It never reached its member.
    Undelivered,
    /// Its member was lost and held other messages too.
    LostAmongOthers,
    /// Its member was lost and held this one message.
    LostAlone,
}

/// What became of the messages that go out alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Isolation {
    /// There is none now, or none that may be waited for.
    None,
    /// One was taken, and nothing goes with it.
    Taken,
    /// The member has one, or must have nothing else first.
    Waits,
}

impl Txn<'_> {
    /// How the claims end that are over; said before the first of them is taken back, which changes
    /// what its member holds.
    pub(super) fn ends(&self, id: GroupId, held: &[Held]) -> Result<HashMap<i64, ClaimEnd>, TxnError> {
        let mut ends = HashMap::new();
        for over in held.iter().filter(|held| held.is_over(self.now)) {
            let alone = !over.shared && self.open(held, over.member)? == 1;
            ends.insert(over.id, if alone { ClaimEnd::LostAlone } else { ClaimEnd::LostAmongOthers });
        }
        for over in held.iter().filter(|held| ends.contains_key(&held.id)) {
            // What the member still holds is not alone although it will be all that is left.
            self.conn
                .prepare_cached("UPDATE claims SET shared = 1 WHERE grp = ?1 AND member = ?2")?
                .execute([id.group, over.member])?;
        }
        Ok(ends)
    }

    /// How many messages a member holds.
    fn open(&self, held: &[Held], member: i64) -> Result<i64, TxnError> {
        let mut open = 0;
        for held in held.iter().filter(|held| held.member == member) {
            open += self
                .conn
                .prepare_cached(
                    "SELECT (SELECT count(*) FROM pending WHERE claim = ?1)
                     - (SELECT count(*) FROM gaps WHERE claim = ?1)",
                )?
                .query_row([held.id], |row| row.get::<_, i64>(0))?;
            open = open.saturating_add(held.run.map_or(0, |(first, last)| run_length(first, last)));
        }
        Ok(open)
    }

    /// Whether the group has messages that go out alone: what one member settles may let another have one.
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
    /// Takes one message that goes out alone, where there is one whose time has come.
    pub(super) fn alone(&mut self, now: i64) -> Result<Isolation, TxnError> {
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
                    self.again.push((seq, attempts.saturating_add(1)));
                    return Ok(Isolation::Taken);
                }
                Some(since) if since.saturating_add(lease) > now => return Ok(Isolation::Waits),
                _ => {
                    self.isolates = false;
                    return Ok(Isolation::None);
                }
            }
        }
        Ok(Isolation::None)
    }

    /// Whether this pending message is the earliest of its key, and nobody holds one of it.
    fn is_first(&self, key: &Key, seq: i64) -> Result<bool, TxnError> {
        let first: bool = self
            .conn
            .prepare_cached(
                "SELECT NOT EXISTS(SELECT 1 FROM pending INDEXED BY pending_by_key
                 WHERE grp = ?1 AND key = ?2 AND (seq < ?3 OR claim IS NOT NULL))",
            )?
            .query_row(params![self.request.group.group, key, seq], |row| row.get(0))?;
        Ok(first && !self.flying.contains_key(key))
    }
}
