//! A node in this process: the engine runs, and its socket answers other commands.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{Failure, RunOptions};
use crate::engine::Engine;
use crate::home::Home;
use crate::rpc::{self, Listener};

/// What is not done by then is cut off; the store is safe at any moment.
const DEADLINE: Duration = Duration::from_secs(10);

/// A running node.
#[derive(Debug)]
pub(super) struct Here {
    pub(super) engine: Arc<Engine>,
    running: JoinHandle<Result<(), Failure>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Here {
    /// Starts it. The engine holds the home's lock, so the socket is ours to make.
    pub(super) fn start(
        home: &Home,
        engine: Arc<Engine>,
        options: RunOptions,
    ) -> Result<Self, Failure> {
        let listener = Listener::bind(home)?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(rpc::serve(
            listener,
            Arc::clone(&engine),
            tasks.clone(),
            stop.clone(),
        ));
        let running = {
            let (engine, stop) = (Arc::clone(&engine), stop.clone());
            tasks.spawn(async move { engine.run(options, stop).await })
        };
        Ok(Self {
            engine,
            running,
            tasks,
            stop,
        })
    }

    /// Returns when the engine has ended by itself, which is a failure.
    pub(super) async fn ended(&mut self) -> Failure {
        match (&mut self.running).await {
            Ok(Ok(())) => Failure::failed("the node ended by itself"),
            Ok(Err(failure)) => failure,
            Err(error) => Failure::caused_by("pimesh made a mistake and ended", &error),
        }
    }

    /// Ends it: running commands finish, up to a deadline.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.stop.cancel();
        self.tasks.close();
        match tokio::time::timeout(DEADLINE, self.tasks.wait()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Failure::failed(format!(
                "not everything ended within {} seconds",
                DEADLINE.as_secs()
            ))),
        }
    }
}
