//! A simulated broker with faults, to test that receivers are idempotent.
//!
//! The bus delivers at least once: after a crash, a lost acknowledgement or a send that was tried
//! again, a receiver sees an event twice. On a developer's machine it hardly ever does. Here it
//! does all the time, and the same seed does it again: all chance follows from the seed, the clock
//! goes forward only while everybody waits, and a failing test tells its seed, the few kinds of
//! faults that it takes, and the history.
//!
//! ```
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
//! /// Ten payments; `receiver` is to add each of them once.
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
//! // Adds whatever comes.
//! let failure = sim::find(0..50, Faults::all(), async |sim| {
//!     let total = Arc::new(Mutex::new(0));
//!     let sum = Arc::clone(&total);
//!     ten_payments(sim, &total, move |event| *sum.lock().unwrap() += event.amount).await;
//! });
//! println!("{}", failure.expect("an event came twice"));
//!
//! // Remembers what it has added.
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
//! A test is a plain function of a seed, so `proptest` can choose the seed together with the
//! events: call [`check`] with that one seed.
//!
//! # What may happen, and what not
//! Each [`Fault`] has its probability in the [`Faults`]. Under all of them, nothing is lost, ids are
//! kept, and the events of a key come *for the first time* in order. A repeated one may come after
//! later ones of its key, as it may on any broker that acknowledges messages singly.
//!
//! A crash ends the consumer and not its process: what it holds goes back at once, its outcomes are
//! refused, and receivers that run or are still to run for what it has fetched do run, as those of
//! a member that was thrown out of its group unawares. No receiver is cut off halfway.
//!
//! A program of several buses, topics or groups takes [`Sim::transport`] and [`Sim::drain`] in place
//! of [`Sim::wire`].
//!
//! # The same seed, the same history
//! [`check`], [`find`] and [`run`] see to it; a test of your own runtime needs one thread and a
//! paused clock (`#[tokio::test(start_paused = true)]`). It ends where the test itself brings in
//! something else: threads, the system's clock, the order of a hash map. Events' ids and times are
//! new in each run and no part of the history.

mod check;
mod consumer;
mod dice;
mod faults;
mod history;
mod ledger;
mod state;
mod transport;
mod wire;

pub use check::{Failure, check, find, run};
pub use faults::{Fault, Faults};
pub use history::{Action, Effect, History, Step};
pub use transport::Sim;
pub use wire::Wire;
