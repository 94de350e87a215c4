//! The processes of a run, and their reports.

use std::path::Path;
use std::time::{Duration, Instant};

use super::files::{RunFiles, Settings, UNSETTLED};
use super::peer::Peer;
use super::{Acked, Run, Verdict, check};
use events_runtime::transport::Transport;

/// The longest time without progress.
pub const PATIENCE: Duration = Duration::from_secs(2 * 60);
/// The interval at which a run is polled.
pub const TICK: Duration = Duration::from_millis(5);
/// The numbers reserved for one producer process.
const BLOCK: u64 = 10_000_000;

/// The groups, and the number of members of each.
pub const GROUPS: [(&str, usize); 2] = [("billing", 2), ("audit", 1)];

/// A role that a process has and that its successor takes over.
struct Role {
    group: Option<&'static str>,
    peer: Option<Peer>,
    /// The first number of the next producer process.
    next: u64,
    name: String,
}

/// The processes of a run, its files and its traces.
pub struct World {
    program: &'static str,
    derives: bool,
    /// The files.
    pub files: RunFiles,
    /// The bus.
    pub transport: Box<dyn Transport>,
    environment: Vec<(String, String)>,
    /// Errors, panics and hangs per thousand readings.
    pub faults: String,
    /// The number of events that a producer has unacknowledged at most.
    pub window: usize,
    roles: Vec<Role>,
    processes: u32,
    /// The traces.
    pub run: Run,
    /// Lines of producers other than acknowledgements.
    pub said: Vec<String>,
    started: Instant,
}

impl World {
    /// A run without processes. `disk`: the folder of the bus's file, if it is elsewhere.
    #[must_use]
    pub fn new(disk: Option<&Path>, settings: &Settings) -> Self {
        let files = RunFiles::new(disk, settings);
        let transport = files.connect();
        Self {
            program: settings.program,
            derives: settings.derives,
            files,
            transport,
            environment: Vec::new(),
            faults: "0/0/0".to_owned(),
            window: 512,
            roles: Vec::new(),
            processes: 0,
            run: Run { unsettled: UNSETTLED, ..Run::default() },
            said: Vec::new(),
            started: Instant::now(),
        }
    }

