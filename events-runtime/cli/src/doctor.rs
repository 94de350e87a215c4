//! `doctor`: checks the installation and suggests fixes.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use uuid::Uuid;

use super::args::Doctor;
use super::consume::GROUP_PREFIX;
use super::context::{Context, NONE_LINKED};
use super::failure::{Failure, chain};
use super::output::{self, counted, one_line};
use super::render::format_time;
use events_bus::bus::DeadLetters;
use events_bus::config::{Config, TransportSettings};
use events_core::registry::Registry;
use events_transport as transport;
use events_transport::{
    ErrorKind, GroupStatus, TopicPrefix, TopicStatus, Transport, TransportError, TransportName,
};

/// The name of a transport's first check.
const TRANSPORT: &str = "transport";
/// A `consume` that runs longer is rare.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// The outcome of a check.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Warning,
    Failed,
    /// The check depends on another check that failed.
    Skipped,
}

struct Check {
    name: Cow<'static, str>,
    status: Status,
    details: Vec<String>,
}

impl Check {
    fn new(name: impl Into<Cow<'static, str>>, status: Status, details: Vec<String>) -> Self {
        Self { name: name.into(), status, details }
    }

    fn ok(name: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, vec![detail.into()])
    }

    fn failed(name: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Failed, vec![detail.into()])
    }

    fn skipped(name: &'static str, reason: &str) -> Self {
        Self::new(name, Status::Skipped, vec![format!("not checked: {reason}")])
    }
}

pub(super) async fn run(context: &Context, args: &Doctor) -> Result<(), Failure> {
    let mut checks = Vec::new();
    let registry = check_registry(&mut checks);
    let config = check_config(context, &mut checks);
    check_definitions(registry, &mut checks);
    check_routes(config.as_ref(), registry, &mut checks);
    check_transports(config.as_ref(), &mut checks).await;
    report(context, &checks)?;
    let fails = |check: &Check| match check.status {
        Status::Failed => true,
        Status::Warning => args.strict,
        Status::Ok | Status::Skipped => false,
    };
    if checks.iter().any(fails) { Err(Failure::Reported) } else { Ok(()) }
}

fn check_registry(checks: &mut Vec<Check>) -> Option<&'static Registry> {
    match Registry::linked() {
        Ok(registry) if registry.is_empty() => {
            checks.push(Check::new("registry", Status::Warning, vec![NONE_LINKED.to_owned()]));
            Some(registry)
        }
        Ok(registry) => {
            let verb = if registry.len() == 1 { "is" } else { "are" };
            let count = counted(registry.len(), "event type");
            checks.push(Check::ok("registry", format!("{count} {verb} linked")));
            Some(registry)
        }
        Err(error) => {
            checks.push(Check::failed("registry", chain(&error)));
            None
        }
    }
}

/// Reports the warnings of the linked definitions.
fn check_definitions(registry: Option<&Registry>, checks: &mut Vec<Check>) {
    let details: Vec<_> = registry
        .into_iter()
        .flatten()
        .flat_map(|descriptor| {
            let event_type = descriptor.event_type();
            descriptor.warnings().into_iter().map(move |warning| format!("{event_type}: {warning}"))
        })
        .collect();
    if !details.is_empty() {
        checks.push(Check::new("definitions", Status::Warning, details));
    }
}

fn check_config(context: &Context, checks: &mut Vec<Check>) -> Option<Config> {
    match context.config_without_warnings() {
        Ok(config) => {
            let settings = counted(config.explain().iter().count(), "setting");
            let mut details = vec![format!("{settings}, bus.url is {}", config.bus().url)];
            let notes = config.explain().iter().filter_map(|setting| {
                Some(format!("{} is {}, {}", setting.key, setting.value, setting.note.as_deref()?))
            });
            details.extend(notes);
            checks.push(Check::new("configuration", Status::Ok, details));
            if !config.warnings().is_empty() {
                let details = config.warnings().iter().map(ToString::to_string).collect();
                checks.push(Check::new("environment", Status::Warning, details));
            }
            if config.service().name.is_none() {
                let detail = "service.name is not set: the source of events is the name of the executable";
                checks.push(Check::new("service", Status::Warning, vec![detail.to_owned()]));
            }
            Some(config)
        }
        Err(error) => {
            let details = error.problems().iter().map(ToString::to_string).collect();
            checks.push(Check::new("configuration", Status::Failed, details));
            None
        }
    }
}

