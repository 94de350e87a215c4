//! The payloads of the events of `analytics`.

use events_runtime::EventData;
use jiff::Timestamp;

/// An entry of the tracking log.
#[derive(Debug, Clone, PartialEq, EventData)]
pub struct TrackingLogData {
    /// The name of what happened.
    pub name: String,
    /// When it happened.
    #[event(with = events_runtime::with::isoformat)]
    pub timestamp: Timestamp,
    /// What belongs to it: a JSON object as text.
    pub data: String,
    /// Where and by whom it happened: a JSON object as text.
    pub context: String,
}
