//! Real servers for tests, each with a free port of 127.0.0.1 and a data folder of its own.
//!
//! The tests need the programs of the servers, which `tests/run` installs. This crate is therefore not a
//! default member of the workspace: plain `cargo test` needs only Rust.

pub mod billing;
mod cluster;
mod fault_injector;
mod fixture;
mod guardian;
mod java;
pub mod kafka;
pub mod malformed;
pub mod mixed_group;
pub mod openedx;
pub mod orders;
mod postgres;
mod proxy;
mod redis;
mod registry;
mod server;
pub mod workload;

pub use cluster::RedisCluster;
pub use fault_injector::FaultInjector;
pub use fixture::{SharedServers, TestServers};
pub use kafka::{KafkaCluster, KafkaServer};
pub use postgres::{Postgres, connect};
pub use proxy::{Lost, Proxy};
pub use redis::RedisServer;
pub use registry::RegistryServer;
pub use server::{Server, free_port, program};
