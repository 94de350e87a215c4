//! `offsets`: looks at where groups stand, moves and removes them.

mod args;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use serde_json::json;

pub(super) use args::OffsetsCommand;

use super::context::{Context, connect, full_topic, named};
use super::failure::Failure;
use super::output;
use crate::bus::{self, Offsets};
use crate::transport::{ConsumerGroup, GroupStatus, Position, Topic, Transport};

pub(super) async fn run(context: &Context, command: &OffsetsCommand) -> Result<(), Failure> {
    match command {
        OffsetsCommand::List(args) => list(context, args).await,
        OffsetsCommand::Reset(args) => reset(context, args).await,
        OffsetsCommand::Remove(args) => remove(context, args).await,
    }
}

/// A topic of the configured bus.
struct Place {
    transport: Box<dyn Transport>,
    topic: Topic,
}

impl Place {
    fn open(context: &Context, topic: &str) -> Result<Self, Failure> {
        let config = context.config()?;
        let topic = full_topic(&config, topic)?;
        Ok(Self { transport: connect(&config)?, topic })
    }

    fn offsets(&self) -> Offsets<'_> {
        Offsets::of(&*self.transport, self.topic.clone())
    }
}

fn text(position: Option<Position>) -> String {
    position.map_or_else(|| "the end".to_owned(), |position| position.to_string())
}

async fn list(context: &Context, args: &args::List) -> Result<(), Failure> {
    let place = Place::open(context, &args.topic)?;
    let groups = place.offsets().list().await?;
    if context.json() {
        let rows = groups.iter().map(|status| {
            json!({
                "group": status.group.as_str(),
                "next": status.next.map(|next| next.to_string()),
                "lag": status.lag,
                "in_flight": status.in_flight,
                "waiting": status.waiting,
            })
        });
        return Ok(output::pretty(&rows.collect())?);
    }
    if groups.is_empty() {
        output::tell(format_args!("topic `{}` has no groups", place.topic));
        return Ok(());
    }
    let head = ["NEXT", "NOT SETTLED", "IN FLIGHT", "WAITING", "GROUP"].map(str::to_owned);
    let rows = groups.iter().map(|GroupStatus { group, lag, in_flight, waiting, next, .. }| {
        // With a lag, a transport may not be able to say.
        let next = if next.is_none() && *lag > 0 { "-".to_owned() } else { text(*next) };
        [next, lag.to_string(), in_flight.to_string(), waiting.to_string(), group.to_string()]
    });
    Ok(output::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())?)
}

async fn reset(context: &Context, args: &args::Reset) -> Result<(), Failure> {
    let place = Place::open(context, &args.of.topic)?;
    let group = named(ConsumerGroup::new(args.of.group.as_str()))?;
    let offsets = place.offsets();
    let plan = offsets.plan(&group, args.to).await?;
    let said = said(&place.topic, &plan);
    if args.dry_run {
        return report(context, &plan, &said, false);
    }
    // To people that are asked it is said before; the rest is told what was done.
    if !args.yes {
        for line in &said {
            output::tell(line);
        }
        confirm("move the group", "`--yes` moves it, `--dry-run` only says this")?;
    }
    offsets.reset(&plan).await?;
    report(context, &plan, &said, true)
}

/// What a move does, in words.
fn said(topic: &Topic, plan: &bus::Reset) -> Vec<String> {
    let bus::Reset { group, from, to, again, passed_over, in_flight, exact, .. } = plan;
    let up_to = if *exact { "" } else { "up to " };
    let mut lines = vec![format!("group `{group}` on `{topic}`: from {} to {}", text(*from), text(*to))];
    if *again > 0 {
        lines.push(format!("{up_to}{again} that it has settled come again"));
    }
    if *passed_over > 0 {
        lines.push(format!(
            "WARNING: {up_to}{passed_over} that it has NOT settled are passed over and never come to it"
        ));
    }
    if *again == 0 && *passed_over == 0 {
        lines.push("nothing comes again and nothing is passed over".to_owned());
    }
    if *in_flight > 0 {
        lines.push(format!(
            "members are at work on {in_flight}: they lose them, and those behind that place come again"
        ));
    }
    lines
}

fn report(context: &Context, plan: &bus::Reset, said: &[String], done: bool) -> Result<(), Failure> {
    if context.json() {
        return Ok(output::json(&json!({
            "group": plan.group.as_str(),
            "from": plan.from.map(|position| position.to_string()),
            "to": plan.to.map(|position| position.to_string()),
            "again": plan.again,
            "passed_over": plan.passed_over,
            "in_flight": plan.in_flight,
            "exact": plan.exact,
            "done": done,
        }))?);
    }
    for line in said {
        output::line(line)?;
    }
    Ok(output::line(if done { "done" } else { "nothing was done: `--dry-run`" })?)
}

async fn remove(context: &Context, args: &args::Remove) -> Result<(), Failure> {
    let place = Place::open(context, &args.of.topic)?;
    let group = named(ConsumerGroup::new(args.of.group.as_str()))?;
    let offsets = place.offsets();
    let status = offsets.status(&group).await?;
    if !args.yes {
        output::tell(format_args!(
            "removing group `{group}` on `{}` makes it forget all, {} that it has not settled included",
            place.topic, status.lag
        ));
        confirm("remove the group", "`--yes` removes it")?;
    }
    offsets.remove(&group).await?;
    if context.json() {
        output::json(&json!({ "group": group.as_str(), "unsettled": status.lag, "removed": true }))?;
    } else {
        output::line(format_args!("removed, with {} not settled", status.lag))?;
    }
    Ok(())
}

/// Asks on the terminal; where there is none, nobody can be asked.
fn confirm(what: &str, otherwise: &str) -> Result<(), Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::Usage(format!("nothing was done, for nobody can be asked here: {otherwise}")));
    }
    eprint!("{what}? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::failed("nothing was done"))
}
