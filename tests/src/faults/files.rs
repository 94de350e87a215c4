//! The files of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Dead, Group, Handling};
use events_runtime::bus::DeadLetters;
use events_runtime::transport::{ConnectOptions, ConsumerGroup, ErrorKind, Topic, Transport, connect};

/// The number of events that a consumer fetches at once.
const BATCH: usize = 32;
/// The number of handled events that may wait for their acknowledgement: those of the next batch, of four
/// batches in flight and of the one that is awaited.
pub const UNSETTLED: usize = 6 * BATCH;

/// The configuration of the processes of a run.
#[derive(Debug)]
pub struct Settings {
    /// The path of a `fault_peer`.
    pub program: &'static str,
    /// The URL of the bus; a file of the run if absent.
    pub url: Option<String>,
    /// The lease of the consumers.
    pub lease: &'static str,
    /// The attempts of an event.
    pub max_attempts: u32,
    /// The time that a consumer has for its events when it ends.
    pub drain_timeout: &'static str,
    /// The events that a producer's queue takes.
    pub queue_capacity: usize,
    /// Whether consumers emit an event for each one that they handle, and store both or none.
    pub derives: bool,
}

impl Settings {
    /// The usual settings.
    #[must_use]
    pub const fn new(program: &'static str) -> Self {
        Self {
            program,
            url: None,
            lease: "1s",
            max_attempts: 1_000,
            drain_timeout: "10s",
            queue_capacity: 10_000,
            derives: false,
        }
    }
}

/// The folder of a run.
#[derive(Debug)]
pub struct RunFiles {
    folder: tempfile::TempDir,
    url: String,
}

impl RunFiles {
    /// `disk`: the folder of the bus's file, if it is elsewhere.
    pub(crate) fn new(disk: Option<&Path>, settings: &Settings) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = disk.unwrap_or(folder.path()).join("events.db");
        let url = settings.url.clone().unwrap_or_else(|| format!("sqlite://{}", file.display()));
        let Settings { lease, max_attempts, drain_timeout, queue_capacity, .. } = settings;
        let mut config = format!("[service]\nname = \"meters\"\n[bus]\nurl = \"{url}\"\n");
        write!(config, "queue_capacity = {queue_capacity}\n[bus.consumer]\n").expect("a string takes all");
        write!(
            config,
            "batch_size = {BATCH}\nlease = \"{lease}\"\ndrain_timeout = \"{drain_timeout}\"\n[bus.retry]\n"
        )
        .expect("a string takes all");
        write!(config, "initial = \"20ms\"\nmax = \"200ms\"\nmax_attempts = {max_attempts}\n")
            .expect("a string takes all");
        config += "[routes.\"org.acme.meters.reading.taken.v1\"]\nreadings = {}\n\
                   [consumers.readings.billing]\nconcurrency = 4\n";
        if settings.derives {
            config += "transactions = true\n\
                       [routes.\"org.acme.meters.reading.billed.v1\"]\nbills = {}\n";
        }
        let files = Self { folder, url };
        std::fs::write(files.path("events.toml"), config).expect("the configuration is written");
        files
    }

    /// The path of a file of the run.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path of a file of the run, as text.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.path(name).into_os_string().into_string().expect("a path in UTF-8")
    }

    /// Another handle to the bus.
    #[must_use]
    pub fn connect(&self) -> Box<dyn Transport> {
        connect(&self.url, &ConnectOptions::new()).expect("the file opens")
    }

    /// The traces of a group. Each of `killed` processes may have left a truncated line, whose event does not
    /// count as handled.
    pub async fn group(&self, name: &str, transport: &dyn Transport, killed: usize) -> Group {
        let log = std::fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default();
        let (mut handlings, mut torn) = (Vec::new(), Vec::new());
        for line in log.lines().filter(|line| !line.is_empty()) {
            match line.parse::<Handling>() {
                Ok(handling) => handlings.push(handling),
                Err(error) => torn.push(error),
            }
        }
        assert!(torn.len() <= killed, "{} torn lines and {killed} killed processes: {torn:?}", torn.len());
        let dead_letters = DeadLetters::of(transport, topic(), group(name)).expect("a short name");
        let listing = dead_letters.list().await.expect("the dead letters are listed");
        let dead = listing.dead_letters.iter().map(|dead_letter| Dead {
            id: dead_letter.id().unwrap_or_default().to_owned(),
            reason: dead_letter.reason().unwrap_or_default().into_owned(),
        });
        Group { name: name.to_owned(), handlings, dead: dead.collect() }
    }

    /// The hours between now and the storage times of a group's dead letters.
    pub async fn dead_letter_times(&self, transport: &dyn Transport, name: &str) -> Vec<f64> {
        let dead_letters = DeadLetters::of(transport, topic(), group(name)).expect("a short name");
        let listing = dead_letters.list().await.expect("the dead letters are listed");
        let now = SystemTime::now();
        let hours = |time: SystemTime| match time.duration_since(now) {
            Ok(later) => later.as_secs_f64() / 3_600.0,
            Err(earlier) => -earlier.duration().as_secs_f64() / 3_600.0,
        };
        listing.dead_letters.iter().map(|dead_letter| hours(dead_letter.time())).collect()
    }

    /// The number of events that each group has not settled; `None` if the topic does not exist yet, or its store is
    /// unavailable now.
    pub async fn lag(&self, transport: &dyn Transport, groups: &[&str]) -> Option<u64> {
        let status = match transport.groups(&topic()).await {
            Ok(status) => status,
            Err(error) if error.kind() == ErrorKind::NotFound || error.is_retryable() => return None,
            Err(error) => panic!("the groups are listed: {error}"),
        };
        let of = |name: &str| status.iter().find(|status| status.group.as_str() == name);
        groups.iter().map(|name| of(name).map(|status| status.lag)).sum()
    }

    /// The number of outcomes, by process, that the bus reported as not stored.
    pub(crate) fn refused(&self) -> BTreeMap<u32, usize> {
        let mut refused = BTreeMap::new();
        for (process, text) in self.notes() {
            if text.starts_with("failed to store an outcome") || text.starts_with("failed to renew a lease") {
                *refused.entry(process).or_default() += 1;
            }
        }
        refused
    }

    /// The number of warnings with this text from processes other than this one.
    #[must_use]
    pub fn warnings(&self, text: &str, but_for: u32) -> usize {
        self.notes().iter().filter(|(process, note)| *process != but_for && note.contains(text)).count()
    }

    /// The warnings of the bus, with the number of the process.
    fn notes(&self) -> Vec<(u32, String)> {
        let notes = std::fs::read_to_string(self.path("notes")).unwrap_or_default();
        let note = |line: &str| {
            let (process, text) = line.split_once(' ')?;
            Some((process.parse().ok()?, text.to_owned()))
        };
        notes.lines().filter_map(note).collect()
    }

    /// Keeps the files.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }
}

/// The topic of the readings.
#[must_use]
pub fn topic() -> Topic {
    Topic::new("readings").expect("a valid name")
}

fn group(name: &str) -> ConsumerGroup {
    ConsumerGroup::new(name).expect("a valid name")
}
