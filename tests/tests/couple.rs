//! Two paired devices that hold the same items: what most stories about deciding, undoing and
//! bringing back begin with.

use pimesh::api::{EditBy, Failure, Form, Patch, Reply, Request};
use pimesh_tests::device::{Device, agree, pair};

/// A laptop and a phone, paired.
#[derive(Debug)]
pub(crate) struct Couple {
    pub(crate) laptop: Device,
    pub(crate) phone: Device,
}

/// A card with these lines besides its frame.
pub(crate) fn card(uid: &str, lines: &str) -> String {
    let lines = lines.replace('\n', "\r\n");
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\n{lines}\r\nEND:VCARD\r\n")
}

/// Sets one property as plain text.
pub(crate) fn set(name: &str, value: &str) -> EditBy {
    let value = Form::Plain(value.into());
    EditBy::Patches(vec![Patch::Set {
        name: name.into(),
        value,
    }])
}

impl Couple {
    /// Both are on and hold what was imported on the laptop.
    pub(crate) async fn with(text: &str) -> Self {
        let (mut laptop, mut phone) = (Device::new("laptop"), Device::new("phone"));
        import(&laptop, "cards.vcf", text).await;
        let address = laptop.start().await;
        phone.start().await;
        pair(&laptop, &phone, address).await;
        agree(&laptop, &phone).await;
        Self { laptop, phone }
    }

    /// Each does something while they do not reach each other; then they do and agree.
    pub(crate) async fn apart(
        &mut self,
        on_laptop: impl AsyncFnOnce(&Device),
        on_phone: impl AsyncFnOnce(&Device),
    ) {
        self.phone.stop().await;
        on_laptop(&self.laptop).await;
        on_phone(&self.phone).await;
        self.phone.start_elsewhere().await;
        self.agree().await;
    }

    /// Waits until both hold the same.
    pub(crate) async fn agree(&self) {
        agree(&self.laptop, &self.phone).await;
    }

    pub(crate) fn both(&self) -> [&Device; 2] {
        [&self.laptop, &self.phone]
    }

    pub(crate) async fn stop(mut self) {
        self.laptop.stop().await;
        self.phone.stop().await;
    }
}

/// Imports a text as a file of this name.
pub(crate) async fn import(device: &Device, file: &str, text: &str) {
    let path = device.folder().join(file);
    std::fs::write(&path, text).unwrap();
    let report = device.import(&[path]).await;
    assert!(
        report.totals.add_up() && report.totals.refused == 0,
        "{report:?}"
    );
}

/// The document of the only item whose name this is.
pub(crate) async fn doc(device: &Device, name: &str) -> String {
    let items = device.items().await;
    let mut found = items.values().filter(|item| item.name == name);
    let doc = found.next().expect(name).doc.clone();
    assert!(found.next().is_none(), "two items {name}");
    doc
}

/// The values of a property, as written.
pub(crate) async fn values(device: &Device, doc: &str, property: &str) -> Vec<String> {
    let item = device.show(doc).await;
    let of = item.properties.into_iter().filter(|p| p.name == property);
    of.map(|p| p.value).collect()
}

/// What is asked must be refused.
pub(crate) async fn refused(device: &Device, request: Request) -> Failure {
    match device.try_ask(request).await {
        Err(failure) => failure,
        Ok(reply @ (Reply::Edited(_) | Reply::Resolved(_))) => panic!("done: {reply:?}"),
        Ok(reply) => panic!("{reply:?}"),
    }
}
