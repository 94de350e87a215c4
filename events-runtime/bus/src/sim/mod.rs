//! A simulated broker with faults, to test that receivers are idempotent.
//!
//! The bus delivers at least once: after a crash, a lost acknowledgement or a retried send, a receiver sees
//! an event twice. This is rare on a developer's machine and frequent in the simulator. Runs are
//! reproducible: all random choices derive from the seed, the clock advances only while all tasks wait, and a
//! failing test reports its seed, the faults that it needs to fail, and the history.
//!
//! ```standalone_crate
//! use std::collections::HashSet;
//! use std::sync::{Arc, Mutex};
//!
//! use events_runtime::testing::sim::{self, Faults, Sim};
//! use events_runtime::{Event, Hub, PublicSignal};
//!
//! #[derive(Debug, Clone, PartialEq, PublicSignal)]
//! #[public_signal(event_type = "org.acme.orders.order.paid.v1", key = order)]
//! pub struct OrderPaid {
//!     pub order: String,
//!     pub amount: u64,
//! }
//!
//! /// Sends ten payments; `receiver` must add each of them once.
//! async fn ten_payments(sim: &Sim, total: &Mutex<u64>, receiver: impl Fn(&Event<OrderPaid>) + Send + Sync + 'static) {
//!     let hub = Hub::new();
//!     hub.scope(|| ORDER_PAID.connect("total", receiver));
//!     let wire = sim.wire(&hub).await;
//!     for order in 0..10 {
//!         wire.emit(OrderPaid { order: order.to_string(), amount: 5 });
//!     }
//!     wire.drain().await;
//!     assert_eq!(*total.lock().unwrap(), 50);
//! }
//!
//! // Adds every delivered payment.
//! let failure = sim::find(0..50, Faults::all(), async |sim| {
//!     let total = Arc::new(Mutex::new(0));
//!     let sum = Arc::clone(&total);
//!     ten_payments(sim, &total, move |event| *sum.lock().unwrap() += event.amount).await;
//! });
//! println!("{}", failure.expect("an event was delivered twice"));
//!
//! // Adds each event once.
//! sim::check(0..50, Faults::all(), async |sim| {
//!     let total = Arc::new(Mutex::new(0));
//!     let (sum, seen) = (Arc::clone(&total), Mutex::new(HashSet::new()));
//!     ten_payments(sim, &total, move |event| {
//!         if seen.lock().unwrap().insert(event.metadata().id()) {
//!             *sum.lock().unwrap() += event.amount;
//!         }
//!     })
//!     .await;
//! });
//! ```
//!
//! A test is a function of a seed, so `proptest` can generate the seed together with the events: call
//! [`check`] with this one seed.
//!
//! # Guarantees
//! Each [`Fault`] has a probability in the [`Faults`]. With all faults, no event is lost, ids are kept, and
//! the *first* deliveries of the events of a key are in order. A repeated event may follow later ones of its
//! key, as on any broker that acknowledges messages individually.
//!
//! A crash ends the consumer, not its process: the messages that it holds are redelivered at once, and its
//! outcomes are refused. Receivers still run for the messages that it has fetched, as in a member that was
//! removed from its group without notice. No receiver is interrupted.
//!
//! A program with several buses, topics or groups uses [`Sim::transport`] and [`Sim::drain`] instead of
//! [`Sim::wire`].
//!
//! # Schemas
//! A producer stores the schema of its messages beside the topic, and a consumer of another version fetches it. The
//! simulated broker may fail to store or to read it, lose the answer, or not find it for a while.
//! [`rolling_upgrade`] runs the published versions of an event against each other.
//!
//! # Reproducibility
//! With [`check`], [`find`] and [`run`], the same seed gives the same history. A test with its own runtime
//! needs one thread and a paused clock (`#[tokio::test(start_paused = true)]`). A test is not reproducible if
//! it depends on threads, the system clock or the order of a hash map. The ids and times of events differ
//! between runs and are not part of the history.

mod check;
mod consumer;
mod dice;
mod faults;
mod history;
mod ledger;
mod rolling_upgrade;
mod state;
mod transport;
mod wire;

pub use check::{Failure, check, find, run};
pub use faults::{Fault, Faults};
pub use history::{Action, Effect, History, Step};
pub use rolling_upgrade::{RollingUpgrade, Upgraded, rolling_upgrade};
pub use transport::Sim;
pub use wire::Wire;
