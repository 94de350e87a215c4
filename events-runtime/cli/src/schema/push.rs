//! `schema push`: registers the published versions of events in the schema registry of a transport.
//!
//! ```text
//! plan      an event and one of its topics ▶ its subject, and what the registry has under it
//! Row       one version: what the registry says, and what this project says
//! push      sets the subject's compatibility, registers the key's schema, then the versions, oldest first
//! ```

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::crate_dir::{CrateDir, LocateError};
use super::locked::LockedEvent;
use super::source::Start;
use crate::args::Push;
use crate::context::{Context, connect, descriptor, linked_registry};
use crate::failure::{Failure, chain};
use crate::output;
use events_bus::config::{KeyPath, ResolvedRoute};
use events_core::avro::{Compatibility, Published, fingerprint};
use events_core::registry::Descriptor;
use events_schema::compat::{Contract, violations};
use events_schema::parse::{pack, without_bom};
use events_schema::view::View;
use events_transport::{
    ErrorKind, KeySchema, RegisteredVersion, SchemaSubjects, SubjectVerdict, Topic, TopicPrefix,
    TransportError,
};

/// What becomes of a schema.
enum Outcome {
    /// The registry has it, as this version.
    Present(u32),
    /// It is registered now, with this id.
    Registered(u32),
    /// The registry would register it.
    Accepted,
    /// The registry refuses it, and why.
    Refused(String),
    /// Events of the type are sent without a frame, so that they need no subject.
    Bare,
    /// It was not looked at, and why.
    Skipped(String),
}

/// A schema and a subject.
struct Row {
    event_type: &'static str,
    /// The minor version; `None` for the key.
    minor: Option<u32>,
    subject: String,
    outcome: Outcome,
    /// Our own objections; none if it is compatible with what the registry has.
    ours: Vec<String>,
    /// The compatibility level before, if it differs from the definition's.
    level: Option<(Option<String>, &'static str)>,
}

/// A published version as it is registered.
struct Locked {
    minor: u32,
    text: String,
    packed: Vec<u8>,
}

/// Registers the published versions of events. With `--check`, only says what the registry would do.
pub(crate) async fn push(context: &Context, args: &Push) -> Result<(), Failure> {
    let config = context.config()?;
    let registry = linked_registry()?;
    let start = args.root.start()?;
    let transport = connect(&config, &args.transport)?;
    let Some(subjects) = transport.subjects() else {
        let message = format!(
            "the transport of {} uses no schema registry: set `registry=http://host:8081` in its URL",
            transport.url()
        );
        return Err(Failure::failed(message));
    };
    let by_name = !args.event_types.is_empty();
    let events: Vec<Descriptor> = if by_name {
        args.event_types.iter().map(|name| descriptor(name)).collect::<Result<_, _>>()?
    } else {
        registry.iter().collect()
    };
    let routes = config.check(registry)?.routes;
    let prefix = config.service().topic_prefix.as_ref();
    let mut rows = Vec::new();
    for event in events {
        let on = |route: &&ResolvedRoute| {
            route.event_type == event.event_type() && route.transport.as_str() == args.transport
        };
        let routes: Vec<_> = routes.iter().filter(on).collect();
        if routes.is_empty() && by_name {
            let reason = "no route sends it to a topic of this transport: add it to `routes`";
            rows.push(skipped(event, reason));
        }
        for route in routes {
            Pushing { subjects, event, route, prefix, args, start: &start }.run(&mut rows).await?;
        }
    }
    report(context, subjects, args, &rows)?;
    let failed = |row: &Row| matches!(&row.outcome, Outcome::Refused(_)) || !row.ours.is_empty();
    if rows.iter().any(failed) { Err(Failure::Reported) } else { Ok(()) }
}

fn skipped(event: Descriptor, reason: &str) -> Row {
    Row {
        event_type: event.event_type(),
        minor: None,
        subject: String::new(),
        outcome: Outcome::Skipped(reason.to_owned()),
        ours: Vec::new(),
        level: None,
    }
}

/// An event in one of its topics.
struct Pushing<'a> {
    subjects: &'a dyn SchemaSubjects,
    event: Descriptor,
    route: &'a ResolvedRoute,
    prefix: Option<&'a TopicPrefix>,
    args: &'a Push,
    start: &'a Start,
}

