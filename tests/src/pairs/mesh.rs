//! The four devices, and which of them are on.

use pimesh::api::{Reply, Request};

use crate::device::{Device, everything, pair};
use crate::wait::{DEADLINE, eventually};

/// The devices of one mesh. Those that are on find each other.
#[derive(Debug)]
pub(super) struct Mesh {
    /// Does what the rows say.
    pub(super) laptop: Device,
    /// Does what the columns say.
    pub(super) phone: Device,
    /// Hears of the laptop first.
    pub(super) desk: Device,
    /// Hears of the phone first.
    pub(super) tablet: Device,
}

impl Mesh {
    /// All are on and paired.
    pub(super) async fn new() -> Self {
        let mut mesh = Self {
            laptop: Device::new("laptop"),
            phone: Device::new("phone"),
            desk: Device::new("desk"),
            tablet: Device::new("tablet"),
        };
        let address = mesh.laptop.start().await;
        for other in [&mut mesh.phone, &mut mesh.desk, &mut mesh.tablet] {
            other.start().await;
            pair(&mesh.laptop, other, address.clone()).await;
        }
        mesh.agree().await;
        mesh
    }

    pub(super) fn all(&self) -> [&Device; 4] {
        [&self.laptop, &self.phone, &self.desk, &self.tablet]
    }

    /// Waits until both devices that work have what both have.
    pub(super) async fn agree(&self) {
        confirmed(&self.laptop, "phone").await;
        confirmed(&self.phone, "laptop").await;
    }

    pub(super) async fn all_off(&mut self) {
        self.laptop.stop().await;
        self.phone.stop().await;
        self.desk.stop().await;
        self.tablet.stop().await;
    }

    /// What was done apart goes round: to the desk from the laptop first, to the tablet from
    /// the phone first, and then everywhere. All are on afterwards.
    pub(super) async fn meet(&mut self) {
        self.all_off().await;
        meeting(("laptop", &mut self.laptop), ("desk", &mut self.desk)).await;
        meeting(("phone", &mut self.phone), ("tablet", &mut self.tablet)).await;
        meeting(("phone", &mut self.phone), ("desk", &mut self.desk)).await;
        meeting(("laptop", &mut self.laptop), ("tablet", &mut self.tablet)).await;
        for device in [
            &mut self.laptop,
            &mut self.phone,
            &mut self.desk,
            &mut self.tablet,
        ] {
            device.start().await;
        }
    }
}

/// Two devices are on until each has what the other has.
async fn meeting(one: (&str, &mut Device), other: (&str, &mut Device)) {
    one.1.start().await;
    other.1.start().await;
    confirmed(one.1, other.0).await;
    confirmed(other.1, one.0).await;
    eventually("both list the same", async || {
        (listed(one.1).await == listed(other.1).await).then_some(())
    })
    .await;
    one.1.stop().await;
    other.1.stop().await;
}

/// What is listed: an item that was moved may be in two collections.
async fn listed(device: &Device) -> Vec<(String, String, String)> {
    let Reply::Items(items) = device.ask(everything()).await else {
        panic!("not a list")
    };
    let items = items.items.into_iter();
    let mut all: Vec<_> = items
        .map(|item| (item.doc, item.collection, item.name))
        .collect();
    all.sort();
    all
}

/// Waits until that device has said that it has everything; the word that it is a member may
/// still be on its way.
async fn confirmed(device: &Device, by: &str) {
    let request = || Request::Wait {
        device: Some(by.to_owned()),
        timeout_seconds: Some(DEADLINE.as_secs()),
    };
    let answer = eventually("it is known", async || device.try_ask(request()).await.ok()).await;
    match answer {
        Reply::Waited(waited) => assert!(waited.confirmed, "{by}: {waited:?}"),
        other => panic!("{other:?}"),
    }
}
