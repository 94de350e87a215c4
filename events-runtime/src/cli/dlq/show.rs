//! `dlq list` and `dlq show`.

use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::context::Context;
use super::super::failure::Failure;
use super::super::output::{self, one_line};
use super::super::shown::{Shown, key_text};
use super::Office;
use super::args::{List, Show};
use super::select::{Names, names};
use crate::avro::json::PersonalData;
use crate::bus::{DeadLetter, Writers};
use crate::registry::Registry;

pub(super) async fn list(context: &Context, args: &List) -> Result<(), Failure> {
    let office = Office::open(context, &args.of)?;
    let mut table = Table::new(context, args.pii.personal_data());
    office
        .look(|letter| {
            if args.filter.takes(&letter) {
                table.add(&letter);
            }
            Ok(())
        })
        .await?;
    table.show(&office)?;
    Ok(())
}

/// Letters, a row for each, without what they hold.
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

    pub(super) fn add(&mut self, letter: &DeadLetter) {
        let key = key(letter, self.personal_data);
        if self.json {
            self.objects.push(json!({
                "position": letter.position().to_string(),
                "time": time(letter.time()),
                "attempts": letter.attempts(),
                "event_type": letter.event_type(),
                "id": letter.id(),
                "key": key,
                "reason": letter.reason(),
            }));
            return;
        }
        let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
        self.rows.push([
            letter.position().to_string(),
            time(letter.time()),
            letter.attempts().map_or_else(|| "-".to_owned(), |attempts| attempts.to_string()),
            or_dash(letter.event_type()),
            or_dash(letter.id()),
            or_dash(key.as_deref()),
            // A reason may have lines of its own.
            or_dash(letter.reason().map(|reason| reason.replace('\n', " ")).as_deref()),
        ]);
    }

    /// Shows the rows, and gives how many there are.
    pub(super) fn show(mut self, office: &Office) -> Result<usize, Failure> {
        if self.json {
            let count = self.objects.len();
            output::pretty(&Value::Array(self.objects))?;
            return Ok(count);
        }
        let count = self.rows.len();
        if count == 0 {
            office.tell_none();
            return Ok(0);
        }
        let head = ["POSITION", "TIME", "ATTEMPTS", "EVENT TYPE", "ID", "KEY", "REASON"];
        self.rows.insert(0, head.map(str::to_owned));
        output::table(&self.rows)?;
        Ok(count)
    }
}

pub(super) async fn show(context: &Context, args: &Show) -> Result<(), Failure> {
    let office = Office::open(context, &args.of)?;
    let mut wanted = Names::new(&args.which);
    let mut found = Vec::new();
    office
        .look(|letter| {
            wanted.see(&letter);
            if args.which.iter().any(|text| names(&letter, text)) {
                found.push(letter);
            }
            Ok(())
        })
        .await?;
    wanted.all_seen()?;
    let reader = Reader::new(&office, args.pii.personal_data())?;
    for letter in &found {
        if context.json() {
            output::json(&reader.json(letter))?;
        } else {
            output::text(reader.text(letter))?;
        }
    }
    Ok(())
}

/// Reads letters with all that this program knows of their events.
pub(super) struct Reader {
    registry: &'static Registry,
    writers: Writers,
    personal_data: PersonalData,
}

impl Reader {
    pub(super) fn new(office: &Office, personal_data: PersonalData) -> Result<Self, Failure> {
        let registry = Registry::linked()?;
        let writers = Writers::read(registry, office.config.bus().consumer.schemas.as_deref(), Vec::new())?;
        Ok(Self { registry, writers, personal_data })
    }

    fn shown(&self, letter: &DeadLetter) -> Shown {
        // Of a message that is no event, all headers are shown: what is said of the end is apart.
        let original = letter.original();
        Shown::of(&original, letter.position(), 1, self.registry, &self.writers, self.personal_data)
    }

    /// One object, in one line when displayed.
    pub(super) fn json(&self, letter: &DeadLetter) -> Value {
        let Value::Object(mut object) = self.shown(letter).json() else {
            return Value::Null;
        };
        object.remove("attempt");
        let mut end: Map<_, _> = letter
            .end()
            .filter(|(name, _)| *name != "cause")
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        end.insert("attempts".to_owned(), json!(letter.attempts()));
        end.insert("causes".to_owned(), json!(letter.causes().collect::<Vec<_>>()));
        end.insert("time".to_owned(), json!(time(letter.time())));
        object.insert("dead_letter".to_owned(), Value::Object(end));
        Value::Object(object)
    }

    fn text(&self, letter: &DeadLetter) -> String {
        let end = letter.end().map(|(name, value)| {
            format!("\n  {:12} {}", one_line(format_args!("dlq {name}")).to_string(), one_line(value))
        });
        format!("{}{}", self.shown(letter), end.collect::<String>())
    }
}

fn key(letter: &DeadLetter, personal_data: PersonalData) -> Option<String> {
    letter.message().key.as_deref().map(|key| key_text(key, personal_data))
}

fn time(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "-".to_owned(), |time| time.to_string())
}
