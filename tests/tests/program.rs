//! The real program: a device whose node is a process of its own, to talk to and to kill.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pimesh_crdt::DeviceId;
use pimesh_tests::device::{Device, LOOPBACK};
use pimesh_tests::wait::{DEADLINE, until};
use serde_json::Value;

/// When a wait is as good as over, and what there is instead is said.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// `PIMESH_BIN` tests another build of it.
fn program() -> String {
    std::env::var("PIMESH_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_pimesh-under-test").into())
}

/// A device that is driven by commands. Its engine is never opened here while a process has it.
#[derive(Debug)]
pub(crate) struct Program {
    /// The same device, to look at while no process runs.
    pub(crate) device: Device,
    /// Where its node listens: any port at first, later the same one.
    listen: String,
}

impl Program {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            device: Device::new(name),
            listen: LOOPBACK.into(),
        }
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(words)
            .env("PIMESH_HOME", self.device.home.folder())
            .env_remove("PIMESH_LOG")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn output(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What it prints as JSON, and its exit code.
    pub(crate) fn json(&self, words: &[&str]) -> (Value, i32) {
        let output = self.output(&[words, &["--json"]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let document = serde_json::from_str(&text).unwrap_or_else(|error| {
            let said = String::from_utf8_lossy(&output.stderr);
            panic!("{words:?}: {error} in {text:?}; {said}")
        });
        (document, output.status.code().expect("it was not killed"))
    }

    /// Starts its node and waits until it is ready.
    pub(crate) fn run(&mut self) -> Node {
        let words = ["run", "--json", "-v", "--no-mdns", "--listen", &self.listen];
        let mut child = self
            .command(&words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut node = Node {
            events: Lines::of(child.stdout.take().unwrap()),
            log: Lines::of(child.stderr.take().unwrap()),
            child,
            address: String::new(),
            device: DeviceId([0; 32]),
        };
        let ready = node.event("ready");
        node.address = ready["addresses"][0].as_str().unwrap().to_owned();
        node.device = device_id(ready["device"].as_str().unwrap());
        self.listen = node.address.split("/p2p/").next().unwrap().to_owned();
        node
    }

    /// Shows a code; the command that shows it waits for somebody to type it.
    pub(crate) fn offer(&self) -> (Offer, String) {
        let mut child = self
            .command(&["pair", "offer", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Lines::of(child.stdout.take().unwrap());
        let code = until("a code", || {
            let first = said.all().first().cloned()?;
            let event: Value = serde_json::from_str(&first).unwrap();
            Some(event["code"].as_str().expect(&first).to_owned())
        });
        (Offer { child, said }, code)
    }

    /// Pairs the running nodes of two devices.
    pub(crate) fn pair_with(&self, address: &str, other: &Self) {
        let (offer, code) = self.offer();
        let (paired, exit) = other.json(&["pair", "join", &code, "--addr", address]);
        assert_eq!(exit, 0, "{paired}");
        assert_eq!(offer.end().0, Some(0));
    }
}

/// Read back from hexadecimal.
fn device_id(text: &str) -> DeviceId {
    let digits = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
    DeviceId(std::array::from_fn(digits))
}

/// `pair offer`, waiting.
#[derive(Debug)]
pub(crate) struct Offer {
    child: Child,
    said: Lines,
}

impl Offer {
    /// What it has said so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.all()
    }

    /// Its exit code and what it said, once it ends by itself.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>) {
        let code = until("the offer ends", || self.child.try_wait().unwrap());
        (code.code(), self.said.all())
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running node.
#[derive(Debug)]
pub(crate) struct Node {
    child: Child,
    events: Lines,
    log: Lines,
    /// Where it listens.
    pub(crate) address: String,
    /// Who it is.
    pub(crate) device: DeviceId,
}

impl Node {
    /// The first event of this name.
    pub(crate) fn event(&self, name: &str) -> Value {
        until(name, || {
            assert!(!self.events.ended(), "it ended: {:?}", self.log.all());
            let all = self.events.all();
            let mut events = all.iter().map(|line| serde_json::from_str(line).unwrap());
            events.find(|event: &Value| event["event"] == name)
        })
    }

    /// How many events of this name there have been.
    pub(crate) fn count(&self, name: &str) -> usize {
        let named = format!("{{\"event\":\"{name}\"");
        let all = self.events.all();
        all.iter().filter(|line| line.starts_with(&named)).count()
    }

    /// Waits for a line of the log with all of these words.
    pub(crate) fn logs(&self, words: &[&str]) -> String {
        let begun = Instant::now();
        until("a line of the log", || {
            let all = self.log.all();
            let found = all
                .iter()
                .find(|line| words.iter().all(|w| line.contains(w)));
            let is_late = found.is_none() && begun.elapsed() + LAST_LOOK > DEADLINE;
            assert!(!is_late, "{words:?} is not in the log: {all:#?}");
            found.cloned()
        })
    }

    /// How many lines of the log have this word.
    pub(crate) fn logged(&self, word: &str) -> usize {
        self.log
            .all()
            .iter()
            .filter(|line| line.contains(word))
            .count()
    }

    /// Resident memory in bytes: now, and the most there ever was.
    pub(crate) fn memory(&self) -> (usize, usize) {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kilobytes = |name: &str| -> usize {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        (kilobytes("VmRSS:") << 10, kilobytes("VmHWM:") << 10)
    }

    /// It is killed with SIGKILL, as by a power cut.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// It is asked to stop, and does.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(asked.unwrap().success());
        let status = until("the node stops", || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{:?}", self.log.all());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a stream, collected as they come.
#[derive(Clone, Debug)]
struct Lines(Arc<Mutex<(Vec<String>, bool)>>);

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let lines = Self(Arc::default());
        let collected = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                collected.lock().0.push(line);
            }
            collected.lock().1 = true;
        });
        lines
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Vec<String>, bool)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<String> {
        self.lock().0.clone()
    }

    fn ended(&self) -> bool {
        self.lock().1
    }
}
