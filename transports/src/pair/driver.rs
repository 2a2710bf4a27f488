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
    error::PairError,
    fingerprint::{Fingerprint, fingerprint},
    invitation::Invitation,
    message::{MAX_CONFIRMED, MAX_UNCONFIRMED},
    offer::Offer,
    state::{Conversation, Handed, Input, Output},
};
use crate::mesh::FrameCodec;

/// How long a conversation may last until both know that the other knows the code: nobody
/// types in the middle of it, and who hears nothing for so long calls again.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may last after that: the joiner's person reads what will happen, and agrees.
pub const REFLECTION: Duration = Duration::from_secs(300);
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
    let first = (Conversation::offer(offer, me.device, peer), Vec::new());
    let agree = async |_: &Handed| true;
    converse(stream, first, me, peer, (payload, agree), cancel).await
}

/// The side that types or scans; otherwise as [`offer`]. `agree` is told what the other device
/// handed over, before it gets anything from this one, and says whether to go on.
pub async fn join<S>(
    stream: S,
    invitation: &Invitation,
    me: PairIdentity,
    peer: DeviceId,
    (payload, agree): (
        impl FnOnce(DeviceId) -> Vec<u8>,
        impl AsyncFnOnce(&Handed) -> bool,
    ),
    cancel: &CancellationToken,
) -> Result<Paired, PairError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let first = Conversation::join(invitation, me.device, peer);
    converse(stream, first, me, peer, (payload, agree), cancel).await
}

async fn converse<S>(
    stream: S,
    (mut conversation, first): (Conversation, Vec<Output>),
    me: PairIdentity,
    peer: DeviceId,
    (payload, agree): (
        impl FnOnce(DeviceId) -> Vec<u8>,
        impl AsyncFnOnce(&Handed) -> bool,
    ),
    cancel: &CancellationToken,
) -> Result<Paired, PairError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut deadline = Instant::now() + PATIENCE;
    let mut stream = Framed::new(
        stream,
        FrameCodec {
            limit: MAX_UNCONFIRMED,
        },
    );
    let mut todo = VecDeque::from(first);
    let (mut ours, mut result) = (Some((me.name, payload)), None);
    let mut agree = Some(agree);
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
                deadline = Instant::now() + REFLECTION;
                let Some((name, payload)) = ours.take() else {
                    continue;
                };
                Input::Handover(Handed {
                    name,
                    payload: payload(peer),
                })
            }
            Some(Output::Theirs(theirs)) => {
                let Some(agree) = agree.take() else { continue };
                tokio::select! {
                    biased;
                    input = heard(&mut stream, deadline, cancel) => input,
                    yes = agree(&theirs) => if yes { Input::Agree } else { Input::Cancel },
                }
            }
            Some(Output::Paired(theirs)) => {
                result = Some(Ok(theirs));
                continue;
            }
            Some(Output::Failed(error)) => {
                result = Some(Err(error));
                continue;
            }
            None => heard(&mut stream, deadline, cancel).await,
        };
        todo.extend(conversation.handle(std::time::Instant::now(), input));
    }
    until_read(&mut stream).await;
    let theirs = result.unwrap_or(Err(PairError::HungUp))?;
    let fingerprint = fingerprint(&me.device, &peer);
    Ok(Paired {
        device: peer,
        name: theirs.name,
        payload: theirs.payload,
        fingerprint,
    })
}

/// Whoever is told of the end may close the connection: the other side has to have read the last
/// word by then, which it shows by closing its half. A stream that does not close in time is
/// dropped, which closes it too.
async fn until_read<S>(stream: &mut Framed<S, FrameCodec>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _closed = timeout(LAST_WORD, async {
        let closed = stream.close().await;
        while closed.is_ok() && stream.next().await.is_some_and(|frame| frame.is_ok()) {}
    })
    .await;
}

/// What comes next from the other side or from the person here, before `deadline`.
async fn heard<S>(
    stream: &mut Framed<S, FrameCodec>,
    deadline: Instant,
    cancel: &CancellationToken,
) -> Input
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    tokio::select! {
        biased;
        () = cancel.cancelled() => Input::Cancel,
        () = sleep_until(deadline) => Input::Deadline,
        frame = stream.next() => match frame {
            Some(Ok(bytes)) => Input::Received(bytes),
            Some(Err(error)) => Input::StreamFailed(error),
            None => Input::HungUp,
        },
    }
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
