//! `produce --from-spill` and `--from-log`: sends the events of a spill file, an error log or an export of
//! dead letters, then removes the file. `produce --event` sends the event of one line.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tokio::time::Instant;

use super::args::Produce;
use super::context::{Context, connect, full_topic, linked_registry, valid_name};
use super::failure::{Failure, chain};
use super::output::{counted, one_line};
use super::{output, produce};
use events_bus::bus::{Damage, Resent, Sending, SpillFile, Undelivered, event_of_line, resend};
use events_bus::config::Config;
use events_bus::envelope::Envelope;
use events_core::registry::Registry;
use events_transport::{Later as _, Transport, TransportName};

pub(super) async fn run(context: &Context, path: &Path, args: &Produce) -> Result<(), Failure> {
    let config = context.config()?;
    let registry = linked_registry()?;
    let mut file = SpillFile::open(path, args.timeout).map_err(|error| open_failure(path, &error))?;
    // The whole file is checked before the first event is sent.
    let checked = check(&mut file, path, registry, args.skip_damaged)?;
    let mut senders = Senders::new(&config);
    senders.open(checked.transports.iter()).await?;
    let deadline = Instant::now().later(args.timeout);
    let mut summary = Summary::default();
    let (mut complete, mut read) = (checked.complete, Checked { complete: true, ..Checked::default() });
    loop {
        let batch = file.next(registry).map_err(|error| failure(path, "read", &error))?;
        if batch.lines > 0 {
            read.lines += batch.lines;
            read.events += batch.events.len();
            // Lines that were appended after the check have not been reported yet.
            if read.lines > checked.lines {
                complete &= batch.damaged.is_empty() && batch.unsendable.is_empty();
                report_unsendable(path, after_line(&batch.unsendable, checked.lines));
                report_damage(path, after_line(&batch.damaged, checked.lines), args.skip_damaged)?;
            }
            // Lines that were appended after the check may have another transport.
            senders.open(batch.events.iter().map(|event| &event.transport)).await?;
            summary.add(send(context, &senders.sending, batch.events, deadline).await?);
            // While time is left, one failing topic does not stop the others.
            if summary.unsent == 0 || Instant::now() < deadline {
                continue;
            }
        }
        let events = read.events.max(checked.events);
        summary.add_untried(events);
        summary.result(events, &format!("`{}` is unchanged", path.display()))?;
        if events == 0 {
            output::eprint(format_args!("`{}` holds no events to send", path.display()));
        }
        // False if lines were appended in the meantime.
        let removed = if complete { file.remove() } else { file.set_aside() };
        let action = if complete { "remove" } else { "rename" };
        if removed.map_err(|error| failure(path, &format!("{action} the sent file"), &error))? {
            if !complete {
                output::eprint(format_args!(
                    "all valid events were sent; the file was renamed to `{}`",
                    file.aside().display()
                ));
            }
            return Ok(());
        }
    }
}

/// The result of checking a file.
#[derive(Default)]
struct Checked {
    lines: usize,
    events: usize,
    /// The transports of the events.
    transports: BTreeSet<TransportName>,
    /// Whether every line is an event that can be sent.
    complete: bool,
}

/// Checks every line, and fails if the file can't be sent or renamed afterwards.
fn check(
    file: &mut SpillFile,
    path: &Path,
    registry: &Registry,
    skip_damaged: bool,
) -> Result<Checked, Failure> {
    let (mut checked, mut damage) = (Checked { complete: true, ..Checked::default() }, Ok(()));
    loop {
        let batch = file.next(registry).map_err(|error| failure(path, "read", &error))?;
        if batch.lines == 0 {
            break;
        }
        checked.lines += batch.lines;
        checked.events += batch.events.len();
        checked.transports.extend(batch.events.iter().map(|event| event.transport.clone()));
        checked.complete &= batch.damaged.is_empty() && batch.unsendable.is_empty();
        report_unsendable(path, &batch.unsendable);
        damage = damage.and(report_damage(path, &batch.damaged, skip_damaged));
    }
    damage?;
    let aside = file.aside();
    if !checked.complete && aside.symlink_metadata().is_ok() {
        return Err(Failure::failed(format!(
            "nothing was sent: `{}` has invalid lines and would be renamed to `{}`, which already exists: move that file first",
            path.display(),
            aside.display()
        )));
    }
    file.rewind();
    Ok(checked)
}

/// The entries after a line number.
fn after_line(lines: &[Damage], line: usize) -> &[Damage] {
    lines.get(lines.partition_point(|damage| damage.line <= line)..).unwrap_or_default()
}

