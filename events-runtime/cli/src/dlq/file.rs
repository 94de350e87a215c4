//! `dlq export` and `dlq import`.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use super::super::context::Context;
use super::super::failure::{Failure, chain};
use super::super::interrupt::Interrupt;
use super::super::output::{self, counted};
use super::DeadLetterQueue;
use super::args::{Export, Import};
use events_bus::bus::{DeadLetter, LINE_AT_MOST};
use events_schema::parse::without_bom;
use events_transport::{ErrorKind, Message};

/// Approximate maximum size of a batch of lines, in bytes.
const BATCH_BYTES: usize = 4 << 20;
/// Maximum number of lines in a batch.
const BATCH_LINES: usize = 256;

pub(super) async fn export(context: &Context, args: &Export) -> Result<(), Failure> {
    let queue = DeadLetterQueue::open(context, &args.source)?;
    let mut renderer = queue.renderer(args.pii.personal_data())?;
    if !args.raw {
        renderer.fetch_schemas(&*queue.transport, &queue.topic).await;
    }
    let line = |dead_letter: &DeadLetter| {
        if args.raw { dead_letter.to_line() } else { renderer.dead_letter(dead_letter).json().to_string() }
    };
    if args.file == Path::new("-") {
        let print = |dead_letter: DeadLetter| {
            if args.filter.matches(&dead_letter) {
                output::json_text(&line(&dead_letter))?;
            }
            Ok(())
        };
        return queue.for_each(print).await;
    }
    let failed = |error: io::Error| {
        let reason = match error.kind() {
            io::ErrorKind::AlreadyExists => "the file already exists, choose another name".to_owned(),
            _ => error.to_string(),
        };
        Failure::failed(format!("cannot write `{}`: {reason}", args.file.display()))
    };
    let mut file = BufWriter::new(create(&args.file).map_err(failed)?);
    let mut count = 0_u64;
    let written = queue
        .for_each(|dead_letter| {
            if args.filter.matches(&dead_letter) {
                count += 1;
                writeln!(file, "{}", line(&dead_letter)).map_err(failed)?;
            }
            Ok(())
        })
        .await;
    // Synced to disk before success is reported, since the user may drop the dead letters next.
    let stored = written.and_then(|()| {
        file.flush().map_err(failed)?;
        file.get_ref().sync_all().map_err(failed)
    });
    if let Err(failure) = stored {
        // An incomplete file could be mistaken for a full export. This command created it.
        let _ = std::fs::remove_file(&args.file);
        return Err(failure);
    }
    output::eprint(format_args!("wrote {} to {}", counted(count, "dead letter"), args.file.display()));
    Ok(())
}

/// Creates a new file. Only its owner may read it, since events may hold personal data; the umask may
/// restrict it further.
fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(super) async fn import(context: &Context, args: &Import) -> Result<(), Failure> {
    let queue = DeadLetterQueue::open(context, &args.source)?;
    let interrupt = Interrupt::listen();
    let mut batches = Batches::open(&args.file)?;
    // Checks a regular file completely before the first line is stored. A pipe can't be read twice.
    if batches.is_regular {
        while batches.next()?.is_some() {}
        batches = Batches::open(&args.file)?;
    }
    let dead_letters = queue.dead_letters();
    let mut restoring = dead_letters.restoring().await?;
    let (mut stored, mut present, mut failed, mut aborted) = (0, 0, 0_usize, None);
    loop {
        if interrupt.is_requested() {
            aborted = Some("interrupted");
            break;
        }
        let messages = match batches.next() {
            Ok(Some(messages)) => messages,
            Ok(None) => break,
            Err(failure) => {
                // Earlier batches may already be stored.
                report(context, stored, present, failed)?;
                return Err(failure);
            }
        };
        let restored = restoring.add(messages).await;
        // The store may have answered without waiting.
        interrupt.poll_signals().await;
        stored += restored.stored;
        present += restored.present;
        failed += restored.failed.len();
        for (_, error) in &restored.failed {
            output::eprint(format_args!("error: a dead letter was not stored: {}", chain(error)));
        }
        // Only an invalid message fails on its own; any other error affects the next batch too.
        if restored.failed.iter().any(|(_, error)| error.kind() != ErrorKind::Invalid) {
            aborted = Some("stopped");
            break;
        }
    }
    report(context, stored, present, failed)?;
    if let Some(reason) = aborted {
        output::eprint(format_args!(
            "{reason} after line {}: run the same command again to continue; stored dead letters are skipped",
            batches.line_number
        ));
    }
    if failed == 0 && aborted.is_none() { Ok(()) } else { Err(Failure::Reported) }
}

fn report(context: &Context, stored: u64, present: u64, failed: usize) -> io::Result<()> {
    if context.json() {
        return output::json(&serde_json::json!({ "stored": stored, "present": present, "failed": failed }));
    }
    output::line(format_args!("{stored} stored, {present} already present"))
}

/// Reads a file of dead letters in batches of lines.
struct Batches<'a> {
    path: &'a Path,
    file: BufReader<File>,
    is_regular: bool,
    /// Number of the line that was read last.
    line_number: u64,
    line: Vec<u8>,
}

impl<'a> Batches<'a> {
    fn open(path: &'a Path) -> Result<Self, Failure> {
        let open = || {
            let file = File::open(path)?;
            let is_regular = file.metadata()?.is_file();
            Ok((BufReader::new(file), is_regular))
        };
        let (file, is_regular) = open().map_err(|error| unreadable(path, &error))?;
        Ok(Self { path, file, is_regular, line_number: 0, line: Vec::new() })
    }

    /// The messages of the next batch; `None` at the end of the file. Blank lines are skipped.
    fn next(&mut self) -> Result<Option<Vec<Message>>, Failure> {
        let (mut messages, mut bytes) = (Vec::new(), 0);
        while messages.len() < BATCH_LINES && bytes < BATCH_BYTES {
            self.line.clear();
            let read = self.file.by_ref().take(LINE_AT_MOST).read_until(b'\n', &mut self.line);
            let read = read.map_err(|error| unreadable(self.path, &error))?;
            if read == 0 {
                break;
            }
            self.line_number += 1;
            if read as u64 == LINE_AT_MOST {
                return Err(self.invalid(&format_args!("longer than {} MiB", LINE_AT_MOST >> 20)));
            }
            let line = self.line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            bytes += line.len();
            let text = std::str::from_utf8(line).map_err(|error| self.invalid(&error))?;
            let text = if self.line_number == 1 { without_bom(text) } else { text };
            let message = DeadLetter::message_of_line(text).map_err(|error| self.invalid(&error))?;
            messages.push(message);
        }
        Ok((!messages.is_empty()).then_some(messages))
    }

    fn invalid(&self, reason: &dyn std::fmt::Display) -> Failure {
        Failure::failed(format!(
            "line {} of `{}` is invalid: {reason}",
            self.line_number,
            self.path.display()
        ))
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("cannot read `{}`: {error}", path.display()))
}
