//! The event bus: from the hub to a transport, and from a transport to the hub.
//!
//! ```text
//! hub ▶ outbound (encode, envelope) ▶ one queue per topic ▶ sender (batches, retries) ▶ transport
//! transport ▶ worker (receives, settles) ▶ in flight (up to `concurrency`) ▶ middleware
//!           ▶ inbound (envelope, registry, decode) ▶ hub
//! ```
//!
//! | promise | how |
//! |---|---|
//! | emitting never blocks | a bounded queue; a full one is an error in the emission |
//! | at least once | an event is acknowledged after every receiver succeeded |
//! | in order per key | one queue and one sender per topic; a later event of a key never overtakes an earlier one |
//! | an unreachable topic stops no other | one queue per topic; a failing topic leaves a quarter of the total capacity to the others |
//! | no key waits for another | a failed event delays only its own key; two events of a key are never in flight together |
//! | no loops | events that came from a bus are not sent to a bus |
//!
//! # From a receiver's result to a settled message
//! | stage | type | says |
//! |---|---|---|
//! | the signal is disabled | – | the event is paused: returned without an attempt, until the signal is enabled |
//! | a receiver returns | [`Response`](events_core::Response), [`Disposition`](events_core::receiver::Disposition) | success, or an error and what its receiver asks for |
//! | all receivers have returned | `Verdict`, opaque in middleware as [`Processed`] | the combined result: done, skip, pause, retry, wait, reject, stop. Its [`InboundError`] names the failed receivers ([`ReceiverFailure`]) |
//! | the worker settles the delivery | [`Outcome`](events_transport::Outcome): `ack`, `retry`, `release`, `postpone`, `reject` | what the transport stores. A [`Rejection`](events_transport::Rejection) has the text of the `InboundError`, for the dead letter's headers |
//! | the transport has stored it | an audit line's action, the metrics | what happened to the message |
//! | the consumer ends | [`Consumed`] | the number of messages for each of these |
//!
//! # Errors
//! A [`TransportError`](events_transport::TransportError) has a kind to decide by, the operation, its subject
//! and the cause. Calls that only use the transport return it: [`Offsets`], [`DeadLetters`]. The others
//! contain it:
//!
//! | error | of | adds |
//! |---|---|---|
//! | [`StartError`] | [`EventBusBuilder::start`] | configuration, definitions |
//! | [`OutboundError`], in the emission | `emit` | encoding, a full queue |
//! | [`FlushError`], [`ShutdownError`] | [`EventBus::flush`], [`EventBus::shutdown`] | the messages that are not acknowledged |
//! | [`SpillError`] | [`EventBus::shutdown_or_spill`] | a `ShutdownError` and the file's [`io::Error`](std::io::Error) |
//! | [`InboundError`] | a received message | decoding, receivers |
//! | [`ConsumeError`] | [`Consume::run_until`] | events that stop a consumer: unknown, or without a receiver |
//! | [`ReplayError`] | [`Replay::run`] | a `ConsumeError`, or a group before the start |
//! | [`RecordError`] | a line of a [record](#records) | – |
//!
//! # Audit lines
//! `bus.audit = true` logs one event on the `tracing` target [`AUDIT_TARGET`] for each message that is
//! sent, received or settled, without its payload. The default is off, since this is a line for every
//! event. A key that may be personal data is shown as `***`.
//!
//! # The error log
//! The target [`ERROR_TARGET`] gets an error event, with personal data masked, for each event that was not
//! sent (refused, queue full, not encodable, or left over by a [shutdown](EventBus::shutdown)) and for each
//! event that a consumer moved to the dead letters. `bus.error_log = "errors.jsonl"` also writes the whole
//! event to a file that only its owner can read, as one line of JSON:
//!
//! ```json
//! {"record":2,"logged":"2026-02-28T13:05:00Z","failure":"not-sent","error":"…","topic":"dev-orders",
//!  "key":"c1","metadata":{"event_type":"…","id":"…","minorversion":0,"source":"shop","time":"…"},
//!  "schemafp":"00abcdef01234567","data":{"number":7}}
//! ```
//!
//! `produce --from-log FILE` sends the events again, in order and with their ids, and removes the file.
//! `produce --event LINE` sends one. A rejected event is also a dead letter: send it from one of the two
//! only. A dedicated thread writes the file; events that it cannot write are counted and logged.
//!
//! # Records
//! The error log, the [spill file](EventBus::shutdown_or_spill) and `dlq export --raw` consist of records. The
//! record of a whole message has all its headers instead of metadata:
//!
//! ```json
//! {"record":2,"logged":"2026-02-28T13:05:00Z","failure":"dead-letter","error":"…","topic":"dev-orders",
//!  "group":"billing","position":"17","attempt":3,"key":"c1",
//!  "headers":[["ce_id","0190…"],["x-own",{"base64":"/w=="}],["dlq_reason","…"]],"data_base64":"DgJj"}
//! ```
//!
//! | field | value |
//! |---|---|
//! | `record` | the version of the form, 2; each line has its own |
//! | `logged` | when the failure was recorded |
//! | `failure` | `not-sent`, `rejected` or `dead-letter` |
//! | `error` | the error with its causes, if known |
//! | `topic` | the full name of the topic that the event was sent to, or is to be sent to |
//! | `transport` | the topic's transport, unless it is the one of `[bus]` |
//! | `group`, `position`, `attempt` | for a received message: the group that rejected it, its position in `topic`, the number of attempts |
//! | `key` | text, `{"base64":"…"}` if it is not UTF-8, or `null` |
//! | `headers` | names and values, in the form of `key`. Without `metadata` all headers, else those that are not part of the metadata |
//! | `metadata` | the metadata in the JSON form of Open edX logs |
//! | `schemafp` | with `metadata`: the fingerprint of the data's schema |
//! | `data` | with `metadata`: the data as JSON, if it has this program's schema |
//! | `data_base64` | the data, if there is no `data` |
//! | `data_bytes` | the length of masked data |
//! | `masked` | `true` if personal data was replaced by `***`, as in the log event; the files are complete |
//!
//! | file | `failure` | `produce --from-spill`, `--from-log`, `--event` | `dlq import` |
//! |---|---|---|---|
//! | spill file | `not-sent` | sends the message | an error: it is not a dead letter |
//! | error log | `not-sent`, `rejected` | sends the event | an error: the dead letter exists in its topic, and would be stored twice |
//! | `dlq export --raw` | `dead-letter` | sends the original message to its topic, as `dlq retry` does | stores the dead letter |
//!
//! A spill file of version 1 has `spill` in place of `record`, and an error log of version 1 has `log`, with
//! `given-up` for `rejected`. Older exports of dead letters have no version; their `key` and `data` are base64.
//! All of them are read, and one file may hold several versions. An unknown field is an error, because its
//! value would be lost, and so is a newer version.
//!
//! # Metrics
//! Metrics use the [`metrics`] facade. Topic labels hold the full name, prefix included. Metrics of topics on a
//! transport of `[transports.NAME]` also have the label `transport`. Each start of a
//! bus describes the metrics to the recorder: install the recorder first.
//!
//! | name | kind | labels | meaning |
//! |---|---|---|---|
//! | `events_emitted_total` | counter | `event_type` | events offered to a bus that have a route |
//! | `events_sent_total` | counter | `topic` | messages acknowledged by the topic |
//! | `events_send_failed_total` | counter | `topic` | messages refused permanently, or rejected because the queue was full |
//! | `events_send_retried_total` | counter | `topic` | failed attempts that are retried |
//! | `events_store_refuses_total` | counter | `topic`, and `group` for consumers | calls refused by a store until an operator fixes it (disk, user, password); the queue is kept and consumers wait |
//! | `events_schemas_stored_total` | counter | `topic` | schemas stored beside the topic before their first message |
//! | `events_queue_depth` | gauge | `topic` | messages not yet acknowledged, as of the queue's last change |
//! | `events_circuit_open` | gauge | `topic` | 1 while the last attempt to send failed, else 0 |
//! | `events_consumed_total` | counter | `topic`, `group` | messages acknowledged to the topic |
//! | `events_retried_total` | counter | `topic`, `group` | messages returned for another attempt after a failure |
//! | `events_dead_lettered_total` | counter | `topic`, `group` | messages moved to the dead letters |
//! | `events_schemas_fetched_total` | counter | `topic`, `group` | schemas of other versions fetched from the topic |
//! | `events_schema_waits_total` | counter | `topic`, `group` | messages postponed until their schema is found |
//! | `events_receive_retried_total` | counter | `topic`, `group` | failed receive calls that are retried |
//! | `events_skipped_total` | counter | `topic`, `group` | messages skipped by their receivers |
//! | `events_paused_total` | counter | `topic`, `group` | messages returned because the signal of their event is disabled, once for each return |
//! | `events_parked_total` | counter | `topic`, `group` | messages that exhausted their attempts and stay in the topic |
//! | `events_settle_failed_total` | counter | `topic`, `group` | outcomes that the transport did not store; the messages are redelivered |
//! | `events_unknown_total` | counter | `topic`, `group` | events of types that are not linked into the program |
//! | `events_deduplicated_total` | counter | `topic`, `group` | duplicates that [`Consume::dedup`] acknowledged without calling a receiver |
//! | `events_dedup_failed_total` | counter | `topic`, `group` | handled events whose ids could not be stored |
//! | `events_unreceived_total` | counter | `topic`, `group` | events of linked types that no receiver takes, whatever `unhandled` does with them |
//! | `events_trace_ignored_total` | counter | `topic`, `group` | trace context headers that are duplicated or not text; the events are processed |
//! | `events_consumer_lag` | gauge | `topic`, `group`, `partition` | messages not settled by the group, for every group of a topic that a consumer of this process runs on, polled every `bus.consumer.lag_interval`; partition `0` if the transport has none |
//! | `events_dead_letters_waiting` | gauge | `topic`, `group` | dead letters of the group that were neither retried nor dropped; polled with the lag, for the same groups |
//! | `events_handler_seconds` | histogram | `event_type`, `group` | seconds to decode an event and run all its receivers |
//! | `events_error_log_lost_total` | counter | | events that could not be written to the error log |
//! | `events_receiver_failures_total` | counter | `event_type`, `receiver` | failed receiver calls, with or without a bus |
//!
//! # Traces
//! `tracing` spans at debug level use the names and attributes of OpenTelemetry's [messaging conventions].
//! A subscriber that disables the debug level pays nothing for them.
//!
//! | span | kind | covers |
//! |---|---|---|
//! | `create` | producer | building a topic's message from an event, on the emitting thread |
//! | `send` | client | one send call |
//! | `receive` | client | received messages; empty calls have no span |
//! | `process` | consumer | the work on one message: middleware, decoding, and all receivers, async ones included |
//! | `settle` | client | storing an outcome: `ack`, `retry`, `release`, `postpone` or `reject` |
//!
//! Failed spans have `error.type` and `otel.status_code`. A W3C trace context travels in the extensions
//! `traceparent` and `tracestate`. A [`TracePropagator`] writes the emitter's context there and links the
//! `process` span to it. Without a propagator, set the extensions with
//! [`EmitOptions::extension`](events_core::EmitOptions::extension) and read them from the receiver's metadata.
//!
//! [messaging conventions]: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
//! [`metrics`]: https://docs.rs/metrics

