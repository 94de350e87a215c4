//! `dlq list` and `dlq show`.

use serde_json::{Value, json};

use super::super::context::Context;
use super::super::failure::Failure;
use super::super::output;
use super::super::render::{format_time, render_key};
use super::DeadLetterQueue;
use super::args::{List, Show};
use super::select::{MissingIds, has_id};
use events_bus::bus::DeadLetter;
use events_core::avro::json::PersonalData;

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
    let mut renderer = queue.renderer(args.pii.personal_data())?;
    for dead_letter in &found {
        renderer.fetch_schema(&*queue.transport, &queue.topic, dead_letter.message()).await;
        output::rendered(context.json(), &renderer.dead_letter(dead_letter))?;
    }
    Ok(())
}
