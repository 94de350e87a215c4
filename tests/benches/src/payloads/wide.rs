//! wide: a vehicle's report, 24 scalar fields of six Avro types, 455 bytes.

use events_runtime::PublicSignal;

use super::Payload;

/// What a vehicle reported.
#[derive(
    Clone,
    PartialEq,
    PublicSignal,
    serde::Serialize,
    serde::Deserialize,
    prost::Message,
    bincode::Encode,
    bincode::Decode,
)]
#[public_signal(event_type = "org.events.benches.telemetry.reported.v1")]
pub struct Telemetry {
    /// The vehicle's id.
    #[prost(string, tag = "1")]
    pub vehicle_id: String,
    /// The fleet's name.
    #[prost(string, tag = "2")]
    pub fleet: String,
    /// The report's number.
    #[prost(sint64, tag = "3")]
    pub sequence: i64,
    /// When it was recorded, microseconds since 1970.
    #[prost(sint64, tag = "4")]
    pub recorded_at: i64,
    /// Degrees north.
    #[prost(double, tag = "5")]
    pub latitude: f64,
    /// Degrees east.
    #[prost(double, tag = "6")]
    pub longitude: f64,
    /// Metres above the sea.
    #[prost(float, tag = "7")]
    pub altitude: f32,
    /// Metres per second.
    #[prost(float, tag = "8")]
    pub speed: f32,
    /// Degrees from north.
    #[prost(sint32, tag = "9")]
    pub heading: i32,
    /// Metres driven.
    #[prost(sint64, tag = "10")]
    pub odometer: i64,
    /// Litres.
    #[prost(double, tag = "11")]
    pub fuel: f64,
    /// Whether the engine runs.
    #[prost(bool, tag = "12")]
    pub engine_on: bool,
    /// Whether a door is open.
    #[event(default = false)]
    #[prost(bool, tag = "13")]
    pub door_open: bool,
    /// Who drives.
    #[prost(string, tag = "14")]
    pub driver: String,
    /// The route's name.
    #[prost(string, tag = "15")]
    pub route: String,
    /// The next stop's name.
    #[prost(string, tag = "16")]
    pub next_stop: String,
    /// The home depot.
    #[prost(string, tag = "17")]
    pub depot: String,
    /// The firmware's version.
    #[prost(string, tag = "18")]
    pub firmware: String,
    /// Millivolts.
    #[prost(sint32, tag = "19")]
    pub battery: i32,
    /// dBm.
    #[prost(sint32, tag = "20")]
    pub signal: i32,
    /// Satellites in view.
    #[prost(sint32, tag = "21")]
    pub satellites: i32,
    /// What is on board.
    #[prost(string, tag = "22")]
    pub cargo: String,
    /// A remark.
    #[prost(string, tag = "23")]
    pub note: String,
    /// The W3C trace parent.
    #[prost(string, tag = "24")]
    pub trace_parent: String,
}

impl Payload for Telemetry {
    const NAME: &'static str = "wide";
    const AVRO_LEN: usize = 455;
    const ADDED: &'static str = "door_open";
    const WIDENED: &'static str = "sequence";

    fn sample() -> Self {
        Self {
            vehicle_id: "5f0c8a52-71f3-4a0e-9a55-0d7c1f0a9b1e".into(),
            fleet: "north harbour distribution".into(),
            sequence: 918_273,
            recorded_at: 1_767_225_600_123_456,
            latitude: 53.543_211,
            longitude: 9.966_017,
            altitude: 12.5,
            speed: 17.25,
            heading: 271,
            odometer: 184_467_440,
            fuel: 61.75,
            engine_on: true,
            door_open: false,
            driver: "Konrad Ernst Otto Zuse".into(),
            route: "Hamburg - Bremen - Oldenburg, by the coast road".into(),
            next_stop: "Bremen, Senator-Apelt-Strasse 51, gate 3".into(),
            depot: "Hamburg, Am Windhukkai 5, hall C".into(),
            firmware: "4.18.2-rc.3+build.20260105".into(),
            battery: 12_640,
            signal: -71,
            satellites: 14,
            cargo: "32 pallets of printing paper, 4 of toner, no hazardous goods".into(),
            note: "tyre pressure front left below limit, check".into(),
            trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        }
    }
}
