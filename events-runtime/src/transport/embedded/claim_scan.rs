//! The search for messages that may go out, by the rule of [`claim`](super::claim).

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params};

use super::claim::{Claim, Held, Request, cursor};
use super::error::TxnError;
use super::row::count;
use super::txn::{GroupId, last};

/// So many messages are looked at in one transaction, that a long run of blocked ones does not
/// keep the lock.
pub(super) const SCAN: i64 = 4_096;

pub(super) type Key = Vec<u8>;

/// One search for messages to hand out.
pub(super) struct ClaimScan<'c> {
    pub(super) conn: &'c Connection,
    pub(super) request: Request,
    /// Keys in flight in some member's run, and whether it is another's.
    pub(super) flying: HashMap<Key, bool>,
    /// Whether the group has pending messages at all.
    pub(super) pending: bool,
    /// Whether a key has pending messages that new ones wait for, as far as looked up.
    waits: HashMap<Key, bool>,
    pub(super) again: Vec<(i64, u32)>,
    /// Those of `again` that have a key.
    chained: HashSet<i64>,
    fresh: Vec<i64>,
    blocked: Vec<(i64, Key)>,
    cursor: i64,
    /// When the oldest claim that the member holds was made.
    pub(super) holds_since: Option<i64>,
    /// Whether messages that go out alone are left to another member or another time.
    pub(super) isolates: bool,
}

impl<'c> ClaimScan<'c> {
    pub(super) fn new(conn: &'c Connection, request: Request, held: &[Held]) -> Result<Self, TxnError> {
        let group = request.group.group;
        let pending = conn
            .prepare_cached("SELECT EXISTS(SELECT 1 FROM pending WHERE grp = ?1)")?
            .query_row([group], |row| row.get(0))?;
        let mut scan = Self {
            conn,
            request,
            flying: HashMap::new(),
            pending,
            waits: HashMap::new(),
            again: Vec::new(),
            chained: HashSet::new(),
            fresh: Vec::new(),
            blocked: Vec::new(),
            cursor: cursor(conn, group)?,
            holds_since: held.iter().filter(|held| held.member == request.member).map(|held| held.made).min(),
            isolates: true,
        };
        for held in held {
            // One's own runs matter to pending messages only.
            if pending || held.member != request.member {
                scan.load_run(held)?;
            }
        }
        Ok(scan)
    }

    fn load_run(&mut self, held: &Held) -> Result<(), TxnError> {
        let Some((first, last)) = held.run else {
            return Ok(());
        };
        let mut keys = self.conn.prepare_cached(&format!(
            "SELECT CAST(key AS BLOB) FROM messages_{} WHERE seq BETWEEN ?1 AND ?2 AND key IS NOT NULL
             AND seq NOT IN (SELECT seq FROM gaps WHERE claim = ?3)",
            self.request.group.topic
        ))?;
        let mut keys = keys.query([first, last, held.id])?;
        while let Some(row) = keys.next()? {
            self.flying.insert(row.get(0)?, held.member != self.request.member);
        }
        Ok(())
    }

    /// Whether there is nothing to hand out.
    pub(super) fn is_empty(&self) -> bool {
        self.again.is_empty() && self.fresh.is_empty()
    }

    fn room(&self) -> usize {
        self.request.max.saturating_sub(self.again.len() + self.fresh.len())
    }

