//! The command line of a program whose events have enums.

use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};

/// Compatible with old and new readers.
#[derive(Debug, PublicSignal)]
#[public_signal(event_type = "org.acme.enums.parcel.sent.v1")]
pub struct ParcelSent {
    /// Its way.
    pub way: Way,
    /// Its sizes.
    pub sizes: Vec<Option<Size>>,
    /// Its stops.
    pub stops: BTreeMap<String, Stop>,
    /// How it is paid.
    pub payment: Payment,
    /// The way that it was to take.
    pub planned: Way,
    /// What is insured.
    pub cover: Cover,
}

/// Compatible with new readers only.
#[derive(Debug, PublicSignal)]
#[public_signal(event_type = "org.acme.enums.parcel.kept.v1", compatibility = "backward")]
pub struct ParcelKept {
    /// Its way.
    pub way: Way,
}

/// A stop.
#[derive(Debug, EventData)]
pub struct Stop {
    /// Why there.
    pub reason: Reason,
}

/// A way.
#[derive(Debug, EventData)]
pub enum Way {
    /// By air.
    Air,
    /// By sea.
    Sea,
}

/// A size, and whatever else.
#[derive(Debug, EventData)]
pub enum Size {
    /// Small.
    Small,
    /// Any other.
    #[event(default)]
    Other,
}

/// A reason.
#[derive(Debug, EventData)]
pub enum Reason {
    /// Customs.
    Customs,
    /// A rest.
    Rest,
}

/// A payment.
#[derive(Debug, EventData)]
pub enum Payment {
    /// By card.
    Card {
        /// Whose.
        brand: Brand,
    },
    /// In cash.
    Cash,
}

/// An insurance, and whatever else.
#[derive(Debug, EventData)]
pub enum Cover {
    /// A part.
    Part {
        /// Of its value.
        percent: u8,
    },
    /// Any other.
    #[event(other)]
    Unknown,
}

/// A brand.
#[derive(Debug, EventData)]
pub enum Brand {
    /// One.
    One,
    /// Another.
    Another,
}

fn main() -> std::process::ExitCode {
    events_runtime::cli::run()
}
