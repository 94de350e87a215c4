//! What both releases share: a shop that emits until it is stopped, and billing.

use std::io::{self, Write as _};
use std::time::Duration;

use events_runtime::{Config, Event, EventBus, PublicSignal};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlBreak as Signal, ctrl_break};

pub(crate) type BoxError = Box<dyn std::error::Error>;

/// `EVENTS_BUS__URL` has the store.
const CONFIG: &str = r#"
[bus.consumer]
lease = "2s"

[routes."org.acme.upgrade.order.placed.v1"]
orders = {}
[routes."org.acme.upgrade.order.packed.v1"]
orders = {}
[routes."org.acme.upgrade.order.shipped.v1"]
orders = {}
"#;
const CUSTOMERS: u64 = 5;
const BATCH: u64 = 7;
const PAUSE: Duration = Duration::from_millis(1);

/// SIGTERM (Ctrl-Break on Windows), which ends a service when another release replaces it.
pub(crate) struct Stop(Signal);

impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        #[cfg(unix)]
        let signal = signal(SignalKind::terminate());
        #[cfg(windows)]
        let signal = ctrl_break();
        signal.map(Self)
    }
}

async fn bus(name: &str) -> Result<EventBus, BoxError> {
    let config = Config::builder().toml("upgrade", CONFIG).environment().load()?;
    let bus = EventBus::builder().config(config).start().await?;
    bus.hub().set_service_name(name)?;
    Ok(bus)
}

/// Emits orders until it is stopped. Prints `placed <event id> <number>` for each event that the bus has stored.
pub(crate) async fn shop<E: PublicSignal>(
    mut stop: Stop,
    order: impl Fn(u64, String) -> E,
) -> Result<(), BoxError> {
    let bus = bus("shop").await?;
    let mut number = 0;
    loop {
        let batch: Vec<_> = (number..number + BATCH)
            .map(|number| (number, bus.hub().emit(order(number, format!("c-{}", number % CUSTOMERS)))))
            .collect();
        number += BATCH;
        for (number, emission) in batch {
            let id = emission.event().metadata().id();
            emission.delivered().await?;
            print(&format!("placed {id} {number} -\n"))?;
        }
        if tokio::time::timeout(PAUSE, stop.0.recv()).await.is_ok() {
            bus.shutdown(Duration::from_secs(10)).await?;
            return Ok(());
        }
    }
}

/// Consumes until it is stopped.
pub(crate) async fn billing(mut stop: Stop) -> Result<(), BoxError> {
    let bus = bus("billing").await?;
    bus.consume("orders").group("billing").run_until(stop.0.recv()).await?;
    bus.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}

/// Prints `billed <event id> <number> <a field that this release knows>`.
pub(crate) fn billed<E: PublicSignal>(event: &Event<E>, number: u64, field: &str) -> io::Result<()> {
    print(&format!("billed {} {number} {field}\n", event.metadata().id()))
}

/// One complete line, before the event is acknowledged.
fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.flush()
}
