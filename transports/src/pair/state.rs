//! The rules of a pairing conversation, without IO: the whole of it is one `match`.
//!
//! Invariants: the joiner confirms first; a confirmation is judged by the offer, which
//! counts it; nothing of ours is sealed before the other has confirmed; after the first
//! error nothing but the reason is said.

use std::time::Instant;

use pimesh_crdt::DeviceId;
use spake2::{Ed25519Group, Identity, Password, Spake2};

use super::{
    code::Nameplate,
    error::PairError,
    invitation::Invitation,
    keys::{Keys, Role, Tag, Transcript},
    message::{MAX_NAME, MAX_PAYLOAD, MalformedMessage, Message, PAKE, Refused, VERSION},
    offer::{Attempt, Offer},
};
use crate::mesh::FrameError;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The other device said something.
    Received(Vec<u8>),
    /// What this device hands over, after [`Output::Confirmed`].
    Handover(Handed),
    /// The person on this device agrees to what [`Output::Theirs`] told.
    Agree,
    /// The other device hung up.
    HungUp,
    /// The stream failed.
    StreamFailed(FrameError),
    /// The person on this device cancelled.
    Cancel,
    /// The conversation has lasted long enough.
    Deadline,
}

/// What to do, in order.
#[derive(Debug)]
pub enum Output {
    /// Say this.
    Send(Vec<u8>),
    /// The other device knows the code: answer with [`Input::Handover`].
    Confirmed,
    /// What the other device hands over, to the joiner: answer with [`Input::Agree`] or
    /// [`Input::Cancel`]. Nothing of ours is sent before.
    Theirs(Handed),
    /// The end: both have what the other handed over.
    Paired(Handed),
    /// The end: why it came to nothing.
    Failed(PairError),
}

/// What one device hands over to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// What its owner calls it.
    pub name: String,
    /// Opaque here; at most [`MAX_PAYLOAD`] bytes.
    pub payload: Vec<u8>,
}

/// One side of a pairing conversation.
pub struct Conversation {
    role: Role,
    me: DeviceId,
    peer: DeviceId,
    state: State,
}

enum State {
    AwaitHello(Offer),
    AwaitJoinersConfirm(Attempt, Keys),
    AwaitPake(Pake, Nameplate),
    AwaitOfferersConfirm(Keys),
    AwaitOurHandover(Keys),
    /// The joiner sends what it hands over only then: were both to send first, a stream
    /// with small buffers would stop both.
    AwaitTheirs(Keys, Option<Message>),
    AwaitAgreement(Keys, Message, Handed),
    AwaitDone(Keys, Handed),
    Over,
}

/// This side's half of the PAKE, and the message that shows it.
struct Pake {
    spake: Spake2<Ed25519Group>,
    message: [u8; PAKE],
}

impl Conversation {
    /// The side that shows the code. `me` and `peer` are as the transport proved them.
    pub fn offer(offer: &Offer, me: DeviceId, peer: DeviceId) -> Self {
        Self {
            role: Role::Offerer,
            me,
            peer,
            state: State::AwaitHello(offer.clone()),
        }
    }

    /// The side that types or scans, and what it says first.
    pub fn join(invitation: &Invitation, me: DeviceId, peer: DeviceId) -> (Self, Vec<Output>) {
        let mut this = Self {
            role: Role::Joiner,
            me,
            peer,
            state: State::Over,
        };
        let outputs = this.pake(&invitation.password()).map(|pake| {
            let nameplate = invitation.nameplate();
            let hello = Message::Hello {
                version: VERSION,
                nameplate,
                pake: pake.message,
            };
            this.state = State::AwaitPake(pake, nameplate);
            vec![Output::Send(hello.encode())]
        });
        let outputs = outputs.unwrap_or_else(|error| vec![Output::Failed(error)]);
        (this, outputs)
    }

