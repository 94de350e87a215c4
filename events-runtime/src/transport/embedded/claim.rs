//! Who gets which messages next.
//!
//! The rule that keeps the order of keys: the messages of a key in flight are the earliest
//! unsettled ones of that key, all with one member, handed out in order. So a message goes out
//! when no earlier one of its key waits and no member but its own holds one; otherwise it becomes
//! a pending message without a time, and is looked at again when one of its key is settled.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::claim_scan::ClaimScan;
use super::error::TxnError;
use super::poison::{ALONE_AFTER, ClaimEnd, Isolation};
use super::row::run_length;
use super::txn::{GroupId, Txn, last, trimmed};

/// What a member asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) group: GroupId,
    pub(super) member: i64,
    pub(super) max: usize,
    /// In milliseconds.
    pub(super) lease: i64,
}

/// What a member was given.
#[derive(Debug, Default)]
pub(super) struct Claim {
    pub(super) id: i64,
    /// Messages that were out before or waited, each with the attempt that this is, in order.
    pub(super) again: Vec<(i64, u32)>,
    /// Messages that come for the first time.
    pub(super) fresh: Option<(i64, i64)>,
    /// Messages inside `fresh` that are not part of it.
    pub(super) gaps: HashSet<i64>,
}

/// The answer to a request.
#[derive(Debug)]
pub(super) enum Claimed {
    Some(Claim),
    /// Nothing now; perhaps at this time, in milliseconds since the Unix epoch.
    None(Option<i64>),
}

/// A claim that is held.
pub(super) struct Held {
    pub(super) id: i64,
    pub(super) member: i64,
    until: i64,
    lease: i64,
    /// When it was made.
    pub(super) made: i64,
    /// Another claim of the member was lost before.
    pub(super) shared: bool,
    /// The ends of its run.
    pub(super) run: Option<(i64, i64)>,
}

impl Held {
    pub(super) fn is_over(&self, now: i64) -> bool {
        self.until <= now
    }

    /// The clock was set back since: nobody would take this over for as long as that.
    fn is_beyond_its_lease(&self, now: i64) -> bool {
        self.until.saturating_sub(now) > self.lease
    }
}

/// Answers by reading alone where there is nothing to claim; `None` where there may be.
pub(super) fn look(conn: &Connection, request: &Request, now: i64) -> Result<Option<Claimed>, TxnError> {
    let GroupId { topic, group } = request.group;
    if request.max == 0 {
        return Ok(Some(Claimed::None(None)));
    }
    // A cursor behind the end is damaged: the claim puts it right.
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
    if was_set_back(conn, group, now)? {
        return Ok(None);
    }
    let held = held(conn, group)?;
    if held.iter().any(|held| held.is_over(now) || held.is_beyond_its_lease(now)) {
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

/// Whether the clock was set back since a message was told to wait: it would for as long as that.
fn was_set_back(conn: &Connection, group: i64, now: i64) -> rusqlite::Result<bool> {
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

/// The longest lease or pause that is written, in milliseconds, so that sums fit.
const LONGEST: i64 = i64::MAX / 4;
/// The most attempts that are counted.
const MOST: i64 = 0xffff_ffff;

/// How long until a member that may not have a message yet looks again, in milliseconds.
const LOOK_AGAIN: i64 = 250;

impl Txn<'_> {
    /// Hands messages to a member.
    pub(super) fn claim(&mut self, request: &Request) -> Result<Claimed, TxnError> {
        let mut others = Vec::new();
        let all = held(self.conn, request.group.group)?;
        let ends = self.ends(request.group, &all)?;
        for held in all {
            if held.is_over(self.now) {
                let end = ends.get(&held.id).copied().unwrap_or(ClaimEnd::LostAmongOthers);
                self.take_back(request.group, held.member, held.id, end)?;
                continue;
            }
            if held.is_beyond_its_lease(self.now) {
                self.conn
                    .prepare_cached("UPDATE claims SET lease = min(max(lease, 0), ?3), until = ?2 + min(max(lease, 0), ?3),
                         made = ?2 WHERE id = ?1")?
                    .execute([held.id, self.now, LONGEST])?;
            }
            others.push(held);
        }
        if was_set_back(self.conn, request.group.group, self.now)? {
            self.conn
                .prepare_cached(
                    "UPDATE pending SET ready = ?2 + max(0, min(ready - since, ?3)), since = ?2
                     WHERE grp = ?1 AND claim IS NULL AND ready IS NOT NULL AND since > ?2",
                )?
                .execute([request.group.group, self.now, LONGEST])?;
        }
        self.mend_cursor(request.group)?;
        let mut scan = ClaimScan::new(self.conn, *request, &others)?;
        match scan.alone(self.now)? {
            Isolation::None => {
                scan.again(self.now)?;
                scan.fresh()?;
            }
            Isolation::Taken => {}
            Isolation::Waits => return Ok(Claimed::None(Some(self.now + LOOK_AGAIN))),
        }
        if scan.is_empty() {
            scan.set_aside()?;
            // There may be more behind what was set aside: look again at once.
            return Ok(Claimed::None(Some(self.now)));
        }
        Ok(Claimed::Some(scan.store(self.now)?))
    }

    /// A damaged cursor behind the topic's end would keep all that comes from the group, without a
    /// word, and one before its first message would be an endless way: it is put back between them.
    fn mend_cursor(&self, id: GroupId) -> Result<(), TxnError> {
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
                "a group of a SQLite file stood outside its topic: the file is damaged; messages may have been \
                 left out or come again: check the file"
            );
        }
        Ok(())
    }

    /// Ends a claim of a member: what it still holds waits to go out again.
    ///
    /// How that counts is the rule of [`suspects`](super::suspects).
    pub(super) fn take_back(
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
                    ALONE_AFTER
                ])?;
            let open = run_length(first, last).saturating_sub(gaps);
            if i64::try_from(back).unwrap_or(i64::MAX) < open {
                // Retention took some, which can't unblock their keys any more.
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
                .execute([claim, self.now, ALONE_AFTER, MOST])?,
            ClaimEnd::LostAlone => self
                .conn
                .prepare_cached(
                    "UPDATE pending SET claim = NULL, ready = ?2, since = ?2,
                     attempts = min(attempts + losses, ?3), losses = 0, alone = 1 WHERE claim = ?1",
                )?
                .execute([claim, self.now, MOST])?,
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

    /// Looks at every blocked message of the group again.
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
