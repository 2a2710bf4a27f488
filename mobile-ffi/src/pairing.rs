//! A code that this device shows, and what comes of it.

use std::sync::Arc;
use std::time::SystemTime;

use pimesh::api::{Event, Reply, Request, Service};
use pimesh::engine::Engine;
use tokio::sync::{mpsc, watch};

use crate::error::PimeshError;
use crate::records::time;
use crate::reports::Paired;
use crate::runtime::{self, AbortOnDrop};

/// Events of one offer: the code, and each wrong try.
const EVENTS: usize = 8;

/// How the offer ended, once it has.
type Outcome = Option<Result<Paired, PimeshError>>;

/// A code to type on the other device. It is worth nothing once this object is gone.
#[derive(Debug, uniffi::Object)]
pub struct PairingOffer {
    code: String,
    ticket: String,
    qr: Option<String>,
    expires: SystemTime,
    fingerprint: String,
    addresses: Vec<String>,
    outcome: watch::Receiver<Outcome>,
    task: AbortOnDrop<()>,
}

#[uniffi::export]
impl PairingOffer {
    /// The code.
    pub fn code(&self) -> String {
        self.code.clone()
    }

    /// The same as the text of a QR code, for another app that has scanned it to join by.
    pub fn ticket(&self) -> String {
        self.ticket.clone()
    }

    /// The QR code as an SVG image, where the text fits one.
    pub fn qr(&self) -> Option<String> {
        self.qr.clone()
    }

    /// The code is worth nothing after this.
    pub fn expires(&self) -> SystemTime {
        self.expires
    }

    /// This device's fingerprint, to compare.
    pub fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// Where the other device reaches this one, where the local network does not help.
    pub fn addresses(&self) -> Vec<String> {
        self.addresses.clone()
    }

    /// Waits until another device has typed the code, or nobody can any more.
    pub async fn wait(&self) -> Result<Paired, PimeshError> {
        let mut outcome = self.outcome.clone();
        runtime::while_wanted(async move {
            match outcome.wait_for(Option::is_some).await.as_deref() {
                Ok(Some(result)) => result.clone(),
                Ok(None) | Err(_) => Err(PimeshError::Cancelled),
            }
        })
        .await
    }

    /// Takes the code away; whoever waits is told so.
    pub fn cancel(&self) {
        self.task.0.abort();
    }
}

impl PairingOffer {
    /// Asks the engine for a code and waits until it shows one.
    pub(crate) async fn make(engine: Arc<Engine>) -> Result<Self, PimeshError> {
        let (events, mut shown) = mpsc::channel(EVENTS);
        let (ended, mut outcome) = watch::channel(None);
        let task = AbortOnDrop(runtime::spawn(async move {
            let reply = engine.execute(Request::PairOffer, &events).await;
            ended.send_replace(Some(match reply {
                Ok(Reply::Paired(paired)) => Ok(paired.into()),
                Ok(other) => Err(PimeshError::unexpected(&other)),
                Err(failure) => Err(failure.into()),
            }));
        }));
        while let Some(event) = shown.recv().await {
            if let Event::PairOffer {
                code,
                ticket,
                qr,
                expires,
                fingerprint,
                addresses,
            } = event
            {
                runtime::spawn(async move { while shown.recv().await.is_some() {} });
                return Ok(Self {
                    code,
                    ticket,
                    qr,
                    expires: time(expires),
                    fingerprint,
                    addresses,
                    outcome,
                    task,
                });
            }
        }
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Err(error))) => Err(error.clone()),
            Ok(_) | Err(_) => Err(PimeshError::Cancelled),
        }
    }
}
