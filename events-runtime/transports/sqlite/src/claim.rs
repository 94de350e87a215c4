//! Claims messages for a member, and returns expired claims.
//!
//! The invariant that keeps the order of keys: the messages of a key in flight are the earliest unsettled
//! ones of the key, held by one member, delivered in order. A message is therefore delivered if no earlier
//! message of its key waits and no other member holds one. Otherwise it becomes a blocked pending message
//! (`ready` is `NULL`), and is examined again when a message of its key is settled.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::claim_scan::ClaimScan;
use super::error::TxnError;
use super::poison::{CANDIDATE_AFTER, ClaimEnd, Isolation};
use super::row::run_length;
use super::txn::{GroupId, Txn, last, trimmed};

/// A request of a member for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) group: GroupId,
    pub(super) member: i64,
    pub(super) max: usize,
    /// In milliseconds.
    pub(super) lease: i64,
}

/// The messages that a member received.
#[derive(Debug, Default)]
pub(super) struct Claim {
    pub(super) id: i64,
    /// Messages from `pending`, in order, each with its attempt.
    pub(super) redelivered: Vec<(i64, u32)>,
    /// The run of messages that are delivered for the first time.
    pub(super) fresh: Option<(i64, i64)>,
    /// Messages in the range of `fresh` that are not part of the claim.
    pub(super) gaps: HashSet<i64>,
}

/// The result of a request.
#[derive(Debug)]
pub(super) enum Claimed {
    Some(Claim),
    /// No messages; retry at this time, in milliseconds since the Unix epoch.
    None(Option<i64>),
}

/// An unsettled claim.
pub(super) struct Held {
    pub(super) id: i64,
    pub(super) member: i64,
    until: i64,
    lease: i64,
    /// When it was made.
    pub(super) made: i64,
    /// The member lost another claim before.
    pub(super) shared: bool,
    /// The ends of its run.
    pub(super) run: Option<(i64, i64)>,
}

impl Held {
    pub(super) fn is_over(&self, now: i64) -> bool {
        self.until <= now
    }

    /// The clock was set back since: without a correction, the claim would outlive its lease.
    fn is_ahead_of_clock(&self, now: i64) -> bool {
        self.until.saturating_sub(now) > self.lease
    }
}

/// Finds out without a write transaction that there is nothing to claim; `None` if there may be.
pub(super) fn peek(conn: &Connection, request: &Request, now: i64) -> Result<Option<Claimed>, TxnError> {
    let GroupId { topic, group } = request.group;
    if request.max == 0 {
        return Ok(Some(Claimed::None(None)));
    }
    // A cursor beyond the end is corrupt, and repaired by the claim.
    if cursor(conn, group)? != last(conn, topic)? {
        return Ok(None);
    }
    let due: Option<i64> = conn
        .prepare_cached(
            "SELECT min(ready) FROM pending WHERE grp = ?1 AND claim IS NULL AND ready IS NOT NULL",
        )?
        .query_row([group], |row| row.get(0))?;
    if due.is_some_and(|due| due <= now) {
        return Ok(None);
    }
    if clock_was_set_back(conn, group, now)? {
        return Ok(None);
    }
    let held = held(conn, group)?;
    if held.iter().any(|held| held.is_over(now) || held.is_ahead_of_clock(now)) {
        return Ok(None);
    }
    let end = held.iter().map(|held| held.until).min();
    Ok(Some(Claimed::None([due, end].into_iter().flatten().min())))
}

pub(super) fn cursor(conn: &Connection, group: i64) -> Result<i64, TxnError> {
    conn.prepare_cached("SELECT cursor FROM groups WHERE id = ?1")?
        .query_row([group], |row| row.get(0))
        .optional()?
        .ok_or(TxnError::NoGroup)
}

/// Whether the clock was set back since a message was delayed, which would extend the delay.
fn clock_was_set_back(conn: &Connection, group: i64, now: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "SELECT EXISTS(SELECT 1 FROM pending
         WHERE grp = ?1 AND claim IS NULL AND ready IS NOT NULL AND since > ?2)",
    )?
    .query_row([group, now], |row| row.get(0))
}

