//! The arguments of `offsets`.

use std::time::Duration;

use clap::Subcommand;

use super::super::args::{TransportArg, duration};
use events_bus::bus::SeekTarget;
use events_transport::TransportName;

#[derive(Debug, Subcommand)]
pub(crate) enum OffsetsCommand {
    /// List the groups of a topic with their positions and unsettled messages
    List(List),
    /// Move a group to another position, after showing the effect
    Reset(Reset),
    /// Remove a group and its state, so that it no longer delays retention
    Remove(Remove),
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Topic without the configured prefix
    #[arg(long)]
    pub(super) topic: String,
    /// Transport of the topic: the NAME of `[transports.NAME]`, or `bus`
    #[arg(long, value_name = "NAME", default_value = TransportName::DEFAULT)]
    pub(super) transport: String,
    /// List again and again until Ctrl-C: redraws a terminal; otherwise prints a line for each group or, with
    /// `--json`, a document each time
    #[arg(
        long,
        value_name = "INTERVAL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2s",
        value_parser = interval
    )]
    pub(super) watch: Option<Duration>,
}

fn interval(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|interval| {
        if interval.is_zero() { Err("must be longer than zero".to_owned()) } else { Ok(interval) }
    })
}

/// Names a group.
#[derive(Debug, clap::Args)]
pub(super) struct GroupArgs {
    /// Topic without the configured prefix
    #[arg(long)]
    pub(super) topic: String,
    /// Consumer group
    #[arg(long)]
    pub(super) group: String,
    #[command(flatten)]
    pub(super) transport: TransportArg,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    pub(super) group: GroupArgs,
    /// New position: `earliest`, `latest`, an RFC 3339 time, a position as `consume` prints it, or an event id
    #[arg(long, value_name = "TARGET")]
    pub(super) to: SeekTarget,
    /// Show the effect, and change nothing
    #[arg(long, conflicts_with = "yes")]
    pub(super) dry_run: bool,
    /// Don't ask for confirmation
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    pub(super) group: GroupArgs,
    /// Don't ask for confirmation
    #[arg(long)]
    pub(super) yes: bool,
}
