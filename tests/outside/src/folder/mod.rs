//! `folder:PATH`: messages as files in a folder. An example of a transport in a crate of its own.
//!
//! ```text
//! PATH/lock                    held by each call, so that processes can share the folder
//! PATH/number                  the last number of a member or a claim
//! PATH/@orders.schemas         the schemas of the topic's writers, as JSON; no topic begins with `@`
//! PATH/orders/last             the number of the topic's last message
//! PATH/orders/1.message        a line of JSON with time, key and headers, then the data
//! PATH/orders/billing.group    the progress of a group, as JSON
//! ```
//!
//! # Differences from the other transports
//! - Files are not synced: messages outlive the process, but not a power failure.
//! - Nothing is trimmed.
//! - A member that is lost costs each message that it held an attempt: no message is isolated.
//! - A waiting consumer looks at the folder every [`POLL`].

mod consumer;
mod group;
mod producer;
mod store;

use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use events_runtime::transport::{
    self, Acknowledgement, BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, ErrorKind,
    GroupStatus, Health, Position, Producer, SchemaId, Scheme, StartPosition, StoredMessage, Subscription,
    Target, Topic, TopicStatus, Transport, TransportError, Trimmed, UrlForm,
};

use self::consumer::FolderConsumer;
use self::group::Group;
use self::producer::FolderProducer;
use self::store::{Locked, Store};

transport::register_scheme! { Scheme::new("folder", UrlForm::Path, open) }

/// How often a waiting consumer looks for messages.
pub const POLL: Duration = Duration::from_millis(5);

fn open(target: &Target<'_>, _: &ConnectOptions) -> Result<Box<dyn Transport>, TransportError> {
    target.only(&[])?;
    if target.path.is_empty() {
        return Err(target.invalid("the path is missing: write `folder:PATH`"));
    }
    let store = Store::open(target.path.as_ref()).map_err(failed("open", &target.shown()))?;
    Ok(Box::new(FolderTransport { url: target.shown().to_owned(), store: Arc::new(store) }))
}

struct FolderTransport {
    url: String,
    store: Arc<Store>,
}

impl FolderTransport {
    /// Runs a call under the lock. The files are local, so no call blocks for long; a transport over a network
    /// awaits its server here.
    fn call<'a, T: Send + 'a>(
        &self,
        operation: &'static str,
        call: impl FnOnce(&Locked) -> io::Result<Result<T, TransportError>>,
    ) -> BoxFuture<'a, Result<T, TransportError>> {
        let result = self.store.lock().and_then(|locked| call(&locked));
        let result = result.map_err(failed(operation, &self.url));
        Box::pin(ready(result.and_then(|result| result)))
    }
}

impl Transport for FolderTransport {
    fn capability(&self) -> Capability {
        let mut capability = Capability::new(Acknowledgement::Lease);
        capability.durable = true;
        capability.shared = true;
        capability.takeover = true;
        capability.counts_attempts = true;
        capability.keeps_delay = true;
        capability.start_at_time = true;
        capability.start_at_position = true;
        capability.seek = true;
        capability.schemas = true;
        capability
    }