fn check_routes(config: Option<&Config>, registry: Option<&Registry>, checks: &mut Vec<Check>) {
    const NAME: &str = "expected types and routes";
    let (Some(config), Some(registry)) = (config, registry) else {
        checks.push(Check::skipped(NAME, "requires a valid registry and configuration"));
        return;
    };
    match config.check(registry) {
        Ok(resolved) if resolved.routes.is_empty() => {
            let detail = "no route is enabled: events stay in the process that emits them".to_owned();
            checks.push(Check::new(NAME, Status::Warning, vec![detail]));
        }
        Ok(resolved) => {
            let details = resolved.routes.iter().map(|route| {
                let on = route.transport.named().map(|name| format!(" on {name}")).unwrap_or_default();
                let key = route.key.as_ref().map(|key| format!(" with key {key}")).unwrap_or_default();
                format!("{} is sent to {}{on}{key}", route.event_type, route.topic)
            });
            checks.push(Check::new(NAME, Status::Ok, details.collect()));
        }
        Err(error) => {
            let details = error.problems().iter().map(ToString::to_string).collect();
            checks.push(Check::new(NAME, Status::Failed, details));
        }
    }
}

async fn check_transports(config: Option<&Config>, checks: &mut Vec<Check>) {
    let Some(config) = config else {
        checks.push(Check::skipped(TRANSPORT, "requires a valid configuration"));
        return;
    };
    if let Ok(settings) = config.transport(TransportName::DEFAULT) {
        check_transport(config, &settings, None, checks).await;
    }
    for (name, settings) in config.transports() {
        check_transport(config, settings, Some(name.as_str()), checks).await;
    }
}

/// Checks one transport; that of `[bus]` has no name.
async fn check_transport(
    config: &Config,
    settings: &TransportSettings,
    transport_name: Option<&str>,
    checks: &mut Vec<Check>,
) {
    let suffix = transport_name.map(|name| format!(" of `{name}`")).unwrap_or_default();
    let url = transport_name.map_or_else(|| "bus.url".to_owned(), |name| format!("transports.{name}.url"));
    let name = format!("{TRANSPORT}{suffix}");
    let options = match config.connect_options_of(settings) {
        Ok(options) => options,
        Err(error) => {
            checks.push(Check::failed(name, chain(&error)));
            return;
        }
    };
    let inspected = match transport::connect(settings.url.expose(), &options) {
        Ok(transport) => inspect(&*transport, config.service().topic_prefix.as_ref(), transport_name).await,
        Err(error) => Err(error),
    };
    match inspected {
        Ok(found) => checks.extend(
            found.into_iter().map(|check| Check { name: format!("{}{suffix}", check.name).into(), ..check }),
        ),
        Err(error) => {
            let details = [Some(chain(&error)), advice(error.kind(), settings.url.scheme(), &url)];
            checks.push(Check::new(name, Status::Failed, details.into_iter().flatten().collect()));
        }
    }
}

