//! Runs async receivers, and decides whether a thread may block.

use std::cell::OnceCell;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The hub's own executor, started by the first async receiver outside of any runtime.
#[derive(Default)]
pub(super) struct Executor {
    own: OnceLock<Result<own::Runtime, Arc<io::Error>>>,
}

impl Executor {
    /// Spawns on the runtime of this thread, or else on the hub's own executor.
    pub(super) fn spawner(&self) -> Result<own::Spawner, Arc<io::Error>> {
        if let Some(spawner) = own::current() {
            return Ok(spawner);
        }
        let runtime = self.own.get_or_init(|| own::Runtime::start().map_err(Arc::new));
        runtime.as_ref().map(own::Runtime::spawner).map_err(Arc::clone)
    }
}

/// Runs a function that blocks the thread. If the thread must not block, because the work that it waits for
/// could not run meanwhile, returns `None` without calling the function.
pub(crate) fn block<R>(run: impl FnOnce() -> R) -> Option<R> {
    let threads = OWN.try_with(|own| own.get().cloned()).unwrap_or_default();
    let _waiting = match &threads {
        Some(threads) => Some(threads.begin_wait()?),
        None => None,
    };
    own::block(threads.is_some(), run)
}

thread_local! {
    /// Set on the threads of a hub's own executor.
    static OWN: OnceCell<Arc<Threads>> = const { OnceCell::new() };
}

/// The threads of a hub's own executor. Receivers may wait for each other's events there: if all threads
/// waited, none would be left to run the receivers that they wait for.
struct Threads {
    waiting: AtomicUsize,
    max_waiting: usize,
}

/// A waiting thread.
struct WaitingThread<'a>(&'a Threads);

impl Threads {
    const fn new(max_waiting: usize) -> Self {
        Self { waiting: AtomicUsize::new(0), max_waiting }
    }

    /// Adds the current thread.
    fn adopt(self: &Arc<Self>) {
        OWN.with(|own| {
            own.get_or_init(|| Arc::clone(self));
        });
    }

    fn begin_wait(&self) -> Option<WaitingThread<'_>> {
        // Created before the comparison: a refused wait is subtracted again on drop.
        let waiting = WaitingThread(self);
        (self.waiting.fetch_add(1, Ordering::Relaxed) < self.max_waiting).then_some(waiting)
    }
}

impl Drop for WaitingThread<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(feature = "tokio")]
mod own {
    //! Tokio, so that receivers can use its timers and sockets.

    use std::io;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::task::{Context, Poll, Waker};

    use tokio::runtime::{Builder, Handle, Id, RuntimeFlavor};
    use tokio::task::{block_in_place, coop};

    use super::Threads;
    use events_support::error_chain::caught;

    /// How many threads of a hub may wait at once. Tokio replaces each by one of its 512 blocking threads,
    /// which receivers use for other work too.
    const MAX_WAITING_THREADS: usize = 256;

    /// How many workers of any other runtime may wait at once. If as many waited as the runtime has blocking
    /// threads, none would be left for the work that they wait for: a deadlock.
    const MAX_WAITING_WORKERS: usize = 384;

    /// The number of waiting workers of each runtime.
    static WORKERS: Mutex<Vec<(Id, usize)>> = Mutex::new(Vec::new());

    /// A waiting worker of a runtime.
    struct WaitingWorker(Id);

    impl WaitingWorker {
        fn begin(runtime: Id) -> Option<Self> {
            let mut workers = Self::locked();
            match workers.iter_mut().find(|(of, _)| *of == runtime) {
                Some((_, waiting)) if *waiting < MAX_WAITING_WORKERS => *waiting += 1,
                Some(_) => return None,
                None => workers.push((runtime, 1)),
            }
            Some(Self(runtime))
        }

        fn locked() -> MutexGuard<'static, Vec<(Id, usize)>> {
            WORKERS.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl Drop for WaitingWorker {
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

    pub(super) fn current() -> Option<Spawner> {
        Handle::try_current().ok().map(Spawner)
    }

    /// A worker of a multi-thread runtime first moves its other tasks to another thread: the task that was
    /// woken last may be in the worker's LIFO slot, which other threads don't read.
    pub(super) fn block<R>(is_counted: bool, run: impl FnOnce() -> R) -> Option<R> {
        let Ok(handle) = Handle::try_current() else { return Some(run()) };
        let drives_tasks = drives_tasks(0);
        if handle.runtime_flavor() == RuntimeFlavor::CurrentThread && drives_tasks {
            return None;
        }
        let _worker =
            if drives_tasks && !is_counted { Some(WaitingWorker::begin(handle.id())?) } else { None };
        // `block_in_place` panics in the remaining cases in which the thread must not block: in a `LocalSet`,
        // and in an `unconstrained` future of a current-thread runtime.
        caught(|| block_in_place(run)).ok()
    }

    /// Whether this thread polls a future for a runtime, as opposed to being one of its blocking threads.
    /// Only then is there a budget of polls, which this function uses up (128 today) and restores. Tokio
    /// offers no other way to find out, except a panic.
    fn drives_tasks(depth: usize) -> bool {
        match coop::poll_proceed(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => true,
            Poll::Ready(_restored_on_drop) => depth < 512 && drives_tasks(depth + 1),
        }
    }

    pub(super) struct Runtime {
        handle: Handle,
        runtime: Option<tokio::runtime::Runtime>,
    }

    impl Runtime {
        pub(super) fn start() -> io::Result<Self> {
            let threads = Arc::new(Threads::new(MAX_WAITING_THREADS));
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
            // The last handle of a hub may be dropped on one of its own threads, which can't wait for itself.
            if let Some(runtime) = self.runtime.take() {
                runtime.shutdown_background();
            }
        }
    }
}

#[cfg(not(feature = "tokio"))]
mod own {
    //! A plain thread pool.

    use std::io;
    use std::num::NonZero;
    use std::sync::Arc;

    use futures_executor::ThreadPool;

    use super::Threads;

    /// A blocked thread is missing in the pool. `Threads` makes sure that one remains.
    #[expect(clippy::unnecessary_wraps, reason = "with tokio, blocking may be refused")]
    pub(super) fn block<R>(_is_counted: bool, run: impl FnOnce() -> R) -> Option<R> {
        Some(run())
    }

    pub(super) struct Runtime(ThreadPool);
    pub(in crate::hub) struct Spawner(ThreadPool);

    pub(super) fn current() -> Option<Spawner> {
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
