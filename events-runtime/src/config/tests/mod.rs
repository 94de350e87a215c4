//! What the configuration promises.

mod against_definitions;
mod environment;
mod layers;
mod problems;
