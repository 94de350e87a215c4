//! What can be written on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ColorChoice, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use super::dlq::DlqCommand;
use super::offsets::OffsetsCommand;
use crate::bus::SeekTarget;
use crate::config::parse_duration;
use crate::transport::StartPosition;

/// Looks at events and moves them.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong command line or JSON that does not fit the schema."
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// A configuration file, laid over those named before it [default: events.toml, if it is there]
    #[arg(short = 'c', long = "config", value_name = "FILE", global = true)]
    pub(super) files: Vec<PathBuf>,
    /// Write JSON, for programs
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the linked event types
    List,
    /// Show, publish, compare and import Avro schemas
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Send an event
    Produce(Produce),
    /// Print the events of a topic and acknowledge them
    Consume(Consume),
    /// Emit the events of the past again in this process
    Replay(Replay),
    /// See where groups stand, move or remove them
    #[command(subcommand)]
    Offsets(OffsetsCommand),
    /// Look at dead letters, send them again or remove them
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check registry, configuration and transport
    Doctor(Doctor),
}

#[derive(Debug, Subcommand)]
pub(super) enum SchemaCommand {
    /// Print the schema of an event type
    Show(Show),
    /// Write every schema to FOLDER/TYPE/MINOR.avsc
    Export {
        /// The folder; made where it is missing, files of the same name are replaced
        folder: PathBuf,
    },
    /// Publish definitions: write each as the next version to its crate's schemas/TYPE/MINOR.avsc
    Lock(Lock),
    /// Check that every linked event is published as it is, for CI
    Check(Check),
    /// Show what differs between two versions, and for whom that is a break
    Diff(Diff),
    /// Write Rust definitions of Avro schema files
    Import(Import),
}

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// Avro schemas as JSON; `TYPE/MINOR.avsc` says which event a schema is of
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// The event type of the one file, instead of its folder's name or its root's namespace
    #[arg(long, value_name = "TYPE")]
    pub(super) event_type: Option<String>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// The crate whose types times become; without it they are numbers
    #[arg(long, value_enum, value_name = "CRATE")]
    pub(super) times: Option<Times>,
}

/// A crate of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Times {
    /// `jiff::Timestamp` and others
    Jiff,
    /// `chrono::DateTime<chrono::Utc>` and others
    Chrono,
    /// `time::UtcDateTime` and others
    Time,
}

#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The event type
    #[arg(value_name = "TYPE")]
    pub(super) event_type: String,
    /// The Parsing Canonical Form instead of the whole schema
    #[arg(long)]
    pub(super) canonical: bool,
    /// The published version of this number instead of the code
    #[arg(long, value_name = "N")]
    pub(super) version: Option<u32>,
    #[command(flatten)]
    pub(super) root: Root,
}

#[derive(Debug, clap::Args)]
pub(super) struct Root {
    /// Look for the sources in this folder and those above it instead of the current one
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Lock {
    /// The event types; all that are linked where none is named
    #[arg(value_name = "TYPE")]
    pub(super) event_types: Vec<String>,
    #[command(flatten)]
    pub(super) root: Root,
}

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    pub(super) root: Root,
}

#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// The event type
    #[arg(value_name = "TYPE", required_unless_present = "files", conflicts_with = "files")]
    pub(super) event_type: Option<String>,
    /// The older version [default: the newest that is published]
    #[arg(value_name = "A")]
    pub(super) from: Option<u32>,
    /// The newer version [default: the code]
    #[arg(value_name = "B")]
    pub(super) to: Option<u32>,
    /// Two schema files, the older one first
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"])]
    pub(super) files: Option<Vec<PathBuf>>,
    /// When to colour; `auto` does on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto)]
    pub(super) color: ColorChoice,
    #[command(flatten)]
    pub(super) root: Root,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Show every setting with its value and where that came from
    Explain,
}

#[derive(Debug, clap::Args)]
pub(super) struct Produce {
    /// The event type
    #[arg(long = "type", value_name = "TYPE", required_unless_present_any = ["from_spill", "event"])]
    pub(super) event_type: Option<String>,
    /// The payload as JSON; `@FILE` reads a file, `-` standard input
    #[arg(long, value_name = "JSON", required_unless_present_any = ["from_spill", "event"])]
    pub(super) data: Option<String>,
    /// Send the events of a spill file or an error log, with their ids, and remove it afterwards
    #[arg(
        long,
        visible_alias = "from-log",
        value_name = "FILE",
        conflicts_with_all = ["event_type", "data", "topics", "id", "event"]
    )]
    pub(super) from_spill: Option<PathBuf>,
    /// Send one event as a line of an error log has it, with its id, time and source; `@FILE`, `-` as above
    #[arg(long, value_name = "JSON", conflicts_with_all = ["event_type", "data", "id"])]
    pub(super) event: Option<String>,
    /// Send what is whole in a file that is damaged, and move it to FILE.damaged afterwards
    #[arg(long, requires = "from_spill")]
    pub(super) skip_damaged: bool,
    /// Send to this topic instead of those that the configuration or the line names; repeatable
    #[arg(long = "topic", value_name = "TOPIC")]
    pub(super) topics: Vec<String>,
    /// The event's id instead of a new one
    #[arg(long)]
    pub(super) id: Option<Uuid>,
    /// How long to try, such as `30s`
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    pub(super) timeout: Duration,
}

#[derive(Debug, clap::Args)]
pub(super) struct Consume {
    /// The topic, without the configured prefix; made where it is missing, which is then said
    #[arg(long)]
    pub(super) topic: String,
    /// The consumer group. What is printed is acknowledged: name one of your own to only look
    #[arg(long)]
    pub(super) group: String,
    /// Stop after so many events
    #[arg(long, value_name = "N")]
    pub(super) max: Option<u64>,
    /// Stop when nothing came for so long, such as `5s`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) idle: Option<Duration>,
    /// Where a new group begins: `earliest`, `latest`, a time of RFC 3339 or a position [default: as
    /// the configuration says for the group]
    #[arg(long, value_name = "START", alias = "from")]
    pub(super) start: Option<StartPosition>,
    /// Show the fields that hold personal data, the keys, and payloads that can't be read
    #[arg(long)]
    pub(super) show_pii: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// The topic, without the configured prefix
    #[arg(long)]
    pub(super) topic: String,
    /// Where to begin, included: `earliest`, `latest`, a time of RFC 3339, a position as `consume`
    /// shows it, or an event's id [default: earliest]
    #[arg(long, value_name = "PLACE")]
    pub(super) from: Option<SeekTarget>,
    /// Where to end, not included [default: the end as of now]
    #[arg(long, value_name = "PLACE")]
    pub(super) to: Option<SeekTarget>,
    /// A new group, made for this with `.replay` behind its name and removed at the end; with
    /// `--in-place` an existing one
    #[arg(long)]
    pub(super) group: String,
    /// Move the existing group back, and forward to where it stood at the end
    #[arg(long)]
    pub(super) in_place: bool,
    /// Succeed although the topic holds events that no receiver in this program takes
    #[arg(long)]
    pub(super) allow_untaken: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    /// Fail where there are warnings too
    #[arg(long)]
    pub(super) strict: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .ok_or_else(|| "write a number with its unit, such as `250ms`, `5s` or `1h`".to_owned())
}
