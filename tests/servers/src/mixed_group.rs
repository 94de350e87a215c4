//! Programs that are members of a group on the topic `dev-logins`, and what they print.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(2 * 60);

/// A running member; killed on drop.
#[derive(Debug)]
pub struct Member(Child);

impl Member {
    /// Starts a program that prints a line such as `handled 7` for each login. Its input stays open.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn start(mut command: Command, name: &'static str, tell: &Sender<Told>) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let (lines, tell) = (BufReader::new(child.stdout.take().expect("its output")).lines(), tell.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // The test may have ended.
                let _ = tell.send(Told { member: name, what: What::of(&line) });
            }
        });
        Self(child)
    }

    /// Kills the member, as in a power failure.
    pub fn kill(self) {
        drop(self);
    }

    /// Ends the member's input and waits for its exit.
    ///
    /// # Panics
    /// If it fails.
    pub fn leave(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().expect("it ends").success());
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Fails if it has exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A line of a member.
#[derive(Debug)]
pub struct Told {
    member: &'static str,
    what: What,
}

#[derive(Debug)]
enum What {
    Handled(i64),
    Holds(i64),
    Failed(i64),
    /// The number of partitions that it has now.
    Joined(usize),
}

impl What {
    fn of(line: &str) -> Self {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = || rest.parse().unwrap_or_else(|_| panic!("not a number: {line}"));
        match what {
            "handled" => Self::Handled(number()),
            "holding" => Self::Holds(number()),
            "failed" => Self::Failed(number()),
            "joined" => Self::Joined(rest.split(',').filter(|partition| !partition.is_empty()).count()),
            _ => panic!("an unknown line: {line}"),
        }
    }
}

/// The output of members.
#[derive(Debug)]
pub struct Log {
    told: Receiver<Told>,
    /// The logins that each member handled, in its order.
    pub handled: BTreeMap<&'static str, Vec<i64>>,
    /// The login that each member holds until it is killed.
    pub held: BTreeMap<&'static str, i64>,
    /// The logins whose receiver failed, by member.
    pub failed: BTreeMap<&'static str, Vec<i64>>,
    /// The number of partitions of each member that tells it.
    pub partitions: BTreeMap<&'static str, usize>,
}

impl Log {
    /// A log, and what members tell it by.
    #[must_use]
    pub fn new() -> (Sender<Told>, Self) {
        let (tell, told) = channel();
        let (handled, held, failed, partitions) = Default::default();
        (tell, Self { told, handled, held, failed, partitions })
    }

    /// Reads output until the condition holds.
    ///
    /// # Panics
    /// If it does not hold in time.
    pub fn until(&mut self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let started = Instant::now();
        while !so(self) {
            assert!(started.elapsed() < PATIENCE, "waited in vain until {what}: {self}");
            match self.told.recv_timeout(Duration::from_millis(20)) {
                Ok(Told { member, what }) => match what {
                    What::Handled(number) => self.handled.entry(member).or_default().push(number),
                    What::Holds(number) => drop(self.held.insert(member, number)),
                    What::Failed(number) => self.failed.entry(member).or_default().push(number),
                    What::Joined(partitions) => drop(self.partitions.insert(member, partitions)),
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("no member is left"),
            }
        }
    }

    /// Reads output for a moment.
    pub fn pause(&mut self, time: Duration) {
        let until = Instant::now() + time;
        self.until("a moment is over", |_| Instant::now() > until);
    }

    /// How many logins a member handled.
    #[must_use]
    pub fn count(&self, member: &str) -> usize {
        self.handled.get(member).map_or(0, Vec::len)
    }

    /// How many logins all members handled; those that came again count again.
    #[must_use]
    pub fn times(&self) -> usize {
        self.handled.values().map(Vec::len).sum()
    }

    /// The logins that some member handled.
    #[must_use]
    pub fn all(&self) -> BTreeSet<i64> {
        self.handled.values().flatten().copied().collect()
    }

    /// Whether a member handled a login.
    #[must_use]
    pub fn has(&self, member: &str, number: i64) -> bool {
        self.handled.get(member).is_some_and(|handled| handled.contains(&number))
    }
}

impl std::fmt::Display for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (member, handled) in &self.handled {
            write!(f, "{member} handled {}, ", handled.len())?;
        }
        let all = self.all().len();
        write!(f, "{all} in all, {} of them again; held: {:?}", self.times() - all, self.held)
    }
}
