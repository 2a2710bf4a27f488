//! What a stranger may say before it is paired, and what people type.

use std::time::Instant;

use pimesh_crdt::DeviceId;
use pimesh_transports::pair::state::{Conversation, Input, Output};
use pimesh_transports::pair::{Code, Invitation, Offer, Ticket};
use rand::{SeedableRng, rngs::StdRng};

/// Who shows the code, and who types it.
const OFFERER: DeviceId = DeviceId([1; 32]);
const JOINER: DeviceId = DeviceId([2; 32]);

/// A code as it was typed, and messages to both sides: nobody is believed who does not know it.
pub(super) fn pairing(bytes: &[u8]) {
    let typed = std::str::from_utf8(bytes).unwrap_or_default();
    match Invitation::parse(typed) {
        Ok(Invitation::Code(code)) => {
            let again = Code::parse(code.text()).expect("what is shown can be typed");
            assert_eq!(again.text(), code.text());
        }
        Ok(Invitation::Ticket(ticket)) => {
            assert_eq!(Ticket::parse(&ticket.text()), Ok(ticket));
        }
        Err(_) => {}
    }
    let now = Instant::now();
    let offer = Offer::new(&mut StdRng::seed_from_u64(1), now);
    let code = Invitation::from(offer.code().clone());
    let mut offerer = Conversation::offer(&offer, OFFERER, JOINER);
    let (mut joiner, _) = Conversation::join(&code, JOINER, OFFERER);
    for message in pieces(bytes) {
        for side in [&mut offerer, &mut joiner] {
            let said = side.handle(now, Input::Received(message.to_vec()));
            let believed = |one: &Output| {
                matches!(
                    one,
                    Output::Confirmed | Output::Theirs(_) | Output::Paired(_)
                )
            };
            assert!(!said.iter().any(believed), "{said:?}");
        }
    }
}

/// Pieces of these bytes, each with its length in one byte before it.
pub(super) fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = bytes;
    let mut pieces = Vec::new();
    while let Some((length, after)) = rest.split_first() {
        let (piece, after) = after.split_at(after.len().min(usize::from(*length)));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
