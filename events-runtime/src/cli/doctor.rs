//! `doctor`: one check after the other, each with what to do when it fails.

use serde_json::{Value, json};

use super::args::Doctor;
use super::context::Context;
use super::failure::{Failure, chain};
use super::output::{self, one_line};
use crate::bus::DeadLetters;
use crate::config::Config;
use crate::registry::Registry;
use crate::transport::{self, ErrorKind, GroupStatus, TopicPrefix, TopicStatus, Transport, TransportError};

/// How a check went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Suspicious,
    Bad,
    /// It depends on one that went bad.
    Skipped,
}

struct Check {
    what: &'static str,
    verdict: Verdict,
    details: Vec<String>,
}

impl Check {
    fn new(what: &'static str, verdict: Verdict, details: Vec<String>) -> Self {
        Self { what, verdict, details }
    }

    fn good(what: &'static str, detail: impl Into<String>) -> Self {
        Self::new(what, Verdict::Good, vec![detail.into()])
    }

    fn bad(what: &'static str, detail: impl Into<String>) -> Self {
        Self::new(what, Verdict::Bad, vec![detail.into()])
    }

    fn skipped(what: &'static str, because: &str) -> Self {
        Self::new(what, Verdict::Skipped, vec![format!("not checked: {because}")])
    }
}

pub(super) async fn run(context: &Context, args: &Doctor) -> Result<(), Failure> {
    let mut checks = Vec::new();
    let registry = registry(&mut checks);
    let config = configuration(context, &mut checks);
    warnings(registry, &mut checks);
    routes(config.as_ref(), registry, &mut checks);
    transport(config.as_ref(), &mut checks).await;
    report(context, &checks)?;
    let fails = |check: &Check| match check.verdict {
        Verdict::Bad => true,
        Verdict::Suspicious => args.strict,
        Verdict::Good | Verdict::Skipped => false,
    };
    if checks.iter().any(fails) { Err(Failure::Said) } else { Ok(()) }
}

fn registry(checks: &mut Vec<Check>) -> Option<&'static Registry> {
    match Registry::linked() {
        Ok(registry) if registry.is_empty() => {
            let detail =
                "no event type is linked: name the crates that define them with `events_runtime::link!`";
            checks.push(Check::new("registry", Verdict::Suspicious, vec![detail.to_owned()]));
            Some(registry)
        }
        Ok(registry) => {
            checks.push(Check::good("registry", format!("{} event types are linked", registry.len())));
            Some(registry)
        }
        Err(error) => {
            checks.push(Check::bad("registry", chain(&error)));
            None
        }
    }
}

/// What the definitions themselves warn of.
fn warnings(registry: Option<&Registry>, checks: &mut Vec<Check>) {
    let details: Vec<_> = registry
        .into_iter()
        .flatten()
        .flat_map(|descriptor| {
            let event_type = descriptor.event_type();
            descriptor.warnings().into_iter().map(move |warning| format!("{event_type}: {warning}"))
        })
        .collect();
    if !details.is_empty() {
        checks.push(Check::new("definitions", Verdict::Suspicious, details));
    }
}

fn configuration(context: &Context, checks: &mut Vec<Check>) -> Option<Config> {
    match context.config_unwarned() {
        Ok(config) => {
            let settings = config.explain().iter().count();
            let mut details = vec![format!("{settings} settings, the bus is {}", config.bus().url)];
            let notes = config.explain().iter().filter_map(|setting| {
                Some(format!("{} is {}, {}", setting.key, setting.value, setting.note.as_deref()?))
            });
            details.extend(notes);
            checks.push(Check::new("configuration", Verdict::Good, details));
            if !config.warnings().is_empty() {
                let details = config.warnings().iter().map(ToString::to_string).collect();
                checks.push(Check::new("environment", Verdict::Suspicious, details));
            }
            if config.service().name.is_none() {
                let detail = "service.name is not set: events are emitted in the name of the program's file";
                checks.push(Check::new("service", Verdict::Suspicious, vec![detail.to_owned()]));
            }
            Some(config)
        }
        Err(error) => {
            let details = error.problems().iter().map(ToString::to_string).collect();
            checks.push(Check::new("configuration", Verdict::Bad, details));
            None
        }
    }
}

