//! `dlq list` and `dlq show`.

use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::context::Context;
use super::super::failure::Failure;
use super::super::output::{self, one_line};
use super::super::render::{Rendered, render_key};
use super::DeadLetterQueue;
use super::args::{List, Show};
use super::select::{MissingIds, has_id};
use events_bus::bus::{DeadLetter, Writers};
use events_core::avro::json::PersonalData;
use events_core::registry::Registry;

pub(super) async fn list(context: &Context, args: &List) -> Result<(), Failure> {
    let queue = DeadLetterQueue::open(context, &args.source)?;
    let mut table = Table::new(context, args.pii.personal_data());
    queue
        .for_each(|dead_letter| {
            if args.filter.matches(&dead_letter) {
                table.add(&dead_letter);
            }
            Ok(())
        })
        .await?;
    table.print(&queue)?;
    Ok(())
}

/// A table of dead letters without their payloads.
pub(super) struct Table {
    json: bool,
    personal_data: PersonalData,
    rows: Vec<[String; 7]>,
    objects: Vec<Value>,
}

impl Table {
    pub(super) fn new(context: &Context, personal_data: PersonalData) -> Self {
        Self { json: context.json(), personal_data, rows: Vec::new(), objects: Vec::new() }
    }

    pub(super) fn add(&mut self, dead_letter: &DeadLetter) {
        let key = dead_letter.message().key.as_deref().map(|key| render_key(key, self.personal_data));
        if self.json {
            self.objects.push(json!({
                "position": dead_letter.position().to_string(),
                "time": format_time(dead_letter.time()),
                "attempts": dead_letter.attempts(),
                "event_type": dead_letter.event_type(),
                "id": dead_letter.id(),
                "key": key,
                "reason": dead_letter.reason(),
            }));
            return;
        }
        let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
        self.rows.push([
            dead_letter.position().to_string(),
            format_time(dead_letter.time()),
            dead_letter.attempts().map_or_else(|| "-".to_owned(), |attempts| attempts.to_string()),
            or_dash(dead_letter.event_type()),
            or_dash(dead_letter.id()),
            or_dash(key.as_deref()),
            // A reason may span several lines.
            or_dash(dead_letter.reason().map(|reason| reason.replace('\n', " ")).as_deref()),
        ]);
    }

    /// Prints the rows and returns their number.
    pub(super) fn print(mut self, queue: &DeadLetterQueue) -> Result<usize, Failure> {
        if self.json {
            let count = self.objects.len();
            output::json_pretty(&Value::Array(self.objects))?;
            return Ok(count);
        }
        let count = self.rows.len();
        if count == 0 {
            queue.report_empty();
            return Ok(0);
        }
        let head = ["POSITION", "TIME", "ATTEMPTS", "EVENT TYPE", "ID", "KEY", "REASON"];
        self.rows.insert(0, head.map(str::to_owned));
        output::table(&self.rows)?;
        Ok(count)
    }
}

pub(super) async fn show(context: &Context, args: &Show) -> Result<(), Failure> {
    let queue = DeadLetterQueue::open(context, &args.source)?;
    let mut missing = MissingIds::new(&args.ids);
    let mut found = Vec::new();
    queue
        .for_each(|dead_letter| {
            missing.remove_found(&dead_letter);
            if args.ids.iter().any(|id| has_id(&dead_letter, id)) {
                found.push(dead_letter);
            }
            Ok(())
        })
        .await?;
    missing.check_none()?;
    let renderer = Renderer::new(&queue, args.pii.personal_data())?;
    for dead_letter in &found {
        if context.json() {
            output::json(&renderer.json(dead_letter))?;
        } else {
            output::lines(renderer.text(dead_letter))?;
        }
    }
    Ok(())
}

/// Renders dead letters with payload, decoded by the linked definitions and the configured schemas.
pub(super) struct Renderer {
    registry: &'static Registry,
    writers: Writers,
    personal_data: PersonalData,
}

impl Renderer {
    pub(super) fn new(queue: &DeadLetterQueue, personal_data: PersonalData) -> Result<Self, Failure> {
        let registry = Registry::linked()?;
        let writers = Writers::read(registry, queue.config.bus().consumer.schemas.as_deref(), Vec::new())?;
        Ok(Self { registry, writers, personal_data })
    }

    fn render_original(&self, dead_letter: &DeadLetter) -> Rendered {
        // The original has no dead-letter headers, which are rendered separately.
        let original = dead_letter.original();
        let position = dead_letter.position();
        Rendered::from_message(&original, position, 1, self.registry, &self.writers, self.personal_data)
    }

    /// Renders a dead letter as a JSON object.
    pub(super) fn json(&self, dead_letter: &DeadLetter) -> Value {
        let Value::Object(mut object) = self.render_original(dead_letter).json() else {
            return Value::Null;
        };
        object.remove("attempt");
        let mut details: Map<_, _> = dead_letter
            .end()
            .filter(|(name, _)| *name != "cause")
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        details.insert("attempts".to_owned(), json!(dead_letter.attempts()));
        details.insert("causes".to_owned(), json!(dead_letter.causes().collect::<Vec<_>>()));
        details.insert("time".to_owned(), json!(format_time(dead_letter.time())));
        object.insert("dead_letter".to_owned(), Value::Object(details));
        Value::Object(object)
    }

    fn text(&self, dead_letter: &DeadLetter) -> String {
        let details = dead_letter.end().map(|(name, value)| {
            format!("\n  {:12} {}", one_line(format_args!("dlq {name}")).to_string(), one_line(value))
        });
        format!("{}{}", self.render_original(dead_letter), details.collect::<String>())
    }
}

fn format_time(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "-".to_owned(), |time| time.to_string())
}
