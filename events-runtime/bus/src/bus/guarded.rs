//! Isolates panics of user futures, so that they don't end the consumer that awaits them.

use std::pin::Pin;
use std::task::{Context, Poll};

use events_support::error_chain::caught;
use pin_project_lite::pin_project;

pin_project! {
    /// A future that returns its panic as an error, and whose drop may panic.
    pub(crate) struct Guarded<F> {
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Guarded<F> {
        fn drop(this: Pin<&mut Self>) {
            this.end();
        }
    }
}

impl<F> Guarded<F> {
    pub(crate) const fn new(future: F) -> Self {
        Self { future: Some(future) }
    }

    /// Drops the future.
    fn end(self: Pin<&mut Self>) {
        let mut future = self.project().future;
        if future.is_some() {
            // Reported by the panic hook.
            let _ = caught(|| future.set(None));
        }
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = self.as_mut().project().future.as_pin_mut() else { return Poll::Pending };
        let polled = match caught(|| future.poll(context)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panic) => Err(panic),
        };
        self.end();
        Poll::Ready(polled)
    }
}
