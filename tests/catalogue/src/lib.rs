//! Payloads of every event of Open edX: generated, decoded and encoded again.
//!
//! The program `catalogue` compares them with the Python packages without a bus; tests with a bus use the same
//! JSON lines. [`events`] lists every event for tests.

mod all;
mod data;
pub mod exchange;
pub mod keys;
mod maker;
pub mod metadata;
mod sample;

pub use all::{CatalogueEvent, Emitted, Fault, Observer, Payload, events, routes};
pub use maker::Maker;
pub use sample::Sample;

/// Bytes as lowercase hexadecimal text.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Decodes hexadecimal text.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}
