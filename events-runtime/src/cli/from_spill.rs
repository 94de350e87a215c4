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

pub(super) async fn run(context: &Context, path: &Path, args: &Produce) -> Result<(), Failure> {
    let config = context.config()?;
    let registry = linked()?;
    let mut file = SpillFile::open(path).map_err(|error| missing(path, &error))?;
    let transport = connect(&config)?;
    let sending = Sending::new(transport.producer().await?, transport.url(), config.bus());
    let deadline = Instant::now().later(args.timeout);
    let mut whole = true;
    loop {
        let (events, damaged) = file.read(registry).map_err(|error| failed(path, "read", &error))?;
        whole &= damaged.is_empty();
        report_damage(path, &damaged, args.skip_damaged)?;
        if events.is_empty() && damaged.is_empty() {
            output::tell(format_args!("there is nothing to send in `{}`", path.display()));
        }
        send(context, &sending, events, deadline, &format!("`{}` is kept with all of them", path.display()))
            .await?;
        // More may have come meanwhile.
        let gone = if whole { file.remove() } else { file.set_aside() };
        if gone.map_err(|error| failed(path, "put away although all of it was sent", &error))? {
            return Ok(());
        }
    }
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
    send(context, &sending, events, Instant::now().later(args.timeout), "keep the line").await
}

/// Sends events and tells of each; where not all are acknowledged, `kept` says what is still there.
async fn send(
    context: &Context,
    sending: &Sending,
    events: Vec<Undelivered>,
    deadline: Instant,
    kept: &str,
) -> Result<(), Failure> {
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
    if unsent == 0 {
        return Ok(());
    }
    let why = last_error.map(|error| format!("; the last error was: {error}")).unwrap_or_default();
    Err(Failure::failed(format!(
        "{unsent} of {} events were not acknowledged, and {kept}: run it again; what is stored already comes twice, with the same id{why}",
        results.len(),
    )))
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
