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
use super::select::{all_named, names};
use crate::avro::json::PersonalData;
use crate::bus::{DeadLetter, Writers};
use crate::registry::Registry;

pub(super) async fn list(context: &Context, args: &List) -> Result<(), Failure> {
    let office = Office::open(context, &args.of)?;
    let listing = office.list().await?;
    let letters: Vec<_> = listing.letters.iter().filter(|letter| args.filter.takes(letter)).collect();
    table(context, &office, &letters, args.pii.personal_data())
}

/// The letters, a row for each.
pub(super) fn table(
    context: &Context,
    office: &Office,
    letters: &[&DeadLetter],
    personal_data: PersonalData,
) -> Result<(), Failure> {
    if context.json() {
        let rows = letters.iter().map(|letter| {
            json!({
                "position": letter.position().to_string(),
                "time": time(letter.time()),
                "attempts": letter.attempts(),
                "event_type": letter.event_type(),
                "id": letter.id(),
                "key": key(letter, personal_data),
                "reason": letter.reason(),
            })
        });
        return Ok(output::pretty(&rows.collect())?);
    }
    if letters.is_empty() {
        office.tell_none();
        return Ok(());
    }
    let head = ["POSITION", "TIME", "ATTEMPTS", "EVENT TYPE", "ID", "KEY", "REASON"].map(str::to_owned);
    let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let rows = letters.iter().map(|letter| {
        [
            letter.position().to_string(),
            time(letter.time()),
            letter.attempts().map_or_else(|| "-".to_owned(), |attempts| attempts.to_string()),
            or_dash(letter.event_type()),
            or_dash(letter.id()),
            or_dash(key(letter, personal_data).as_deref()),
            // A reason may have lines of its own.
            or_dash(letter.reason().map(|reason| reason.replace('\n', " ")).as_deref()),
        ]
    });
    Ok(output::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())?)
}

pub(super) async fn show(context: &Context, args: &Show) -> Result<(), Failure> {
    let office = Office::open(context, &args.of)?;
    let listing = office.list().await?;
    all_named(&listing.letters, &args.which)?;
    let reader = Reader::new(&office, args.pii.personal_data())?;
    for letter in &listing.letters {
        if args.which.iter().any(|text| names(letter, text)) {
            if context.json() {
                output::json(&reader.json(letter))?;
            } else {
                output::text(reader.text(letter))?;
            }
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
