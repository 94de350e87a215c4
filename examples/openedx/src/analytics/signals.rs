//! The events of `analytics`.

use events_runtime::PublicSignal;

use super::data::TrackingLogData;

/// An entry of the tracking log was made.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.openedx.analytics.tracking.event.emitted.v1",
    profile = "openedx",
    key = tracking_log.name
)]
pub struct TrackingEventEmitted {
    /// The entry.
    pub tracking_log: TrackingLogData,
}