    /// Takes pending messages whose time has come.
    pub(super) fn again(&mut self, now: i64) -> Result<(), TxnError> {
        if !self.pending {
            return Ok(());
        }
        let due: Vec<(i64, Option<Key>, u32)> = self
            .conn
            .prepare_cached(
                "SELECT seq, key, attempts FROM pending INDEXED BY pending_due
                 WHERE grp = ?1 AND claim IS NULL AND ready <= ?2 AND (alone <> 1 OR NOT ?4)
                 ORDER BY ready, seq LIMIT ?3",
            )?
            .query_map(params![self.request.group.group, now, SCAN, self.isolates], |row| {
                Ok((row.get(0)?, row.get(1)?, count(row, 2)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut seen = HashSet::new();
        for (seq, key, attempts) in due {
            if self.room() == 0 {
                break;
            }
            match key {
                None => self.again.push((seq, attempts.saturating_add(1))),
                Some(key) => {
                    if seen.insert(key.clone()) {
                        self.chain(&key, now)?;
                    }
                    if !self.chained.contains(&seq) && self.room() > 0 {
                        self.block(seq)?;
                    }
                }
            }
        }
        self.again.sort_unstable();
        Ok(())
    }

    /// Takes a key's pending messages from the earliest on, as far as they may go.
    fn chain(&mut self, key: &Key, now: i64) -> Result<(), TxnError> {
        let group = self.request.group.group;
        let held: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS(SELECT 1 FROM pending INDEXED BY pending_by_key
                 WHERE grp = ?1 AND key = ?2 AND claim IS NOT NULL)",
            )?
            .query_row(params![group, key], |row| row.get(0))?;
        if held || self.flying.contains_key(key) {
            return Ok(());
        }
        let mut rows = self.conn.prepare_cached(
            "SELECT seq, attempts, ready, alone = 1 FROM pending INDEXED BY pending_by_key
             WHERE grp = ?1 AND key = ?2 ORDER BY seq",
        )?;
        let mut rows = rows.query(params![group, key])?;
        while self.room() > 0 {
            let Some(row) = rows.next()? else { break };
            let ready: Option<i64> = row.get(2)?;
            if ready.is_some_and(|ready| ready > now) {
                break;
            }
            let seq = row.get(0)?;
            if self.isolates && row.get(3)? {
                // Where it waited for those of its key in flight, it waits no more.
                self.conn
                    .prepare_cached(
                        "UPDATE pending SET ready = 0 WHERE grp = ?1 AND seq = ?2 AND ready IS NULL",
                    )?
                    .execute([group, seq])?;
                break;
            }
            self.chained.insert(seq);
            self.again.push((seq, count(row, 1)?.saturating_add(1)));
        }
        Ok(())
    }

    /// Looked at and found to be behind another: waits until one of its key is settled.
    pub(super) fn block(&self, seq: i64) -> Result<(), TxnError> {
        self.conn
            .prepare_cached("UPDATE pending SET ready = NULL WHERE grp = ?1 AND seq = ?2")?
            .execute([self.request.group.group, seq])?;
        Ok(())
    }

    /// Takes messages that were never out.
    pub(super) fn fresh(&mut self) -> Result<(), TxnError> {
        let topic = self.request.group.topic;
        let room = self.room();
        if room == 0 {
            return Ok(());
        }
        if !self.pending && self.flying.is_empty() {
            // Nothing can be in the way: the run is known by its ends.
            let end = last(self.conn, topic)?
                .min(self.cursor.saturating_add(i64::try_from(room).unwrap_or(i64::MAX)));
            self.fresh.extend(self.cursor.saturating_add(1)..=end);
            self.cursor = end;
            return Ok(());
        }
        let mut rows = self.conn.prepare_cached(&format!(
            "SELECT seq, CAST(key AS BLOB) FROM messages_{topic} WHERE seq > ?1 ORDER BY seq LIMIT ?2"
        ))?;
        let mut rows = rows.query([self.cursor, SCAN])?;
        while self.room() > 0 {
            let Some(row) = rows.next()? else { break };
            let seq = row.get(0)?;
            self.cursor = seq;
            match row.get::<_, Option<Key>>(1)? {
                Some(key) if self.is_taken(&key)? => self.blocked.push((seq, key)),
                _ => self.fresh.push(seq),
            }
        }
        Ok(())
    }

    /// Whether a new message of this key has to wait.
    fn is_taken(&mut self, key: &Key) -> Result<bool, TxnError> {
        if self.flying.get(key) == Some(&true) {
            return Ok(true);
        }
        if !self.pending {
            return Ok(false);
        }
        if let Some(waits) = self.waits.get(key) {
            return Ok(*waits);
        }
        // What this member holds itself goes before and is in nobody's way.
        let mut rows = self.conn.prepare_cached(
            "SELECT seq FROM pending INDEXED BY pending_by_key LEFT JOIN claims ON claims.id = claim
             WHERE pending.grp = ?1 AND key = ?2 AND member IS NOT ?3 ORDER BY seq",
        )?;
        let mut rows = rows.query(params![self.request.group.group, key, self.request.member])?;
        let mut waits = false;
        while let Some(row) = rows.next()?
            && !waits
        {
            waits = !self.chained.contains(&row.get(0)?);
        }
        self.waits.insert(key.clone(), waits);
        Ok(waits)
    }

    /// Writes down what was found.
    pub(super) fn store(self, now: i64) -> Result<Claim, TxnError> {
        let Request { group: GroupId { group, .. }, member, lease, .. } = self.request;
        let run = self.fresh.first().copied().zip(self.fresh.last().copied());
        self.conn
            .prepare_cached(
                "INSERT INTO claims(grp, member, until, lease, first, last, made)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                group,
                member,
                now + lease,
                lease,
                run.map(|run| run.0),
                run.map(|run| run.1),
                now
            ])?;
        let id = self.conn.last_insert_rowid();
        for (seq, attempts) in &self.again {
            self.conn
                .prepare_cached("UPDATE pending SET claim = ?3, attempts = ?4 WHERE grp = ?1 AND seq = ?2")?
                .execute(params![group, seq, id, attempts])?;
        }
        let mut gaps = HashSet::new();
        for (seq, _) in &self.blocked {
            if run.is_some_and(|(first, last)| (first..=last).contains(seq)) {
                self.conn
                    .prepare_cached("INSERT OR IGNORE INTO gaps(claim, seq) VALUES (?1, ?2)")?
                    .execute([id, *seq])?;
                gaps.insert(*seq);
            }
        }
        self.set_aside()?;
        Ok(Claim { id, again: self.again, fresh: run, gaps })
    }

    /// Writes down the blocked messages and how far the search came.
    pub(super) fn set_aside(&self) -> Result<(), TxnError> {
        let group = self.request.group.group;
        for (seq, key) in &self.blocked {
            self.conn
                .prepare_cached(
                    "INSERT OR IGNORE INTO pending(grp, seq, key, attempts) VALUES (?1, ?2, ?3, 0)",
                )?
                .execute(params![group, seq, key])?;
        }
        self.conn
            .prepare_cached("UPDATE groups SET cursor = ?2 WHERE id = ?1")?
            .execute([group, self.cursor])?;
        Ok(())
    }
}
