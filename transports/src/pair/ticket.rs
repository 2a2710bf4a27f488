//! What a QR code says: who shows it, a secret that nobody can guess, and where to dial.
//!
//! `PIMESH:` and base32 (RFC 4648 §6, without padding) of: version, 32 bytes of device, 16 of
//! secret, then addresses as binary multiaddrs, each with its length in one byte before it, and
//! four bytes of BLAKE3 of all that. Only characters of a QR code's alphanumeric mode.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use libp2p::Multiaddr;
use pimesh_crdt::DeviceId;
use rand::Rng;
use zeroize::Zeroizing;

use super::invitation::Beacon;

/// The form of the text.
const VERSION: u8 = 1;
/// What the text begins with.
const PREFIX: &str = "PIMESH:";
/// Addresses that are taken along: more make a QR code that cameras cannot read.
pub const MOST_ADDRESSES: usize = 4;
/// A text as scanned or pasted may be this long; longer text is not looked at.
const LONGEST: usize = 2_000;
/// Bytes that tell a damaged text from a good one.
const CHECK: usize = 4;

/// A secret of 128 bits. Not shown by `Debug`; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketSecret(Zeroizing<[u8; 16]>);

/// What a QR code says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The device that shows it: nobody else may answer.
    pub device: DeviceId,
    /// What only who has seen it knows.
    pub secret: TicketSecret,
    /// Where that device listens, at most [`MOST_ADDRESSES`].
    pub addresses: Vec<Multiaddr>,
}

/// Why a text is not that of a QR code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Cut off, mistyped, or of something else.
    #[error("that is not the whole text of a pairing QR code; scan or copy it again")]
    Damaged,
    /// Of a later program.
    #[error("the QR code is of version {0}, which this program does not know; update it")]
    Version(u8),
}

impl TicketSecret {
    /// A new one.
    pub fn random(rng: &mut impl Rng) -> Self {
        Self(Zeroizing::new(rng.random()))
    }

    /// What the PAKE takes: never the same as any code of words.
    pub(super) fn password(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([b"ticket ", &self.0[..]].concat())
    }

    /// What a joiner by this secret is known by in the local network.
    pub(super) fn beacon(&self) -> Beacon {
        Beacon(blake3::derive_key(
            "pimesh mdns joining by ticket v1",
            &self.0[..],
        ))
    }
}

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret(…)")
    }
}

impl Ticket {
    /// Whether somebody meant a ticket by this text.
    pub(super) fn is_meant(text: &str) -> bool {
        text.trim_start()
            .get(..PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
    }

    /// The text of the QR code. A secret while the offer is open.
    pub fn text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(vec![VERSION]);
        bytes.extend(self.device.0);
        bytes.extend(self.secret.0.iter());
        for address in self.addresses.iter().take(MOST_ADDRESSES) {
            let address = address.to_vec();
            if let Ok(length) = u8::try_from(address.len()) {
                bytes.push(length);
                bytes.extend(address);
            }
        }
        let check = blake3::hash(&bytes);
        bytes.extend(&check.as_bytes()[..CHECK]);
        Zeroizing::new(format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes)))
    }

    /// Reads the text of a QR code, in any case, with spaces around it.
    pub fn parse(text: &str) -> Result<Self, TicketError> {
        let text = text.trim();
        if text.len() > LONGEST || !Self::is_meant(text) {
            return Err(TicketError::Damaged);
        }
        let body = Zeroizing::new(text[PREFIX.len()..].to_ascii_uppercase());
        let bytes = BASE32_NOPAD.decode(body.as_bytes());
        let bytes = Zeroizing::new(bytes.map_err(|_| TicketError::Damaged)?);
        let (said, check) = bytes
            .split_last_chunk::<CHECK>()
            .ok_or(TicketError::Damaged)?;
        if blake3::hash(said).as_bytes()[..CHECK] != check[..] {
            return Err(TicketError::Damaged);
        }
        let (version, rest) = said.split_first().ok_or(TicketError::Damaged)?;
        if *version != VERSION {
            return Err(TicketError::Version(*version));
        }
        let (device, rest) = rest.split_first_chunk().ok_or(TicketError::Damaged)?;
        let (secret, mut rest) = rest.split_first_chunk().ok_or(TicketError::Damaged)?;
        let mut addresses = Vec::new();
        while let Some((length, after)) = rest.split_first() {
            let (address, after) = after
                .split_at_checked(usize::from(*length))
                .ok_or(TicketError::Damaged)?;
            // an address of a kind that is not known here is no use, and no harm
            addresses.extend(Multiaddr::try_from(address.to_vec()));
            rest = after;
        }
        addresses.truncate(MOST_ADDRESSES);
        Ok(Self {
            device: DeviceId(*device),
            secret: TicketSecret(Zeroizing::new(*secret)),
            addresses,
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn ticket() -> Ticket {
        let addresses = [
            "/ip4/192.168.1.5/udp/4001/quic-v1",
            "/ip6/2001:db8::1/tcp/4001",
        ];
        Ticket {
            device: DeviceId([7; 32]),
            secret: TicketSecret::random(&mut StdRng::seed_from_u64(1)),
            addresses: addresses.map(|text| text.parse().unwrap()).into(),
        }
    }

    #[test]
    fn the_text_of_a_qr_code_is_read_back_in_any_case() {
        let text = ticket().text();
        assert_eq!(Ticket::parse(&text), Ok(ticket()));
        assert_eq!(
            Ticket::parse(&format!(" {}\n", text.to_lowercase())),
            Ok(ticket())
        );
        let alphanumeric = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || c == ':';
        assert!(text.chars().all(alphanumeric), "{text:?}");
    }

    #[test]
    fn a_text_that_is_cut_or_changed_anywhere_is_damaged() {
        let text = ticket().text();
        for at in PREFIX.len()..text.len() {
            assert_eq!(Ticket::parse(&text[..at]), Err(TicketError::Damaged));
            let other = if text.as_bytes()[at] == b'A' {
                "B"
            } else {
                "A"
            };
            let mut changed = text.to_string();
            changed.replace_range(at..=at, other);
            assert_eq!(Ticket::parse(&changed), Err(TicketError::Damaged), "{at}");
        }
    }

    #[test]
    fn no_more_addresses_are_taken_along_than_a_camera_can_read() {
        let mut many = ticket();
        many.addresses = vec![many.addresses[0].clone(); 100];
        let text = many.text();
        assert!(text.len() < 250, "{}", text.len());
        assert_eq!(
            Ticket::parse(&text).unwrap().addresses.len(),
            MOST_ADDRESSES
        );
    }

    #[test]
    fn the_secret_is_not_in_its_debug_form() {
        assert!(format!("{:?}", ticket()).contains("TicketSecret(…)"));
    }
}