fn routes(config: Option<&Config>, registry: Option<&Registry>, checks: &mut Vec<Check>) {
    const WHAT: &str = "expected types and routes";
    let (Some(config), Some(registry)) = (config, registry) else {
        checks.push(Check::skipped(WHAT, "it needs a registry and a configuration"));
        return;
    };
    match config.check(registry) {
        Ok(resolved) if resolved.routes.is_empty() => {
            let detail = "no route is enabled: events stay in the process that emits them".to_owned();
            checks.push(Check::new(WHAT, Verdict::Suspicious, vec![detail]));
        }
        Ok(resolved) => {
            let details = resolved.routes.iter().map(|route| match &route.key {
                Some(key) => format!("{} goes to {} with key {key}", route.event_type, route.topic),
                None => format!("{} goes to {}", route.event_type, route.topic),
            });
            checks.push(Check::new(WHAT, Verdict::Good, details.collect()));
        }
        Err(error) => {
            let details = error.problems().iter().map(ToString::to_string).collect();
            checks.push(Check::new(WHAT, Verdict::Bad, details));
        }
    }
}

async fn transport(config: Option<&Config>, checks: &mut Vec<Check>) {
    const WHAT: &str = "transport";
    let Some(config) = config else {
        checks.push(Check::skipped(WHAT, "it needs a configuration"));
        return;
    };
    let options = match config.connect_options() {
        Ok(options) => options,
        Err(error) => {
            checks.push(Check::bad(WHAT, chain(&error)));
            return;
        }
    };
    let looked = match transport::connect(config.bus().url.expose(), &options) {
        Ok(transport) => look(&*transport, config.service().topic_prefix.as_ref()).await,
        Err(error) => Err(error),
    };
    match looked {
        Ok(mut found) => checks.append(&mut found),
        Err(error) => {
            let details =
                [Some(chain(&error)), advice(error.kind(), config.bus().url.scheme()).map(str::to_owned)];
            checks.push(Check::new(WHAT, Verdict::Bad, details.into_iter().flatten().collect()));
        }
    }
}

async fn look(transport: &dyn Transport, prefix: Option<&TopicPrefix>) -> Result<Vec<Check>, TransportError> {
    let health = transport.check().await?;
    let mut details = vec![format!("{} can be read and written", transport.url())];
    details.extend(health.facts.iter().map(|(name, value)| format!("{name}: {}", one_line(value))));
    let mut checks = vec![Check::new("transport", Verdict::Good, details)];
    let doubtful = health.facts.iter().filter(|(name, _)| health.warnings.contains(name));
    let doubtful: Vec<_> = doubtful.map(|(name, value)| format!("{name}: {}", one_line(value))).collect();
    if !doubtful.is_empty() {
        checks.push(Check::new("durability", Verdict::Suspicious, doubtful));
    }
    let mut details = Vec::new();
    let mut found = Vec::new();
    for topic in transport.topics().await? {
        details.push(format!("{}: {} messages held", topic.topic, topic.messages));
        let groups = transport.groups(&topic.topic).await?;
        for group in &groups {
            details.push(format!(
                "{} / {}: {} not settled, {} in flight, {} waiting",
                topic.topic, group.group, group.lag, group.in_flight, group.waiting
            ));
        }
        found.push((topic, groups));
    }
    if !details.is_empty() {
        checks.push(Check::new("topics and groups", Verdict::Good, details));
    }
    let waiting = dead_letters(&found, prefix);
    if !waiting.is_empty() {
        checks.push(Check::new("dead letters", Verdict::Suspicious, waiting));
    }
    Ok(checks)
}