async fn inspect(
    transport: &dyn Transport,
    prefix: Option<&TopicPrefix>,
    name: Option<&str>,
) -> Result<Vec<Check>, TransportError> {
    let health = transport.check().await?;
    let mut details = vec![format!("{} is readable and writable", transport.url())];
    details.extend(health.facts.iter().map(|(name, value)| format!("{name}: {}", one_line(value))));
    let mut checks = vec![Check::new(TRANSPORT, Status::Ok, details)];
    let warnings = health.facts.iter().filter(|(name, _)| health.warnings.contains(name));
    let warnings: Vec<_> = warnings.map(|(name, value)| format!("{name}: {}", one_line(value))).collect();
    if !warnings.is_empty() {
        checks.push(Check::new("durability", Status::Warning, warnings));
    }
    let mut details = Vec::new();
    let mut topics = Vec::new();
    for topic in transport.topics().await? {
        details.push(format!("{}: {}", topic.topic, counted(topic.messages, "stored message")));
        let groups = transport.groups(&topic.topic).await?;
        for group in &groups {
            details.push(format!(
                "{} / {}: {} unsettled, {} in flight, {} waiting",
                topic.topic, group.group, group.lag, group.in_flight, group.waiting
            ));
        }
        topics.push((topic, groups));
    }
    if !details.is_empty() {
        checks.push(Check::new("topics and groups", Status::Ok, details));
    }
    let dead_letters = describe_dead_letters(&topics, prefix, name);
    if !dead_letters.is_empty() {
        checks.push(Check::new("dead letters", Status::Warning, dead_letters));
    }
    let abandoned = describe_abandoned(&topics, prefix, name, SystemTime::now());
    if !abandoned.is_empty() {
        checks.push(Check::new("temporary groups", Status::Warning, abandoned));
    }
    Ok(checks)
}

/// One line for each group that a killed `consume` may have left, with the command that removes it.
fn describe_abandoned(
    topics: &[(TopicStatus, Vec<GroupStatus>)],
    prefix: Option<&TopicPrefix>,
    transport: Option<&str>,
    now: SystemTime,
) -> Vec<String> {
    let transport = transport.map(|name| format!(" --transport {name}")).unwrap_or_default();
    let groups =
        topics.iter().flat_map(|(status, groups)| groups.iter().map(move |group| (&status.topic, group)));
    let abandoned = groups.filter_map(|(topic, GroupStatus { group, .. })| {
        let created = created(group.as_str())?;
        if now.duration_since(created).unwrap_or_default() < ABANDONED {
            return None;
        }
        let base = topic.without_prefix(prefix).unwrap_or_else(|| topic.clone());
        Some(format!(
            "{topic} / {group}: created by `consume` at {}; unless it still runs, remove the group with `offsets \
             remove --topic {base} --group {group} --yes{transport}`",
            format_time(created)
        ))
    });
    abandoned.collect()
}

/// When `consume` created a group, if it is a temporary one.
fn created(group: &str) -> Option<SystemTime> {
    let id = Uuid::try_parse(group.strip_prefix(GROUP_PREFIX)?).ok()?;
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos))
}

/// One line for each topic with unprocessed dead letters, with the commands for them.
fn describe_dead_letters(
    topics: &[(TopicStatus, Vec<GroupStatus>)],
    prefix: Option<&TopicPrefix>,
    transport: Option<&str>,
) -> Vec<String> {
    let transport = transport.map(|name| format!(" --transport {name}")).unwrap_or_default();
    let mut details = Vec::new();
    for (status, groups) in topics {
        let name = status.topic.as_str();
        let tool = groups.iter().find(|group| group.group.as_str() == DeadLetters::GROUP);
        // Without that group, no dead letter has been processed.
        let count = tool.map_or(status.messages, |group| group.lag);
        if count == 0 || name.strip_suffix(".dlq").is_none() {
            continue;
        }
        let origin = topics.iter().find_map(|(origin, groups)| {
            let is_origin = |group: &&GroupStatus| {
                origin.topic.dead_letter(&group.group).is_ok_and(|topic| topic == status.topic)
            };
            Some((&origin.topic, &groups.iter().find(is_origin)?.group))
        });
        let list = match origin {
            Some((topic, group)) => {
                let topic = topic.without_prefix(prefix).unwrap_or_else(|| topic.clone());
                format!("`dlq list --topic {topic} --group {group}{transport}`")
            }
            None => "`dlq list` and the topic and group they come from".to_owned(),
        };
        let count = counted(count, "dead letter");
        details.push(format!("{name}: {count}; list with {list}, then use `dlq retry` or `dlq drop`"));
    }
    details
}

