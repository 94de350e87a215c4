//! Who gets which messages next.
//!
//! The rule that keeps the order of keys: the messages of a key in flight are the earliest
//! unsettled ones of that key, all with one member, handed out in order. So a message goes out
//! when no earlier one of its key waits and no member but its own holds one; otherwise it becomes
//! a pending message without a time, and is looked at again when one of its key is settled.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::fault::Fault;
use super::txn::{GroupId, Txn, last};

/// So many new messages are looked at in one transaction, that a long run of blocked ones does not
/// keep the lock.
const SCAN: i64 = 4_096;

type Key = Vec<u8>;

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

struct Held {
    id: i64,
    member: i64,
    until: i64,
    lease: i64,
    run: Option<(i64, i64)>,
}

impl Held {
    fn is_over(&self, now: i64) -> bool {
        self.until <= now
    }

    /// The clock was set back since: nobody would take this over for as long as that.
    fn is_beyond_its_lease(&self, now: i64) -> bool {
        self.until - now > self.lease
    }
}

/// Answers by reading alone where there is nothing to claim; `None` where there may be.
pub(super) fn look(conn: &Connection, request: &Request, now: i64) -> Result<Option<Claimed>, Fault> {
    let GroupId { topic, group } = request.group;
    if request.max == 0 {
        return Ok(Some(Claimed::None(None)));
    }
    if cursor(conn, group)? < last(conn, topic)? {
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
    let held = held(conn, group)?;
    if held.iter().any(|held| held.is_over(now) || held.is_beyond_its_lease(now)) {
        return Ok(None);
    }
    let end = held.iter().map(|held| held.until).min();
    Ok(Some(Claimed::None([due, end].into_iter().flatten().min())))
}

fn cursor(conn: &Connection, group: i64) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT cursor FROM groups WHERE id = ?1")?.query_row([group], |row| row.get(0))
}

fn held(conn: &Connection, group: i64) -> rusqlite::Result<Vec<Held>> {
    conn.prepare_cached("SELECT id, member, until, lease, first, last FROM claims WHERE grp = ?1")?
        .query_map([group], |row| {
            let run: (Option<i64>, Option<i64>) = (row.get(4)?, row.get(5)?);
            Ok(Held {
                id: row.get(0)?,
                member: row.get(1)?,
                until: row.get(2)?,
                lease: row.get(3)?,
                run: run.0.zip(run.1),
            })
        })?
        .collect()
}

