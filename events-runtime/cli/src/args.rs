//! The command-line arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ColorChoice, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use super::dlq::DlqCommand;
use super::offsets::OffsetsCommand;
use events_bus::bus::SeekTarget;
use events_core::avro::json::PersonalData;
use events_transport::{StartPosition, TransportName, parse_duration};

/// Inspect, send, replay and repair events
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 success, 1 failure, 2 invalid command line or JSON that does not match the schema."
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// Configuration file; repeatable, later files override earlier ones [default: events.toml, if it exists]
    #[arg(short = 'c', long = "config", value_name = "FILE", global = true)]
    pub(super) files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// Selects the transport of a topic.
#[derive(Debug, clap::Args)]
pub(super) struct TransportArg {
    /// Transport of the topic: the NAME of `[transports.NAME]`, or `bus` [default: the transport that
    /// the configuration selects for the group, otherwise `bus`]
    #[arg(long = "transport", value_name = "NAME")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the linked event types
    List,
    /// Print, publish, compare and import Avro schemas
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Send an event
    Produce(Produce),
    /// Print the stored messages of a topic, and change nothing
    Peek(Peek),
    /// Print the events of a topic as they arrive, in a temporary group
    Consume(Consume),
    /// Emit past events again in this process
    Replay(Replay),
    /// List, move or remove consumer groups
    #[command(subcommand)]
    Offsets(OffsetsCommand),
    /// List, retry, drop, export and import dead letters
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Inspect the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check registry, configuration and transport, and suggest fixes
    Doctor(Doctor),
}

#[derive(Debug, Subcommand)]
pub(super) enum SchemaCommand {
    /// Print the schema of an event type
    Show(Show),
    /// Write every schema to FOLDER/TYPE/MINOR.avsc
    Export {
        /// Output folder; created if missing, existing files are replaced
        folder: PathBuf,
    },
    /// Publish definitions: write the next version of each to schemas/TYPE/MINOR.avsc in its crate
    Lock(Lock),
    /// Check in CI that every linked event matches its published version and stays compatible
    Check(Check),
    /// Compare two versions, and say which changes are breaking, and for whom
    Diff(Diff),
    /// Generate Rust definitions from Avro schema files
    Import(Import),
    /// List the schemas that producers stored beside their topics: what is known here, and who reads whom
    List(OnBus),
    /// Write the schemas that producers stored beside their topics as locked files, TYPE/MINOR.avsc
    Pull(Pull),
    /// Register locked versions in the schema registry of the transport, oldest first
    Push(Push),
}

/// Selects schemas that are stored on a transport.
#[derive(Debug, clap::Args)]
pub(super) struct OnBus {
    /// Read the schemas from the bus
    #[arg(long, required = true)]
    bus: bool,
    /// Topic without the configured prefix [default: all topics]
    #[arg(long)]
    pub(super) topic: Option<String>,
    /// Event type [default: all]
    #[arg(long, value_name = "TYPE")]
    pub(super) event_type: Option<String>,
    /// Transport of the topics: the NAME of `[transports.NAME]`, or `bus`
    #[arg(long, value_name = "NAME", default_value = TransportName::DEFAULT)]
    pub(super) transport: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct Pull {
    #[command(flatten)]
    pub(super) bus: OnBus,
    /// Write to this folder [default: the folder of published schemas of the crate that defines the event, or
    /// `schemas` if the event is not linked]
    #[arg(long, value_name = "DIR")]
    pub(super) into: Option<PathBuf>,
    #[command(flatten)]
    pub(super) root: Root,
}

#[derive(Debug, clap::Args)]
pub(super) struct Push {
    /// Event types [default: all linked ones with a route to the transport]
    #[arg(value_name = "TYPE")]
    pub(super) event_types: Vec<String>,
    /// Change nothing; say what the registry would refuse, and why
    #[arg(long)]
    pub(super) check: bool,
    /// Transport with the schema registry: the NAME of `[transports.NAME]`, or `bus`
    #[arg(long, value_name = "NAME", default_value = TransportName::DEFAULT)]
    pub(super) transport: String,
    #[command(flatten)]
    pub(super) root: Root,
}

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// Avro schema files (JSON); a path TYPE/MINOR.avsc gives event type and minor version
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Event type of a single file [default: its folder's name or its root's namespace]
    #[arg(long, value_name = "TYPE")]
    pub(super) event_type: Option<String>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Crate that provides the date and time types [default: plain numbers]
    #[arg(long, value_enum, value_name = "CRATE")]
    pub(super) times: Option<Times>,
}

