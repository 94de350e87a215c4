//! The Rust side of `tests/interop/catalogue.py`, which documents the files.
//!
//! ```text
//! catalogue export RUST.jsonl [COUNT [SEED]]   writes schemas and payloads of every event, by default 50
//! catalogue verify PYTHON.jsonl EVENTS         checks the payloads that Python generated, of so many events
//! catalogue keys KEYS.jsonl                    checks keys and Python's results for them
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;

use events_catalogue_tests::{CatalogueEvent, Maker, events, from_hex, hex, keys};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["export", path] => export(path, "50", "1"),
        ["export", path, count] => export(path, count, "1"),
        ["export", path, count, seed] => export(path, count, seed),
        ["verify", path, events] => verify(path, events),
        ["keys", path] => read_keys(path),
        _ => {
            eprintln!(
                "usage: catalogue export RUST.jsonl [COUNT [SEED]] | verify PYTHON.jsonl EVENTS | keys KEYS.jsonl"
            );
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("catalogue {}: {error}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn export(path: &str, count: &str, seed: &str) -> Result<bool, Failure> {
    let (count, mut maker) = (count.parse::<usize>()?, Maker::new(seed.parse()?));
    let mut out = BufWriter::new(fs::File::create(path)?);
    let events = events();
    for CatalogueEvent { descriptor, signal: (module, signal), make, .. } in &events {
        let payloads = (0..count).map(|_| make(&mut maker));
        let payloads: Vec<_> =
            payloads.map(|made| json!({ "datum": hex(&made.datum), "value": made.value })).collect();
        let entry = json!({
            "event_type": descriptor.event_type(),
            "package": openedx_events::PACKAGE_VERSION,
            "signal": format!("{module}.{signal}"),
            "key": descriptor.key().join("."),
            "schema_json": descriptor.schema_json(),
            "canonical_form": descriptor.canonical_form(),
            "fingerprint": format!("{:016x}", descriptor.fingerprint()),
            "warnings": descriptor.warnings(),
            "payloads": payloads,
        });
        writeln!(out, "{entry}")?;
    }
    out.flush()?;
    println!("{} events, {count} payloads of each made in Rust", events.len());
    Ok(true)
}

fn lines(path: &str) -> Result<impl Iterator<Item = Result<Value, Failure>>, Failure> {
    let lines = BufReader::new(fs::File::open(path)?).lines();
    Ok(lines.map(|line| Ok(serde_json::from_str(&line?)?)))
}

fn verify(path: &str, count: &str) -> Result<bool, Failure> {
    let (count, events) = (count.parse::<usize>()?, events());
    let (mut verdict, mut payloads) = (Verdict::default(), 0);
    for entry in lines(path)? {
        let entry = entry?;
        let event_type = entry["event_type"].as_str().ok_or("an entry without an event type")?;
        let event = events
            .iter()
            .find(|event| event.descriptor.event_type() == event_type)
            .ok_or_else(|| format!("no event is called {event_type}"))?;
        let made = entry["payloads"].as_array().ok_or("an entry without payloads")?;
        payloads += made.len();
        verdict.add(event_type, made.iter().find_map(|payload| fault(event, payload)));
    }
    println!("{} events, {payloads} payloads made in Python", verdict.passed + verdict.failed);
    if verdict.passed + verdict.failed != count {
        verdict.add("the catalogue", Some(format!("{count} events are expected")));
    }
    Ok(verdict.told())
}

/// The error in decoding a payload of Python.
fn fault(event: &CatalogueEvent, payload: &Value) -> Option<String> {
    let text = payload["datum"].as_str().unwrap_or_default();
    let Some(datum) = from_hex(text).filter(|datum| !datum.is_empty()) else {
        return Some(format!("no hexadecimal: {payload}"));
    };
    match (event.read)(&datum) {
        Err(fault) => Some(format!("{text}: {fault}")),
        Ok(read) if read.datum != datum => Some(format!("{text} is written as {}", hex(&read.datum))),
        Ok(read) if read.value != payload["value"] => {
            Some(format!("{text} is read as {}, and is {}", read.value, payload["value"]))
        }
        Ok(_) => None,
    }
}

fn read_keys(path: &str) -> Result<bool, Failure> {
    let mut verdicts: BTreeMap<String, (Verdict, usize)> = BTreeMap::new();
    for entry in lines(path)? {
        let entry = entry?;
        let (class, text) = (entry["class"].as_str(), entry["text"].as_str());
        let (class, text) = class.zip(text).ok_or("an entry without a class or a text")?;
        let fault = match keys::described(class, text) {
            Ok(read) if read == entry["key"] => None,
            Ok(read) => Some(format!("{text:?} is {read}, and Python's is {}", entry["key"])),
            Err(fault) => Some(fault),
        };
        let (verdict, valid) = verdicts.entry(class.to_owned()).or_default();
        *valid += usize::from(!entry["key"].is_null());
        verdict.add(class, fault);
    }
    let mut all = Verdict::default();
    for (class, (verdict, valid)) in verdicts {
        let texts = verdict.passed + verdict.failed;
        println!("{class}: {texts} texts, {valid} of them keys for Python");
        all.passed += usize::from(verdict.failed == 0);
        all.failed += usize::from(verdict.failed != 0);
    }
    Ok(all.told())
}

#[derive(Default)]
struct Verdict {
    passed: usize,
    failed: usize,
}

impl Verdict {
    fn add(&mut self, what: &str, fault: Option<String>) {
        match fault {
            None => self.passed += 1,
            Some(fault) => {
                self.failed += 1;
                // The first few suffice.
                if self.failed <= 10 {
                    println!("FAILED {what}: {fault}");
                }
            }
        }
    }

    fn told(&self) -> bool {
        let verdict = if self.failed == 0 { "ok" } else { "FAILED" };
        println!("test result: {verdict}. {} passed; {} failed; 0 ignored", self.passed, self.failed);
        self.failed == 0
    }
}
