//! `produce --from-spill`: sends what a shutdown left behind, and then removes the file.

use std::io;
use std::path::Path;

use serde_json::json;
use tokio::time::Instant;

use super::args::Produce;
use super::context::Context;
use super::failure::{Failure, chain};
use super::output;
use crate::bus::{Damage, Resent, Sending, SpillFile, Undelivered, resend};
use crate::envelope::Envelope;
use crate::transport;

pub(super) async fn run(context: &Context, path: &Path, args: &Produce) -> Result<(), Failure> {
    let config = context.config()?;
    let mut file = SpillFile::open(path).map_err(|error| missing(path, &error))?;
    let transport = transport::connect(config.bus().url.expose(), &config.connect_options()?)?;
    let sending = Sending::new(transport.producer().await?, transport.url(), config.bus());
    let deadline = Instant::now() + args.timeout;
    let mut whole = true;
    loop {
        let (events, damaged) = file.read().map_err(|error| failed(path, "read", &error))?;
        whole &= damaged.is_empty();
        report_damage(path, &damaged, args.skip_damaged)?;
        send(context, path, &sending, events, deadline).await?;
        // More may have come meanwhile.
        let gone = if whole { file.remove() } else { file.set_aside() };
        if gone.map_err(|error| failed(path, "put away although all of it was sent", &error))? {
            return Ok(());
        }
    }
}

/// Sends events and tells of each; where not all are acknowledged, the file must stay.
async fn send(
    context: &Context,
    path: &Path,
    sending: &Sending,
    events: Vec<Undelivered>,
    deadline: Instant,
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
            output::line(match result {
                Ok(position) => json!({ "id": id, "topic": topic.as_str(), "position": position }),
                Err(error) => json!({ "id": id, "topic": topic.as_str(), "error": chain(error) }),
            })?;
            continue;
        }
        match result {
            Ok(position) => output::line(format_args!("sent {id} to {topic} at {position}"))?,
            Err(error) => eprintln!("error: {id} did not reach {topic}: {}", chain(error)),
        }
    }
    if unsent == 0 {
        return Ok(());
    }
    let why = last_error.map(|error| format!("; the last error was: {error}")).unwrap_or_default();
    Err(Failure::failed(format!(
        "{unsent} of {} events were not acknowledged, and `{}` is kept with all of them: run it again; what is stored already comes twice, with the same id{why}",
        results.len(),
        path.display()
    )))
}

fn report_damage(path: &Path, damaged: &[Damage], skip: bool) -> Result<(), Failure> {
    let word = if skip { "warning" } else { "error" };
    for Damage { line, reason } in damaged {
        eprintln!("{word}: `{}`, line {line}: {reason}", path.display());
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
            "there is no spill file `{}`: it has been sent, or nothing was spilled",
            path.display()
        ));
    }
    failed(path, "opened", error)
}

fn failed(path: &Path, what: &str, error: &io::Error) -> Failure {
    Failure::failed(format!("`{}` can't be {what}: {error}", path.display()))
}
