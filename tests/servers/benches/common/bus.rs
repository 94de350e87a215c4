//! The whole bus: emit, encode, route by key and send; receive, decode and handle.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use events_runtime::{Config, Event, EventBus, Hub, Signal};
use events_tests::openedx::{SessionLoginCompleted, user};
use tokio::sync::oneshot;

use super::{Failure, Rates, rate};

/// Events per turn.
const COUNT: usize = 50_000;
const PORTION: usize = 500;
/// How many portions wait for their acknowledgements: less than the queue's capacity.
const WINDOW: usize = 10;

pub(crate) async fn turn(url: &str) -> Result<Rates, Failure> {
    let config = Config::from_toml(&format!(
        "[service]\nname = 'lms'\n[bus]\nurl = '{url}'\n\
         [routes.'org.openedx.learning.auth.session.login.completed.v1']\nlogins = {{ key = 'user.pii.username' }}"
    ))?;
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await?;
    let login = |id: usize| {
        let mut user = user("Bob Föö");
        user.id = i64::try_from(id).unwrap_or_default();
        user.pii.username = format!("user-{}", id % 1_000);
        SessionLoginCompleted { user }
    };
    // Creates the topic, and stores the schema.
    bus.hub().emit(login(0)).delivered().await?;
    let started = Instant::now();
    // The last emission of each portion that is not acknowledged yet.
    let mut window = VecDeque::new();
    for id in 1..=COUNT {
        let emission = bus.hub().emit(login(id));
        if id % PORTION == 0 {
            window.push_back(emission.delivered());
        }
        if window.len() == WINDOW
            && let Some(oldest) = window.pop_front()
        {
            oldest.await?;
        }
    }
    bus.flush(Duration::from_secs(60)).await?;
    let sent = started.elapsed();

    let (end, ended) = oneshot::channel::<()>();
    let (end, received) = (Mutex::new(Some(end)), Arc::new(AtomicUsize::new(0)));
    let (counter, first, last) = (received.clone(), Arc::new(OnceLock::new()), Arc::new(OnceLock::new()));
    let (begun, done) = (first.clone(), last.clone());
    bus.hub().scope(|| {
        let count = move |_: &Event<SessionLoginCompleted>| {
            begun.get_or_init(Instant::now);
            if counter.fetch_add(1, Ordering::Relaxed) == COUNT {
                done.get_or_init(Instant::now);
                drop(end.lock().ok().and_then(|mut end| end.take()));
            }
        };
        Signal::<SessionLoginCompleted>::new().connect("count", count);
    });
    let consume = bus.consume("logins").group("bench");
    consume.run_until(async { drop(tokio::time::timeout(Duration::from_secs(2 * 60), ended).await) }).await?;
    // Members of Kafka take seconds to join, and some time to leave.
    let consumed = last.get().zip(first.get()).map_or(Duration::ZERO, |(last, first)| *last - *first);
    bus.shutdown(Duration::from_secs(10)).await?;
    assert_eq!(received.load(Ordering::Relaxed), COUNT + 1, "each event is received once");
    Ok(vec![
        ("bus: emit to acknowledged", rate(COUNT, sent)),
        ("bus: consume to a receiver", rate(COUNT, consumed)),
    ])
}
