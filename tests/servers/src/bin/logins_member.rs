//! A member of a group on `dev-logins`, for tests that run it beside Open edX's consumers and kill it.
//!
//! ```text
//! logins_member URL GROUP NAME HOLD
//! ```
//!
//! Prints `handled NUMBER` for each login. If HOLD is not 0, prints `holding NUMBER` at the HOLD-th login,
//! and waits to be killed. Leaves the group when its input ends.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use events_runtime::{Event, Signal};
use events_server_tests::openedx::bus;
use events_tests::openedx::SessionLoginCompleted;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, group, name, hold] = arguments.as_slice() else {
        return Err("usage: logins_member URL GROUP NAME HOLD".into());
    };
    let (hold, seen) = (hold.parse::<u64>()?, AtomicU64::new(0));
    let bus = bus(url).await;
    bus.hub().scope(|| {
        Signal::<SessionLoginCompleted>::new().connect(
            "member",
            move |event: &Event<SessionLoginCompleted>| {
                if seen.fetch_add(1, Ordering::Relaxed) + 1 == hold {
                    tell("holding", event.user.id)?;
                    std::thread::sleep(Duration::from_secs(60 * 60));
                }
                tell("handled", event.user.id)
            },
        )
    });
    let consume = bus.consume("logins").group(group).member(name).batch_size(10);
    let (end, ended) = tokio::sync::oneshot::channel();
    // A thread of the runtime would keep the program from ending after an error.
    std::thread::spawn(move || end.send(std::io::copy(&mut std::io::stdin(), &mut std::io::sink())));
    consume.lease(Duration::from_secs(2)).run_until(ended).await?;
    Ok(())
}

fn tell(what: &str, number: i64) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what} {number}")?;
    out.flush()
}
