//! What is done to servers while they are used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Each rest is longer than the one before by so much, so that what takes its time comes to its end.
const LONGER: Duration = Duration::from_millis(2);

/// Something that happens again and again until it is dropped, which tells how often it did.
#[derive(Debug)]
pub struct Trouble {
    name: &'static str,
    ended: Arc<AtomicBool>,
    times: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Trouble {
    /// Begins, with rests between that last so long at first.
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