    fn url(&self) -> &str {
        &self.url
    }

    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        let producer: Arc<dyn Producer> = Arc::new(FolderProducer { store: Arc::clone(&self.store) });
        Box::pin(ready(Ok(producer)))
    }

    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        Box::pin(async move {
            let consumer: Box<dyn Consumer> = Box::new(FolderConsumer::join(&self.store, &subscription)?);
            Ok(consumer)
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        self.call("check", |store| {
            let facts = vec![("topics", store.topics()?.len().to_string())];
            Ok(Ok(Health::new(facts, Vec::new())))
        })
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        self.call("list the topics of", |store| {
            let mut topics = Vec::new();
            for topic in store.topics()? {
                let last = store.last(&topic)?;
                let position = |number| (last > 0).then_some(Position::Sequence(number));
                topics.push(TopicStatus::new(topic, last, position(1), position(last)));
            }
            Ok(Ok(topics))
        })
    }

    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        const OPERATION: &str = "list the groups of";
        self.call(OPERATION, |store| {
            if !store.has(topic) {
                return Ok(Err(TransportError::no_topic(OPERATION, topic)));
            }
            let last = store.last(topic)?;
            let mut groups = Vec::new();
            for name in store.groups(topic)? {
                let group = store.group(topic, &name)?.unwrap_or_default();
                groups.push(group.status(name, last));
            }
            Ok(Ok(groups))
        })
    }

    fn unsettled<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredMessage>, TransportError>> {
        const OPERATION: &str = "look into";
        self.call(OPERATION, |store| {
            if !store.has(topic) {
                return Ok(Err(TransportError::no_topic(OPERATION, topic)));
            }
            let first = match after {
                None => 1,
                Some(Position::Sequence(number)) => number.saturating_add(1),
                Some(position) => return Ok(Err(foreign(OPERATION, topic, position))),
            };
            let group = store.group(topic, group)?.unwrap_or_default();
            let unsettled = (first..=store.last(topic)?).filter(|number| group.is_unsettled(*number));
            let read = |number| {
                let (message, time) = store.read(topic, number)?;
                Ok(StoredMessage::new(message, Position::Sequence(number), time))
            };
            unsettled.take(max).map(read).collect::<io::Result<_>>().map(Ok)
        })
    }

    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        const OPERATION: &str = "move a group on";
        self.call(OPERATION, |store| {
            if !store.has(topic) {
                return Ok(Err(TransportError::no_topic(OPERATION, topic)));
            }
            match offset(store, OPERATION, topic, &start)? {
                Ok(offset) => store.save(topic, group, &Group::at(offset)).map(Ok),
                Err(error) => Ok(Err(error)),
            }
        })
    }

    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        const OPERATION: &str = "remove a group from";
        self.call(OPERATION, |store| {
            if !store.has(topic) {
                return Ok(Err(TransportError::no_topic(OPERATION, topic)));
            }
            let removed = store.remove(topic, group)?;
            Ok(if removed { Ok(()) } else { Err(TransportError::no_group(OPERATION, topic, group)) })
        })
    }

    fn store_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        self.call("store a schema in", |store| {
            if let Err(error) = schema.check_text(topic, text) {
                return Ok(Err(error));
            }
            let mut schemas = store.schemas(topic)?;
            let of_type = schemas.entry(schema.event_type().to_owned()).or_default();
            let _replaced = of_type.insert(schema.fingerprint(), text.to_owned());
            store.save_schemas(topic, &schemas).map(Ok)
        })
    }

    fn schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
    ) -> BoxFuture<'a, Result<Option<String>, TransportError>> {
        self.call("read a schema of", |store| {
            let schemas = store.schemas(topic)?;
            let of_type = schemas.get(schema.event_type());
            let text = of_type.and_then(|of_type| of_type.get(&schema.fingerprint()));
            Ok(Ok(text.filter(|text| text.len() <= SchemaId::TEXT_MAX).cloned()))
        })
    }

    fn schemas<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<SchemaId>, TransportError>> {
        self.call("list the schemas of", |store| {
            let schemas = store.schemas(topic)?;
            let ids = schemas.iter().flat_map(|(event_type, of_type)| {
                of_type.keys().map(|fingerprint| SchemaId::new(event_type.as_str(), *fingerprint))
            });
            Ok(Ok(ids.take(SchemaId::LISTED_MAX).collect()))
        })
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        let message = "`folder:` keeps all messages; remove the folder";
        let error = TransportError::new(ErrorKind::Unsupported, "trim", &self.url, message);
        Box::pin(ready(Err(error)))
    }
}

/// The number of the last message before a start position.
fn offset(
    store: &Locked,
    operation: &'static str,
    topic: &Topic,
    start: &StartPosition,
) -> io::Result<Result<u64, TransportError>> {
    let last = store.last(topic)?;
    Ok(Ok(match start {
        StartPosition::Earliest => 0,
        StartPosition::Latest => last,
        StartPosition::At(Position::Sequence(number)) => number.saturating_sub(1).min(last),
        StartPosition::Time(time) => {
            // Files have milliseconds.
            let mut offset = 0;
            while offset < last && millis(store.read(topic, offset + 1)?.1) < millis(*time) {
                offset += 1;
            }
            offset
        }
        StartPosition::At(position) => return Ok(Err(foreign(operation, topic, *position))),
        _ => {
            let message = "`folder:` does not know this start position";
            return Ok(Err(TransportError::new(ErrorKind::Unsupported, operation, topic, message)));
        }
    }))
}

fn foreign(operation: &'static str, topic: &Topic, position: Position) -> TransportError {
    let message = format!("`{position}` is no position of `folder:`: write a number such as `42`");
    TransportError::new(ErrorKind::Invalid, operation, topic, message)
}

/// Converts an error of the file system.
fn failed(operation: &'static str, subject: &impl ToString) -> impl FnOnce(io::Error) -> TransportError {
    let subject = subject.to_string();
    move |error| {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => ErrorKind::Permission,
            _ => ErrorKind::Unavailable,
        };
        let message = "the folder can't be read or written; check its permissions and the disk";
        TransportError::new(kind, operation, subject, message).with_source(error)
    }
}

/// Milliseconds since 1970.
fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
