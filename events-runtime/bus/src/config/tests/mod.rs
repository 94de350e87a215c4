//! What the configuration promises.

mod against_definitions;
mod consumer;
mod environment;
mod layers;
mod problems;
mod transports;
