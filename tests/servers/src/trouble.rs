//! Repeated disturbances of servers in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The growth of each pause over the one before, so that slow operations complete eventually.
const LONGER: Duration = Duration::from_millis(2);

/// A disturbance that is repeated until it is dropped, with a count.
#[derive(Debug)]
pub struct Trouble {
    name: &'static str,
    ended: Arc<AtomicBool>,
    times: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Trouble {
    /// Starts, with this first pause between disturbances.
    #[must_use]
    pub fn begin(name: &'static str, mut rest: Duration, mut once: impl FnMut() + Send + 'static) -> Self {
        let (ended, times) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (end, count) = (ended.clone(), times.clone());
        let thread = std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(fastrand::u64(0..20)));
                once();
                count.fetch_add(1, Ordering::Relaxed);
                let until = std::time::Instant::now() + rest;
                while !end.load(Ordering::Relaxed) && std::time::Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(5));
                }
                rest += LONGER;
            }
        });
        Self { name, ended, times, thread: Some(thread) }
    }
}

impl Drop for Trouble {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        println!("{} {} times", self.name, self.times.load(Ordering::Relaxed));
        assert!(
            matches!(ended, Some(Ok(()))) || std::thread::panicking(),
            "the trouble `{}` went wrong by itself",
            self.name
        );
    }
}