mod batch;
mod builder;
mod capacity;
mod consumer;
mod dead_letters;
mod dedup;
mod destination;
mod event_bus;
mod fetched_batch;
mod flush;
mod guarded;
mod in_flight;
mod inbound;
mod middleware;
mod missing_topic;
mod observe;
mod offsets;
mod outbound;
mod outputs;
mod peek;
mod record;
mod rejections;
mod replay;
mod resend;
mod retry;
mod retrying;
mod route;
mod schemas;
mod sender;
mod settings;
mod settling;
mod shutdown;
mod spill;
mod status;
mod topic_queue;
mod topics;
mod transports;
mod undelivered;
mod unhandled;
mod verdict;
mod worker;
mod writers;

pub use builder::{EventBusBuilder, StartError};
pub use consumer::{Consume, MissingReceiver};
pub use dead_letters::{DeadLetter, DeadLetterReport, DeadLetters, Listing, Restored};
pub use event_bus::EventBus;
use event_bus::Inner;
pub use flush::{FlushError, Unacknowledged};
pub use middleware::{MessageInfo, Next, Processed};
pub use missing_topic::MissingTopic;
pub use observe::{AUDIT_TARGET, ERROR_TARGET, TraceContext, TracePropagator};
pub use offsets::{Offsets, Reset, SeekTarget, SeekTargetError};
pub use outbound::OutboundError;
pub use peek::Peek;
pub use record::RecordError;
#[doc(hidden)]
pub use record::event_of_line;
pub use replay::{Replay, ReplayError, Replayed};
#[doc(hidden)]
pub use resend::{Resent, resend};
pub use retry::Backoff;
pub use schemas::MissingSchema;
#[doc(hidden)]
pub use sender::Sending;
pub use settling::Consumed;
pub use shutdown::{ShutdownError, SpillError};
#[doc(hidden)]
pub use spill::{Damage, LINE_AT_MOST, SpillFile};
pub use status::{BusStatus, Circuit, ConsumerStatus, FailedConsumer, TopicQueueStatus};
pub use undelivered::Undelivered;
pub use verdict::{InboundError, ReceiverFailure};
pub use worker::ConsumeError;
#[doc(hidden)]
pub use writers::Writers;
pub use writers::{AmbiguousSchema, SchemasError};
