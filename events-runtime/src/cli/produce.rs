//! `produce`: the whole way of an event, from JSON to the transport.

use std::fmt::Write as _;
use std::io::Read as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::Produce;
use super::context::{Context, descriptor, named};
use super::failure::{Failure, chain};
use super::output;
use crate::avro::json::from_json;
use crate::private::Profile;
use crate::registry::Descriptor;
use crate::signal::TopicOutcome;
use crate::transport::Topic;
use crate::{Config, EmitOptions, EventBus, Hub};
use events_core::internal::{new_id, new_openedx_id};
use events_schema::packed::json::without_bom;

pub(super) async fn run(context: &Context, args: &Produce) -> Result<(), Failure> {
    // The command line can't be without them.
    let (event_type, data) = args.event_type.as_deref().zip(args.data.as_deref()).unwrap_or_default();
    let descriptor = descriptor(event_type)?;
    for topic in &args.topics {
        named(Topic::new(topic.as_str()))?;
    }
    let datum = datum(descriptor, data)?;
    let config = context.config_with(|builder| match overlay(context, event_type, args) {
        Some(routes) => builder.toml("--topic", routes),
        None => builder,
    })?;
    routed(&config, descriptor)?;

    // A hub of its own: the program's receivers are not part of sending.
    let hub = Hub::new();
    let bus = EventBus::builder().config(config).hub(hub.clone()).start().await?;
    let id = args.id.unwrap_or_else(|| match descriptor.get().profile {
        Profile::OpenEdx => new_openedx_id(),
        _ => new_id(Timestamp::now()),
    });
    let emission = (descriptor.get().emit_new)(&hub, EmitOptions::new().id(id), &datum)
        // The schema allows it, the Rust type does not: 300 in a `u8`.
        .map_err(|error| {
            Failure::Usage(format!("the JSON does not fit `{}`: {error}", descriptor.rust_type()))
        })?;
    let sent = bus.shutdown(args.timeout).await;
    let delivered = emission.delivered().await;
    let topics = match &delivered {
        Ok(delivered) => delivered.topics(),
        Err(error) => error.topics(),
    };
    report(context, &id.to_string(), topics)?;
    if delivered.is_err() {
        return match sent {
            Err(error) => {
                let url = bus.transport().url();
                Err(Failure::failed(format!("{error}; `doctor` tells whether `{url}` can be reached")))
            }
            Ok(()) => Err(Failure::Said),
        };
    }
    Ok(())
}

/// What an argument says: itself, a file's text or standard input's.
pub(super) fn text(argument: &str) -> Result<String, Failure> {
    match argument.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Failure::failed(format!("`{path}` can't be read: {error}"))),
        None if argument == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            Ok(text)
        }
        None => Ok(argument.to_owned()),
    }
}

/// The datum of the JSON that was given.
fn datum(descriptor: Descriptor, data: &str) -> Result<Vec<u8>, Failure> {
    let text = text(data)?;
    let value: Value = serde_json::from_str(without_bom(&text))
        .map_err(|error| Failure::Usage(format!("`--data` is no JSON: {error}")))?;
    from_json(descriptor.schema(), &value).map_err(|faults| Failure::Usage(faults.to_string()))
}

/// Routes to the topics of `--topic` and to no others.
fn overlay(context: &Context, event_type: &str, args: &Produce) -> Option<String> {
    if args.topics.is_empty() {
        return None;
    }
    let quoted = |name: &str| Value::from(name).to_string();
    let configured = context.config().ok();
    let others = configured.iter().flat_map(Config::routes).filter(|route| {
        route.event_type == event_type && !args.topics.iter().any(|topic| topic == route.topic.as_str())
    });
    let mut text = format!("[routes.{}]\n", quoted(event_type));
    for (topic, enabled) in others
        .map(|route| (route.topic.as_str(), false))
        .chain(args.topics.iter().map(|topic| (topic.as_str(), true)))
    {
        let _ = writeln!(text, "{} = {{ enabled = {enabled} }}", quoted(topic));
    }
    Some(text)
}

fn routed(config: &Config, descriptor: Descriptor) -> Result<(), Failure> {
    let event_type = descriptor.event_type();
    if config.routes().iter().any(|route| route.enabled && route.event_type == event_type) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "no topic takes `{event_type}`: name one with `--topic`, or route it in events.toml: [routes.\"{event_type}\"]"
    )))
}

fn report(context: &Context, id: &str, topics: &[TopicOutcome]) -> Result<(), Failure> {
    if context.json() {
        let topics = topics.iter().map(|outcome| match outcome.result() {
            Ok(position) => json!({ "topic": outcome.topic(), "position": position }),
            Err(error) => json!({ "topic": outcome.topic(), "error": chain(error) }),
        });
        return Ok(output::json(&json!({ "id": id, "topics": topics.collect::<Value>() }))?);
    }
    for outcome in topics {
        match outcome.result() {
            Ok(position) => output::line(format_args!("sent {id} to {} at {position}", outcome.topic()))?,
            Err(error) => {
                output::tell(format_args!("error: {id} did not reach {}: {}", outcome.topic(), chain(error)));
            }
        }
    }
    Ok(())
}
