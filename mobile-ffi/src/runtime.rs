//! The threads of this library: one runtime per process, whatever the number of nodes.

use std::future::Future;
use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::error::PimeshError;

/// Enough for a phone: the store has a thread of its own.
const WORKERS: usize = 2;

/// Listeners and files that block at the same time; more wait.
const BLOCKING: usize = 8;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING)
        .thread_name("pimesh")
        .enable_all()
        .build()
        .expect("a process that may not start threads cannot run a node at all")
});

/// Starts a task.
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    RUNTIME.spawn(work)
}

/// Runs to the end what must not be left half-way, also when the caller cancels.
pub(crate) async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, PimeshError>> + Send + 'static,
) -> Result<T, PimeshError> {
    ended(spawn(work).await)
}

/// Runs what ends when the caller cancels.
pub(crate) async fn while_wanted<T: Send + 'static>(
    work: impl Future<Output = Result<T, PimeshError>> + Send + 'static,
) -> Result<T, PimeshError> {
    let mut task = AbortOnDrop(spawn(work));
    ended((&mut task.0).await)
}

/// Runs what may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PimeshError> + Send + 'static,
) -> Result<T, PimeshError> {
    ended(RUNTIME.spawn_blocking(work).await)
}

/// What a task came to.
pub(crate) fn ended<T>(
    outcome: Result<Result<T, PimeshError>, tokio::task::JoinError>,
) -> Result<T, PimeshError> {
    match outcome {
        Ok(result) => result,
        Err(error) if error.is_cancelled() => Err(PimeshError::Cancelled),
        Err(error) => Err(PimeshError::Internal {
            reason: error.to_string(),
        }),
    }
}

/// Ends its task with itself.
#[derive(Debug)]
pub(crate) struct AbortOnDrop<T>(pub(crate) JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
