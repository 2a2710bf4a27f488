//! Relays on loopback: who meets through one, and who gets nothing from it.

use std::collections::BTreeMap;

use futures::StreamExt;
use libp2p::{
    PeerId, Swarm, SwarmBuilder, identify, identity::Keypair, noise, relay,
    swarm::NetworkBehaviour, swarm::SwarmEvent, tcp, yamux,
};

use super::*;
use crate::mesh::{device_of, is_relayed, through};

/// A relay that listens.
async fn relay() -> (Device, Multiaddr) {
    let mut relay = Device::with(9, &[QUIC], Relaying::ForMembers);
    let address = relay.listening().await;
    (relay, address)
}

#[tokio::test]
async fn two_devices_that_cannot_call_each_other_meet_through_one_that_relays() {
    let (relay, address) = relay().await;
    // They listen nowhere.
    let (mut one, mut other) = Device::two(&[]);
    relay.trusts(&[&one, &other]).await;
    let way = through(&address, &relay.id).unwrap();
    for (device, partner) in [(&one, &other), (&other, &one)] {
        device.trusts(&[&relay, partner]).await;
        let relays = BTreeMap::from([(relay.id, way.clone())]);
        device.handle.set_relays(relays).await.unwrap();
        let at = vec![address.clone()];
        device.handle.dial(relay.id, at).await.unwrap();
    }
    let place = one.listening().await;
    assert!(is_relayed(&place));
    let further = one.handle.further_addrs().await.unwrap();
    assert_eq!(further.as_slice(), std::slice::from_ref(&way));
    assert_eq!(one.handle.listen_addrs().await.unwrap(), []);

    other.handle.dial(one.id, vec![way.clone()]).await.unwrap();
    let partner = other.id;
    let session = |event| match event {
        MeshEvent::Session {
            device,
            stream,
            address,
        } if device == partner => Some((stream, address)),
        _ => None,
    };
    let (mut here, address) = one.wait(session).await;
    assert!(is_relayed(&address), "{address}");
    let partner = one.id;
    let session = |event| match event {
        MeshEvent::Session { device, stream, .. } if device == partner => Some(stream),
        _ => None,
    };
    let mut there = other.wait(session).await;
    here.send(b"through the relay".to_vec()).await.unwrap();
    let heard = recv(&mut there).await.unwrap();
    assert_eq!(heard.as_deref(), Some(&b"through the relay"[..]));

    // A relay that is gone is no way.
    relay.stop().await;
    let gone = |event| matches!(event, MeshEvent::NotListening(_)).then_some(());
    one.wait(gone).await;
    assert_eq!(one.handle.further_addrs().await.unwrap(), []);
}

/// What somebody runs who knows libp2p and not pimesh.
#[derive(NetworkBehaviour)]
struct Foreign {
    way: relay::client::Behaviour,
    identify: identify::Behaviour,
}

fn foreigner() -> (DeviceId, Swarm<Foreign>) {
    let key = Keypair::generate_ed25519();
    let swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(
            tcp::Config::default(),
            noise::Config::new,
            yamux::Config::default,
        )
        .unwrap()
        .with_quic()
        .with_relay_client(noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|key, way| Foreign {
            way,
            identify: identify::Behaviour::new(identify::Config::new("x".into(), key.public())),
        })
        .unwrap()
        .build();
    (device_of(swarm.local_peer_id()).unwrap(), swarm)
}

/// Asks for a place, and to be passed on to somebody; what comes of it, and what identify told.
async fn ask(
    swarm: &mut Swarm<Foreign>,
    at: &Multiaddr,
    whom: PeerId,
) -> (bool, bool, Vec<identify::Info>) {
    swarm.listen_on(at.clone()).unwrap();
    swarm.dial(at.clone().with_p2p(whom).unwrap()).unwrap();
    let (mut place, mut passed, mut told) = (None, None, Vec::new());
    let asking = async {
        // who gets a place is told something too
        while place.is_none() || passed.is_none() || (place == Some(true) && told.is_empty()) {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { .. } => place = Some(true),
                SwarmEvent::ListenerClosed { .. } => place = place.or(Some(false)),
                SwarmEvent::ConnectionEstablished { peer_id, .. } if peer_id == whom => {
                    passed = Some(true);
                }
                SwarmEvent::OutgoingConnectionError { peer_id, .. } if peer_id == Some(whom) => {
                    passed = Some(false);
                }
                SwarmEvent::Behaviour(ForeignEvent::Identify(identify::Event::Received {
                    info,
                    ..
                })) => told.push(info),
                _ => {}
            }
        }
    };
    timeout(DEADLINE, asking).await.expect("in time");
    (place.unwrap(), passed.unwrap(), told)
}

#[tokio::test]
async fn a_guest_gets_no_place_with_a_relay_no_way_through_it_and_hears_nothing_of_it() {
    let (relay, address) = relay().await;
    let way = through(&address, &relay.id).unwrap();
    // A member with a place, to whom a way would lead.
    let mut member = Device::start(1, &[]);
    member.trusts(&[&relay]).await;
    let (guest, mut swarm) = foreigner();
    let (friend, mut other) = foreigner();
    let members = HashSet::from([member.id, friend]);
    relay.handle.set_members(members).await.unwrap();
    relay.handle.open_for_pairing(true).await.unwrap();
    let relays = BTreeMap::from([(relay.id, way.clone())]);
    member.handle.set_relays(relays).await.unwrap();
    let at = vec![address.clone()];
    member.handle.dial(relay.id, at).await.unwrap();
    member.listening().await;

    let whom = crate::mesh::peer::peer_of(&member.id).unwrap();
    let (place, passed, told) = ask(&mut swarm, &way, whom).await;
    assert!(!place && !passed && told.is_empty(), "{guest}: {told:?}");
    // The same, asked by a member, is given; but the other end lets nobody in whom it does not know.
    let (place, passed, told) = ask(&mut other, &way, whom).await;
    assert!(place && !passed);
    let info = &told[0];
    assert_eq!(
        (info.agent_version.as_str(), info.protocol_version.as_str()),
        ("pimesh/1", "pimesh/1")
    );
}