impl Pushing<'_> {
    async fn run(&self, rows: &mut Vec<Row>) -> Result<(), Failure> {
        let event_type = self.event.event_type();
        let topic =
            self.route.topic.with_prefix(self.prefix).map_err(|error| Failure::Usage(error.to_string()))?;
        let versions = match self.published() {
            Ok(versions) => versions,
            Err(reason) => {
                rows.push(skipped(self.event, &reason));
                return Ok(());
            }
        };
        if self.subjects.is_bare(event_type) {
            let bare = |version: &Locked| self.row(Some(version.minor), String::new(), Outcome::Bare);
            rows.extend(versions.iter().map(bare));
            return Ok(());
        }
        if let Some(key) = self.key() {
            rows.push(self.push_key(&topic, &key).await?);
        }
        let mut leveled = BTreeSet::new();
        let mut existing: Option<(String, Vec<RegisteredVersion>)> = None;
        for version in versions {
            let subject = self.subjects.subject(&topic, event_type, &version.text)?;
            if existing.as_ref().is_none_or(|(name, _)| *name != subject) {
                existing = Some((subject.clone(), self.subjects.versions(&subject).await?));
            }
            let Some((_, registered)) = &mut existing else { continue };
            let mut row = self.row(Some(version.minor), subject.clone(), Outcome::Accepted);
            if leveled.insert(subject.clone()) {
                row.level = self.level(&subject).await?;
            }
            if let Some(same) = registered.iter().find(|it| is_same(&it.text, &version)) {
                row.outcome = Outcome::Present(same.version);
            } else {
                row.ours = self.objections(registered, &version);
                row.outcome = self.push_version(&subject, &version).await?;
                let is_registered = matches!(row.outcome, Outcome::Registered(_));
                if is_registered {
                    let next = registered.last().map_or(1, |last| last.version + 1);
                    registered.push(RegisteredVersion::new(next, 0, version.text.as_str()));
                }
            }
            rows.push(row);
        }
        Ok(())
    }

    fn row(&self, minor: Option<u32>, subject: String, outcome: Outcome) -> Row {
        Row { event_type: self.event.event_type(), minor, subject, outcome, ours: Vec::new(), level: None }
    }

    /// The locked versions, oldest first. The newest has the text with which programs register it.
    fn published(&self) -> Result<Vec<Locked>, String> {
        let crate_dir = match CrateDir::of(self.event, self.start) {
            Ok(crate_dir) => crate_dir,
            Err(error @ LocateError::Foreign { .. }) => {
                return Err(format!("{error}; push it in the repository that defines it"));
            }
            Err(error) => return Err(error.to_string()),
        };
        let locked = LockedEvent::read(self.event, crate_dir)?;
        if let [fault, ..] = locked.faults.as_slice() {
            return Err(fault.to_string());
        }
        if locked.versions.is_empty() {
            return Err(format!(
                "it is not locked: publish it with `schema lock {}`",
                self.event.event_type()
            ));
        }
        let own = pack(self.event.schema_json()).map_err(|error| error.to_string())?;
        let text = |version: &events_schema::versions::Version| {
            let text = if version.schema.bytes == own.bytes {
                self.event.schema_json().to_owned()
            } else {
                let file = fs::read_to_string(&version.path).map_err(|error| error.to_string())?;
                let schema: Value =
                    serde_json::from_str(without_bom(&file)).map_err(|error| error.to_string())?;
                schema.to_string()
            };
            Ok(Locked { minor: version.minor, text, packed: version.schema.bytes.clone() })
        };
        locked.versions.iter().map(text).collect()
    }

    fn key(&self) -> Option<KeySchema> {
        match &self.route.key {
            Some(path) => path.key_schema(),
            None => KeyPath::of_definition(self.event.get()),
        }
    }

    async fn push_key(&self, topic: &Topic, key: &KeySchema) -> Result<Row, Failure> {
        let (subject, text) = self.subjects.key_subject(topic, self.event.event_type(), key);
        let registered = self.subjects.versions(&subject).await?;
        let outcome = match registered.iter().find(|version| version.text == text) {
            Some(version) => Outcome::Present(version.version),
            None => self.offer(&subject, &text).await?,
        };
        Ok(self.row(None, subject, outcome))
    }

    /// Sets the subject's level. Returns the level before and the definition's, if they differ.
    async fn level(&self, subject: &str) -> Result<Option<(Option<String>, &'static str)>, Failure> {
        let wanted = level_of(self.event.compatibility());
        let found = self.subjects.level(subject).await?;
        if found.as_deref() == Some(wanted) {
            return Ok(None);
        }
        if !self.args.check {
            self.subjects.set_level(subject, wanted).await?;
        }
        Ok(Some((found, wanted)))
    }

    async fn push_version(&self, subject: &str, version: &Locked) -> Result<Outcome, Failure> {
        let outcome = self.offer(subject, &version.text).await?;
        let name = subject_name(&version.text);
        Ok(match (outcome, name.filter(|name| !is_avro_name(name))) {
            // Registries check the names of a schema only when they register it.
            (Outcome::Accepted, Some(name)) => Outcome::Refused(bare_hint(
                self.event.event_type(),
                &format!(
                    "registries on Java Avro 1.12 refuse the name `{name}`, which is no valid name of Avro"
                ),
            )),
            (Outcome::Refused(reason), Some(_)) => {
                Outcome::Refused(bare_hint(self.event.event_type(), &reason))
            }
            (outcome, _) => outcome,
        })
    }

    /// Registers a schema, or asks whether the registry would.
    async fn offer(&self, subject: &str, text: &str) -> Result<Outcome, TransportError> {
        let verdict = self.subjects.check(subject, text).await?;
        let refused = match verdict {
            SubjectVerdict::Accepted if self.args.check => return Ok(Outcome::Accepted),
            SubjectVerdict::Accepted => match self.subjects.register(subject, text).await {
                Ok(id) => return Ok(Outcome::Registered(id)),
                Err(error) if error.kind() == ErrorKind::Refused => chain(&error),
                Err(error) => return Err(error),
            },
            SubjectVerdict::Incompatible(reasons) if reasons.is_empty() => {
                "not compatible with a registered version; the registry gives no reason".to_owned()
            }
            SubjectVerdict::Incompatible(reasons) => {
                format!("not compatible with a registered version: {}", reasons.join("; "))
            }
            SubjectVerdict::Invalid(reason) => reason,
            _ => "the registry gives an unknown verdict".to_owned(),
        };
        Ok(Outcome::Refused(refused))
    }

    /// What this project says of a version beside those that are registered.
    fn objections(&self, registered: &[RegisteredVersion], version: &Locked) -> Vec<String> {
        let schemas = self.event.get().schemas;
        let published: Vec<Published> = registered
            .iter()
            .filter_map(|registered| {
                let packed = pack(&registered.text).ok()?;
                Some(Published {
                    minor_version: registered.version,
                    fingerprint: fingerprint(&packed.canonical),
                    packed: packed.bytes.leak(),
                })
            })
            .collect();
        let contract = Contract {
            event_type: self.event.event_type(),
            next: schemas.next,
            compatibility: schemas.compatibility,
            schema: self.event.schema(),
            published: published.leak(),
            form: schemas.form,
        };
        violations(&contract, View::packed(&version.packed))
    }
}

