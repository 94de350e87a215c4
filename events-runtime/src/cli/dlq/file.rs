//! `dlq export` and `dlq import`.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use super::super::context::Context;
use super::super::failure::{Failure, chain};
use super::super::interrupt::Interrupt;
use super::super::output;
use super::Office;
use super::args::{Export, Import};
use super::show::Reader;
use crate::bus::{DeadLetter, LINE_AT_MOST};
use crate::transport::{ErrorKind, Message};
use events_schema::packed::json::without_bom;

/// About so many bytes of lines are read from a file at once.
const PORTION: usize = 4 << 20;
/// So many lines at most.
const LINES: usize = 256;

pub(super) async fn export(context: &Context, args: &Export) -> Result<(), Failure> {
    let office = Office::open(context, &args.of)?;
    let reader = Reader::new(&office, args.pii.personal_data())?;
    let line = |letter: &DeadLetter| {
        if args.raw { letter.to_line() } else { reader.json(letter).to_string() }
    };
    if args.file == Path::new("-") {
        let out = |letter: DeadLetter| {
            if args.filter.takes(&letter) {
                output::json_text(&line(&letter))?;
            }
            Ok(())
        };
        return office.look(out).await;
    }
    let failed = |error: io::Error| {
        let why = match error.kind() {
            io::ErrorKind::AlreadyExists => "it is there already, name another".to_owned(),
            _ => error.to_string(),
        };
        Failure::failed(format!("`{}` can't be written: {why}", args.file.display()))
    };
    let mut file = BufWriter::new(create(&args.file).map_err(failed)?);
    let mut count = 0;
    let written = office
        .look(|letter| {
            if args.filter.takes(&letter) {
                count += 1;
                writeln!(file, "{}", line(&letter)).map_err(failed)?;
            }
            Ok(())
        })
        .await;
    // On the disk when this returns: the letters may be dropped next.
    let stored = written.and_then(|()| {
        file.flush().map_err(failed)?;
        file.get_ref().sync_all().map_err(failed)
    });
    if let Err(failure) = stored {
        // A part of the letters would be taken for all. The file was made here.
        let _ = std::fs::remove_file(&args.file);
        return Err(failure);
    }
    output::tell(format_args!("{count} written to {}", args.file.display()));
    Ok(())
}

/// Makes a file that was not there. What events hold is for its owner alone, or for fewer where the
/// umask says so.
fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(super) async fn import(context: &Context, args: &Import) -> Result<(), Failure> {
    let office = Office::open(context, &args.of)?;
    let interrupt = Interrupt::listen();
    let mut lines = Lines::open(&args.file)?;
    // All are read before the first is stored, where the file can be read twice.
    if lines.is_regular {
        while lines.next()?.is_some() {}
        lines = Lines::open(&args.file)?;
    }
    let letters = office.letters();
    let mut restoring = letters.restoring().await?;
    let (mut stored, mut present, mut failed, mut ended) = (0, 0, 0_usize, None);
    loop {
        if interrupt.is_told() {
            ended = Some("interrupted: ".to_owned());
            break;
        }
        let messages = match lines.next() {
            Ok(Some(messages)) => messages,
            Ok(None) => break,
            Err(failure) => {
                // Some lines before it are stored.
                report(context, stored, present, failed)?;
                return Err(failure);
            }
        };
        let restored = restoring.add(messages).await;
        // The store may have answered at once.
        interrupt.hear().await;
        stored += restored.stored;
        present += restored.present;
        failed += restored.failed.len();
        for (_, error) in &restored.failed {
            output::tell(format_args!("error: a dead letter was not stored: {}", chain(error)));
        }
        // What is wrong with one letter alone is not so with the next.
        if restored.failed.iter().any(|(_, error)| error.kind() != ErrorKind::Invalid) {
            ended = Some("stopped: ".to_owned());
            break;
        }
    }
    report(context, stored, present, failed)?;
    if let Some(why) = &ended {
        output::tell(format_args!(
            "{why}the file was read up to line {}; the same command goes on, and passes over what is stored",
            lines.number
        ));
    }
    if failed == 0 && ended.is_none() { Ok(()) } else { Err(Failure::Said) }
}

fn report(context: &Context, stored: u64, present: u64, failed: usize) -> io::Result<()> {
    if context.json() {
        return output::json(&serde_json::json!({ "stored": stored, "present": present, "failed": failed }));
    }
    output::line(format_args!("{stored} stored, {present} there already"))
}

/// The lines of a file of letters, portion by portion.
struct Lines<'a> {
    path: &'a Path,
    file: BufReader<File>,
    is_regular: bool,
    /// How many lines were read.
    number: u64,
    line: Vec<u8>,
}

impl<'a> Lines<'a> {
    fn open(path: &'a Path) -> Result<Self, Failure> {
        let open = || {
            let file = File::open(path)?;
            let is_regular = file.metadata()?.is_file();
            Ok((BufReader::new(file), is_regular))
        };
        let (file, is_regular) = open().map_err(|error| unreadable(path, &error))?;
        Ok(Self { path, file, is_regular, number: 0, line: Vec::new() })
    }

    /// The messages of the next lines; `None` at the end. Lines without anything are passed over.
    fn next(&mut self) -> Result<Option<Vec<Message>>, Failure> {
        let (mut messages, mut bytes) = (Vec::new(), 0);
        while messages.len() < LINES && bytes < PORTION {
            self.line.clear();
            let read = self.file.by_ref().take(LINE_AT_MOST).read_until(b'\n', &mut self.line);
            let read = read.map_err(|error| unreadable(self.path, &error))?;
            if read == 0 {
                break;
            }
            self.number += 1;
            if read as u64 == LINE_AT_MOST {
                return Err(self.unusable(&format_args!("it is longer than {} MiB", LINE_AT_MOST >> 20)));
            }
            let line = self.line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            bytes += line.len();
            let text = std::str::from_utf8(line).map_err(|error| self.unusable(&error))?;
            let text = if self.number == 1 { without_bom(text) } else { text };
            let message = DeadLetter::message_of_line(text).map_err(|error| self.unusable(&chain(&error)))?;
            messages.push(message);
        }
        Ok((!messages.is_empty()).then_some(messages))
    }

    fn unusable(&self, why: &dyn std::fmt::Display) -> Failure {
        let (number, file) = (self.number, self.path.display());
        Failure::failed(format!("line {number} of `{file}` can't be used: {why}"))
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("`{}` can't be read: {error}", path.display()))
}
