//! What can be written after `dlq`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DlqCommand {
    /// List dead letters, and leave them as they are
    List(List),
    /// Show dead letters with all that is known of them
    Show(Show),
    /// Send dead letters to their topic again, with their ids; every group of the topic gets them
    Retry(Retry),
    /// Remove dead letters
    Drop(Drop),
    /// Write dead letters to a file, a line of JSON for each, and leave them as they are
    Export(Export),
    /// Make dead letters again of what `export --raw` wrote; those that are there are passed over
    Import(Import),
}

#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// The topic that the events were read from, without the configured prefix
    #[arg(long)]
    pub(super) topic: String,
    /// The consumer group that gave them up
    #[arg(long)]
    pub(super) group: String,
    /// Where its dead letters stand, without the configured prefix [default: TOPIC.GROUP.dlq]
    #[arg(long, value_name = "TOPIC")]
    pub(super) letters: Option<String>,
}

/// Some of the letters by what they are.
#[derive(Debug, clap::Args)]
pub(super) struct Filter {
    /// Those of this event type
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) event_type: Option<String>,
    /// Those with this text in the reason or an error behind it
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

/// What is to be dealt with: never everything by default.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Selection {
    /// Positions among the dead letters, or event ids
    #[arg(value_name = "POSITION|ID", conflicts_with_all = ["all", "event_type", "reason"])]
    pub(super) which: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with_all = ["event_type", "reason"])]
    pub(super) all: bool,
    /// Those of this event type
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) event_type: Option<String>,
    /// Those with this text in the reason or an error behind it
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Pii {
    /// Show the fields that hold personal data, the keys, and payloads that can't be read
    #[arg(long)]
    pub(super) show_pii: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    pub(super) of: Of,
    #[command(flatten)]
    pub(super) filter: Filter,
    #[command(flatten)]
    pub(super) pii: Pii,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    pub(super) of: Of,
    /// Positions among the dead letters, or event ids
    #[arg(value_name = "POSITION|ID", required = true)]
    pub(super) which: Vec<String>,
    #[command(flatten)]
    pub(super) pii: Pii,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Retry {
    #[command(flatten)]
    pub(super) of: Of,
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Drop {
    #[command(flatten)]
    pub(super) of: Of,
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Remove them: they can't be had back
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    pub(super) of: Of,
    #[command(flatten)]
    pub(super) filter: Filter,
    /// The file, which must not be there yet; `-` is standard output
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// All of each letter, personal data included and unread, for `import`
    #[arg(long, conflicts_with = "show_pii")]
    pub(super) raw: bool,
    #[command(flatten)]
    pub(super) pii: Pii,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Import {
    #[command(flatten)]
    pub(super) of: Of,
    /// The file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}