/// The topics where dead letters wait for somebody to deal with them, and how to look at them.
fn dead_letters(found: &[(TopicStatus, Vec<GroupStatus>)], prefix: Option<&TopicPrefix>) -> Vec<String> {
    let mut waiting = Vec::new();
    for (letters, groups) in found {
        let name = letters.topic.as_str();
        let tool = groups.iter().find(|status| status.group.as_str() == DeadLetters::GROUP);
        // Without that group, nobody has dealt with any.
        let count = tool.map_or(letters.messages, |status| status.lag);
        if count == 0 || name.strip_suffix(".dlq").is_none() {
            continue;
        }
        let of = found.iter().find_map(|(origin, groups)| {
            let is_of = |status: &&GroupStatus| {
                origin.topic.dead_letter(&status.group).is_ok_and(|made| made == letters.topic)
            };
            Some((&origin.topic, &groups.iter().find(is_of)?.group))
        });
        let look = match of {
            Some((topic, group)) => {
                let topic = topic.without_prefix(prefix).unwrap_or_else(|| topic.clone());
                format!("`dlq list --topic {topic} --group {group}` shows them")
            }
            None => "`dlq list` shows them, with the topic and the group that gave them up".to_owned(),
        };
        waiting.push(format!("{name}: {count} wait; {look}, `dlq retry` or `dlq drop` deals with them"));
    }
    waiting
}

/// What to do, beyond what the error itself says.
fn advice(kind: ErrorKind, scheme: &str) -> Option<&'static str> {
    // A file and its folder have rights; what to do about a server's refusal, its own error says.
    let is_file = scheme == "sqlite";
    Some(match kind {
        ErrorKind::Invalid => "correct `bus.url`; `config explain` shows where it comes from",
        // What is wrong with a file, its error says.
        ErrorKind::Unavailable if is_file => return None,
        ErrorKind::Unavailable => "see that the store is running and reachable from here",
        ErrorKind::Locked => "find the process that holds the store, or raise its waiting time",
        ErrorKind::Full => "make room, or let topics keep less: `retain_age`, `retain_count`",
        ErrorKind::ReadOnly | ErrorKind::Permission if is_file => {
            "give this user the right to write the store and its folder"
        }
        ErrorKind::Corrupt if is_file => "put the store aside and restore a copy of it",
        ErrorKind::Version => "use the version of this program that wrote the store",
        _ => return None,
    })
}

fn report(context: &Context, checks: &[Check]) -> Result<(), Failure> {
    let word = |verdict| match verdict {
        Verdict::Good => "ok",
        Verdict::Suspicious => "warning",
        Verdict::Bad => "failed",
        Verdict::Skipped => "skipped",
    };
    if context.json() {
        let list = checks.iter().map(
            |check| json!({ "check": check.what, "verdict": word(check.verdict), "details": check.details }),
        );
        return Ok(output::pretty(&list.collect::<Value>())?);
    }
    for check in checks {
        output::line(format_args!("{:8} {}", word(check.verdict), check.what))?;
        for line in check.details.iter().flat_map(|detail| detail.lines()) {
            output::line(format_args!("           {line}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicSignal;

    #[derive(PublicSignal)]
    #[public_signal(event_type = "org.openedx.tests.doctor.asked.v1", profile = "openedx")]
    struct DoctorAsked {
        question: String,
    }

    #[test]
    fn what_python_would_change_is_suspicious() {
        let registry = Registry::builder().register::<DoctorAsked>().build().expect("one event");
        let mut checks = Vec::new();
        warnings(Some(Box::leak(Box::new(registry))), &mut checks);
        let [check] = checks.as_slice() else { panic!("{} checks", checks.len()) };
        assert!(check.verdict == Verdict::Suspicious);
        let said = "org.openedx.tests.doctor.asked.v1: Python refuses the event where `question` is empty";
        assert!(check.details.iter().any(|detail| detail.starts_with(said)), "{:?}", check.details);
    }

    #[test]
    fn rights_on_a_folder_are_advised_where_there_is_a_folder() {
        for kind in [ErrorKind::Permission, ErrorKind::ReadOnly, ErrorKind::Corrupt] {
            assert!(advice(kind, "sqlite").is_some());
            assert_eq!(advice(kind, "rediss"), None);
        }
    }

    #[test]
    fn definitions_without_a_warning_are_not_spoken_of() {
        let registry = Registry::builder().build().expect("no event");
        let mut checks = Vec::new();
        warnings(Some(Box::leak(Box::new(registry))), &mut checks);
        assert!(checks.is_empty());
    }
}
