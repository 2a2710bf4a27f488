//! A device's id and its libp2p name are two spellings of one public key.

use std::net::IpAddr;

use libp2p::{Multiaddr, PeerId, identity, multiaddr::Protocol};
use pimesh_crdt::DeviceId;

/// How a libp2p name of an ed25519 key begins: an identity multihash of 36 bytes around
/// the protobuf `{type: Ed25519, data: 32 bytes}`.
const ED25519_NAME: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The device behind a libp2p name, if that is one of an ed25519 key.
pub fn device_of(peer: &PeerId) -> Option<DeviceId> {
    DeviceId::from_slice(peer.to_bytes().strip_prefix(&ED25519_NAME)?)
}

/// The libp2p name of a device; nothing if the id is no point on the curve.
pub(super) fn peer_of(device: &DeviceId) -> Option<PeerId> {
    let key = identity::ed25519::PublicKey::try_from_bytes(&device.0).ok()?;
    Some(identity::PublicKey::from(key).to_peer_id())
}

/// An address that also says who must answer there, as written into a QR code.
pub fn p2p_address(address: &Multiaddr, device: &DeviceId) -> Option<Multiaddr> {
    without_peer(address.clone())
        .with_p2p(peer_of(device)?)
        .ok()
}

/// The machine, or the router, that an address belongs to.
pub(super) fn host_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip)),
        _ => None,
    }
}

/// Whether an address is for this machine alone.
pub fn is_loopback(address: &Multiaddr) -> bool {
    host_of(address).is_some_and(|ip| ip.is_loopback())
}

/// Whether an address is one of a cable, which means nothing without the name of an interface.
pub fn is_link_local(address: &Multiaddr) -> bool {
    match host_of(address) {
        Some(IpAddr::V6(ip)) => ip.is_unicast_link_local(),
        Some(IpAddr::V4(ip)) => ip.is_link_local(),
        None => false,
    }
}

/// An address without the name of who should answer there.
pub(super) fn without_peer(mut address: Multiaddr) -> Multiaddr {
    if matches!(address.iter().last(), Some(Protocol::P2p(_))) {
        address.pop();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_and_its_libp2p_name_are_one_key() {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let device = DeviceId(key.verifying_key().to_bytes());
        let peer = identity::Keypair::ed25519_from_bytes([7; 32])
            .unwrap()
            .public()
            .to_peer_id();
        assert_eq!(device_of(&peer), Some(device));
        assert_eq!(peer_of(&device), Some(peer));
    }

    #[test]
    fn an_address_names_its_device_once() {
        let device = DeviceId(
            ed25519_dalek::SigningKey::from_bytes(&[7; 32])
                .verifying_key()
                .to_bytes(),
        );
        let plain: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        let named = p2p_address(&plain, &device).unwrap();
        assert_eq!(p2p_address(&named, &device), Some(named.clone()));
        assert_eq!(without_peer(named), plain);
    }
}
