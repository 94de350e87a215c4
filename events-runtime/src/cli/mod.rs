//! The command line: a `main` of your own that links your event crates and calls [`run`].
//!
//! ```no_run
//! // Linked, so that the command line knows their events:
//! // events_runtime::link!(shop_events, billing_events);
//!
//! fn main() -> std::process::ExitCode {
//!     events_runtime::cli::run()
//! }
//! ```
//!
//! | command | what it does |
//! |---|---|
//! | `list` | the linked event types, with their definitions |
//! | `schema show TYPE` | an event type's Avro schema, or with `--version N` a published one |
//! | `schema export DIR` | every schema as `DIR/TYPE/MINOR.avsc` |
//! | `schema lock [TYPE…]` | publishes definitions: the next version of each in its crate's `schemas/TYPE/MINOR.avsc`, and the `build.rs` by which cargo sees it |
//! | `schema check` | for CI: every linked event is published as it is, and nothing published was broken |
//! | `schema diff TYPE [A] [B]` | what differs between two versions, or a version and the code, and for whom that is a break |
//! | `schema diff --files OLD NEW` | the same of two files |
//! | `schema import FILE…` | Rust definitions of Avro schema files, to standard output or `--out FILE` |
//! | `produce --type TYPE --data JSON` | checks the JSON against the schema and sends the event |
//! | `produce --from-spill FILE`, `--from-log FILE` | sends what a shutdown or the error log wrote to the file, and removes it when all is acknowledged |
//! | `produce --event JSON` | sends the event of one line of an error log |
//! | `consume --topic TOPIC --group GROUP` | prints the events that come, and acknowledges them |
//! | `replay --topic TOPIC --from PLACE --to PLACE --group NEW` | emits the events between in this process again, with the receivers that are linked; `--in-place` in an existing group; fails where no receiver takes an event, unless `--allow-untaken` |
//! | `offsets list --topic TOPIC` | the groups of a topic, and where each stands |
//! | `offsets reset --topic TOPIC --group GROUP --to PLACE` | says what moving the group does, and moves it; `--dry-run` only says it, `--yes` does not ask |
//! | `offsets remove --topic TOPIC --group GROUP` | forgets a group |
//! | `dlq list --topic TOPIC --group GROUP` | the events that the group gave up, with the reason of each |
//! | `dlq show … POSITION\|ID` | one of them, read as `consume` reads it |
//! | `dlq retry … POSITION\|ID` | sends it to the topic again with its id; `--all`, `--type TYPE`, `--reason TEXT` for many |
//! | `dlq drop … POSITION\|ID --yes` | removes it; many as above |
//! | `dlq export … FILE` | a line of JSON for each; with `--raw` all of it, which `dlq import … FILE` brings back |
//! | `config explain` | every setting with its value and where that came from |
//! | `doctor` | checks registry, configuration and transport, and says what to do; with `--strict` warnings fail too |
//!
//! The configuration is `events.toml`, or the files named by `--config`, each laid over the one
//! before, and the environment over all; see [`config`](crate::config). Payloads are written as
//! [`avro::json`](crate::avro::json) says.
//!
//! A `PLACE` is `earliest`, `latest`, a time of RFC 3339 that is compared with when the transport
//! stored a message, a position as `consume` shows it (the transport's own id of a message), or an
//! event's id, which is looked for from the beginning; see [`SeekTarget`](crate::bus::SeekTarget).
//!
//! # Exit codes
//! | code | meaning |
//! |---|---|
//! | 0 | it did what was asked |
//! | 1 | it failed; the reason is on standard error |
//! | 2 | the command line is wrong, or JSON given on it does not fit the schema |

mod args;
mod consume;
mod context;
mod dlq;
mod doctor;
mod failure;
mod from_spill;
mod import;
mod interrupt;
mod list;
mod offsets;
mod output;
mod produce;
mod replay;
mod schema;
mod shown;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Args, Command, ConfigCommand, SchemaCommand};
use context::{Context, block_on};
use failure::Failure;

/// Runs the command line of this process's arguments, over the definitions that are linked into
/// the program.
///
/// Don't call it inside an async runtime: it brings its own.
#[must_use = "return it from `main`"]
pub fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // `--help` and `--version` come here too.
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // An argument stands in the message as it was given; other programs may have put it together.
            let mut given = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
            if given.all(|argument| output::one_line(&argument).to_string() == argument) {
                let _ = error.print();
            } else {
                output::tell(error.render());
            }
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    match execute(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn execute(args: Args) -> Result<(), Failure> {
    let context = Context::new(args.common);
    match args.command {
        Command::List => list::run(&context),
        Command::Schema(SchemaCommand::Show(args)) => schema::show(&context, &args),
        Command::Schema(SchemaCommand::Export { folder }) => schema::export(&context, &folder),
        Command::Schema(SchemaCommand::Lock(args)) => schema::lock(&context, &args),
        Command::Schema(SchemaCommand::Check(args)) => schema::check(&context, &args),
        Command::Schema(SchemaCommand::Diff(args)) => schema::diff(&context, &args),
        Command::Schema(SchemaCommand::Import(args)) => import::run(&args),
        Command::Produce(args) => match (&args.from_spill, &args.event) {
            (Some(path), _) => block_on(from_spill::run(&context, path, &args)),
            (None, Some(line)) => block_on(from_spill::one(&context, line, &args)),
            (None, None) => block_on(produce::run(&context, &args)),
        },
        Command::Consume(args) => block_on(consume::run(&context, &args)),
        Command::Replay(args) => block_on(replay::run(&context, &args)),
        Command::Offsets(command) => block_on(offsets::run(&context, &command)),
        Command::Dlq(command) => block_on(dlq::run(&context, &command)),
        Command::Config(ConfigCommand::Explain) => list::explain(&context),
        Command::Doctor(args) => block_on(doctor::run(&context, &args)),
    }
}
