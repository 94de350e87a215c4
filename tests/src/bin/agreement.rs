//! Exports the schema pairs of `tests/tests/agreement.rs` for implementations in other languages:
//! `agreement export PAIRS.jsonl`.
//!
//! ```text
//! {"reader": schema, "writer": schema, "reads": the const check's verdict,
//!  "java": {"reads": the expected verdict, "reasons": [the deviations that change it]},
//!  "fastavro": the same}
//! ```

use std::fs;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

use events_tests::pairs::{COUNT, Deviation, Judge, SEED, ours, pairs};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let ["export", path] = arguments.as_slice() else {
        eprintln!("usage: agreement export PAIRS.jsonl");
        return ExitCode::from(2);
    };
    match export(path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("agreement export {path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn export(path: &str) -> Result<(), Failure> {
    let mut out = BufWriter::new(fs::File::create(path)?);
    for pair in pairs(SEED).take(COUNT) {
        let (reads, _) = ours(&pair)?;
        let expected = |judge: Judge| {
            let reasons: Vec<_> = pair.reasons(judge.deviations()).iter().map(Deviation::to_string).collect();
            json!({ "reads": pair.reads(judge.deviations()), "reasons": reasons })
        };
        let entry = json!({
            "reader": pair.reader.json(),
            "writer": pair.writer.json(),
            "reads": reads,
            "java": expected(Judge::Java),
            "fastavro": expected(Judge::Fastavro),
        });
        writeln!(out, "{entry}")?;
    }
    out.flush()?;
    println!("exported {COUNT} pairs");
    Ok(())
}
