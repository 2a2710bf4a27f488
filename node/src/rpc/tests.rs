//! Commands through a real socket, with a small service in the engine's place.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::api::{Collections, Deleted, Request, Service};
use crate::home::Home;

/// `Delete` writes slowly, `Wait` never ends, `Collections` answers at once.
struct Slow {
    go_on: Notify,
    begun: Notify,
    written: AtomicUsize,
    dropped: AtomicUsize,
    events: broadcast::Sender<Event>,
}

struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Service for Slow {
    async fn execute(
        &self,
        request: Request,
        events: &mpsc::Sender<Event>,
    ) -> Result<Reply, Failure> {
        match request {
            Request::Delete { .. } => {
                self.begun.notify_one();
                self.go_on.notified().await;
                self.written.fetch_add(1, Ordering::SeqCst);
                Ok(Reply::Deleted(Deleted { items: Vec::new() }))
            }
            Request::Wait { .. } => {
                let _counted = Counted(&self.dropped);
                self.begun.notify_one();
                std::future::pending().await
            }
            Request::Collections => {
                let progress = Event::Progress {
                    task: "looking".into(),
                    done: 1,
                    total: None,
                };
                events.try_send(progress).unwrap();
                Ok(Reply::Collections(Collections::default()))
            }
            _ => Err(Failure::not_found("nothing here").hint("look elsewhere")),
        }
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.begun.notify_one();
        self.events.subscribe()
    }
}

struct Running {
    _dir: tempfile::TempDir,
    home: Home,
    service: Arc<Slow>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Running {
    fn start(below: impl AsRef<Path>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join(below)).unwrap();
        home.init("laptop").unwrap();
        let service = Arc::new(Slow {
            go_on: Notify::new(),
            begun: Notify::new(),
            written: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            events: broadcast::channel(4).0,
        });
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let listener = Listener::bind(&home).unwrap();
        let serving = serve(listener, Arc::clone(&service), tasks.clone(), stop.clone());
        tasks.spawn(serving);
        Self {
            _dir: dir,
            home,
            service,
            tasks,
            stop,
        }
    }

    async fn ask(&self, request: Request) -> (Result<Reply, Failure>, Vec<Event>) {
        let node = Node::find(&self.home).await.unwrap().unwrap();
        let (sender, mut receiver) = mpsc::channel(16);
        let answer = node.ask(&request, &sender).await;
        drop(sender);
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
        (answer, events)
    }

    /// Sends a request and goes away as soon as it has begun.
    async fn ask_and_go(&self, request: Request) {
        let node = Node::find(&self.home).await.unwrap().unwrap();
        let (sender, _receiver) = mpsc::channel(16);
        tokio::select! {
            _ = node.ask(&request, &sender) => unreachable!("it does not answer"),
            () = self.service.begun.notified() => {}
        }
    }

    async fn stopped(self) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(Duration::from_secs(20), self.tasks.wait())
            .await
            .expect("all tasks end");
    }
}

fn wait() -> Request {
    Request::Wait {
        device: None,
        timeout_seconds: None,
    }
}

fn delete() -> Request {
    Request::Delete {
        items: vec!["a".into()],
    }
}

#[tokio::test]
async fn a_request_gets_its_events_and_then_its_reply() {
    let running = Running::start("home");
    let (answer, events) = running.ask(Request::Collections).await;
    assert_eq!(answer, Ok(Reply::Collections(Collections::default())));
    assert!(matches!(
        events.as_slice(),
        [Event::Progress { done: 1, .. }]
    ));
    let (answer, _) = running.ask(Request::Conflicts).await;
    assert_eq!(answer.unwrap_err().hint.unwrap(), "look elsewhere");
    running.stopped().await;
}

#[tokio::test]
async fn a_write_goes_on_when_its_client_goes_away() {
    let running = Running::start("home");
    running.ask_and_go(delete()).await;
    running.service.go_on.notify_one();
    let service = Arc::clone(&running.service);
    running.stopped().await;
    assert_eq!(service.written.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn waiting_ends_when_its_client_goes_away() {
    let running = Running::start("home");
    running.ask_and_go(wait()).await;
    let service = Arc::clone(&running.service);
    while service.dropped.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    running.stopped().await;
}

#[tokio::test]
async fn stopping_the_node_lets_a_write_finish_and_ends_the_rest() {
    let running = Running::start("home");
    let writing = {
        let (home, request) = (running.home.clone(), delete());
        tokio::spawn(async move {
            let node = Node::find(&home).await.unwrap().unwrap();
            node.ask(&request, &mpsc::channel(1).0).await
        })
    };
    running.service.begun.notified().await;
    running.stop.cancel();
    running.service.go_on.notify_one();
    assert!(writing.await.unwrap().is_ok());
    running.stopped().await;
}

#[tokio::test]
async fn a_watcher_sees_what_happens_and_that_the_node_stops() {
    let running = Running::start("home");
    let node = Node::find(&running.home).await.unwrap().unwrap();
    let (sender, mut receiver) = mpsc::channel(4);
    let watching = tokio::spawn(async move { node.ask(&Request::Watch, &sender).await });
    running.service.begun.notified().await;
    let happened = Event::Listening {
        address: "/ip4/127.0.0.1".into(),
    };
    while running.service.events.send(happened.clone()).is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(receiver.recv().await, Some(happened));
    running.stop.cancel();
    assert_eq!(receiver.recv().await, Some(Event::Stopping));
    assert!(watching.await.unwrap().is_err());
    running.stopped().await;
}

#[tokio::test]
async fn a_home_too_deep_for_a_socket_is_reached_all_the_same() {
    let running = Running::start(format!("{}/home", "deep/".repeat(60)));
    assert!(running.ask(Request::Collections).await.0.is_ok());
    let record = running.home.folder().join("node.sock.path");
    let path = std::fs::read_to_string(&record).unwrap();
    let folder = Path::new(&path).parent().unwrap().to_owned();
    assert!(folder.exists());
    running.stopped().await;
    assert!(!folder.exists() && !record.exists());
}

#[tokio::test]
async fn the_socket_of_a_killed_node_is_no_node_and_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path().join("home")).unwrap();
    home.init("laptop").unwrap();
    // Dropping a bound std listener leaves its file, as a killed process does.
    drop(std::os::unix::net::UnixListener::bind(home.socket()).unwrap());
    assert!(home.socket().exists());
    assert!(Node::find(&home).await.unwrap().is_none());
    let _listener = Listener::bind(&home).unwrap();
    assert!(UnixStream::connect(home.socket()).await.is_ok());
}

#[tokio::test]
async fn a_line_that_is_no_request_is_answered_and_hurts_nobody() {
    let running = Running::start("home");
    let mut stream = UnixStream::connect(running.home.socket()).await.unwrap();
    stream.write_all(b"{\"cmd\":\"fly\"}\n").await.unwrap();
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text)
        .await
        .unwrap();
    assert!(text.contains("does not know this command"), "{text}");
    assert!(running.ask(Request::Collections).await.0.is_ok());
    running.stopped().await;
}

#[tokio::test]
async fn a_request_too_long_for_the_node_is_refused_with_the_reason() {
    let running = Running::start("home");
    let items = vec!["x".repeat(super::line::LONGEST_REQUEST)];
    let (answer, _) = running.ask(Request::Delete { items }).await;
    let failure = answer.unwrap_err();
    assert_eq!(failure.kind.exit_code(), 2, "{failure}");
    running.stopped().await;
}
