//! Wakes consumers when their topic changes.
//!
//! Writes of other processes are detected by comparing each topic that has consumers with its previous
//! snapshot.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::watch;

use super::txn::last;

/// A change counter per topic ID.
#[derive(Debug, Default)]
pub(super) struct ChangeNotifier(Mutex<HashMap<i64, watch::Sender<u64>>>);

impl ChangeNotifier {
    pub(super) fn of(&self, topic: i64) -> watch::Receiver<u64> {
        self.locked().entry(topic).or_default().subscribe()
    }

    pub(super) fn wake(&self, topic: i64) {
        if let Some(changed) = self.locked().get(&topic) {
            changed.send_modify(|changes| *changes += 1);
        }
    }

    pub(super) fn wake_all(&self) {
        for changed in self.locked().values() {
            changed.send_modify(|changes| *changes += 1);
        }
    }

    /// The topics that have a consumer. Removes the others.
    fn topics(&self) -> Vec<i64> {
        let mut topics = self.locked();
        topics.retain(|_, changed| changed.receiver_count() > 0);
        topics.keys().copied().collect()
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<i64, watch::Sender<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of a topic: its last position, and the cursor of each group.
#[derive(Debug, PartialEq, Eq, Clone)]
struct Snapshot {
    last: i64,
    cursors: Vec<(i64, i64)>,
}

/// Detects changes by other processes.
#[derive(Debug, Default)]
pub(super) struct ChangeDetector(HashMap<i64, Snapshot>);

impl ChangeDetector {
    /// Wakes the consumers of topics that changed since the last call. Topics with claims or pending messages
    /// are always woken, since their changes are not compared.
    pub(super) fn detect(&mut self, conn: &Connection, changes: &ChangeNotifier) -> rusqlite::Result<()> {
        let mut groups: HashMap<i64, (Vec<(i64, i64)>, bool)> = HashMap::new();
        let mut statement = conn.prepare_cached(
            "SELECT topic, id, cursor, EXISTS(SELECT 1 FROM pending WHERE grp = groups.id)
                 OR EXISTS(SELECT 1 FROM claims WHERE grp = groups.id)
             FROM groups ORDER BY id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (cursors, busy) = groups.entry(row.get(0)?).or_default();
            cursors.push((row.get(1)?, row.get(2)?));
            *busy |= row.get::<_, bool>(3)?;
        }
        let mut detector = HashMap::new();
        for topic in changes.topics() {
            let (cursors, busy) = groups.remove(&topic).unwrap_or_default();
            let snapshot = Snapshot { last: last(conn, topic)?, cursors };
            if busy || self.0.get(&topic) != Some(&snapshot) {
                changes.wake(topic);
            }
            detector.insert(topic, snapshot);
        }
        self.0 = detector;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_of_another_process_wakes_only_consumers_of_its_topic() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE topics(id INTEGER PRIMARY KEY, trimmed INTEGER NOT NULL DEFAULT 0);
             CREATE TABLE groups(id INTEGER PRIMARY KEY, topic INTEGER, cursor INTEGER);
             CREATE TABLE pending(grp INTEGER); CREATE TABLE claims(grp INTEGER);
             CREATE TABLE messages_1(seq INTEGER PRIMARY KEY); CREATE TABLE messages_2(seq INTEGER PRIMARY KEY);
             INSERT INTO topics(id) VALUES (1), (2); INSERT INTO groups VALUES (1, 1, 0), (2, 2, 0);",
        )
        .unwrap();
        let (changes, mut detector) = (ChangeNotifier::default(), ChangeDetector::default());
        let mut first = changes.of(1);
        let mut second = changes.of(2);
        let mut woken = |sql: &str| {
            conn.execute_batch(sql).unwrap();
            detector.detect(&conn, &changes).unwrap();
            let woken = [&first, &second].map(|topic| topic.has_changed().unwrap());
            first.borrow_and_update();
            second.borrow_and_update();
            woken
        };
        woken("");
        assert_eq!(woken(""), [false, false]);
        assert_eq!(woken("INSERT INTO messages_1 VALUES (1)"), [true, false]);
        assert_eq!(woken("UPDATE groups SET cursor = 1 WHERE id = 2"), [false, true]);
        assert_eq!(woken("INSERT INTO pending VALUES (1)"), [true, false]);
        assert_eq!(woken("DELETE FROM groups WHERE id = 2; DELETE FROM pending"), [false, true]);
    }

    #[test]
    fn waking_a_topic_does_not_wake_others() {
        let changes = ChangeNotifier::default();
        let (one, two) = (changes.of(1), changes.of(2));
        changes.wake(1);
        assert_eq!([&one, &two].map(|topic| topic.has_changed().unwrap()), [true, false]);
        changes.wake_all();
        assert!(two.has_changed().unwrap());
        drop(one);
        assert_eq!(changes.topics(), [2]);
    }
}
