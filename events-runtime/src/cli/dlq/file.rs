//! `dlq export` and `dlq import`.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::super::context::Context;
use super::super::failure::{Failure, chain};
use super::super::output;
use super::Office;
use super::args::{Export, Import};
use super::show::Reader;
use crate::bus::DeadLetter;

pub(super) async fn export(context: &Context, args: &Export) -> Result<(), Failure> {
    let office = Office::open(context, &args.of)?;
    let listing = office.list().await?;
    let reader = Reader::new(&office, args.pii.personal_data())?;
    let lines: Vec<_> = listing
        .letters
        .iter()
        .filter(|letter| args.filter.takes(letter))
        .map(|letter| if args.raw { letter.to_line() } else { reader.json(letter).to_string() })
        .collect();
    if args.file == Path::new("-") {
        return Ok(lines.iter().try_for_each(|line| output::json_text(line))?);
    }
    write(&args.file, &lines).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::AlreadyExists => "it is there already, name another".to_owned(),
            _ => error.to_string(),
        };
        Failure::failed(format!("`{}` can't be written: {why}", args.file.display()))
    })?;
    output::tell(format_args!("{} written to {}", lines.len(), args.file.display()));
    Ok(())
}

/// On the disk when this returns: the letters may be dropped next.
fn write(path: &Path, lines: &[String]) -> io::Result<()> {
    let mut file = io::BufWriter::new(File::create_new(path)?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.into_inner()?.sync_all()
}

pub(super) async fn import(context: &Context, args: &Import) -> Result<(), Failure> {
    let office = Office::open(context, &args.of)?;
    let file = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Failure::failed(format!("`{file}` can't be read: {error}")))?;
    let mut messages = Vec::new();
    // All are read before the first is stored.
    for (number, line) in text.lines().enumerate() {
        let message = DeadLetter::message_of_line(line).map_err(|error| {
            Failure::failed(format!("line {} of `{file}` can't be used: {}", number + 1, chain(&error)))
        })?;
        messages.push(message);
    }
    let restored = office.letters().restore(messages).await?;
    for (_, error) in &restored.failed {
        output::tell(format_args!("error: a dead letter was not stored: {}", chain(error)));
    }
    if context.json() {
        output::json(&serde_json::json!({
            "stored": restored.stored, "present": restored.present, "failed": restored.failed.len(),
        }))?;
    } else {
        output::line(format_args!("{} stored, {} there already", restored.stored, restored.present))?;
    }
    if restored.failed.is_empty() { Ok(()) } else { Err(Failure::Said) }
}
