//! Injects faults into servers while they are used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Each pause is longer than the one before by this, so that slow calls complete eventually.
const STEP: Duration = Duration::from_millis(2);

/// Injects a fault repeatedly until dropped, then prints how often.
#[derive(Debug)]
pub struct FaultInjector {
    name: &'static str,
    ended: Arc<AtomicBool>,
    times: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl FaultInjector {
    /// Starts injecting faults by `inject`, with a first pause of `pause`.
    #[must_use]
    pub fn start(name: &'static str, mut pause: Duration, mut inject: impl FnMut() + Send + 'static) -> Self {
        let (ended, times) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (end, count) = (ended.clone(), times.clone());
        let thread = std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(fastrand::u64(0..20)));
                inject();
                count.fetch_add(1, Ordering::Relaxed);
                let until = std::time::Instant::now() + pause;
                while !end.load(Ordering::Relaxed) && std::time::Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(5));
                }
                pause += STEP;
            }
        });
        Self { name, ended, times, thread: Some(thread) }
    }
}

impl Drop for FaultInjector {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        println!("{} {} times", self.name, self.times.load(Ordering::Relaxed));
        assert!(
            matches!(ended, Some(Ok(()))) || std::thread::panicking(),
            "the fault injector `{}` panicked",
            self.name
        );
    }
}
