//! The thread that the requests of a client run on, so that its futures work on any executor.

use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Runs tasks on a tokio runtime of its own. The thread ends when this value is dropped.
pub(crate) struct RequestThread {
    handle: Handle,
    _running: oneshot::Sender<()>,
}

impl RequestThread {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, ended) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("schema-registry".to_owned())
            // Ends with an error when the sender is dropped, which is the end of the thread.
            .spawn(move || runtime.block_on(ended))?;
        Ok(Self { handle, _running: running })
    }

    /// Runs a task. `None` if the thread has ended or the task panicked. The task goes on if the returned future
    /// is dropped.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send + 'static {
        let task = self.handle.spawn(task);
        async move { task.await.ok() }
    }
}
