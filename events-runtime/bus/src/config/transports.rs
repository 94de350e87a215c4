//! `[transports.NAME]`: transports in addition to the one of `[bus]`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::Config;
use super::section::{Findings, Section};
use super::settings::{BATCH_SIZE, BusSettings, MAX_IN_FLIGHT, retention};
use super::url::BusUrl;
use super::value::{Setting, Value, ValueError};
use events_support::nearest::nearest;
use events_transport::url::{example, mask_text};
use events_transport::{NameError, Retention, Scheme, TransportName};

/// `[transports.NAME]`: a transport that routes and consumers select by its name; the transport of `[bus]` is
/// named `bus`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportSettings {
    /// `url`: as in `[bus]`. Required.
    pub url: BusUrl,
    /// `retain_age`, `retain_count`, `retain_unsettled`: the retention of topics without such a setting in
    /// `[topics.NAME]`, which applies to a topic on every transport. Default: as in `[bus]`, by the scheme of
    /// this URL.
    pub retention: Retention,
    /// `batch_size`: default as in `[bus]`.
    pub batch_size: NonZeroUsize,
    /// `linger`: default as in `[bus]`.
    pub linger: Duration,
    /// `max_in_flight`: default as in `[bus]`.
    pub max_in_flight: NonZeroUsize,
}

impl TransportSettings {
    /// The settings of `[bus]` that belong to its transport.
    pub(super) fn of(bus: &BusSettings) -> Self {
        Self {
            url: bus.url.clone(),
            retention: bus.retention,
            batch_size: bus.batch_size,
            linger: bus.linger,
            max_in_flight: bus.max_in_flight,
        }
    }
}

/// The named transports.
pub(super) type Transports = BTreeMap<TransportName, TransportSettings>;

/// A name that is not a transport of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown transport `{name}`; {hint}")]
pub struct UnknownTransport {
    name: String,
    hint: String,
}

impl UnknownTransport {
    pub(crate) fn new<'n>(name: &str, known: impl Iterator<Item = &'n TransportName>) -> Self {
        let known: Vec<_> =
            std::iter::once(TransportName::DEFAULT).chain(known.map(TransportName::as_str)).collect();
        let hint = if let Some(near) = nearest(name, known.iter().copied()) {
            format!("did you mean `{near}`?")
        } else {
            let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("expected one of {}; add a table `[transports.NAME]` for another one", known.join(", "))
        };
        Self { name: mask_text(name), hint }
    }
}

impl Config {
    /// The settings of a transport: of `[bus]` for the name `bus`, otherwise of `[transports.NAME]`.
    ///
    /// # Errors
    /// An [`UnknownTransport`] if there is no such table; it suggests a similar name.
    pub fn transport(&self, name: &str) -> Result<TransportSettings, UnknownTransport> {
        if name == TransportName::DEFAULT {
            return Ok(TransportSettings::of(&self.bus));
        }
        let unknown = || UnknownTransport::new(name, self.transports.keys());
        self.transports.get(name).cloned().ok_or_else(unknown)
    }
}

pub(super) fn read(findings: &mut Findings, section: &Section<'_>, bus: Option<&BusSettings>) -> Transports {
    let mut transports = Transports::new();
    for (name, mut table) in section.tables(findings) {
        let name = TransportName::new(name);
        match &name {
            Ok(name) if name.is_default() => {
                table.problem(findings, "`bus` is the name of the transport of `[bus]`; choose another name");
            }
            Ok(_) => {}
            Err(error) => table.problem(findings, error.to_string()),
        }
        let advice = format!("write the address of the transport, such as {}", example());
        let url: Option<BusUrl> = table.required(findings, "url", &advice);
        let scheme = url.as_ref().map(BusUrl::scheme).and_then(Scheme::linked);
        let usual = scheme.map_or_else(Retention::default, |scheme: Scheme| scheme.retention);
        let retention = retention(findings, &mut table, usual);
        let batch_size = bus.map_or(BATCH_SIZE, |bus| bus.batch_size);
        let batch_size = table.or(findings, "batch_size", batch_size);
        let linger = table.or(findings, "linger", bus.map_or(Duration::ZERO, |bus| bus.linger));
        let max_in_flight = bus.map_or(MAX_IN_FLIGHT, |bus| bus.max_in_flight);
        let max_in_flight = table.or(findings, "max_in_flight", max_in_flight);
        table.finish(findings);
        if let (Ok(name), Some(url)) = (name, url) {
            let settings = TransportSettings { url, retention, batch_size, linger, max_in_flight };
            transports.insert(name, settings);
        }
    }
    transports
}

fn parse(text: &str) -> Result<TransportName, ValueError> {
    TransportName::new(text).map_err(|error: NameError| ValueError::Content(error.to_string()))
}

impl Setting for TransportName {
    const EXPECTED: &'static str = String::EXPECTED;

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        parse(&String::from_value(value)?)
    }

    fn render(&self) -> String {
        self.to_string()
    }
}

/// The transports of a route: one name, or a list of names.
pub(super) struct RouteTransports(pub(super) Vec<TransportName>);

impl Setting for RouteTransports {
    const EXPECTED: &'static str = "the name of a transport, or a list of names";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        let names = match value {
            Value::String(name) => vec![name.clone()],
            other => Vec::<String>::from_value(other)?,
        };
        let mut transports = Vec::new();
        for name in names {
            let name = parse(&name)?;
            if !transports.contains(&name) {
                transports.push(name);
            }
        }
        if transports.is_empty() {
            return Err(ValueError::Content("is empty".to_owned()));
        }
        Ok(Self(transports))
    }

    fn render(&self) -> String {
        let names: Vec<_> = self.0.iter().map(TransportName::as_str).collect();
        match names.as_slice() {
            [one] => (*one).to_owned(),
            many => format!("[{}]", many.join(", ")),
        }
    }
}