/// A crate that provides date and time types.
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
    /// Event type
    #[arg(value_name = "TYPE")]
    pub(super) event_type: String,
    /// Print the Parsing Canonical Form instead of the full schema
    #[arg(long)]
    pub(super) canonical: bool,
    /// Print this published minor version instead of the schema in the code
    #[arg(long, value_name = "N")]
    pub(super) version: Option<u32>,
    #[command(flatten)]
    pub(super) root: Root,
}

#[derive(Debug, clap::Args)]
pub(super) struct Root {
    /// Search for the sources in this folder and its parents [default: the current folder]
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Lock {
    /// Event types [default: all linked ones]
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
    /// Event type
    #[arg(value_name = "TYPE", required_unless_present = "files", conflicts_with = "files")]
    pub(super) event_type: Option<String>,
    /// Older minor version [default: the newest published one]
    #[arg(value_name = "A")]
    pub(super) from: Option<u32>,
    /// Newer minor version [default: the code]
    #[arg(value_name = "B")]
    pub(super) to: Option<u32>,
    /// Compare two schema files, the older one first
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"])]
    pub(super) files: Option<Vec<PathBuf>>,
    /// When to use colours; `auto` uses them on a terminal unless `NO_COLOR` is set
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto)]
    pub(super) color: ColorChoice,
    #[command(flatten)]
    pub(super) root: Root,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every setting with its value and its source
    Explain,
}

#[derive(Debug, clap::Args)]
pub(super) struct Produce {
    /// Event type
    #[arg(long = "type", value_name = "TYPE", required_unless_present_any = ["from_spill", "event"])]
    pub(super) event_type: Option<String>,
    /// Payload as JSON; `@FILE` reads a file, `-` reads standard input
    #[arg(long, value_name = "JSON", required_unless_present_any = ["from_spill", "event"])]
    pub(super) data: Option<String>,
    /// Send the events of a spill file, an error log or a `dlq export --raw` with their ids, then remove the file
    #[arg(
        long,
        visible_alias = "from-log",
        value_name = "FILE",
        conflicts_with_all = ["event_type", "data", "topics", "id", "event"]
    )]
    pub(super) from_spill: Option<PathBuf>,
    /// Send the event of one line of such a file with its id, time and source; accepts `@FILE` and `-` like --data
    #[arg(long, value_name = "JSON", conflicts_with_all = ["event_type", "data", "id"])]
    pub(super) event: Option<String>,
    /// Skip damaged lines, then rename the file to FILE.damaged
    #[arg(long, requires = "from_spill")]
    pub(super) skip_damaged: bool,
    /// Send to this topic instead of the configured ones or that of the line; repeatable
    #[arg(long = "topic", value_name = "TOPIC")]
    pub(super) topics: Vec<String>,
    /// Transport of the topics of `--topic`: the NAME of `[transports.NAME]`, or `bus`
    /// [default: the configured one, or that of the line]
    #[arg(long, value_name = "NAME", requires = "topics")]
    pub(super) transport: Option<String>,
    /// Id of the event [default: a new one]
    #[arg(long)]
    pub(super) id: Option<Uuid>,
    /// How long to try, for example `30s`
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    pub(super) timeout: Duration,
}