/// Sends the event of one line to the topics of `--topic`, or to the topic in the line.
pub(super) async fn send_line(context: &Context, line: &str, args: &Produce) -> Result<(), Failure> {
    let config = context.config()?;
    let event = event_of_line(&produce::read_argument(line)?, linked_registry()?)
        .map_err(|reason| Failure::Usage(format!("`--event` is invalid: {reason}")))?;
    let mut events = Vec::new();
    for topic in &args.topics {
        let topic = full_topic(&config, topic)?;
        let mut copy = event.clone();
        copy.topic = topic;
        if let Some(name) = &args.transport {
            copy.transport = valid_name(TransportName::new(name.as_str()))?;
        }
        events.push(copy);
    }
    if events.is_empty() {
        events.push(event);
    }
    let mut senders = Senders::new(&config);
    senders.open(events.iter().map(|event| &event.transport)).await?;
    let count = events.len();
    let summary = send(context, &senders.sending, events, Instant::now().later(args.timeout)).await?;
    summary.result(count, "keep the line")
}

/// The open transports of the events.
struct Senders<'c> {
    config: &'c Config,
    sending: BTreeMap<TransportName, Sending>,
}

impl<'c> Senders<'c> {
    fn new(config: &'c Config) -> Self {
        Self { config, sending: BTreeMap::new() }
    }

    /// Opens the transports that are not open yet.
    async fn open(&mut self, names: impl Iterator<Item = &TransportName>) -> Result<(), Failure> {
        for name in names {
            if !self.sending.contains_key(name) {
                let transport: Arc<dyn Transport> = connect(self.config, name.as_str())?.into();
                let settings = self.config.transport(name.as_str())?;
                let producer = transport.producer().await?;
                let sending = Sending::new(&transport, producer, &settings, &self.config.bus().retry);
                self.sending.insert(name.clone(), sending);
            }
        }
        Ok(())
    }
}

/// Totals of the events sent.
#[derive(Default)]
struct Summary {
    tried: usize,
    unsent: usize,
    last_error: Option<String>,
}

impl Summary {
    fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.unsent += other.unsent;
        self.last_error = other.last_error.or(self.last_error.take());
    }

    /// Adds the events, of `total`, that were not tried before the timeout.
    fn add_untried(&mut self, total: usize) {
        let untried = total.saturating_sub(self.tried);
        if untried > 0 {
            output::eprint(format_args!(
                "error: timed out before {} could be tried",
                counted(untried, "event")
            ));
        }
        self.unsent += untried;
    }

    /// Fails unless all events are acknowledged. `kept` says where they remain.
    fn result(&self, total: usize, kept: &str) -> Result<(), Failure> {
        if self.unsent == 0 {
            return Ok(());
        }
        let last_error = self.last_error.as_ref().map(|error| format!("; last error: {error}"));
        Err(Failure::failed(format!(
            "{} of {} not acknowledged, {kept}: run the command again; events already stored are stored twice, with the same id{}",
            self.unsent,
            counted(total, "event"),
            last_error.unwrap_or_default(),
        )))
    }
}

/// Sends events and prints the result of each.
async fn send(
    context: &Context,
    sending: &BTreeMap<TransportName, Sending>,
    events: Vec<Undelivered>,
    deadline: Instant,
) -> Result<Summary, Failure> {
    let names: Vec<_> = events
        .iter()
        .map(|event| (Envelope::id_of(&event.message).unwrap_or_default().to_owned(), event.topic.clone()))
        .collect();
    let timeout = deadline.saturating_duration_since(Instant::now());
    let Resent { results, last_error } = resend(sending, events, timeout).await;
    let mut unsent = 0;
    for ((id, topic), result) in names.iter().zip(&results) {
        unsent += usize::from(result.is_err());
        if context.json() {
            output::json(&match result {
                Ok(position) => json!({ "id": id, "topic": topic.as_str(), "position": position }),
                Err(error) => json!({ "id": id, "topic": topic.as_str(), "error": chain(error) }),
            })?;
            continue;
        }
        match result {
            Ok(position) => output::line(format_args!("sent {id} to {topic} at {position}"))?,
            Err(error) => {
                output::eprint(format_args!(
                    "error: {} was not sent to {topic}: {}",
                    one_line(id),
                    chain(error)
                ));
            }
        }
    }
    Ok(Summary { tried: results.len(), unsent, last_error })
}

fn report_unsendable(path: &Path, unsendable: &[Damage]) {
    for Damage { line, reason } in unsendable {
        output::eprint(format_args!("warning: `{}`, line {line}: {}", path.display(), one_line(reason)));
    }
}

fn report_damage(path: &Path, damaged: &[Damage], skip: bool) -> Result<(), Failure> {
    let severity = if skip { "warning" } else { "error" };
    for Damage { line, reason } in damaged {
        output::eprint(format_args!("{severity}: `{}`, line {line}: {}", path.display(), one_line(reason)));
    }
    if damaged.is_empty() || skip {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "`{0}` has damaged lines, nothing more was sent: inspect the file, then pass `--skip-damaged` to send the other lines and rename the file to `{0}.damaged`",
        path.display()
    )))
}

fn open_failure(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        return Failure::failed(format!(
            "no spill file or error log `{}`: it was sent already, or nothing was written to it",
            path.display()
        ));
    }
    failure(path, "open", error)
}

fn failure(path: &Path, action: &str, error: &io::Error) -> Failure {
    Failure::failed(format!("cannot {action} `{}`: {error}", path.display()))
}
