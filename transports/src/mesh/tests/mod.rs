//! Real swarms on loopback. Every wait is for an event, with a deadline.

mod members;
mod relay;
mod strangers;

use std::{collections::HashSet, time::Duration};

use pimesh_crdt::DeviceId;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use zeroize::Zeroizing;

use super::{
    FrameError, FrameStream, Mesh, MeshConfig, MeshEvent, MeshHandle, Multiaddr, Refusal, Relaying,
};

const DEADLINE: Duration = Duration::from_secs(30);
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
const TCP: &str = "/ip4/127.0.0.1/tcp/0";

struct Device {
    id: DeviceId,
    handle: MeshHandle,
    events: mpsc::Receiver<MeshEvent>,
    tasks: TaskTracker,
    token: CancellationToken,
}

impl Device {
    fn start(seed: u8, listen: &[&str]) -> Self {
        Self::with(seed, listen, Relaying::No)
    }

    fn with(seed: u8, listen: &[&str], relaying: Relaying) -> Self {
        let (tasks, token) = (TaskTracker::new(), CancellationToken::new());
        // Two test runs on one machine may be given one port, and must not take each other's
        // devices for their own.
        let mut key = Zeroizing::new([seed; 32]);
        key[..4].copy_from_slice(&std::process::id().to_be_bytes());
        let config = MeshConfig {
            listen: listen
                .iter()
                .map(|address| address.parse().unwrap())
                .collect(),
            relaying,
            ..MeshConfig::loopback(key, 0)
        };
        let (handle, events) = Mesh::start(config, &tasks, token.clone()).unwrap();
        Self {
            id: handle.device(),
            handle,
            events,
            tasks,
            token,
        }
    }

    /// Two devices, the one with the smaller id first.
    fn two(listen: &[&str]) -> (Self, Self) {
        let (a, b) = (Self::start(1, listen), Self::start(2, listen));
        if a.id < b.id { (a, b) } else { (b, a) }
    }

    /// The first event that `wanted` accepts; others are dropped, sessions with them.
    async fn wait<T>(&mut self, wanted: impl Fn(MeshEvent) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let event = self.events.recv().await.expect("the mesh runs");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        };
        timeout(DEADLINE, waiting).await.expect("in time")
    }

    async fn listening(&mut self) -> Multiaddr {
        self.wait(|event| match event {
            MeshEvent::Listening(address) => Some(address),
            _ => None,
        })
        .await
    }

    async fn session(&mut self) -> (DeviceId, FrameStream) {
        self.wait(|event| match event {
            MeshEvent::Session { device, stream, .. } => Some((device, stream)),
            _ => None,
        })
        .await
    }

    async fn refusal(&mut self) -> (Option<DeviceId>, Refusal) {
        self.wait(|event| match event {
            MeshEvent::Refused { device, reason, .. } => Some((device, reason)),
            _ => None,
        })
        .await
    }

    async fn trusts(&self, others: &[&Self]) {
        let members = others.iter().map(|other| other.id).collect();
        self.handle.set_members(members).await.unwrap();
    }

    async fn stop(self) {
        self.token.cancel();
        self.tasks.close();
        timeout(DEADLINE, self.tasks.wait()).await.expect("in time");
    }
}

async fn recv(stream: &mut FrameStream) -> Result<Option<Vec<u8>>, FrameError> {
    timeout(DEADLINE, stream.recv()).await.expect("in time")
}

/// Two members with a session between them.
async fn connected(listen: &str) -> (Device, FrameStream, Device, FrameStream, Multiaddr) {
    let (mut low, mut high) = Device::two(&[listen]);
    let address = low.listening().await;
    low.trusts(&[&high]).await;
    high.trusts(&[&low]).await;
    high.handle
        .dial(low.id, vec![address.clone()])
        .await
        .unwrap();
    let (_, one) = low.session().await;
    let (_, other) = high.session().await;
    (low, one, high, other, address)
}

/// Each sends on its newest session until it has received on one.
async fn exchange(one: &mut Device, other: &mut Device) {
    async fn until_heard(device: &mut Device, word: &[u8]) -> Vec<u8> {
        loop {
            let (_, mut stream) = device.session().await;
            if stream.send(word.to_vec()).await.is_err() {
                continue;
            }
            let Ok(Some(frame)) = recv(&mut stream).await else {
                continue;
            };
            if stream.send(b"heard".to_vec()).await.is_ok()
                && matches!(recv(&mut stream).await, Ok(Some(answer)) if answer == b"heard")
            {
                return frame;
            }
        }
    }
    let (a, b) = tokio::join!(
        until_heard(one, b"from one"),
        until_heard(other, b"from other")
    );
    assert_eq!(
        (a.as_slice(), b.as_slice()),
        (&b"from other"[..], &b"from one"[..])
    );
}