fn held(conn: &Connection, group: i64) -> rusqlite::Result<Vec<Held>> {
    conn.prepare_cached(
        "SELECT id, member, until, lease, first, last, made, shared FROM claims WHERE grp = ?1",
    )?
    .query_map([group], |row| {
        let run: (Option<i64>, Option<i64>) = (row.get(4)?, row.get(5)?);
        Ok(Held {
            id: row.get(0)?,
            member: row.get(1)?,
            until: row.get(2)?,
            lease: row.get(3)?,
            made: row.get(6)?,
            shared: row.get(7)?,
            run: run.0.zip(run.1),
        })
    })?
    .collect()
}

/// The longest stored lease or delay in milliseconds, so that sums fit.
const MAX_DURATION: i64 = i64::MAX / 4;
/// The maximum of counted attempts.
const MAX_ATTEMPTS: i64 = 0xffff_ffff;

/// How long a member waits that may not claim an isolated message yet, in milliseconds.
const RETRY_DELAY: i64 = 250;

impl Txn<'_> {
    /// Claims messages for a member.
    pub(super) fn claim(&mut self, request: &Request) -> Result<Claimed, TxnError> {
        let mut others = Vec::new();
        let all = held(self.conn, request.group.group)?;
        let claim_ends = self.claim_ends(request.group, &all)?;
        for held in all {
            if held.is_over(self.now) {
                let end = claim_ends.get(&held.id).copied().unwrap_or(ClaimEnd::LostAmongOthers);
                self.return_claim(request.group, held.member, held.id, end)?;
                continue;
            }
            if held.is_ahead_of_clock(self.now) {
                self.conn
                    .prepare_cached("UPDATE claims SET lease = min(max(lease, 0), ?3), until = ?2 + min(max(lease, 0), ?3),
                         made = ?2 WHERE id = ?1")?
                    .execute([held.id, self.now, MAX_DURATION])?;
            }
            others.push(held);
        }
        if clock_was_set_back(self.conn, request.group.group, self.now)? {
            self.conn
                .prepare_cached(
                    "UPDATE pending SET ready = ?2 + max(0, min(ready - since, ?3)), since = ?2
                     WHERE grp = ?1 AND claim IS NULL AND ready IS NOT NULL AND since > ?2",
                )?
                .execute([request.group.group, self.now, MAX_DURATION])?;
        }
        self.repair_cursor(request.group)?;
        let mut scan = ClaimScan::new(self.conn, *request, &others)?;
        match scan.take_isolated(self.now)? {
            Isolation::None => {
                scan.take_due(self.now)?;
                scan.take_new()?;
            }
            Isolation::Taken => {}
            Isolation::Waits => return Ok(Claimed::None(Some(self.now + RETRY_DELAY))),
        }
        if scan.is_empty() {
            scan.store_blocked()?;
            // More messages may follow the blocked ones: retry at once.
            return Ok(Claimed::None(Some(self.now)));
        }
        Ok(Claimed::Some(scan.store(self.now)?))
    }

    /// Clamps a corrupt cursor to the range of its topic. Beyond the end, it would silently hide new messages
    /// from the group; far before the first message, the scan would never finish.
    fn repair_cursor(&self, id: GroupId) -> Result<(), TxnError> {
        let GroupId { topic, group } = id;
        let (found, last) = (cursor(self.conn, group)?, last(self.conn, topic)?);
        let cursor = found.clamp(trimmed(self.conn, topic)?.min(last), last);
        if cursor != found {
            self.conn.execute("UPDATE groups SET cursor = ?2 WHERE id = ?1", [group, cursor])?;
            tracing::error!(
                group,
                topic,
                found,
                cursor,
                "repaired the cursor of a group, which was outside its topic: the SQLite file is corrupt, and messages \
                 may be skipped or redelivered; check the file"
            );
        }
        Ok(())
    }

    /// Ends a claim of a member, and requeues the messages that it still holds.
    ///
    /// The module [`poison`](super::poison) describes how attempts are counted.
    pub(super) fn return_claim(
        &mut self,
        id: GroupId,
        member: i64,
        claim: i64,
        end: ClaimEnd,
    ) -> Result<(), TxnError> {
        let GroupId { topic, group } = id;
        let run: Option<(Option<i64>, Option<i64>)> = self
            .conn
            .prepare_cached("SELECT first, last FROM claims WHERE id = ?1 AND grp = ?2 AND member = ?3")?
            .query_row([claim, group, member], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some(run) = run else {
            return Ok(());
        };
        if let Some((first, last)) = run.0.zip(run.1) {
            let gaps: i64 = self
                .conn
                .prepare_cached("SELECT count(*) FROM gaps WHERE claim = ?1")?
                .query_row([claim], |row| row.get(0))?;
            let back = self
                .conn
                .prepare_cached(&format!(
                    "INSERT OR IGNORE INTO pending(grp, seq, key, attempts, losses, alone, ready, since)
                     SELECT ?1, seq, CAST(key AS BLOB), ?2, ?3, max(?2, ?3 >= ?8), ?4, ?4 FROM messages_{topic}
                     WHERE seq BETWEEN ?5 AND ?6
                     AND seq NOT IN (SELECT seq FROM gaps WHERE claim = ?7)"
                ))?
                .execute(params![
                    group,
                    i64::from(end == ClaimEnd::LostAlone),
                    i64::from(end == ClaimEnd::LostAmongOthers),
                    self.now,
                    first,
                    last,
                    claim,
                    CANDIDATE_AFTER
                ])?;
            let open = run_length(first, last).saturating_sub(gaps);
            if i64::try_from(back).unwrap_or(i64::MAX) < open {
                // Retention removed some, which therefore can't unblock their keys.
                self.unblock_all(id)?;
            }
        }
        match end {
            ClaimEnd::Undelivered => self
                .conn
                .prepare_cached(
                    "UPDATE pending SET claim = NULL, ready = ?2, since = ?2, attempts = max(attempts, 1) - 1 WHERE claim = ?1",
                )?
                .execute([claim, self.now])?,
            ClaimEnd::LostAmongOthers => self
                .conn
                .prepare_cached(
                    "UPDATE pending SET claim = NULL, ready = ?2, since = ?2,
                     attempts = iif(alone, min(attempts + losses, ?4), max(attempts, 1) - 1),
                     losses = iif(alone, 0, min(losses + 1, ?4)),
                     alone = max(alone, losses + 1 >= ?3) WHERE claim = ?1",
                )?
                .execute([claim, self.now, CANDIDATE_AFTER, MAX_ATTEMPTS])?,
            ClaimEnd::LostAlone => self
                .conn
                .prepare_cached(
                    "UPDATE pending SET claim = NULL, ready = ?2, since = ?2,
                     attempts = min(attempts + losses, ?3), losses = 0, alone = 1 WHERE claim = ?1",
                )?
                .execute([claim, self.now, MAX_ATTEMPTS])?,
        };
        self.end_claim(claim)?;
        self.woken.insert(topic);
        Ok(())
    }

    pub(super) fn end_claim(&self, claim: i64) -> Result<(), TxnError> {
        self.conn.prepare_cached("DELETE FROM gaps WHERE claim = ?1")?.execute([claim])?;
        self.conn.prepare_cached("DELETE FROM claims WHERE id = ?1")?.execute([claim])?;
        Ok(())
    }

    /// Makes every blocked message of the group due.
    pub(super) fn unblock_all(&mut self, id: GroupId) -> Result<(), TxnError> {
        self.conn
            .prepare_cached(
                "UPDATE pending SET ready = 0 WHERE grp = ?1 AND claim IS NULL AND ready IS NULL",
            )?
            .execute([id.group])?;
        self.woken.insert(id.topic);
        Ok(())
    }
}
