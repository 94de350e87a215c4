//! Where async receivers run, and where a thread may block.

use std::cell::OnceCell;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The hub's own executor, started when an async receiver is to run outside of any runtime.
#[derive(Default)]
pub(super) struct Executor {
    own: OnceLock<Result<own::Runtime, Arc<io::Error>>>,
}

impl Executor {
    /// What to start async receivers with, here and now.
    pub(super) fn spawner(&self) -> Result<own::Spawner, Arc<io::Error>> {
        if let Some(spawner) = own::surrounding() {
            return Ok(spawner);
        }
        let runtime = self.own.get_or_init(|| own::Runtime::start().map_err(Arc::new));
        runtime.as_ref().map(own::Runtime::spawner).map_err(Arc::clone)
    }
}

/// Runs what blocks the thread, unless nothing that it waits for could run meanwhile: then `None`,
/// and nothing ran.
pub(crate) fn block<R>(run: impl FnOnce() -> R) -> Option<R> {
    let threads = OWN.try_with(|own| own.get().cloned()).unwrap_or_default();
    let _seat = match &threads {
        Some(threads) => Some(threads.sit_down()?),
        None => None,
    };
    own::block(threads.is_some(), run)
}

thread_local! {
    /// The threads of a hub's own executor that this is one of.
    static OWN: OnceCell<Arc<Threads>> = const { OnceCell::new() };
}

/// The threads of a hub's own executor. Receivers there may wait for each other's events: where as
/// many wait as there are threads, none would be left for what they wait for.
struct Threads {
    waiting: AtomicUsize,
    most: usize,
}

/// A thread that waits.
struct Seat<'a>(&'a Threads);

impl Threads {
    const fn new(most: usize) -> Self {
        Self { waiting: AtomicUsize::new(0), most }
    }

    /// Makes the present thread one of these.
    fn adopt(self: &Arc<Self>) {
        OWN.with(|own| {
            own.get_or_init(|| Arc::clone(self));
        });
    }

    fn sit_down(&self) -> Option<Seat<'_>> {
        // Ended before it is judged, the seat is given back.
        let seat = Seat(self);
        (self.waiting.fetch_add(1, Ordering::Relaxed) < self.most).then_some(seat)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(feature = "tokio")]
mod own {
    //! On tokio, so that receivers may use its timers and sockets.

    use std::io;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::task::{Context, Poll, Waker};

    use tokio::runtime::{Builder, Handle, Id, RuntimeFlavor};
    use tokio::task::{block_in_place, coop};

    use super::Threads;
    use events_support::error_chain::caught;

    /// How many threads of a hub may wait at once. Each is replaced by one of tokio's 512 threads
    /// for what blocks, which receivers use for other things too.
    const MOST_WAITING: usize = 256;

    /// How many workers of any other runtime may wait at once. Where as many wait as the runtime may have
    /// threads for what blocks, none is left for what they wait for, for ever.
    const MOST_WORKERS: usize = 384;

    /// How many workers wait, by their runtime.
    static WORKERS: Mutex<Vec<(Id, usize)>> = Mutex::new(Vec::new());

    /// A worker of a runtime that waits.
    struct Worker(Id);

    impl Worker {
        fn sit_down(runtime: Id) -> Option<Self> {
            let mut workers = Self::locked();
            match workers.iter_mut().find(|(of, _)| *of == runtime) {
                Some((_, waiting)) if *waiting < MOST_WORKERS => *waiting += 1,
                Some(_) => return None,
                None => workers.push((runtime, 1)),
            }
            Some(Self(runtime))
        }

        fn locked() -> MutexGuard<'static, Vec<(Id, usize)>> {
            WORKERS.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl Drop for Worker {
        fn drop(&mut self) {
            let mut workers = Self::locked();
            if let Some((_, waiting)) = workers.iter_mut().find(|(of, _)| *of == self.0) {
                *waiting -= 1;
            }
            workers.retain(|(_, waiting)| *waiting > 0);
        }
    }

    pub(in crate::hub) struct Spawner(Handle);

    impl Spawner {
        pub(in crate::hub) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
            // Dropping the handle of a task leaves the task running.
            drop(self.0.spawn(future));
        }
    }

    pub(super) fn surrounding() -> Option<Spawner> {
        Handle::try_current().ok().map(Spawner)
    }

    /// A worker of a runtime of many threads hands its other tasks over first: one that was woken
    /// last may stand in a slot of this worker that no other thread looks into.
    pub(super) fn block<R>(is_counted: bool, run: impl FnOnce() -> R) -> Option<R> {
        let Ok(handle) = Handle::try_current() else { return Some(run()) };
        let drives_tasks = drives_tasks(0);
        if handle.runtime_flavor() == RuntimeFlavor::CurrentThread && drives_tasks {
            return None;
        }
        let _worker = if drives_tasks && !is_counted { Some(Worker::sit_down(handle.id())?) } else { None };
        // It panics where the thread must not block although none of the above says so: in a
        // `LocalSet`, and in an `unconstrained` future of a runtime of one thread.
        caught(|| block_in_place(run)).ok()
    }

    /// Whether this thread is polling a future for a runtime, rather than one that a runtime keeps
    /// for what blocks: only then is there a budget of polls, which is used up (128 today) and
    /// given back here. Tokio tells it in no other way, but for a panic.
    fn drives_tasks(depth: usize) -> bool {
        match coop::poll_proceed(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => true,
            Poll::Ready(_given_back_when_dropped) => depth < 512 && drives_tasks(depth + 1),
        }
    }

    pub(super) struct Runtime {
        handle: Handle,
        runtime: Option<tokio::runtime::Runtime>,
    }

    impl Runtime {
        pub(super) fn start() -> io::Result<Self> {
            let threads = Arc::new(Threads::new(MOST_WAITING));
            let runtime = Builder::new_multi_thread()
                .thread_name("events-hub")
                .on_thread_start(move || threads.adopt())
                .enable_all()
                .build()?;
            Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
        }

        pub(super) fn spawner(&self) -> Spawner {
            Spawner(self.handle.clone())
        }
    }

    impl Drop for Runtime {
        fn drop(&mut self) {
            // The last handle of a hub may go on one of its own threads, where waiting for the
            // threads is not possible.
            if let Some(runtime) = self.runtime.take() {
                runtime.shutdown_background();
            }
        }
    }
}

#[cfg(not(feature = "tokio"))]
mod own {
    //! On a plain pool of threads.

    use std::io;
    use std::num::NonZero;
    use std::sync::Arc;

    use futures_executor::ThreadPool;

    use super::Threads;

    /// What blocks stops one thread of the pool; which one is left is counted.
    #[expect(clippy::unnecessary_wraps, reason = "with tokio it may be refused")]
    pub(super) fn block<R>(_is_counted: bool, run: impl FnOnce() -> R) -> Option<R> {
        Some(run())
    }

    pub(super) struct Runtime(ThreadPool);
    pub(in crate::hub) struct Spawner(ThreadPool);

    pub(super) fn surrounding() -> Option<Spawner> {
        None
    }

    impl Runtime {
        pub(super) fn start() -> io::Result<Self> {
            let size = std::thread::available_parallelism().map_or(1, NonZero::get);
            let threads = Arc::new(Threads::new(size - 1));
            ThreadPool::builder()
                .name_prefix("events-hub-")
                .pool_size(size)
                .after_start(move |_| threads.adopt())
                .create()
                .map(Self)
        }

        pub(super) fn spawner(&self) -> Spawner {
            Spawner(self.0.clone())
        }
    }

    impl Spawner {
        pub(in crate::hub) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
            self.0.spawn_ok(future);
        }
    }
}
