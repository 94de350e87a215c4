//! The command-line interface. Write a `main` that links your event crates and calls [`run`].
//!
//! ```no_run
//! // Links the crates, so that their events are registered:
//! // events_runtime::link!(shop_events, billing_events);
//!
//! fn main() -> std::process::ExitCode {
//!     events_runtime::cli::run()
//! }
//! ```
//!
//! | command | what it does |
//! |---|---|
//! | `list` | lists the linked event types and where they are defined |
//! | `schema show TYPE` | prints the Avro schema of an event type; `--version N` prints a published version |
//! | `schema export DIR` | writes every schema to `DIR/TYPE/MINOR.avsc` |
//! | `schema lock [TYPE…]` | publishes definitions: writes the next version of each to `schemas/TYPE/MINOR.avsc` in its crate, and a `build.rs` that makes cargo track these files |
//! | `schema check` | for CI: fails if a linked event differs from its published version or breaks compatibility |
//! | `schema diff TYPE [A] [B]` | compares two versions, or a version and the code, and says which changes are breaking, and for whom |
//! | `schema diff --files OLD NEW` | compares two schema files |
//! | `schema import FILE…` | generates Rust definitions from Avro schema files, to standard output or `--out FILE` |
//! | `schema list --bus` | lists the schemas that producers stored beside their topics: event type, fingerprint, whether the text verifies, what this program knows it as, and whether each side reads the other's events |
//! | `schema pull --bus` | writes these schemas as locked files, `TYPE/MINOR.avsc`, into the crate that defines the event or `--into DIR`; never replaces a file |
//! | `schema push [TYPE…]` | registers the locked versions of events in the schema registry of the transport, oldest first, and sets the compatibility of their subjects; `--check` only says what the registry would refuse, beside the verdict of this project |
//! | `produce --type TYPE --data JSON` | checks the JSON against the schema and sends the event |
//! | `produce --from-spill FILE`, `--from-log FILE` | sends the events of a spill file, an error log or a `dlq export --raw`, and removes the file when all are acknowledged |
//! | `produce --event JSON` | sends the event of one line of such a file |
//! | `peek --topic TOPIC` | prints the stored messages of a topic without a group, and changes nothing; `--from TARGET`, `--last N`, `--type`, `--key` and `-n` select, `--follow` goes on |
//! | `consume --topic TOPIC` | prints events as they arrive, in a temporary group `consume.<UUID>` that is removed at the end; `--group GROUP --acknowledge` uses that group instead |
//! | `replay --topic TOPIC --from TARGET --to TARGET --group NEW` | emits past events again in this process, to the linked receivers; `--in-place` uses an existing group; fails if an event has no receiver, unless `--allow-untaken` is given |
//! | `offsets list --topic TOPIC` | lists the groups of a topic with positions, lag and waiting dead letters; `--watch` lists them every 2 seconds until Ctrl-C, `--watch=INTERVAL` at another interval |
//! | `offsets reset --topic TOPIC --group GROUP --to TARGET` | shows the effect of moving a group, asks, and moves it; `--dry-run` only shows the effect, `--yes` does not ask |
//! | `offsets remove --topic TOPIC --group GROUP` | removes a group and its state |
//! | `dlq list --topic TOPIC --group GROUP` | lists the dead letters of a group with their reasons |
//! | `dlq show … POSITION\|ID` | prints a dead letter in the format of `consume` |
//! | `dlq retry … POSITION\|ID` | sends a dead letter to its topic again, with the same id; `--all`, `--type TYPE` and `--reason TEXT` select several |
//! | `dlq drop … POSITION\|ID --yes` | removes a dead letter; selects several as `retry` does |
//! | `dlq export … FILE` | writes dead letters as JSON lines; `dlq import … FILE` restores those written with `--raw` |
//! | `config explain` | prints every setting with its value and its source |
//! | `doctor` | checks registry, configuration and transport, and suggests fixes; `--strict` also fails on warnings |
//!
//! The configuration is read from `events.toml`, or from the files given by `--config`. A later file
//! overrides an earlier one, and environment variables override all files; see
//! [`config`](events_bus::config). [`avro::json`](events_core::avro::json) describes the JSON form of payloads.
//!
//! A `TARGET` is one of: `earliest`; `latest`; an RFC 3339 time, compared with the time at which the
//! transport stored a message; a position as `consume` prints it; or an event id, which is searched
//! for from the beginning of the topic. See [`SeekTarget`](events_bus::bus::SeekTarget).
//!
//! # Exit codes
//! | code | meaning |
//! |---|---|
//! | 0 | success; `peek --follow`, `consume` and `offsets list --watch` after Ctrl-C or SIGTERM too |
//! | 1 | failure, such as a topic that does not exist or a group that `consume` refuses; the reason is on standard error |
//! | 2 | invalid command line, or JSON on it that does not match the schema |

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
mod peek;
mod produce;
mod render;
mod replay;
mod schema;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Args, Command, ConfigCommand, SchemaCommand};
use context::{Context, block_on};
use failure::Failure;

/// Runs the command given by the arguments of this process, with the definitions that are linked
/// into the program.
///
/// Starts its own async runtime, so don't call it inside one.
#[must_use = "return it from `main`"]
pub fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // clap reports `--help` and `--version` as errors too.
            let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // clap quotes arguments unescaped, and they may hold control characters from elsewhere.
            let mut arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
            if arguments.all(|argument| output::one_line(&argument).to_string() == argument) {
                let _ = error.print();
            } else {
                output::eprint(error.render());
            }
            return if is_help { ExitCode::SUCCESS } else { ExitCode::from(2) };
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
        Command::Schema(SchemaCommand::List(args)) => block_on(schema::list(&context, &args)),
        Command::Schema(SchemaCommand::Pull(args)) => block_on(schema::pull(&context, &args)),
        Command::Schema(SchemaCommand::Push(args)) => block_on(schema::push(&context, &args)),
        Command::Produce(args) => match (&args.from_spill, &args.event) {
            (Some(path), _) => block_on(from_spill::run(&context, path, &args)),
            (None, Some(line)) => block_on(from_spill::send_line(&context, line, &args)),
            (None, None) => block_on(produce::run(&context, &args)),
        },
        Command::Peek(args) => block_on(peek::run(&context, &args)),
        Command::Consume(args) => block_on(consume::run(&context, &args)),
        Command::Replay(args) => block_on(replay::run(&context, &args)),
        Command::Offsets(command) => block_on(offsets::run(&context, &command)),
        Command::Dlq(command) => block_on(dlq::run(&context, &command)),
        Command::Config(ConfigCommand::Explain) => list::explain(&context),
        Command::Doctor(args) => block_on(doctor::run(&context, &args)),
    }
}
