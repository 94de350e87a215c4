//! `offsets list`: the groups of a topic, once or again and again.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::super::context::{Context, connect, full_topic, require_topic, valid_name};
use super::super::failure::{Failure, chain};
use super::super::interrupt::stop_signal;
use super::super::output::{self, counted};
use super::super::render::format_time;
use super::args::List;
use super::describe_position;
use events_bus::bus::DeadLetters;
use events_bus::config::Config;
use events_transport::{GroupStatus, Topic, Transport, TransportError};

const HEAD: [&str; 6] = ["NEXT", "UNSETTLED", "IN FLIGHT", "WAITING", "DEAD LETTERS", "GROUP"];

pub(super) async fn run(context: &Context, args: &List) -> Result<(), Failure> {
    let config = context.config()?;
    let base = valid_name(Topic::new(args.topic.as_str()))?;
    let topic = full_topic(&config, &args.topic)?;
    let transport = connect(&config, &args.transport)?;
    let listing = Listing { config, base, topic, transport };
    match args.watch {
        None => once(context, &listing).await,
        Some(every) => tokio::select! {
            watched = watch(context, &listing, every) => watched,
            _ = stop_signal() => Ok(()),
        },
    }
}

/// The groups of a topic on an open transport.
struct Listing {
    config: Config,
    base: Topic,
    topic: Topic,
    transport: Box<dyn Transport>,
}

/// The progress of a group, and its dead letters that were neither retried nor dropped.
struct Row {
    status: GroupStatus,
    dead_letters: u64,
}

impl Listing {
    async fn read(&self) -> Result<Vec<Row>, TransportError> {
        let mut rows = Vec::new();
        for status in self.transport.groups(&self.topic).await? {
            let dead_letters = DeadLetters::of(&*self.transport, self.topic.clone(), status.group.clone());
            let dead_letters = match dead_letters {
                Ok(dead_letters) => dead_letters.waiting().await?,
                // The name of their topic would be too long, so there are none.
                Err(_) => 0,
            };
            rows.push(Row { status, dead_letters });
        }
        Ok(rows)
    }
}

impl Row {
    fn json(&self) -> Value {
        let Self { status, dead_letters } = self;
        let partitions = status.partitions.iter().map(|partition| {
            json!({
                "partition": partition.partition,
                "next": partition.next.map(|next| next.to_string()),
                "lag": partition.lag,
                "in_flight": partition.in_flight,
            })
        });
        json!({
            "group": status.group.as_str(),
            "next": status.positions().map(|next| next.to_string()),
            "lag": status.lag,
            "in_flight": status.in_flight,
            "waiting": status.waiting,
            "dead_letters": dead_letters,
            "partitions": partitions.collect::<Value>(),
        })
    }

    fn cells(&self) -> [String; 6] {
        let GroupStatus { group, lag, in_flight, waiting, .. } = &self.status;
        let next = self.status.positions();
        // A group with a lag is not at the end: the transport does not know its position.
        let next = if next.is_none() && *lag > 0 { "-".to_owned() } else { describe_position(next.as_ref()) };
        [
            next,
            lag.to_string(),
            in_flight.to_string(),
            waiting.to_string(),
            self.dead_letters.to_string(),
            group.to_string(),
        ]
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [next, unsettled, in_flight, waiting, _, group] = self.cells();
        let dead_letters = counted(self.dead_letters, "dead letter");
        write!(
            f,
            "{group}: next {next}, {unsettled} unsettled, {in_flight} in flight, {waiting} waiting, {dead_letters}"
        )
    }
}

fn table(rows: &[Row]) -> Vec<[String; 6]> {
    std::iter::once(HEAD.map(str::to_owned)).chain(rows.iter().map(Row::cells)).collect()
}

async fn once(context: &Context, listing: &Listing) -> Result<(), Failure> {
    require_topic(&*listing.transport, &listing.config, &listing.base).await?;
    let rows = listing.read().await?;
    if context.json() {
        return Ok(output::json_pretty(&rows.iter().map(Row::json).collect())?);
    }
    if rows.is_empty() {
        output::eprint(no_groups(listing));
        return Ok(());
    }
    Ok(output::table(&table(&rows))?)
}

fn no_groups(listing: &Listing) -> String {
    format!("topic `{}` has no groups", listing.topic)
}

/// How a watch shows what it reads.
enum View {
    /// A line of JSON each time.
    Json,
    /// A terminal, which is redrawn.
    Terminal,
    /// A line for each group each time.
    Lines,
}

/// Lists the groups until the future is dropped. A store that is unavailable is reported, and asked again.
async fn watch(context: &Context, listing: &Listing, every: Duration) -> Result<(), Failure> {
    let view = if context.json() {
        View::Json
    } else if io::stdout().is_terminal() {
        output::clear_screen()?;
        View::Terminal
    } else {
        View::Lines
    };
    let mut rows = Vec::new();
    let mut is_available = true;
    let mut is_known = false;
    loop {
        let read = async {
            if !is_known {
                require_topic(&*listing.transport, &listing.config, &listing.base).await?;
            }
            Ok::<_, Failure>(listing.read().await?)
        };
        let error = match read.await {
            Ok(read) => {
                (rows, is_known) = (read, true);
                None
            }
            Err(failure) => Some(failure.retryable()?),
        };
        view.show(listing, &rows, error.as_deref(), is_available, every)?;
        is_available = error.is_none();
        tokio::time::sleep(every).await;
    }
}

impl View {
    fn show(
        &self,
        listing: &Listing,
        rows: &[Row],
        error: Option<&TransportError>,
        was_available: bool,
        every: Duration,
    ) -> io::Result<()> {
        let time = format_time(SystemTime::now());
        let topic = listing.topic.as_str();
        match self {
            Self::Json => output::json(&match error {
                None => json!({
                    "time": time, "topic": topic, "groups": rows.iter().map(Row::json).collect::<Value>(),
                }),
                Some(error) => json!({ "time": time, "topic": topic, "error": chain(error) }),
            }),
            Self::Terminal => {
                let mut lines = vec![
                    format!(
                        "groups of `{topic}` in {}, every {every:?}, at {time}: press Ctrl-C to stop",
                        listing.transport.url()
                    ),
                    String::new(),
                ];
                if let Some(error) = error {
                    lines.push(format!("{}: trying again", chain(error).replace('\n', "")));
                    lines.push(String::new());
                }
                if rows.is_empty() {
                    lines.push(no_groups(listing));
                } else {
                    lines.extend(output::table_lines(&table(rows)));
                }
                output::redraw(&lines)
            }
            Self::Lines => {
                if let Some(error) = error {
                    if was_available {
                        output::eprint(format_args!(
                            "warning: {}: trying again every {every:?}",
                            chain(error)
                        ));
                    }
                    return Ok(());
                }
                if !was_available {
                    output::eprint(format_args!("{} answers again", listing.transport.url()));
                }
                if rows.is_empty() {
                    return output::line(format_args!("{time} {topic}: no groups"));
                }
                rows.iter().try_for_each(|row| output::line(format_args!("{time} {topic} / {row}")))
            }
        }
    }
}
