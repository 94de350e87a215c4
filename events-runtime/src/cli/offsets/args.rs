//! What can be written after `offsets`.

use clap::Subcommand;

use crate::bus::SeekTarget;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OffsetsCommand {
    /// List the groups of a topic, where each stands, and what it has not settled
    List(List),
    /// Move a group, and say before what that does
    Reset(Reset),
    /// Remove a group with what it remembers, so that it holds back no retention
    Remove(Remove),
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// The topic, without the configured prefix
    #[arg(long)]
    pub(super) topic: String,
}

/// Which group.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// The topic, without the configured prefix
    #[arg(long)]
    pub(super) topic: String,
    /// The consumer group
    #[arg(long)]
    pub(super) group: String,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Reset {
    #[command(flatten)]
    pub(super) of: Of,
    /// Where the group shall stand: `earliest`, `latest`, a time of RFC 3339, a position as `consume` shows it, or an event's id
    #[arg(long, value_name = "PLACE")]
    pub(super) to: SeekTarget,
    /// Say what would be done, and do nothing
    #[arg(long, conflicts_with = "yes")]
    pub(super) dry_run: bool,
    /// Don't ask
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Remove {
    #[command(flatten)]
    pub(super) of: Of,
    /// Don't ask
    #[arg(long)]
    pub(super) yes: bool,
}
