//! The arguments of `dlq`.

use std::path::PathBuf;

use clap::Subcommand;

use super::super::args::{Pii, TransportArg};

#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// List dead letters
    List(List),
    /// Print dead letters with metadata and payload
    Show(Show),
    /// Send dead letters to their topic again with the same ids; every group of the topic gets them
    Retry(Retry),
    /// Remove dead letters
    Drop(Drop),
    /// Copy dead letters to a file as JSON lines
    Export(Export),
    /// Restore dead letters from a file of `export --raw`; existing ones are skipped
    Import(Import),
}

#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// Topic that the events were consumed from, without the configured prefix
    #[arg(long)]
    pub(super) topic: String,
    /// Consumer group that failed to process them
    #[arg(long)]
    pub(super) group: String,
    #[command(flatten)]
    pub(super) transport: TransportArg,
    /// Dead-letter topic, without the configured prefix [default: TOPIC.GROUP.dlq]
    #[arg(long = "letters", value_name = "TOPIC")]
    pub(super) dead_letter_topic: Option<String>,
}

/// Restricts a listing or an export; everything by default.
#[derive(Debug, clap::Args)]
pub(super) struct Filter {
    /// Only dead letters of this event type
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) event_type: Option<String>,
    /// Only dead letters with this text in their reason or its causes
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

/// Selects the dead letters to process; nothing by default.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Selection {
    /// Positions in the dead-letter topic, or event ids
    #[arg(value_name = "POSITION|ID", conflicts_with_all = ["all", "event_type", "reason"])]
    pub(super) ids: Vec<String>,
    /// All dead letters of the group
    #[arg(long, conflicts_with_all = ["event_type", "reason"])]
    pub(super) all: bool,
    /// Dead letters of this event type
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) event_type: Option<String>,
    /// Dead letters with this text in their reason or its causes
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(super) source: Source,
    #[command(flatten)]
    pub(super) filter: Filter,
    #[command(flatten)]
    pub(super) pii: Pii,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(super) source: Source,
    /// Positions in the dead-letter topic, or event ids
    #[arg(value_name = "POSITION|ID", required = true)]
    pub(super) ids: Vec<String>,
    #[command(flatten)]
    pub(super) pii: Pii,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Retry {
    #[command(flatten)]
    pub(super) source: Source,
    #[command(flatten)]
    pub(super) selection: Selection,
    /// List what would be sent, and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Drop {
    #[command(flatten)]
    pub(super) source: Source,
    #[command(flatten)]
    pub(super) selection: Selection,
    /// List what would be removed, and remove nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Confirm the removal, which can't be undone
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(super) source: Source,
    #[command(flatten)]
    pub(super) filter: Filter,
    /// Output file, which must not exist; `-` is standard output
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Write the undecoded messages for `import` or `produce --from-log`, personal data included
    #[arg(long, conflicts_with = "show_pii")]
    pub(super) raw: bool,
    #[command(flatten)]
    pub(super) pii: Pii,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(super) source: Source,
    /// File written by `export --raw`
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}