    /// Pure but for the PAKE's random number. After `Paired` or `Failed` nothing follows.
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let state = std::mem::replace(&mut self.state, State::Over);
        if matches!(state, State::Over) {
            return Vec::new();
        }
        // The offerer has said its last word, and only the joiner's is missing.
        let is_unfinished = matches!(state, State::AwaitDone(..)) && self.role == Role::Offerer;
        let result = match input {
            Input::Received(bytes) => self.receive(now, state, &bytes),
            Input::Handover(ours) => self.hand_over(state, &ours),
            Input::Agree => self.on_agreement(state),
            Input::HungUp => Err(PairError::HungUp),
            Input::StreamFailed(error) => Err(error.into()),
            Input::Cancel => Err(PairError::Cancelled),
            Input::Deadline => Err(PairError::TimedOut),
        };
        result.unwrap_or_else(|error| {
            let reason =
                Refused::because_of(&error).map(|r| Output::Send(Message::Refused(r).encode()));
            let error = if is_unfinished {
                PairError::Unfinished
            } else {
                error
            };
            reason.into_iter().chain([Output::Failed(error)]).collect()
        })
    }

    fn receive(
        &mut self,
        now: Instant,
        state: State,
        bytes: &[u8],
    ) -> Result<Vec<Output>, PairError> {
        match (state, Message::decode(bytes)?) {
            (_, Message::Refused(reason)) => Err(reason.into()),
            (
                State::AwaitHello(offer),
                Message::Hello {
                    version,
                    nameplate,
                    pake,
                },
            ) => {
                if version != VERSION {
                    return Err(PairError::Version {
                        ours: VERSION,
                        theirs: version,
                    });
                }
                self.on_hello(now, &offer, nameplate, pake)
            }
            (State::AwaitPake(ours, nameplate), Message::Pake { pake: theirs }) => {
                let keys = self.keys(nameplate, ours, &theirs)?;
                let confirm = Message::Confirm(keys.confirmation(self.role));
                self.state = State::AwaitOfferersConfirm(keys);
                Ok(vec![Output::Send(confirm.encode())])
            }
            (State::AwaitJoinersConfirm(attempt, keys), Message::Confirm(tag)) => {
                attempt.judge(now, || keys.is_confirmation(Role::Joiner, &tag))?;
                let confirm = Message::Confirm(keys.confirmation(self.role));
                self.state = State::AwaitOurHandover(keys);
                Ok(vec![Output::Send(confirm.encode()), Output::Confirmed])
            }
            (State::AwaitOfferersConfirm(keys), Message::Confirm(tag)) => {
                if !keys.is_confirmation(Role::Offerer, &tag) {
                    return Err(PairError::Impostor);
                }
                self.state = State::AwaitOurHandover(keys);
                Ok(vec![Output::Confirmed])
            }
            (State::AwaitTheirs(keys, ours), Message::Sealed(sealed)) => {
                self.on_sealed(keys, ours, &sealed)
            }
            (State::AwaitDone(keys, theirs), Message::Done(tag)) => {
                self.on_done(&keys, theirs, &tag)
            }
            (
                State::AwaitHello(_)
                | State::AwaitPake(..)
                | State::AwaitJoinersConfirm(..)
                | State::AwaitOfferersConfirm(_)
                | State::AwaitOurHandover(_)
                | State::AwaitTheirs(..)
                | State::AwaitAgreement(..)
                | State::AwaitDone(..)
                | State::Over,
                Message::Hello { .. }
                | Message::Pake { .. }
                | Message::Confirm(_)
                | Message::Sealed(_)
                | Message::Done(_),
            ) => Err(MalformedMessage::OutOfTurn.into()),
        }
    }

    fn on_hello(
        &mut self,
        now: Instant,
        offer: &Offer,
        nameplate: Nameplate,
        theirs: [u8; PAKE],
    ) -> Result<Vec<Output>, PairError> {
        let attempt = offer.begin(now)?;
        let Some(password) = attempt.password(nameplate) else {
            return Err(PairError::NoOffer); // meant for another device: costs no try
        };
        let ours = self.pake(&password)?;
        let pake = Message::Pake { pake: ours.message };
        let keys = self.keys(nameplate, ours, &theirs)?;
        self.state = State::AwaitJoinersConfirm(attempt, keys);
        Ok(vec![Output::Send(pake.encode())])
    }

    fn on_sealed(
        &mut self,
        keys: Keys,
        ours: Option<Message>,
        sealed: &[u8],
    ) -> Result<Vec<Output>, PairError> {
        let text = keys
            .unseal(self.role.other(), sealed)
            .ok_or(PairError::Forged)?;
        let theirs = Handed::read(&text)?;
        // The joiner has the last word, and says it when the offerer has everything.
        if let Some(ours) = ours {
            self.state = State::AwaitAgreement(keys, ours, theirs.clone());
            return Ok(vec![Output::Theirs(theirs)]);
        }
        let done = Message::Done(keys.done(self.role));
        self.state = State::AwaitDone(keys, theirs);
        Ok(vec![Output::Send(done.encode())])
    }

    fn on_agreement(&mut self, state: State) -> Result<Vec<Output>, PairError> {
        let State::AwaitAgreement(keys, ours, theirs) = state else {
            return Err(MalformedMessage::OutOfTurn.into());
        };
        self.state = State::AwaitDone(keys, theirs);
        Ok(vec![Output::Send(ours.encode())])
    }

    fn on_done(&self, keys: &Keys, theirs: Handed, tag: &Tag) -> Result<Vec<Output>, PairError> {
        if !keys.is_done(self.role.other(), tag) {
            return Err(PairError::Forged);
        }
        let done = Output::Send(Message::Done(keys.done(self.role)).encode());
        let last_word = (self.role == Role::Joiner).then_some(done);
        Ok(last_word
            .into_iter()
            .chain([Output::Paired(theirs)])
            .collect())
    }

    fn hand_over(&mut self, state: State, ours: &Handed) -> Result<Vec<Output>, PairError> {
        let State::AwaitOurHandover(keys) = state else {
            return Err(MalformedMessage::OutOfTurn.into());
        };
        let bytes = ours.payload.len();
        let too_large = PairError::PayloadTooLarge {
            bytes,
            limit: MAX_PAYLOAD,
        };
        if bytes > MAX_PAYLOAD {
            return Err(too_large);
        }
        let sealed = keys.seal(self.role, &ours.write()).ok_or(too_large)?;
        let sealed = Message::Sealed(sealed);
        let (now, later) = match self.role {
            Role::Offerer => (vec![Output::Send(sealed.encode())], None),
            Role::Joiner => (Vec::new(), Some(sealed)),
        };
        self.state = State::AwaitTheirs(keys, later);
        Ok(now)
    }

    fn pake(&self, password: &[u8]) -> Result<Pake, PairError> {
        let password = Password::new(password);
        let mine = Identity::new(&self.role.identity(&self.me));
        let theirs = Identity::new(&self.role.other().identity(&self.peer));
        let (spake, message) = match self.role {
            Role::Offerer => Spake2::start_a(&password, &mine, &theirs),
            Role::Joiner => Spake2::start_b(&password, &theirs, &mine),
        };
        let message = message.try_into().map_err(|_| MalformedMessage::Pake)?;
        Ok(Pake { spake, message })
    }

    fn keys(
        &self,
        nameplate: Nameplate,
        ours: Pake,
        theirs: &[u8; PAKE],
    ) -> Result<Keys, PairError> {
        let key = ours
            .spake
            .finish(theirs)
            .map_err(|_| MalformedMessage::Pake)?;
        let key = zeroize::Zeroizing::new(key);
        let transcript = match self.role {
            Role::Offerer => Transcript {
                offerer: &self.me,
                joiner: &self.peer,
                nameplate,
                offerer_pake: &ours.message,
                joiner_pake: theirs,
            },
            Role::Joiner => Transcript {
                offerer: &self.peer,
                joiner: &self.me,
                nameplate,
                offerer_pake: theirs,
                joiner_pake: &ours.message,
            },
        };
        Ok(Keys::new(&transcript, &key))
    }
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation")
            .field("role", &self.role)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl Handed {
    fn write(&self) -> Vec<u8> {
        let name = &self.name[..self.name.floor_char_boundary(MAX_NAME)];
        let length = name.len() as u16; // at most MAX_NAME
        [&length.to_be_bytes()[..], name.as_bytes(), &self.payload].concat()
    }

    fn read(text: &[u8]) -> Result<Self, MalformedMessage> {
        let (length, rest) = text
            .split_first_chunk::<2>()
            .ok_or(MalformedMessage::Name)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length > MAX_NAME {
            return Err(MalformedMessage::Name);
        }
        let (name, payload) = rest
            .split_at_checked(length)
            .ok_or(MalformedMessage::Name)?;
        let name = std::str::from_utf8(name).map_err(|_| MalformedMessage::Name)?;
        if payload.len() > MAX_PAYLOAD {
            return Err(MalformedMessage::Length(payload.len()));
        }
        // A name is shown in terminals and lists: it is one line, whatever was sent.
        let name = name.chars().filter(|c| !c.is_control()).collect();
        Ok(Self {
            name,
            payload: payload.to_vec(),
        })
    }
}
