//! Buses for tests.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::bus::{EventBus, StartError};
use crate::config::Config;
use events_core::hub::Hub;
use events_transport::{TransportName, connect};

/// Starts `N` buses over one new store in memory, each in an empty hub of its own: the services of a test.
///
/// All have this configuration, with `memory:` in place of the URL of `[bus]`. The store is dropped with the
/// last bus. Connect receivers in the scope of [`EventBus::hub`].
///
/// ```standalone_crate
/// use events_runtime::testing::{self, Recorder};
/// use events_runtime::{Config, PublicSignal};
/// # #[derive(Debug, PublicSignal)]
/// # #[public_signal(event_type = "org.acme.orders.order.placed.v1")]
/// # struct OrderPlaced { number: u32 }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::from_toml(
///     r#"
///     bus.url = "memory:"
///     routes."org.acme.orders.order.placed.v1".orders = {}
///     "#,
/// )?;
/// let [shop, billing] = testing::memory_buses(&config).await?;
/// shop.hub().emit(OrderPlaced { number: 7 }).delivered().await?;
/// let recorder = Recorder::attach(billing.hub());
/// let arrived = async { while recorder.event_types().is_empty() { tokio::task::yield_now().await } };
/// billing.consume("orders").group("billing").run_until(arrived).await?;
/// assert_eq!(recorder.only::<OrderPlaced>().number, 7);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As for `start` of the builder: the configuration is invalid.
pub async fn memory_buses<const N: usize>(config: &Config) -> Result<[EventBus; N], StartError> {
    static STORES: AtomicU64 = AtomicU64::new(1);
    let url = format!("memory:events of test {}", STORES.fetch_add(1, Ordering::Relaxed));
    let settings = config.transport(TransportName::DEFAULT)?;
    let options = config.connect_options_of(&settings)?;
    let mut buses = Vec::with_capacity(N);
    for _ in 0..N {
        let transport = connect(&url, &options)?;
        let builder = EventBus::builder().config(config.clone()).hub(Hub::new()).transport(transport);
        buses.push(builder.start().await?);
    }
    match buses.try_into() {
        Ok(buses) => Ok(buses),
        Err(_) => unreachable!("one bus was started for each"),
    }
}
