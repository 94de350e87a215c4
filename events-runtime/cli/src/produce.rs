//! `produce`: sends an event given as JSON.

use std::fmt::Write as _;
use std::io::Read as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::Produce;
use super::context::{Context, descriptor, valid_name};
use super::failure::{Failure, chain};
use super::output;
use events_bus::bus::EventBus;
use events_bus::config::Config;
use events_core::avro::json::from_json;
use events_core::internal::Profile;
use events_core::internal::{new_id, new_openedx_id};
use events_core::registry::Descriptor;
use events_core::signal::TopicOutcome;
use events_core::{EmitOptions, Hub};
use events_schema::parse::without_bom;
use events_transport::Topic;

pub(super) async fn run(context: &Context, args: &Produce) -> Result<(), Failure> {
    // clap requires both in this mode.
    let (event_type, data) = args.event_type.as_deref().zip(args.data.as_deref()).unwrap_or_default();
    let descriptor = descriptor(event_type)?;
    for topic in &args.topics {
        valid_name(Topic::new(topic.as_str()))?;
    }
    let datum = encode(descriptor, data)?;
    let config = context.config_with(|builder| match override_routes(context, event_type, args) {
        Some(routes) => builder.toml("--topic", routes),
        None => builder,
    })?;
    check_routed(&config, descriptor)?;

    // Uses a separate hub, so that the program's receivers do not run.
    let hub = Hub::new();
    let bus = EventBus::builder().config(config).hub(hub.clone()).start().await?;
    let id = args.id.unwrap_or_else(|| match descriptor.get().profile {
        Profile::OpenEdx => new_openedx_id(),
        _ => new_id(Timestamp::now()),
    });
    let emission = (descriptor.get().emit_new)(&hub, EmitOptions::new().id(id), &datum)
        // A value can match the schema but not the Rust type, such as 300 for a `u8`.
        .map_err(|error| {
            Failure::Usage(format!("the JSON does not match `{}`: {error}", descriptor.rust_type()))
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
                Err(Failure::failed(format!("{error}; run `doctor` to check that `{url}` is reachable")))
            }
            Ok(()) => Err(Failure::Reported),
        };
    }
    Ok(())
}

/// Resolves an argument: `@FILE` reads a file, `-` reads standard input, other text is the value.
pub(super) fn read_argument(argument: &str) -> Result<String, Failure> {
    match argument.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Failure::failed(format!("cannot read `{path}`: {error}"))),
        None if argument == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            Ok(text)
        }
        None => Ok(argument.to_owned()),
    }
}

/// Encodes the JSON of `--data` as an Avro datum.
fn encode(descriptor: Descriptor, data: &str) -> Result<Vec<u8>, Failure> {
    let text = read_argument(data)?;
    let value: Value = serde_json::from_str(without_bom(&text))
        .map_err(|error| Failure::Usage(format!("`--data` is not valid JSON: {error}")))?;
    from_json(descriptor.schema(), &value).map_err(|error| Failure::Usage(error.to_string()))
}

/// Routes as TOML that enable the topics of `--topic` and disable all others.
fn override_routes(context: &Context, event_type: &str, args: &Produce) -> Option<String> {
    if args.topics.is_empty() {
        return None;
    }
    let quoted = |name: &str| Value::from(name).to_string();
    let configured = context.config().ok();
    let others = configured.iter().flat_map(Config::routes).filter(|route| {
        route.event_type == event_type && !args.topics.iter().any(|topic| topic == route.topic.as_str())
    });
    let mut text = format!("[routes.{}]\n", quoted(event_type));
    for route in others {
        let _ = writeln!(text, "{} = {{ enabled = false }}", quoted(route.topic.as_str()));
    }
    let transport = args.transport.as_deref();
    let transport = transport.map(|name| format!(", transport = {}", quoted(name))).unwrap_or_default();
    for topic in &args.topics {
        let _ = writeln!(text, "{} = {{ enabled = true{transport} }}", quoted(topic));
    }
    Some(text)
}

fn check_routed(config: &Config, descriptor: Descriptor) -> Result<(), Failure> {
    let event_type = descriptor.event_type();
    if config.routes().iter().any(|route| route.enabled && route.event_type == event_type) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "no enabled route for `{event_type}`: pass `--topic`, or add [routes.\"{event_type}\"] to events.toml"
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
                output::eprint(format_args!(
                    "error: {id} was not sent to {}: {}",
                    outcome.topic(),
                    chain(error)
                ));
            }
        }
    }
    Ok(())
}
