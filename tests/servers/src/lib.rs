//! Real servers for tests: each on a free port of 127.0.0.1, with its own folder, stopped by its process id.
//!
//! The tests need server programs, which `tests/run` installs. So this crate is not a default member of the
//! workspace: plain `cargo test` needs only Rust.

pub mod billing;
mod cluster;
pub mod openedx;
pub mod orders;
mod postgres;
mod proxy;
mod redis;
mod server;
pub mod through;
mod trouble;
mod troubled;

pub use cluster::RedisCluster;
pub use postgres::{Postgres, connect};
pub use proxy::{Lost, Proxy};
pub use redis::RedisServer;
pub use server::{Server, free_port, program};
pub use trouble::Trouble;
pub use troubled::Troubled;