    /// Sets a variable of the environment of later processes.
    pub fn environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Starts this number of producers, and the members of the groups.
    pub fn start(&mut self, producers: usize, groups: &[(&'static str, usize)]) {
        for slot in 0..producers {
            self.add(None, format!("s{slot}"));
        }
        for &(group, members) in groups {
            for _ in 0..members {
                self.add(Some(group), group.to_owned());
            }
        }
    }

    fn add(&mut self, group: Option<&'static str>, name: String) {
        self.roles.push(Role { group, peer: None, next: 0, name });
        self.replace(self.roles.len() - 1);
    }

    /// Starts a new process for a role.
    pub fn replace(&mut self, role: usize) {
        self.processes += 1;
        let process = self.processes;
        let Role { group, next, name, peer } = &mut self.roles[role];
        let (config, notes) = (self.files.text("events.toml"), self.files.text("notes"));
        let args = match group {
            None => {
                let first = *next;
                *next += BLOCK;
                let numbers = [first, BLOCK, self.window as u64].map(|number| number.to_string());
                let [first, count, window] = numbers;
                vec![
                    "produce".to_owned(),
                    config,
                    name.clone(),
                    first,
                    count,
                    window,
                    notes,
                    process.to_string(),
                ]
            }
            Some(group) => {
                let log = self.files.text(&format!("{group}.log"));
                let (group, faults) = ((*group).to_owned(), self.faults.clone());
                let verb = if self.derives { "derive" } else { "consume" };
                vec![verb.to_owned(), config, group, log, notes, process.to_string(), faults]
            }
        };
        *peer = Some(Peer::start(self.program, process, &args, &self.environment));
    }

    /// The roles with a process: producers, consumers, or both.
    #[must_use]
    pub fn living(&self, producers: bool, consumers: bool) -> Vec<usize> {
        let plays = |role: &Role| if role.group.is_none() { producers } else { consumers };
        let living = |role: &Role| role.peer.is_some() && plays(role);
        (0..self.roles.len()).filter(|role| living(&self.roles[*role])).collect()
    }

    /// Whether a role is a producer's.
    #[must_use]
    pub fn is_producer(&self, role: usize) -> bool {
        self.roles[role].group.is_none()
    }

    /// The number of the role's process.
    #[must_use]
    pub fn process(&self, role: usize) -> u32 {
        self.roles[role].peer.as_ref().map_or(0, |peer| peer.process)
    }

    /// The process of a role.
    pub fn peer(&mut self, role: usize) -> &mut Peer {
        self.roles[role].peer.as_mut().expect("a living role")
    }

    /// Kills a process and starts its successor.
    pub fn kill(&mut self, role: usize) {
        self.kill_only(role);
        self.replace(role);
    }

    /// Kills a process. Its successor is started by [`replace`](Self::replace).
    pub fn kill_only(&mut self, role: usize) {
        let peer = self.roles[role].peer.take().expect("a living role");
        self.run.killed.insert(peer.process);
        let lines = peer.kill();
        self.take(lines);
    }

    /// Reads the lines of all processes, none of which may have exited.
    pub fn listen(&mut self) {
        for role in 0..self.roles.len() {
            let Some(peer) = &mut self.roles[role].peer else { continue };
            let (lines, ended) = (peer.lines(), peer.ended());
            self.take(lines);
            let name = &self.roles[role].name;
            assert!(ended.is_none(), "`{name}` exited unexpectedly ({ended:?}): {:?}", self.said.last());
        }
    }

    fn take(&mut self, lines: Vec<String>) {
        for line in lines {
            match line.parse::<Acked>() {
                Ok(acked) => self.run.acked.push(acked),
                Err(_) => self.said.push(line),
            }
        }
    }

    /// Stops these processes at once and reads their remaining lines.
    pub fn stop(&mut self, roles: &[usize]) {
        for role in roles {
            self.peer(*role).stop();
        }
        for role in roles {
            let peer = self.roles[*role].peer.take().expect("a living role");
            let (lines, status) = peer.finish();
            self.take(lines);
            let name = &self.roles[*role].name;
            assert!(
                status.success(),
                "`{name}` failed ({status}): {:?}",
                self.said.iter().rev().take(3).collect::<Vec<_>>()
            );
        }
    }

    /// Stops a process and starts its successor.
    pub fn restart(&mut self, role: usize) {
        self.stop(&[role]);
        self.replace(role);
    }

    /// Reads lines until the condition holds.
    pub async fn until(&mut self, what: &str, condition: impl AsyncFn(&mut Self) -> bool) {
        let started = Instant::now();
        loop {
            self.listen();
            if condition(self).await {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            tokio::time::sleep(TICK).await;
        }
    }

    /// Whether the groups have settled all messages.
    pub async fn is_idle(&self, groups: &[(&str, usize)]) -> bool {
        let names: Vec<_> = groups.iter().map(|(name, _)| *name).collect();
        self.files.lag(&*self.transport, &names).await == Some(0)
    }

    /// Stops the producers, waits for the groups, stops them, and returns the verdict.
    pub async fn end(&mut self, groups: &[(&'static str, usize)]) -> Verdict {
        self.stop(&self.living(true, false));
        self.until("all is settled", async |world| world.is_idle(groups).await).await;
        self.stop(&self.living(false, true));
        self.transport.check().await.expect("the file is sound");
        for (name, _) in groups {
            self.run.groups.push(self.files.group(name, &*self.transport, self.run.killed.len()).await);
        }
        self.run.refused = self.files.refused();
        check(&self.run)
    }

    /// Prints the report and fails if a promise was broken.
    pub fn report(&mut self, what: &str, verdict: &Verdict) {
        println!("{what}: {verdict}, {:.1} s", self.started.elapsed().as_secs_f64());
        if !verdict.is_sound() {
            let sample = |found: &[String]| found.iter().take(10).cloned().collect::<Vec<_>>();
            let kept = self.files.keep();
            panic!(
                "{what}: a promise was broken\nlost {:#?}\nout of order {:#?}\nchanged {:#?}\nunexplained {:#?}\nkilled {:?}\nthe logs are in {}",
                sample(&verdict.lost),
                sample(&verdict.out_of_order),
                sample(&verdict.changed),
                sample(&verdict.unexplained),
                self.run.killed,
                kept.display(),
            );
        }
    }
}