fn is_same(registered: &str, version: &Locked) -> bool {
    pack(registered).is_ok_and(|packed| packed.bytes == version.packed)
}

/// The level that makes the promises of a definition to all versions.
const fn level_of(compatibility: Compatibility) -> &'static str {
    match compatibility {
        Compatibility::Full => "FULL_TRANSITIVE",
        Compatibility::Backward => "BACKWARD_TRANSITIVE",
        Compatibility::Forward | Compatibility::OpenEdx => "FORWARD_TRANSITIVE",
        Compatibility::None => "NONE",
    }
}

fn bare_hint(event_type: &str, reason: &str) -> String {
    format!("{reason}; add `registry_bare={event_type}` to the URL to send this event type without a frame")
}

/// The full name of a schema's record.
fn subject_name(text: &str) -> Option<String> {
    let schema: Value = serde_json::from_str(text).ok()?;
    let (name, namespace) = (schema.get("name")?.as_str()?, schema.get("namespace").and_then(Value::as_str));
    Some(namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}.{name}")))
}

/// Whether each part of a full name begins with a letter and has letters, digits and underscores.
fn is_avro_name(name: &str) -> bool {
    name.split('.').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn report(
    context: &Context,
    subjects: &dyn SchemaSubjects,
    args: &Push,
    rows: &[Row],
) -> Result<(), Failure> {
    if context.json() {
        let rows = rows.iter().map(|row| {
            let (outcome, detail) = row.outcome.describe();
            json!({
                "event_type": row.event_type,
                "minor_version": row.minor,
                "is_key": row.minor.is_none() && !row.subject.is_empty(),
                "subject": row.subject,
                "registry": outcome,
                "reason": detail,
                "objections": row.ours,
                "level": row.level.as_ref().map(|(found, wanted)| json!({ "found": found, "wanted": wanted })),
            })
        });
        return Ok(output::json_pretty(&rows.collect())?);
    }
    if rows.is_empty() {
        output::eprint(format_args!(
            "no event type has a route to this transport; the registry is {}",
            subjects.url()
        ));
        return Ok(());
    }
    let head = ["EVENT TYPE", "VERSION", "SUBJECT", "REGISTRY", "COMPATIBLE"].map(str::to_owned);
    let table = rows.iter().map(|row| {
        [
            row.event_type.to_owned(),
            match row.minor {
                Some(minor) => minor.to_string(),
                None if row.subject.is_empty() => "-".to_owned(),
                None => "key".to_owned(),
            },
            if row.subject.is_empty() { "-".to_owned() } else { row.subject.clone() },
            row.outcome.label(),
            match (&row.outcome, row.minor) {
                (Outcome::Bare | Outcome::Skipped(_), _) | (_, None) => "-",
                _ if row.ours.is_empty() => "yes",
                _ => "no",
            }
            .to_owned(),
        ]
    });
    output::table(&std::iter::once(head).chain(table).collect::<Vec<_>>())?;
    for row in rows {
        let (event_type, version) = (row.event_type, row.minor.map(|minor| format!(" version {minor}")));
        let of = format!("{event_type}{}", version.unwrap_or_default());
        if let Some((found, wanted)) = &row.level {
            let found = found.as_deref().unwrap_or("no level of its own");
            let verb = if args.check { "would be set" } else { "is set" };
            output::eprint(format_args!("note: `{}` {verb} to {wanted}; it had {found}", row.subject));
        }
        match &row.outcome {
            Outcome::Refused(reason) => {
                output::eprint(format_args!("error: {of}: the registry refuses it: {reason}"));
            }
            Outcome::Skipped(reason) => output::eprint(format_args!("warning: {of} is skipped: {reason}")),
            _ => {}
        }
        for objection in &row.ours {
            output::eprint(format_args!("error: {of}: {objection}"));
        }
    }
    Ok(())
}

impl Outcome {
    /// A word for programs, and the reason.
    fn describe(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Present(_) => ("present", None),
            Self::Registered(_) => ("registered", None),
            Self::Accepted => ("accepts", None),
            Self::Refused(reason) => ("refuses", Some(reason)),
            Self::Bare => ("bare", None),
            Self::Skipped(reason) => ("skipped", Some(reason)),
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Present(version) => format!("version {version}"),
            Self::Registered(id) => format!("registered, id {id}"),
            Self::Bare => "none: sent without a frame".to_owned(),
            _ => self.describe().0.to_owned(),
        }
    }
}