impl Txn<'_> {
    /// Hands messages to a member.
    pub(super) fn claim(&mut self, request: &Request) -> Result<Claimed, Fault> {
        let mut others = Vec::new();
        for held in held(self.conn, request.group.group)? {
            if held.is_over(self.now) {
                self.take_back(request.group, held.id, true)?;
                continue;
            }
            if held.is_beyond_its_lease(self.now) {
                self.conn
                    .prepare_cached("UPDATE claims SET until = ?2 WHERE id = ?1")?
                    .execute([held.id, self.now + held.lease])?;
            }
            others.push(held);
        }
        let mut pass = Pass::new(self.conn, *request, &others)?;
        pass.again(self.now)?;
        pass.fresh()?;
        if pass.again.is_empty() && pass.fresh.is_empty() {
            pass.set_aside()?;
            // There may be more behind what was set aside: look again at once.
            return Ok(Claimed::None(Some(self.now)));
        }
        Ok(Claimed::Some(pass.store(self.now)?))
    }

    /// Ends a claim: what it still holds waits to go out again.
    pub(super) fn take_back(&mut self, id: GroupId, claim: i64, counted: bool) -> Result<(), Fault> {
        let GroupId { topic, group } = id;
        let run: Option<(Option<i64>, Option<i64>)> = self
            .conn
            .prepare_cached("SELECT first, last FROM claims WHERE id = ?1 AND grp = ?2")?
            .query_row([claim, group], |row| Ok((row.get(0)?, row.get(1)?)))
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
                    "INSERT INTO pending(grp, seq, key, attempts, ready)
                     SELECT ?1, seq, key, ?2, ?3 FROM messages_{topic}
                     WHERE seq BETWEEN ?4 AND ?5
                     AND seq NOT IN (SELECT seq FROM gaps WHERE claim = ?6)"
                ))?
                .execute(params![group, i64::from(counted), self.now, first, last, claim])?;
            let open = last - first + 1 - gaps;
            if i64::try_from(back).unwrap_or(i64::MAX) < open {
                // Retention took some, which can't unblock their keys any more.
                self.unblock_all(group)?;
            }
        }
        self.conn
            .prepare_cached(
                "UPDATE pending SET claim = NULL, ready = ?2, attempts = attempts - ?3 WHERE claim = ?1",
            )?
            .execute(params![claim, self.now, i64::from(!counted)])?;
        self.end_claim(claim)?;
        self.wake = true;
        Ok(())
    }

    pub(super) fn end_claim(&self, claim: i64) -> Result<(), Fault> {
        self.conn.prepare_cached("DELETE FROM gaps WHERE claim = ?1")?.execute([claim])?;
        self.conn.prepare_cached("DELETE FROM claims WHERE id = ?1")?.execute([claim])?;
        Ok(())
    }

    /// Looks at every blocked message of the group again.
    pub(super) fn unblock_all(&mut self, group: i64) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "UPDATE pending SET ready = 0 WHERE grp = ?1 AND claim IS NULL AND ready IS NULL",
            )?
            .execute([group])?;
        self.wake = true;
        Ok(())
    }
}

/// One search for messages to hand out.
struct Pass<'c> {
    conn: &'c Connection,
    request: Request,
    /// Keys in flight in some member's run, and whether it is another's.
    flying: HashMap<Key, bool>,
    /// Whether the group has pending messages at all.
    pending: bool,
    /// Whether a key has pending messages that new ones wait for, as far as looked up.
    waits: HashMap<Key, bool>,
    again: Vec<(i64, u32)>,
    /// Those of `again` that have a key.
    chained: HashSet<i64>,
    fresh: Vec<i64>,
    blocked: Vec<(i64, Key)>,
    cursor: i64,
}

impl<'c> Pass<'c> {
    fn new(conn: &'c Connection, request: Request, held: &[Held]) -> Result<Self, Fault> {
        let group = request.group.group;
        let pending = conn
            .prepare_cached("SELECT EXISTS(SELECT 1 FROM pending WHERE grp = ?1)")?
            .query_row([group], |row| row.get(0))?;
        let mut pass = Self {
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
        };
        for held in held {
            // One's own runs matter to pending messages only.
            if pending || held.member != request.member {
                pass.load_run(held)?;
            }
        }
        Ok(pass)
    }

    fn load_run(&mut self, held: &Held) -> Result<(), Fault> {
        let Some((first, last)) = held.run else {
            return Ok(());
        };
        let mut keys = self.conn.prepare_cached(&format!(
            "SELECT key FROM messages_{} WHERE seq BETWEEN ?1 AND ?2 AND key IS NOT NULL
             AND seq NOT IN (SELECT seq FROM gaps WHERE claim = ?3)",
            self.request.group.topic
        ))?;
        let mut keys = keys.query([first, last, held.id])?;
        while let Some(row) = keys.next()? {
            self.flying.insert(row.get(0)?, held.member != self.request.member);
        }
        Ok(())
    }

    fn room(&self) -> usize {
        self.request.max.saturating_sub(self.again.len() + self.fresh.len())
    }

