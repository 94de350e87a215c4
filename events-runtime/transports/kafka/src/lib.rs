//! `kafka:` transport: topics of a Kafka cluster, shared by many machines.
//!
//! A topic is the Kafka topic of the same name. An event is a record: the message's key, headers and data are
//! those of the record. A consumer group is a consumer group of Kafka.

mod control;
mod namespace;
mod partition;
mod progress;
