use std::path::PathBuf;

use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    file: std::path::PathBuf,
    from: Vec<std::net::IpAddr>,
    to: Option<::std::net::SocketAddr>,
    started: std::time::Instant,
    placed: std::time::SystemTime,
    seen: std::sync::atomic::AtomicU64,
    between: std::ops::Range<i64>,
    marker: core::marker::PhantomData<i64>,
    lines: std::collections::LinkedList<String>,
    outcome: std::result::Result<(), std::io::Error>,
    failure: std::io::Error,
    sizes: std::collections::HashMap<String, (isize, usize)>,
}

#[derive(EventData)]
struct Shared {
    shared: Box<std::rc::Rc<str>>,
    changing: core::cell::RefCell<i64>,
}

/// A name alone may be that of any type, and an alias too: the compiler knows.
#[derive(EventData)]
struct Uploaded {
    file: PathBuf,
    size: Size,
    took: Duration,
}

type Size = usize;

/// This one is held.
#[derive(EventData)]
struct Duration {
    seconds: i64,
}

fn main() {}
