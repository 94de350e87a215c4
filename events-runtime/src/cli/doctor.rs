//! `doctor`: one check after the other, each with what to do when it fails.

use serde_json::{Value, json};

use super::context::Context;
use super::failure::{Failure, chain};
use super::output;
use crate::config::Config;
use crate::registry::Registry;
use crate::transport::{self, ErrorKind, Transport, TransportError};

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

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let mut checks = Vec::new();
    let registry = registry(&mut checks);
    let config = configuration(context, &mut checks);
    warnings(registry, &mut checks);
    routes(config.as_ref(), registry, &mut checks);
    transport(config.as_ref(), &mut checks).await;
    report(context, &checks)?;
    if checks.iter().any(|check| check.verdict == Verdict::Bad) { Err(Failure::Said) } else { Ok(()) }
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
    match context.config() {
        Ok(config) => {
            let settings = config.explain().iter().count();
            checks.push(Check::good(
                "configuration",
                format!("{settings} settings, the bus is {}", config.bus().url),
            ));
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
        Ok(transport) => look(&*transport).await,
        Err(error) => Err(error),
    };
    match looked {
        Ok(mut found) => checks.append(&mut found),
        Err(error) => {
            let details =
                [Some(chain(&error)), advice(error.kind(), config.bus().url.expose()).map(str::to_owned)];
            checks.push(Check::new(WHAT, Verdict::Bad, details.into_iter().flatten().collect()));
        }
    }
}

async fn look(transport: &dyn Transport) -> Result<Vec<Check>, TransportError> {
    let health = transport.check().await?;
    let mut details = vec![format!("{} can be read and written", transport.url())];
    details.extend(health.facts.iter().map(|(name, value)| format!("{name}: {value}")));
    let mut checks = vec![Check::new("transport", Verdict::Good, details)];
    let mut details = Vec::new();
    for topic in transport.topics().await? {
        details.push(format!("{}: {} messages held", topic.topic, topic.messages));
        for group in transport.groups(&topic.topic).await? {
            details.push(format!(
                "{} / {}: {} not settled, {} in flight, {} waiting",
                topic.topic, group.group, group.lag, group.in_flight, group.waiting
            ));
        }
    }
    if !details.is_empty() {
        checks.push(Check::new("topics and groups", Verdict::Good, details));
    }
    Ok(checks)
}

/// What to do, beyond what the error itself says.
fn advice(kind: ErrorKind, url: &str) -> Option<&'static str> {
    // A file and its folder have rights; what to do about a server's refusal, its own error says.
    let is_file = url.starts_with("sqlite:");
    Some(match kind {
        ErrorKind::Invalid => "correct `bus.url`; `config explain` shows where it comes from",
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
            assert!(advice(kind, "sqlite://events.db").is_some());
            assert_eq!(advice(kind, "rediss://host:6379/0"), None);
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
