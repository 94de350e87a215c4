//! The Rust side of `tests/interop/judge.py`, which documents the files.
//!
//! ```text
//! sample_types export RUST.jsonl     writes schemas and datums for Python to check
//! sample_types verify PYTHON.jsonl   checks the datums that Python wrote
//! sample_types corpus FOLDER         writes initial datums for tests/fuzz
//! ```

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use events_tests::sample_types::terms::{from_hex, hex};
use events_tests::sample_types::{Reading, specimens};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["export", path] => export(path),
        ["verify", path] => verify(path),
        ["corpus", folder] => corpus(folder),
        _ => {
            eprintln!(
                "usage: sample_types export RUST.jsonl | sample_types verify PYTHON.jsonl | sample_types corpus FOLDER"
            );
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sample_types {}: {error}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn export(path: &str) -> Result<bool, Failure> {
    let mut out = BufWriter::new(fs::File::create(path)?);
    let (mut types, mut datums) = (0, 0);
    for specimen in specimens() {
        let samples = specimen.samples();
        types += 1;
        datums += samples.len();
        let samples =
            samples.iter().map(|sample| json!({ "hex": hex(&sample.datum), "value": sample.terms }));
        let entry = json!({
            "name": specimen.name,
            "schema_json": specimen.schema_json,
            "canonical": specimen.canonical,
            "fingerprint": format!("{:016x}", specimen.fingerprint),
            "beyond_python": specimen.beyond_python,
            "datums": samples.collect::<Vec<_>>(),
        });
        writeln!(out, "{entry}")?;
    }
    out.flush()?;
    println!("exported {types} types with {datums} datums");
    Ok(true)
}

/// One file for each datum: the index of its type, then its bytes.
fn corpus(folder: &str) -> Result<bool, Failure> {
    fs::create_dir_all(folder)?;
    for (index, specimen) in specimens().iter().enumerate() {
        let choice = u8::try_from(index)?;
        for (number, sample) in specimen.samples().iter().enumerate() {
            let bytes = [&[choice], sample.datum.as_slice()].concat();
            fs::write(Path::new(folder).join(format!("{}.{number}", specimen.name)), bytes)?;
        }
    }
    Ok(true)
}

fn verify(path: &str) -> Result<bool, Failure> {
    let specimens: HashMap<_, _> =
        specimens().into_iter().map(|specimen| (specimen.name, specimen)).collect();
    let (mut passed, mut failed, mut seen) = (0, 0, 0);
    for line in BufReader::new(fs::File::open(path)?).lines() {
        let entry: Value = serde_json::from_str(&line?)?;
        let name = entry["name"].as_str().ok_or("an entry without a name")?;
        let specimen = specimens.get(name).ok_or_else(|| format!("no specimen is called {name}"))?;
        seen += 1;
        let samples = specimen.samples();
        let (mut read, mut refused, mut faults) = (0, 0, Vec::new());
        for datum in entry["datums"].as_array().ok_or("an entry without datums")? {
            let bytes = datum["hex"].as_str().and_then(from_hex).ok_or("a datum that is not hexadecimal")?;
            let reading = match datum["of"].as_u64() {
                Some(index) => {
                    let sample = samples.get(usize::try_from(index)?).ok_or("an index beyond the samples")?;
                    sample.is(&bytes).map(|()| Reading::Read)
                }
                None => specimen.read(&bytes),
            };
            match reading {
                Ok(Reading::Read) => read += 1,
                Ok(Reading::Refused) => refused += 1,
                Err(fault) => faults.push(format!("{fault} (datum {})", hex(&bytes))),
            }
        }
        println!("{name}: {read} datums of Python decoded, {refused} rejected as out of range");
        if faults.is_empty() && (read > samples.len() || !specimen.by_chance) {
            passed += 1;
        } else {
            failed += 1;
            let fault = faults.first().map_or("no datum that Python made up could be read", String::as_str);
            println!("FAILED {name}: {fault}");
        }
    }
    if seen != specimens.len() {
        failed += 1;
        println!("FAILED: {seen} of {} types were returned", specimens.len());
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {passed} passed; {failed} failed; 0 ignored");
    Ok(failed == 0)
}
