//! Devices that are not members: they pair, or they are refused.

use pimesh_crdt::DeviceId;
use rand::{SeedableRng, rngs::StdRng};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{DEADLINE, Device, QUIC, TCP, exchange, recv};
use crate::{
    discover::{Discovered, Discovery, DiscoveryConfig, Interfaces},
    mesh::{MeshError, MeshEvent, Refusal, p2p_address},
    pair::{self, Code, Offer, PairError, PairIdentity},
};

/// A stranger dials whoever shows a code, pairs, and is a member.
async fn pair_and_talk(listen: &str) {
    let (mut nas, mut phone) = (Device::start(1, &[listen]), Device::start(2, &[listen]));
    let (at, never) = (nas.listening().await, CancellationToken::new());
    let offer = Offer::new(&mut StdRng::seed_from_u64(7), std::time::Instant::now());
    nas.handle.open_for_pairing(true).await.unwrap();

    let (phone_id, nas_id, code) = (phone.id, nas.id, offer.code().clone());
    let handle = phone.handle.clone();
    let joining = tokio::spawn(async move {
        let found = handle
            .dial_unknown(p2p_address(&at, &nas_id).unwrap())
            .await
            .unwrap();
        assert_eq!(found, nas_id);
        let stream = handle.open_pair_stream(found).await.unwrap().into_inner();
        let me = PairIdentity {
            device: phone_id,
            name: "phone".into(),
        };
        pair::join(
            stream,
            &code.into(),
            me,
            found,
            (
                |peer: DeviceId| peer.0.to_vec(),
                async |_: &pair::Handed| true,
            ),
            &CancellationToken::new(),
        )
        .await
    });
    let (who, stream) = nas
        .wait(|event| match event {
            MeshEvent::PairRequest { device, stream } => Some((device, stream)),
            _ => None,
        })
        .await;
    assert_eq!(who, phone.id, "the handshake says who it is");
    let me = PairIdentity {
        device: nas.id,
        name: "nas".into(),
    };
    let payload = |peer: DeviceId| peer.0.to_vec();
    let paired = pair::offer(stream.into_inner(), &offer, me, who, payload, &never)
        .await
        .unwrap();
    nas.trusts(&[&phone]).await;
    nas.handle.open_for_pairing(false).await.unwrap();
    let joined = timeout(DEADLINE, joining).await.unwrap().unwrap().unwrap();
    phone.trusts(&[&nas]).await;
    assert_eq!(
        (paired.name.as_str(), joined.name.as_str()),
        ("phone", "nas")
    );
    assert_eq!(
        (paired.payload, joined.payload),
        (nas.id.0.to_vec(), phone.id.0.to_vec())
    );
    assert_eq!(paired.fingerprint, joined.fingerprint);

    // One may know of the new member before the other does: an early session is dropped
    // by the other side and opened again, so each side takes the newest until one works.
    exchange(&mut nas, &mut phone).await;
    nas.stop().await;
    phone.stop().await;
}

#[tokio::test]
async fn strangers_pair_with_a_code_and_exchange_frames_over_quic() {
    pair_and_talk(QUIC).await;
}

#[tokio::test]
async fn strangers_pair_with_a_code_and_exchange_frames_over_tcp() {
    pair_and_talk(TCP).await;
}

#[tokio::test]
async fn a_stranger_is_refused_with_a_reason_over_quic_and_tcp() {
    for listen in [QUIC, TCP] {
        let (mut home, mut stranger) = Device::two(&[listen]);
        let address = home.listening().await;
        stranger.trusts(&[&home]).await;
        stranger
            .handle
            .dial(home.id, vec![address.clone()])
            .await
            .unwrap();
        assert_eq!(
            home.refusal().await,
            (Some(stranger.id), Refusal::NotPaired)
        );
        assert!(home.handle.refused() >= 1);
        assert_eq!(home.handle.connected().await.unwrap(), []);
        // Asking politely changes nothing: QUIC may say "connected" first, the stream fails.
        let asked = async {
            let device = stranger.handle.dial_unknown(address).await?;
            stranger.handle.open_pair_stream(device).await
        };
        let error = timeout(DEADLINE, asked).await.unwrap().unwrap_err();
        assert!(
            matches!(error, MeshError::TurnedAway | MeshError::Unreachable(_)),
            "{error:?}"
        );
        stranger.events.close();
        home.stop().await;
    }
}

#[tokio::test]
async fn a_guest_gets_the_pairing_protocol_and_nothing_else() {
    let (mut stranger, mut home) = Device::two(&[TCP]);
    let address = home.listening().await;
    home.handle.open_for_pairing(true).await.unwrap();
    // The stranger takes us for a member, and its id is the one that opens sessions.
    stranger.trusts(&[&home]).await;
    stranger.handle.dial(home.id, vec![address]).await.unwrap();
    let (_, mut stream) = stranger.session().await;
    assert_eq!(
        home.refusal().await,
        (Some(stranger.id), Refusal::SyncForMembers)
    );
    assert!(!matches!(recv(&mut stream).await, Ok(Some(_))));
    // When the code is gone, so is the guest.
    home.handle.open_for_pairing(false).await.unwrap();
    let gone = |event| matches!(event, MeshEvent::Disconnected { .. }).then_some(());
    stranger.wait(gone).await;
    home.stop().await;
}

