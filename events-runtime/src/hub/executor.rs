//! Where async receivers run.

use std::io;
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

#[cfg(feature = "bus")]
mod own {
    //! On tokio, so that receivers may use its timers and sockets.

    use std::io;

    use tokio::runtime::{Builder, Handle};

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

    pub(super) struct Runtime {
        handle: Handle,
        runtime: Option<tokio::runtime::Runtime>,
    }

    impl Runtime {
        pub(super) fn start() -> io::Result<Self> {
            let runtime = Builder::new_multi_thread().thread_name("events-hub").enable_all().build()?;
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

#[cfg(not(feature = "bus"))]
mod own {
    //! On a plain pool of threads.

    use std::io;

    use futures_executor::ThreadPool;

    pub(super) struct Runtime(ThreadPool);
    pub(in crate::hub) struct Spawner(ThreadPool);

    pub(super) fn surrounding() -> Option<Spawner> {
        None
    }

    impl Runtime {
        pub(super) fn start() -> io::Result<Self> {
            ThreadPool::builder().name_prefix("events-hub-").create().map(Self)
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