#[derive(Debug, clap::Args)]
pub(super) struct Peek {
    /// Topic without the configured prefix, such as `orders`, or a dead-letter topic, such as `orders.billing.dlq`
    #[arg(long)]
    pub(super) topic: String,
    /// Transport of the topic: the NAME of `[transports.NAME]`, or `bus`
    #[arg(long, value_name = "NAME", default_value = TransportName::DEFAULT)]
    pub(super) transport: String,
    /// Start (inclusive): `earliest`, `latest`, an RFC 3339 time, a position, or an event id [default: earliest]
    #[arg(long, value_name = "TARGET", conflicts_with = "last")]
    pub(super) from: Option<SeekTarget>,
    /// Print only the last N messages that match, of each partition
    #[arg(long, value_name = "N")]
    pub(super) last: Option<usize>,
    /// Stop after N messages
    #[arg(short = 'n', long, value_name = "N", visible_alias = "limit")]
    pub(super) max: Option<u64>,
    /// Only messages of this event type
    #[arg(long = "type", value_name = "TYPE", visible_alias = "event-type")]
    pub(super) event_type: Option<String>,
    /// Only messages with this key
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
    /// Go on with messages that arrive, until Ctrl-C
    #[arg(long)]
    pub(super) follow: bool,
    #[command(flatten)]
    pub(super) pii: Pii,
}

#[derive(Debug, clap::Args)]
pub(super) struct Consume {
    /// Topic without the configured prefix
    #[arg(long)]
    pub(super) topic: String,
    /// Consumer group. Without `--acknowledge` the name must be new and only selects the configuration of a
    /// temporary group, which is removed at the end [default: a temporary group]
    #[arg(long)]
    pub(super) group: Option<String>,
    /// Use the group itself: its consumers never get the events that are printed. A new group is created and kept
    #[arg(long, requires = "group")]
    pub(super) acknowledge: bool,
    #[command(flatten)]
    pub(super) transport: TransportArg,
    /// Stop after N events
    #[arg(short = 'n', long, value_name = "N")]
    pub(super) max: Option<u64>,
    /// Stop if no event arrives for this long, for example `5s`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) idle: Option<Duration>,
    /// Where a new group starts: `earliest`, `latest`, an RFC 3339 time or a position [default: the
    /// configured start of the group]
    #[arg(long, value_name = "START", alias = "from")]
    pub(super) start: Option<StartPosition>,
    #[command(flatten)]
    pub(super) pii: Pii,
}

#[derive(Debug, clap::Args)]
pub(super) struct Pii {
    /// Show personal data: marked fields, keys, and payloads that can't be decoded
    #[arg(long)]
    pub(super) show_pii: bool,
}

impl Pii {
    pub(super) const fn personal_data(&self) -> PersonalData {
        if self.show_pii { PersonalData::Shown } else { PersonalData::Masked }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// Topic without the configured prefix
    #[arg(long)]
    pub(super) topic: String,
    /// Start (inclusive): `earliest`, `latest`, an RFC 3339 time, a position as `consume` prints it,
    /// or an event id [default: earliest]
    #[arg(long, value_name = "TARGET")]
    pub(super) from: Option<SeekTarget>,
    /// End (exclusive), in the same forms [default: the current end of the topic]
    #[arg(long, value_name = "TARGET")]
    pub(super) to: Option<SeekTarget>,
    /// Name of a temporary group, which gets the suffix `.replay` and is removed at the end; with
    /// `--in-place` an existing group
    #[arg(long)]
    pub(super) group: String,
    #[command(flatten)]
    pub(super) transport: TransportArg,
    /// Replay in the existing group, and return it to its position afterwards
    #[arg(long)]
    pub(super) in_place: bool,
    /// Succeed even if the topic holds events that no receiver in this program handles
    #[arg(long)]
    pub(super) allow_untaken: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    /// Fail on warnings too
    #[arg(long)]
    pub(super) strict: bool,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .ok_or_else(|| "expected a number with a unit, such as `250ms`, `5s` or `1h`".to_owned())
}
