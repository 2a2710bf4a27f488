//! Where a device listens, in its own signed words: passed on by members, so that devices meet
//! that never heard each other in one local network.
//!
//! Not libp2p's `PeerRecord`: that takes its sequence number from the clock, and a clock that was
//! once ahead would make every later record of its device look old.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use libp2p::Multiaddr;
use pimesh_crdt::DeviceId;

use super::{peer::without_peer, relays::relay_of};

/// Addresses in one record: both transports on a few interfaces.
pub const MOST_ADDRESSES: usize = 16;
/// The longest address, in bytes: a relayed one with two certificate hashes is below 200.
const LONGEST_ADDRESS: usize = 255;
/// Signed in front of every record, so that no other signature can pass for one.
const CONTEXT: &[u8] = b"pimesh addresses v1\0";

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not of the form, or over a limit.
    #[error("not a record of addresses")]
    Malformed,
    /// The device has not signed this.
    #[error("a record of addresses whose signature is wrong")]
    BadSignature,
}

/// Where a device listens. The signature has been verified: there is no other way to have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRecord {
    device: DeviceId,
    number: u64,
    addresses: Vec<Multiaddr>,
}

impl AddressRecord {
    /// Signs where this device listens; the first [`MOST_ADDRESSES`] count. A record with a
    /// greater number replaces one with a smaller.
    pub fn sign(key: &SigningKey, number: u64, addresses: &[Multiaddr]) -> Vec<u8> {
        let bytes = addresses
            .iter()
            .map(|address| without_peer(address.clone()).to_vec());
        let fitting: Vec<Vec<u8>> = bytes
            .filter(|address| address.len() <= LONGEST_ADDRESS)
            .take(MOST_ADDRESSES)
            .collect();
        let mut out = key.verifying_key().to_bytes().to_vec();
        out.extend(number.to_be_bytes());
        out.push(fitting.len() as u8);
        for address in fitting {
            out.push(address.len() as u8);
            out.extend(address);
        }
        let signature = key.sign(&[CONTEXT, &out].concat());
        out.extend(signature.to_bytes());
        out
    }

    /// Reads a record and verifies its signature. Addresses of kinds that are not known here are
    /// left out.
    pub fn verify(bytes: &[u8]) -> Result<Self, RecordError> {
        let malformed = RecordError::Malformed;
        let (signed, signature) = bytes.split_last_chunk::<64>().ok_or(malformed)?;
        let (device, rest) = signed.split_first_chunk::<32>().ok_or(malformed)?;
        let (number, rest) = rest.split_first_chunk::<8>().ok_or(malformed)?;
        let (&count, mut rest) = rest.split_first().ok_or(malformed)?;
        if usize::from(count) > MOST_ADDRESSES {
            return Err(malformed);
        }
        let mut addresses = Vec::with_capacity(count.into());
        for _ in 0..count {
            let (&length, after) = rest.split_first().ok_or(malformed)?;
            let (address, after) = after.split_at_checked(length.into()).ok_or(malformed)?;
            rest = after;
            addresses.extend(Multiaddr::try_from(address.to_vec()));
        }
        if !rest.is_empty() {
            return Err(malformed);
        }
        let key = VerifyingKey::from_bytes(device).map_err(|_| malformed)?;
        let signature = Signature::from_bytes(signature);
        key.verify_strict(&[CONTEXT, signed].concat(), &signature)
            .map_err(|_| RecordError::BadSignature)?;
        Ok(Self {
            device: DeviceId(*device),
            number: u64::from_be_bytes(*number),
            addresses,
        })
    }

    /// Whose addresses.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Grows with every record of the device.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The way through the device, if it says that it relays: an address of its own that leads
    /// through itself.
    pub fn relays(&self) -> Option<&Multiaddr> {
        let itself = |at: &&Multiaddr| relay_of(at) == Some(self.device);
        self.addresses.iter().find(itself)
    }

    /// Where it listens, without its own name.
    pub fn addresses(&self) -> &[Multiaddr] {
        &self.addresses
    }
}

#[cfg(test)]
mod tests {
    use super::{super::relays::through, *};

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn addresses(count: u16) -> Vec<Multiaddr> {
        let address = |port| format!("/ip4/192.168.1.5/udp/{port}/quic-v1");
        (1..=count)
            .map(|port| address(port).parse().unwrap())
            .collect()
    }

    #[test]
    fn a_record_is_read_back_and_is_its_devices_own() {
        let record = AddressRecord::verify(&AddressRecord::sign(&key(), 5, &addresses(3))).unwrap();
        assert_eq!(record.device().0, key().verifying_key().to_bytes());
        assert_eq!(
            (record.number(), record.addresses()),
            (5, &addresses(3)[..])
        );
        let none = AddressRecord::verify(&AddressRecord::sign(&key(), 6, &[])).unwrap();
        assert!(none.addresses().is_empty());
        let many = AddressRecord::sign(&key(), 7, &addresses(40));
        let many = AddressRecord::verify(&many).unwrap();
        assert_eq!(many.addresses().len(), MOST_ADDRESSES);
    }

    #[test]
    fn a_device_relays_that_says_so_itself() {
        let other = SigningKey::from_bytes(&[8; 32]);
        let device = |key: &SigningKey| DeviceId(key.verifying_key().to_bytes());
        let through = |it: &SigningKey| through(&addresses(1)[0], &device(it)).unwrap();
        let mut all = addresses(1);
        all.push(through(&other));
        let record = AddressRecord::verify(&AddressRecord::sign(&key(), 5, &all)).unwrap();
        assert_eq!((record.relays(), record.addresses()), (None, &all[..]));
        let me = key();
        all.push(through(&me));
        let record = AddressRecord::verify(&AddressRecord::sign(&key(), 6, &all)).unwrap();
        assert_eq!(record.relays(), Some(&through(&me)));
    }

    #[test]
    fn a_record_that_was_changed_or_cut_or_lengthened_is_refused() {
        let bytes = AddressRecord::sign(&key(), 5, &addresses(2));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(AddressRecord::verify(&changed).is_err(), "byte {at}");
            assert!(AddressRecord::verify(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(AddressRecord::verify(&[&bytes[..], &[0]].concat()).is_err());
    }
}
