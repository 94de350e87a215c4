//! `produce --from-spill` and `--from-log`: sends what a shutdown or the error log left behind, and then
//! removes the file. `produce --event`: the same of one line.

use std::io;
use std::path::Path;

use serde_json::json;
use tokio::time::Instant;

use super::args::Produce;
use super::context::{Context, connect, full_topic, linked};
use super::failure::{Failure, chain};
use super::output::one_line;
use super::{output, produce};
use crate::bus::{Damage, Resent, Sending, SpillFile, Undelivered, event_of_line, resend};
use crate::clock::Later as _;
use crate::envelope::Envelope;
use crate::registry::Registry;

pub(super) async fn run(context: &Context, path: &Path, args: &Produce) -> Result<(), Failure> {
    let config = context.config()?;
    let registry = linked()?;
    let mut file = SpillFile::open(path, args.timeout).map_err(|error| missing(path, &error))?;
    // Nothing is sent before the whole file was looked through.
    let found = look_through(&mut file, path, registry, args.skip_damaged)?;
    let transport = connect(&config)?;
    let sending = Sending::new(transport.producer().await?, transport.url(), config.bus());
    let deadline = Instant::now().later(args.timeout);
    let mut told = Told::default();
    let (mut whole, mut read) = (found.whole, Found { whole: true, ..Found::default() });
    loop {
        let portion = file.next(registry).map_err(|error| failed(path, "read", &error))?;
        if portion.lines > 0 {
            read.lines += portion.lines;
            read.events += portion.events.len();
            // What was added since the first look was not reported yet.
            if read.lines > found.lines {
                whole &= portion.damaged.is_empty() && portion.unsendable.is_empty();
                report_unsendable(path, since(&portion.unsendable, found.lines));
                report_damage(path, since(&portion.damaged, found.lines), args.skip_damaged)?;
            }
            told.add(send(context, &sending, portion.events, deadline).await?);
            // Topics that answer go on although others do not, as long as there is time.
            if told.unsent == 0 || Instant::now() < deadline {
                continue;
            }
        }
        let events = read.events.max(found.events);
        told.untried(events);
        told.result(events, &format!("`{}` is kept with all of them", path.display()))?;
        if events == 0 {
            output::tell(format_args!("there is nothing to send in `{}`", path.display()));
        }
        // More may have come meanwhile.
        let gone = if whole { file.remove() } else { file.set_aside() };
        if gone.map_err(|error| failed(path, "put away although all of it was sent", &error))? {
            if !whole {
                output::tell(format_args!(
                    "all that can be sent was sent; the file is `{}` now",
                    file.aside().display()
                ));
            }
            return Ok(());
        }
    }
}

/// What a first look found.
#[derive(Default)]
struct Found {
    lines: usize,
    events: usize,
    /// Whether every line is an event.
    whole: bool,
}

/// Looks at every line, and refuses what would be found out too late.
fn look_through(
    file: &mut SpillFile,
    path: &Path,
    registry: &Registry,
    skip_damaged: bool,
) -> Result<Found, Failure> {
    let (mut found, mut damage) = (Found { whole: true, ..Found::default() }, Ok(()));
    loop {
        let portion = file.next(registry).map_err(|error| failed(path, "read", &error))?;
        if portion.lines == 0 {
            break;
        }
        found.lines += portion.lines;
        found.events += portion.events.len();
        found.whole &= portion.damaged.is_empty() && portion.unsendable.is_empty();
        report_unsendable(path, &portion.unsendable);
        damage = damage.and(report_damage(path, &portion.damaged, skip_damaged));
    }
    damage?;
    let aside = file.aside();
    if !found.whole && aside.symlink_metadata().is_ok() {
        return Err(Failure::failed(format!(
            "nothing was sent: `{}` holds lines that can't be, and would be moved to `{}`, which is there already: move that away first",
            path.display(),
            aside.display()
        )));
    }
    file.rewind();
    Ok(found)
}

/// Those behind a line.
fn since(lines: &[Damage], line: usize) -> &[Damage] {
    lines.get(lines.partition_point(|damage| damage.line <= line)..).unwrap_or_default()
}

/// Sends the event of one line, to the topics that are named or to that of the line.
pub(super) async fn one(context: &Context, line: &str, args: &Produce) -> Result<(), Failure> {
    let config = context.config()?;
    let event = event_of_line(&produce::text(line)?, linked()?)
        .map_err(|reason| Failure::Usage(format!("`--event` can't be sent: {reason}")))?;
    let mut events = Vec::new();
    for topic in &args.topics {
        let topic = full_topic(&config, topic)?;
        events.push(Undelivered { topic, message: event.message.clone() });
    }
    if events.is_empty() {
        events.push(event);
    }
    let transport = connect(&config)?;
    let sending = Sending::new(transport.producer().await?, transport.url(), config.bus());
    let count = events.len();
    send(context, &sending, events, Instant::now().later(args.timeout)).await?.result(count, "keep the line")
}

/// What became of events.
#[derive(Default)]
struct Told {
    results: usize,
    unsent: usize,
    last_error: Option<String>,
}

impl Told {
    fn add(&mut self, more: Self) {
        self.results += more.results;
        self.unsent += more.unsent;
        self.last_error = more.last_error.or(self.last_error.take());
    }

    /// Counts those that were not tried, of so many, because the time was over.
    fn untried(&mut self, events: usize) {
        let untried = events.saturating_sub(self.results);
        if untried > 0 {
            output::tell(format_args!("error: {untried} more events were not tried: the time was over"));
        }
        self.unsent += untried;
    }

    /// Where not all are acknowledged, `kept` says what is still there.
    fn result(&self, events: usize, kept: &str) -> Result<(), Failure> {
        if self.unsent == 0 {
            return Ok(());
        }
        let why = self.last_error.as_ref().map(|error| format!("; the last error was: {error}"));
        Err(Failure::failed(format!(
            "{} of {events} events were not acknowledged, and {kept}: run it again; what is stored already comes twice, with the same id{}",
            self.unsent,
            why.unwrap_or_default(),
        )))
    }
}

/// Sends events and tells of each.
async fn send(
    context: &Context,
    sending: &Sending,
    events: Vec<Undelivered>,
    deadline: Instant,
) -> Result<Told, Failure> {
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
                output::tell(format_args!("error: {} did not reach {topic}: {}", one_line(id), chain(error)));
            }
        }
    }
    Ok(Told { results: results.len(), unsent, last_error })
}

fn report_unsendable(path: &Path, unsendable: &[Damage]) {
    for Damage { line, reason } in unsendable {
        output::tell(format_args!("warning: `{}`, line {line}: {}", path.display(), one_line(reason)));
    }
}

fn report_damage(path: &Path, damaged: &[Damage], skip: bool) -> Result<(), Failure> {
    let word = if skip { "warning" } else { "error" };
    for Damage { line, reason } in damaged {
        output::tell(format_args!("{word}: `{}`, line {line}: {}", path.display(), one_line(reason)));
    }
    if damaged.is_empty() || skip {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "nothing more was sent: look at `{0}`, then send what is whole with `--skip-damaged`, which moves the file to `{0}.damaged` afterwards",
        path.display()
    )))
}

fn missing(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        return Failure::failed(format!(
            "there is no spill file or error log `{}`: it has been sent, or nothing was written to it",
            path.display()
        ));
    }
    failed(path, "opened", error)
}

fn failed(path: &Path, what: &str, error: &io::Error) -> Failure {
    Failure::failed(format!("`{}` can't be {what}: {error}", path.display()))
}