    /// Takes pending messages whose time has come.
    fn again(&mut self, now: i64) -> Result<(), Fault> {
        if !self.pending {
            return Ok(());
        }
        let due: Vec<(i64, Option<Key>, u32)> = self
            .conn
            .prepare_cached(
                "SELECT seq, key, attempts FROM pending
                 WHERE grp = ?1 AND claim IS NULL AND ready <= ?2 ORDER BY ready, seq LIMIT ?3",
            )?
            .query_map(params![self.request.group.group, now, SCAN], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut seen = HashSet::new();
        for (seq, key, attempts) in due {
            if self.room() == 0 {
                break;
            }
            match key {
                None => self.again.push((seq, attempts + 1)),
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
    fn chain(&mut self, key: &Key, now: i64) -> Result<(), Fault> {
        let group = self.request.group.group;
        let held: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS(SELECT 1 FROM pending WHERE grp = ?1 AND key = ?2 AND claim IS NOT NULL)",
            )?
            .query_row(params![group, key], |row| row.get(0))?;
        if held || self.flying.contains_key(key) {
            return Ok(());
        }
        let mut rows = self.conn.prepare_cached(
            "SELECT seq, attempts, ready FROM pending WHERE grp = ?1 AND key = ?2 ORDER BY seq",
        )?;
        let mut rows = rows.query(params![group, key])?;
        while self.room() > 0 {
            let Some(row) = rows.next()? else { break };
            let ready: Option<i64> = row.get(2)?;
            if ready.is_some_and(|ready| ready > now) {
                break;
            }
            let seq = row.get(0)?;
            self.chained.insert(seq);
            self.again.push((seq, row.get::<_, u32>(1)? + 1));
        }
        Ok(())
    }

    /// Looked at and found to be behind another: waits until one of its key is settled.
    fn block(&self, seq: i64) -> Result<(), Fault> {
        self.conn
            .prepare_cached("UPDATE pending SET ready = NULL WHERE grp = ?1 AND seq = ?2")?
            .execute([self.request.group.group, seq])?;
        Ok(())
    }

    /// Takes messages that were never out.
    fn fresh(&mut self) -> Result<(), Fault> {
        let topic = self.request.group.topic;
        let room = self.room();
        if room == 0 {
            return Ok(());
        }
        if !self.pending && self.flying.is_empty() {
            // Nothing can be in the way: the run is known by its ends.
            let end = last(self.conn, topic)?
                .min(self.cursor.saturating_add(i64::try_from(room).unwrap_or(i64::MAX)));
            self.fresh.extend(self.cursor + 1..=end);
            self.cursor = end;
            return Ok(());
        }
        let mut rows = self.conn.prepare_cached(&format!(
            "SELECT seq, key FROM messages_{topic} WHERE seq > ?1 ORDER BY seq LIMIT ?2"
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
    fn is_taken(&mut self, key: &Key) -> Result<bool, Fault> {
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
            "SELECT seq FROM pending LEFT JOIN claims ON claims.id = claim
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
    fn store(self, now: i64) -> Result<Claim, Fault> {
        let Request { group: GroupId { group, .. }, member, lease, .. } = self.request;
        let run = self.fresh.first().copied().zip(self.fresh.last().copied());
        self.conn
            .prepare_cached(
                "INSERT INTO claims(grp, member, until, lease, first, last) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                group,
                member,
                now + lease,
                lease,
                run.map(|run| run.0),
                run.map(|run| run.1)
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
                    .prepare_cached("INSERT INTO gaps(claim, seq) VALUES (?1, ?2)")?
                    .execute([id, *seq])?;
                gaps.insert(*seq);
            }
        }
        self.set_aside()?;
        Ok(Claim { id, again: self.again, fresh: run, gaps })
    }

    /// Writes down the blocked messages and how far the search came.
    fn set_aside(&self) -> Result<(), Fault> {
        let group = self.request.group.group;
        for (seq, key) in &self.blocked {
            self.conn
                .prepare_cached("INSERT INTO pending(grp, seq, key, attempts) VALUES (?1, ?2, ?3, 0)")?
                .execute(params![group, seq, key])?;
        }
        self.conn
            .prepare_cached("UPDATE groups SET cursor = ?2 WHERE id = ?1")?
            .execute([group, self.cursor])?;
        Ok(())
    }
}