/// A fix that the error itself does not name.
fn advice(kind: ErrorKind, scheme: &str, url: &str) -> Option<String> {
    // Advice about files and folders does not apply to servers, whose errors name their own fix.
    let is_file = scheme == "sqlite";
    let fix = match kind {
        ErrorKind::Invalid => {
            return Some(format!("correct `{url}`; `config explain` shows where it is set"));
        }
        // The error of a file names the fix.
        ErrorKind::Unavailable if is_file => return None,
        ErrorKind::Unavailable => "check that the store is running and reachable from this machine",
        ErrorKind::Locked => "find the process that locks the store, or raise the lock timeout",
        ErrorKind::Full => "free disk space, or reduce retention: `retain_age`, `retain_count`",
        ErrorKind::ReadOnly | ErrorKind::Permission if is_file => {
            "grant this user write permission on the store and its folder"
        }
        ErrorKind::Corrupt if is_file => "move the store away and restore a backup",
        ErrorKind::Version => "use the version of this program that wrote the store",
        _ => return None,
    };
    Some(fix.to_owned())
}

fn report(context: &Context, checks: &[Check]) -> Result<(), Failure> {
    let label = |status| match status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Failed => "failed",
        Status::Skipped => "skipped",
    };
    if context.json() {
        let list = checks.iter().map(
            |check| json!({ "check": check.name, "verdict": label(check.status), "details": check.details }),
        );
        return Ok(output::json_pretty(&list.collect::<Value>())?);
    }
    for check in checks {
        output::line(format_args!("{:8} {}", label(check.status), check.name))?;
        for line in check.details.iter().flat_map(|detail| detail.lines()) {
            output::line(format_args!("           {line}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use events_core::PublicSignal;

    #[derive(PublicSignal)]
    #[public_signal(event_type = "org.openedx.tests.doctor.asked.v1", profile = "openedx")]
    struct DoctorAsked {
        question: String,
    }

    #[test]
    fn definitions_that_python_rejects_are_a_warning() {
        let registry = Registry::builder().register::<DoctorAsked>().build().expect("one event");
        let mut checks = Vec::new();
        check_definitions(Some(Box::leak(Box::new(registry))), &mut checks);
        let [check] = checks.as_slice() else { panic!("{} checks", checks.len()) };
        assert!(check.status == Status::Warning);
        let warning = "org.openedx.tests.doctor.asked.v1: Python refuses the event where `question` is empty";
        assert!(check.details.iter().any(|detail| detail.starts_with(warning)), "{:?}", check.details);
    }

    #[test]
    fn file_permissions_are_advised_only_for_files() {
        for kind in [ErrorKind::Permission, ErrorKind::ReadOnly, ErrorKind::Corrupt] {
            assert!(advice(kind, "sqlite", "bus.url").is_some());
            assert_eq!(advice(kind, "rediss", "bus.url"), None);
        }
    }

    #[test]
    fn groups_of_a_killed_consume_are_a_warning_with_the_command_that_removes_them() {
        let group = format!("{GROUP_PREFIX}{}", Uuid::now_v7());
        let names = [group.as_str(), "consume.billing", "billing"];
        let groups = names.map(|name| {
            GroupStatus::new(events_transport::ConsumerGroup::new(name).expect("a valid name"), 0, 0, 0)
        });
        let topic = events_transport::Topic::new("dev-orders").expect("a valid name");
        let topics = [(TopicStatus::new(topic, 0, None, None), groups.to_vec())];
        let prefix = TopicPrefix::new("dev").expect("a valid prefix");
        let at = |now| describe_abandoned(&topics, Some(&prefix), Some("audit"), now);
        assert_eq!(at(SystemTime::now()), [] as [String; 0], "it may be running");
        let later = at(SystemTime::now() + 2 * ABANDONED);
        let [line] = later.as_slice() else { panic!("{later:?}") };
        let command = format!("`offsets remove --topic orders --group {group} --yes --transport audit`");
        assert!(line.contains(&command), "{line}");
    }

    #[test]
    fn definitions_without_warnings_are_not_reported() {
        let registry = Registry::builder().build().expect("no event");
        let mut checks = Vec::new();
        check_definitions(Some(Box::leak(Box::new(registry))), &mut checks);
        assert!(checks.is_empty());
    }
}
