//! The Rust side of `tests/interop/openedx.py`, which documents the files.
//!
//! ```text
//! openedx export RUST.jsonl            writes schemas and datums for the Python package to check
//! openedx verify PYTHON.jsonl EVENTS   checks the datums that it wrote, of so many events
//! ```

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;

use events_tests::openedx::{Definition, definitions};
use events_tests::sample_types::terms::{from_hex, hex};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["export", path] => export(path),
        ["verify", path, events] => verify(path, events),
        _ => {
            eprintln!("usage: openedx export RUST.jsonl | openedx verify PYTHON.jsonl EVENTS");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("openedx {}: {error}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn export(path: &str) -> Result<bool, Failure> {
    let mut out = BufWriter::new(fs::File::create(path)?);
    let definitions = definitions();
    for Definition { descriptor, datums, .. } in &definitions {
        let entry = json!({
            "event_type": descriptor.event_type(),
            "schema_json": descriptor.schema_json(),
            "warnings": descriptor.warnings(),
            "datums": datums.iter().map(|datum| hex(datum)).collect::<Vec<_>>(),
        });
        writeln!(out, "{entry}")?;
    }
    out.flush()?;
    println!("exported {} events of Open edX", definitions.len());
    Ok(true)
}

fn verify(path: &str, count: &str) -> Result<bool, Failure> {
    let (count, definitions) = (count.parse::<usize>()?, definitions());
    let (mut passed, mut failed) = (0, 0);
    for line in BufReader::new(fs::File::open(path)?).lines() {
        let entry: Value = serde_json::from_str(&line?)?;
        let event_type = entry["event_type"].as_str().ok_or("an entry without an event type")?;
        let definition = definitions
            .iter()
            .find(|definition| definition.descriptor.event_type() == event_type)
            .ok_or_else(|| format!("no definition is called {event_type}"))?;
        let datums = entry["datums"].as_array().ok_or("an entry without datums")?;
        let mut faults = Vec::new();
        for datum in datums {
            let bytes = datum.as_str().and_then(from_hex).ok_or("a datum that is not hexadecimal")?;
            match (definition.again)(&bytes) {
                Ok(again) if again == bytes => {}
                Ok(again) => faults.push(format!("{} became {}", hex(&bytes), hex(&again))),
                Err(error) => faults.push(format!("{}: {error}", hex(&bytes))),
            }
        }
        match faults.first() {
            None => {
                passed += 1;
                println!("{event_type}: {} datums of Python decoded and encoded again", datums.len());
            }
            Some(fault) => {
                failed += 1;
                println!("FAILED {event_type}: {fault}");
            }
        }
    }
    if passed + failed != count {
        println!("FAILED: {} of {count} events were returned", passed + failed);
        failed += 1;
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {passed} passed; {failed} failed; 0 ignored");
    Ok(failed == 0)
}
