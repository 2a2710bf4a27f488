//! Moves a pairing conversation over a stream, within a time.

use std::{collections::VecDeque, time::Duration};

use futures::{SinkExt, StreamExt};
use pimesh_crdt::DeviceId;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{codec::Framed, sync::CancellationToken};

use super::{
    code::Code,
    error::PairError,
    fingerprint::{Fingerprint, fingerprint},
    message::{MAX_CONFIRMED, MAX_UNCONFIRMED},
    offer::Offer,
    state::{Conversation, Handed, Input, Output},
};
use crate::mesh::FrameCodec;

/// How long a conversation may last: nobody types in the middle of it.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long the last word may take to leave.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Who this device is to the other.
#[derive(Clone, Debug)]
pub struct PairIdentity {
    /// This device.
    pub device: DeviceId,
    /// What its owner calls it; cut at 200 bytes.
    pub name: String,
}

/// What a pairing gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paired {
    /// The other device.
    pub device: DeviceId,
    /// What its owner calls it.
    pub name: String,
    /// What it handed over.
    pub payload: Vec<u8>,
    /// For both screens.
    pub fingerprint: Fingerprint,
}

/// The side that shows the code. `peer` is who the transport proved is at the other end;
/// `payload` is asked for what to hand over, once that device has shown that it knows the code.
///
/// Cancelling `cancel` tells the other side; dropping the future just hangs up.
pub async fn offer<S>(
    stream: S,
    offer: &Offer,
    me: PairIdentity,
    peer: DeviceId,
    payload: impl FnOnce(DeviceId) -> Vec<u8>,
    cancel: &CancellationToken,
) -> Result<Paired, PairError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let conversation = Conversation::offer(offer, me.device, peer);
    converse(stream, conversation, Vec::new(), me, peer, payload, cancel).await
}

/// The side that types the code; otherwise as [`offer`].
pub async fn join<S>(
    stream: S,
    code: &Code,
    me: PairIdentity,
    peer: DeviceId,
    payload: impl FnOnce(DeviceId) -> Vec<u8>,
    cancel: &CancellationToken,
) -> Result<Paired, PairError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (conversation, first) = Conversation::join(code, me.device, peer);
    converse(stream, conversation, first, me, peer, payload, cancel).await
}

async fn converse<S>(
    stream: S,
    mut conversation: Conversation,
    first: Vec<Output>,
    me: PairIdentity,
    peer: DeviceId,
    payload: impl FnOnce(DeviceId) -> Vec<u8>,
    cancel: &CancellationToken,
) -> Result<Paired, PairError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = Instant::now() + PATIENCE;
    let mut stream = Framed::new(
        stream,
        FrameCodec {
            limit: MAX_UNCONFIRMED,
        },
    );
    let mut todo = VecDeque::from(first);
    let (mut ours, mut result) = (Some((me.name, payload)), None);
    while result.is_none() {
        let input = match todo.pop_front() {
            Some(Output::Send(message)) => {
                // What follows a last word is the end; it must not be kept from the person.
                let is_last = matches!(todo.front(), Some(Output::Failed(_) | Output::Paired(_)));
                let sent = send(
                    &mut stream,
                    message,
                    if is_last { None } else { Some(deadline) },
                );
                match sent.await {
                    Ok(()) => continue,
                    Err(_) if is_last => continue,
                    Err(input) => input,
                }
            }
            Some(Output::Confirmed) => {
                stream.codec_mut().limit = MAX_CONFIRMED;
                let Some((name, payload)) = ours.take() else {
                    continue;
                };
                Input::Handover(Handed {
                    name,
                    payload: payload(peer),
                })
            }
            Some(Output::Paired(theirs)) => {
                result = Some(Ok(theirs));
                continue;
            }
            Some(Output::Failed(error)) => {
                result = Some(Err(error));
                continue;
            }
            None => tokio::select! {
                biased;
                () = cancel.cancelled() => Input::Cancel,
                () = sleep_until(deadline) => Input::Deadline,
                frame = stream.next() => match frame {
                    Some(Ok(bytes)) => Input::Received(bytes),
                    Some(Err(error)) => Input::StreamFailed(error),
                    None => Input::HungUp,
                },
            },
        };
        todo.extend(conversation.handle(std::time::Instant::now(), input));
    }
    // Whoever is told of the end may close the connection: the other side has to have read the
    // last word by then, which it shows by closing its half. A stream that does not close in
    // time is dropped, which closes it too.
    let _closed = timeout(LAST_WORD, async {
        let closed = stream.close().await;
        while closed.is_ok() && stream.next().await.is_some_and(|frame| frame.is_ok()) {}
    })
    .await;
    let theirs = result.unwrap_or(Err(PairError::HungUp))?;
    let fingerprint = fingerprint(&me.device, &peer);
    Ok(Paired {
        device: peer,
        name: theirs.name,
        payload: theirs.payload,
        fingerprint,
    })
}

/// Sends before `deadline`, or within the time for a last word; else says what happened.
async fn send<S>(
    stream: &mut Framed<S, FrameCodec>,
    message: Vec<u8>,
    deadline: Option<Instant>,
) -> Result<(), Input>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = deadline.unwrap_or_else(|| Instant::now() + LAST_WORD);
    match tokio::time::timeout_at(deadline, stream.send(message)).await {
        Ok(Ok(())) => Ok(()),
        // The other side may have hung up with a reason, which is still there to be read.
        Ok(Err(error)) => match timeout(LAST_WORD, stream.next()).await {
            Ok(Some(Ok(reason))) => Err(Input::Received(reason)),
            Ok(Some(Err(_)) | None) | Err(_) => Err(Input::StreamFailed(error)),
        },
        Err(_) => Err(Input::Deadline),
    }
}
