//! Scans for messages that a member may claim, by the invariant of [`claim`](super::claim).

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params};

use super::claim::{Claim, Held, Request, cursor};
use super::error::TxnError;
use super::row::count;
use super::txn::{GroupId, last};

/// The most messages scanned per transaction, so that a long run of blocked ones does not hold the lock.
pub(super) const SCAN: i64 = 4_096;

pub(super) type Key = Vec<u8>;

/// One scan for messages to deliver.
pub(super) struct ClaimScan<'c> {
    pub(super) conn: &'c Connection,
    pub(super) request: Request,
    /// Keys in flight in the runs of claims, and whether another member holds them.
    pub(super) in_flight: HashMap<Key, bool>,
    /// Whether the group has pending messages.
    pub(super) pending: bool,
    /// Cache: whether a key has pending messages that new ones must wait for.
    waits: HashMap<Key, bool>,
    /// Pending messages to deliver, each with its attempt.
    pub(super) redelivered: Vec<(i64, u32)>,
    /// The messages in `redelivered` that have a key.
    taken_of_keys: HashSet<i64>,
    fresh: Vec<i64>,
    blocked: Vec<(i64, Key)>,
    cursor: i64,
    /// When the oldest claim of the member was made.
    pub(super) holds_since: Option<i64>,
    /// Whether poison candidates are left to another member or a later claim.
    pub(super) excludes_isolated: bool,
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
            in_flight: HashMap::new(),
            pending,
            waits: HashMap::new(),
            redelivered: Vec::new(),
            taken_of_keys: HashSet::new(),
            fresh: Vec::new(),
            blocked: Vec::new(),
            cursor: cursor(conn, group)?,
            holds_since: held.iter().filter(|held| held.member == request.member).map(|held| held.made).min(),
            excludes_isolated: true,
        };
        for held in held {
            // The member's own runs only affect pending messages.
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
            self.in_flight.insert(row.get(0)?, held.member != self.request.member);
        }
        Ok(())
    }

    /// Whether nothing was found to deliver.
    pub(super) fn is_empty(&self) -> bool {
        self.redelivered.is_empty() && self.fresh.is_empty()
    }

    fn remaining(&self) -> usize {
        self.request.max.saturating_sub(self.redelivered.len() + self.fresh.len())
    }

    /// Takes pending messages that are due.
    pub(super) fn take_due(&mut self, now: i64) -> Result<(), TxnError> {
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
            .query_map(params![self.request.group.group, now, SCAN, self.excludes_isolated], |row| {
                Ok((row.get(0)?, row.get(1)?, count(row, 2)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut seen = HashSet::new();
        for (seq, key, attempts) in due {
            if self.remaining() == 0 {
                break;
            }
            match key {
                None => self.redelivered.push((seq, attempts.saturating_add(1))),
                Some(key) => {
                    if seen.insert(key.clone()) {
                        self.take_key(&key, now)?;
                    }
                    if !self.taken_of_keys.contains(&seq) && self.remaining() > 0 {
                        self.block(seq)?;
                    }
                }
            }
        }
        self.redelivered.sort_unstable();
        Ok(())
    }

    /// Takes the pending messages of a key from the earliest on, up to the first that may not be delivered.
    fn take_key(&mut self, key: &Key, now: i64) -> Result<(), TxnError> {
        let group = self.request.group.group;
        let held: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS(SELECT 1 FROM pending INDEXED BY pending_by_key
                 WHERE grp = ?1 AND key = ?2 AND claim IS NOT NULL)",
            )?
            .query_row(params![group, key], |row| row.get(0))?;
        if held || self.in_flight.contains_key(key) {
            return Ok(());
        }
        let mut rows = self.conn.prepare_cached(
            "SELECT seq, attempts, ready, alone = 1 FROM pending INDEXED BY pending_by_key
             WHERE grp = ?1 AND key = ?2 ORDER BY seq",
        )?;
        let mut rows = rows.query(params![group, key])?;
        while self.remaining() > 0 {
            let Some(row) = rows.next()? else { break };
            let ready: Option<i64> = row.get(2)?;
            if ready.is_some_and(|ready| ready > now) {
                break;
            }
            let seq = row.get(0)?;
            if self.excludes_isolated && row.get(3)? {
                // No longer blocked by its key.
                self.conn
                    .prepare_cached(
                        "UPDATE pending SET ready = 0 WHERE grp = ?1 AND seq = ?2 AND ready IS NULL",
                    )?
                    .execute([group, seq])?;
                break;
            }
            self.taken_of_keys.insert(seq);
            self.redelivered.push((seq, count(row, 1)?.saturating_add(1)));
        }
        Ok(())
    }

    /// Blocks a pending message until one of its key is settled.
    pub(super) fn block(&self, seq: i64) -> Result<(), TxnError> {
        self.conn
            .prepare_cached("UPDATE pending SET ready = NULL WHERE grp = ?1 AND seq = ?2")?
            .execute([self.request.group.group, seq])?;
        Ok(())
    }

    /// Takes messages after the cursor.
    pub(super) fn take_new(&mut self) -> Result<(), TxnError> {
        let topic = self.request.group.topic;
        let remaining = self.remaining();
        if remaining == 0 {
            return Ok(());
        }
        if !self.pending && self.in_flight.is_empty() {
            // No message can be blocked: the run needs no scan.
            let end = last(self.conn, topic)?
                .min(self.cursor.saturating_add(i64::try_from(remaining).unwrap_or(i64::MAX)));
            self.fresh.extend(self.cursor.saturating_add(1)..=end);
            self.cursor = end;
            return Ok(());
        }
        let mut rows = self.conn.prepare_cached(&format!(
            "SELECT seq, CAST(key AS BLOB) FROM messages_{topic} WHERE seq > ?1 ORDER BY seq LIMIT ?2"
        ))?;
        let mut rows = rows.query([self.cursor, SCAN])?;
        while self.remaining() > 0 {
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

    /// Whether a new message of a key must wait.
    fn is_taken(&mut self, key: &Key) -> Result<bool, TxnError> {
        if self.in_flight.get(key) == Some(&true) {
            return Ok(true);
        }
        if !self.pending {
            return Ok(false);
        }
        if let Some(waits) = self.waits.get(key) {
            return Ok(*waits);
        }
        // Messages that this member holds precede it and don't block it.
        let mut rows = self.conn.prepare_cached(
            "SELECT seq FROM pending INDEXED BY pending_by_key LEFT JOIN claims ON claims.id = claim
             WHERE pending.grp = ?1 AND key = ?2 AND member IS NOT ?3 ORDER BY seq",
        )?;
        let mut rows = rows.query(params![self.request.group.group, key, self.request.member])?;
        let mut waits = false;
        while let Some(row) = rows.next()?
            && !waits
        {
            waits = !self.taken_of_keys.contains(&row.get(0)?);
        }
        self.waits.insert(key.clone(), waits);
        Ok(waits)
    }

    /// Stores the claim.
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
        for (seq, attempts) in &self.redelivered {
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
        self.store_blocked()?;
        Ok(Claim { id, redelivered: self.redelivered, fresh: run, gaps })
    }

    /// Stores blocked messages and the cursor.
    pub(super) fn store_blocked(&self) -> Result<(), TxnError> {
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