/// Linux only: elsewhere a machine has one loopback address.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_machine_that_begins_handshakes_and_stays_silent_keeps_nobody_else_out() {
    use std::net::SocketAddr;

    use crate::mesh::config::MAX_PENDING_PER_ADDRESS;

    let (mut home, mut member) = Device::two(&[TCP]);
    let address = home.listening().await;
    let port = address
        .to_string()
        .rsplit('/')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let mut silent = Vec::new();
    for _ in 0..80 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 2], 0))).unwrap();
        silent.push(
            socket
                .connect(SocketAddr::from(([127, 0, 0, 1], port)))
                .await
                .unwrap(),
        );
    }
    let limit = MAX_PENDING_PER_ADDRESS;
    assert_eq!(
        home.refusal().await,
        (None, Refusal::TooManyHandshakes { limit })
    );
    home.trusts(&[&member]).await;
    member.trusts(&[&home]).await;
    member.handle.dial(home.id, vec![address]).await.unwrap();
    exchange(&mut home, &mut member).await;
    assert!(home.handle.refused() >= 80 - limit as u64);
    drop(silent);
}

#[tokio::test]
async fn a_code_typed_wrong_three_times_over_the_network_is_dead() {
    let (mut nas, phone) = (Device::start(1, &[QUIC]), Device::start(2, &[]));
    let at = nas.listening().await;
    let (offer, never) = (
        Offer::new(&mut StdRng::seed_from_u64(7), std::time::Instant::now()),
        CancellationToken::new(),
    );
    let words = offer.code().text().split_once('-').unwrap().0.to_owned() + " zoo zoo zoo zoo";
    let wrong = Code::parse(&words).unwrap();
    nas.handle.open_for_pairing(true).await.unwrap();
    let found = phone.handle.dial_unknown(at).await.unwrap();
    let mut ends = Vec::new();
    for code in [&wrong, &wrong, &wrong, offer.code()] {
        let stream = phone
            .handle
            .open_pair_stream(found)
            .await
            .unwrap()
            .into_inner();
        let me = PairIdentity {
            device: phone.id,
            name: "phone".into(),
        };
        let invitation = code.clone().into();
        let joining = pair::join(
            stream,
            &invitation,
            me,
            found,
            (|_| vec![], async |_: &pair::Handed| true),
            &never,
        );
        let offering = async {
            let (who, stream) = nas
                .wait(|event| match event {
                    MeshEvent::PairRequest { device, stream } => Some((device, stream)),
                    _ => None,
                })
                .await;
            let me = PairIdentity {
                device: nas.id,
                name: "nas".into(),
            };
            pair::offer(stream.into_inner(), &offer, me, who, |_| vec![], &never).await
        };
        let (joined, offered) = timeout(DEADLINE, async { tokio::join!(joining, offering) })
            .await
            .unwrap();
        let (joined, offered) = (
            joined.unwrap_err().to_string(),
            offered.unwrap_err().to_string(),
        );
        assert_eq!(joined, offered, "both are told the same");
        ends.push(joined);
    }
    let wrong = |left| PairError::WrongCode { tries_left: left }.to_string();
    assert_eq!(
        ends,
        [wrong(2), wrong(1), wrong(0), PairError::NoOffer.to_string()]
    );
}

#[tokio::test]
async fn a_joiner_with_nothing_but_the_code_finds_the_device_that_shows_it() {
    let (mut nas, phone) = (Device::start(1, &[QUIC]), Device::start(2, &[]));
    // Random, since tests running beside this one are heard too.
    let offer = Offer::new(&mut rand::rng(), std::time::Instant::now());
    let discover = |device: &Device| {
        let config = DiscoveryConfig {
            device: device.id,
            interfaces: Interfaces::Loopback,
        };
        Discovery::start(config, &device.tasks, device.token.clone())
    };
    let (announcing, _) = discover(&nas);
    let (looking, mut found) = discover(&phone);
    nas.handle.open_for_pairing(true).await.unwrap();
    announcing.set_offer(Some(&offer));
    announcing.announce(vec![nas.listening().await]);
    looking.set_joining(Some(&offer.code().clone().into()));
    let Discovered::Offer { addresses, .. } =
        timeout(DEADLINE, found.recv()).await.unwrap().unwrap()
    else {
        panic!("a member before there is any")
    };
    assert_eq!(
        phone
            .handle
            .dial_unknown(addresses[0].clone())
            .await
            .unwrap(),
        nas.id
    );
    nas.stop().await;
    phone.stop().await;
}
