//! Real servers for tests: each on a free port of 127.0.0.1, over a folder of its own, ended by its
//! process id.
//!
//! The tests here need the servers' programs, which `tests/run` installs. That is why this crate is no
//! default member of the workspace: plain `cargo test` needs nothing but Rust.

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
