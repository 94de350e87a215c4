//! `offsets`: lists, moves and removes the groups of a topic.

mod args;
mod list;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use serde_json::json;

pub(super) use args::OffsetsCommand;

use super::context::{Context, full_topic, require_topic, valid_name};
use super::failure::Failure;
use super::output::{self, counted};
use events_bus::bus;
use events_bus::bus::Offsets;
use events_transport::{ConsumerGroup, Positions, Topic, Transport};

pub(super) async fn run(context: &Context, command: &OffsetsCommand) -> Result<(), Failure> {
    match command {
        OffsetsCommand::List(args) => list::run(context, args).await,
        OffsetsCommand::Reset(args) => reset(context, args).await,
        OffsetsCommand::Remove(args) => remove(context, args).await,
    }
}

/// A topic on an open transport.
struct OpenTopic {
    transport: Box<dyn Transport>,
    topic: Topic,
}

impl OpenTopic {
    /// Opens the topic of a group.
    async fn of_group(context: &Context, args: &args::GroupArgs) -> Result<(Self, ConsumerGroup), Failure> {
        let config = context.config()?;
        let group = valid_name(ConsumerGroup::new(args.group.as_str()))?;
        let topic = full_topic(&config, &args.topic)?;
        let transport = args.transport.connect(&config, &args.topic, &group)?;
        require_topic(&*transport, &config, &valid_name(Topic::new(args.topic.as_str()))?).await?;
        Ok((Self { transport, topic }, group))
    }

    fn offsets(&self) -> Offsets<'_> {
        Offsets::of(&*self.transport, self.topic.clone())
    }
}

/// Renders the next position of a group in each partition; `None` is the end of the topic.
fn describe_position(position: Option<&Positions>) -> String {
    position.map_or_else(|| "the end".to_owned(), ToString::to_string)
}

async fn reset(context: &Context, args: &args::Reset) -> Result<(), Failure> {
    let (open, group) = OpenTopic::of_group(context, &args.group).await?;
    let offsets = open.offsets();
    let plan = offsets.plan(&group, args.to.clone()).await?;
    let effect = describe_effect(&open.topic, &plan);
    if args.dry_run {
        return report(context, &plan, &effect, false);
    }
    // The effect is shown before the confirmation, and printed as the result afterwards.
    if !args.yes {
        for line in &effect {
            output::eprint(line);
        }
        confirm("move the group", "pass `--yes` to move it, or `--dry-run` to only show the effect")?;
    }
    offsets.reset(&plan).await?;
    report(context, &plan, &effect, true)
}

/// The lines that describe what a move does.
fn describe_effect(topic: &Topic, plan: &bus::Reset) -> Vec<String> {
    let bus::Reset { group, from, to, again, passed_over, in_flight, exact, .. } = plan;
    let up_to = if *exact { "" } else { "up to " };
    let (from, to) = (describe_position(from.as_ref()), describe_position(to.as_ref()));
    let mut lines = vec![format!("group `{group}` on `{topic}`: from {from} to {to}")];
    if *again > 0 {
        lines.push(format!("redelivers {up_to}{}", counted(*again, "settled message")));
    }
    if *passed_over > 0 {
        lines.push(format!(
            "WARNING: permanently skips {up_to}{}",
            counted(*passed_over, "unsettled message")
        ));
    }
    if *again == 0 && *passed_over == 0 {
        lines.push("redelivers and skips no messages".to_owned());
    }
    if *in_flight > 0 {
        lines.push(format!(
            "takes {} in flight from their consumers; those after the new position are redelivered",
            counted(*in_flight, "message")
        ));
    }
    lines
}

fn report(context: &Context, plan: &bus::Reset, effect: &[String], done: bool) -> Result<(), Failure> {
    if context.json() {
        return Ok(output::json(&json!({
            "group": plan.group.as_str(),
            "from": plan.from.as_ref().map(ToString::to_string),
            "to": plan.to.as_ref().map(ToString::to_string),
            "again": plan.again,
            "passed_over": plan.passed_over,
            "in_flight": plan.in_flight,
            "exact": plan.exact,
            "done": done,
        }))?);
    }
    for line in effect {
        output::line(line)?;
    }
    Ok(output::line(if done { "done" } else { "dry run: nothing was changed" })?)
}

async fn remove(context: &Context, args: &args::Remove) -> Result<(), Failure> {
    let (open, group) = OpenTopic::of_group(context, &args.group).await?;
    let offsets = open.offsets();
    let status = offsets.status(&group).await?;
    let unsettled = counted(status.lag, "unsettled message");
    if !args.yes {
        output::eprint(format_args!(
            "removes group `{group}` on `{}` and its state, including {unsettled}",
            open.topic
        ));
        confirm("remove the group", "pass `--yes` to remove it")?;
    }
    offsets.remove(&group).await?;
    if context.json() {
        output::json(&json!({ "group": group.as_str(), "unsettled": status.lag, "removed": true }))?;
    } else {
        output::line(format_args!("removed, with {unsettled}"))?;
    }
    Ok(())
}

/// Asks for confirmation. Without a terminal, fails with `hint`.
fn confirm(question: &str, hint: &str) -> Result<(), Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::Usage(format!("cannot ask for confirmation, nothing was changed: {hint}")));
    }
    eprint!("{question}? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::failed("cancelled, nothing was changed"))
}
