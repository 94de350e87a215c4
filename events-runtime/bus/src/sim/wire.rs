//! An emitting and a receiving service, connected by the simulated broker.

use std::fmt::Write;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use super::Sim;
use crate::bus::EventBus;
use crate::bus::{Consume, ConsumeError};
use crate::config::Config;
use events_core::signal::{Delivered, DeliveryError};
use events_core::{Hub, PublicSignal, Registry};
use events_transport::{BoxFuture, Transport as _};

/// The topic of all events.
const TOPIC: &str = "events";
/// The simulated time within which draining must end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// The group of the receiving service.
const GROUP: &str = "receivers";

/// Two services, each with a bus, connected by a [`Sim`]. One emits in its own hub; the other consumes into
/// the hub whose receivers are tested.
#[derive(Debug)]
pub struct Wire {
    sim: Sim,
    from: EventBus,
    to: EventBus,
    sending: Mutex<Vec<Sending>>,
}

struct Sending(BoxFuture<'static, Result<Delivered, DeliveryError>>);

impl std::fmt::Debug for Sending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sending")
    }
}

impl Sim {
    /// Starts both services. The receiving service consumes into `receivers`: [`Hub::linked`] has the
    /// receivers that `#[receiver]` links, [`Hub::new`] those that the test connects.
    ///
    /// # Panics
    /// If the linked definitions can't be used together.
    pub async fn wire(&self, receivers: &Hub) -> Wire {
        let from = self.bus(&Hub::new()).await;
        let to = self.bus(receivers).await;
        Wire { sim: self.clone(), from, to, sending: Mutex::default() }
    }

    async fn bus(&self, hub: &Hub) -> EventBus {
        let started = EventBus::builder().config(config()).hub(hub.clone()).transport(self.transport());
        started.start().await.unwrap_or_else(|error| panic!("the bus failed to start: {error}"))
    }

    /// Runs consumers, a new one after each crash, until all groups have settled all messages.
    ///
    /// # Panics
    /// If a consumer ends with another error, or if messages are unsettled after a simulated day: a receiver
    /// never ends or fails for ever. For longer pauses, call [`run_until`](Consume::run_until) with
    /// [`drained`](Self::drained).
    pub async fn drain(&self, consume: impl Fn() -> Consume) {
        self.run(consume, || self.drained()).await;
    }

    pub(super) async fn run<F: Future>(&self, consume: impl Fn() -> Consume, end: impl Fn() -> F) {
        let consumers = async {
            loop {
                let crashes = self.crashes();
                match consume().run_until(end()).await {
                    Ok(_) => return,
                    Err(ConsumeError::Transport(_)) if self.crashes() > crashes => {}
                    Err(error) => panic!("the consumer failed: {error:?}"),
                }
            }
        };
        let drained = tokio::time::timeout(DRAIN_TIMEOUT, consumers).await;
        assert!(
            drained.is_ok(),
            "`{}` with {} is not drained after a simulated day (unsettled deliveries: {}): a receiver never ends or fails for ever",
            self.url(),
            self.faults(),
            self.lag()
        );
    }
}

impl Wire {
    /// Emits an event in the emitting service and returns its id.
    pub fn emit<E: PublicSignal>(&self, payload: E) -> Uuid {
        let emission = self.from.hub().emit(payload);
        let id = emission.event().metadata().id();
        let sending = Sending(Box::pin(emission.delivered()));
        self.sending.lock().unwrap_or_else(PoisonError::into_inner).push(sending);
        id
    }

    /// Runs the receiving service, again after each crash, until all emitted events are stored and settled:
    /// each is acknowledged or a dead letter.
    ///
    /// # Panics
    /// If an event can't be sent, for example because it can't be encoded, and as for [`Sim::drain`].
    pub async fn drain(&self) {
        self.drain_with(|consume| consume).await;
    }

    /// Like [`drain`](Self::drain), with settings of the consumer.
    ///
    /// # Panics
    /// As for [`drain`](Self::drain).
    pub async fn drain_with(&self, setup: impl Fn(Consume) -> Consume) {
        let sending = std::mem::take(&mut *self.sending.lock().unwrap_or_else(PoisonError::into_inner));
        let all_sent = watch::Sender::new(false);
        let sends = async {
            for Sending(sent) in sending {
                if let Err(error) = sent.await {
                    panic!("an event was not sent: {error}");
                }
            }
            all_sent.send_replace(true);
        };
        let end = || {
            let mut sent = all_sent.subscribe();
            async move {
                // The sender outlives this future.
                let _ = sent.wait_for(|sent| *sent).await;
                self.sim.drained().await;
            }
        };
        let consume = || setup(self.to.consume(TOPIC).group(GROUP));
        tokio::join!(sends, self.sim.run(consume, end));
    }

    /// The bus of the receiving service.
    pub fn receiving(&self) -> &EventBus {
        &self.to
    }
}

/// Routes every linked event to the topic. Read once, because a check starts hundreds of buses.
fn config() -> Config {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    CONFIG.get_or_init(read_config).clone()
}

fn read_config() -> Config {
    let registry = Registry::linked().unwrap_or_else(|error| panic!("{error}"));
    let mut text = String::from("[service]\nname = \"sim\"\n[bus]\nurl = \"memory:\"\n");
    // Small enough that several calls are under way at once.
    text.push_str("batch_size = 4\n");
    // Lag queries would change the history of a seed.
    text.push_str("consumer = { lag_interval = \"off\" }\n");
    for descriptor in registry {
        // Writing to a string never fails.
        let _ = writeln!(text, "[routes.\"{}\"]\n{TOPIC} = {{}}", descriptor.event_type());
    }
    Config::from_toml(&text)
        .unwrap_or_else(|error| panic!("the simulator's configuration is invalid: {error}"))
}
