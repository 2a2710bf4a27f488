//! Members: how they stay connected, and how they are cut off.

use std::net::UdpSocket;

use libp2p::multiaddr::Protocol;
use pimesh_crdt::DeviceId;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use zeroize::Zeroizing;

use super::{DEADLINE, Device, Multiaddr, QUIC, TCP, connected, exchange, recv};
use crate::mesh::{
    FrameError, MAX_FRAME, Mesh, MeshConfig, MeshError, MeshEvent, Refusal, p2p_address,
};

#[tokio::test]
async fn a_removed_member_is_cut_off_at_once_and_stays_out() {
    let (mut low, mut one, mut high, mut other, _) = connected(QUIC).await;
    low.trusts(&[]).await;
    assert!(matches!(recv(&mut one).await, Err(FrameError::Ended)));
    assert!(matches!(one.send(vec![1]).await, Err(FrameError::Ended)));
    assert!(!matches!(recv(&mut other).await, Ok(Some(_))));
    let gone = |event| match event {
        MeshEvent::Disconnected { device } => Some(device),
        _ => None,
    };
    assert_eq!(low.wait(gone).await, high.id);
    // It dials again, since it does not know, and is refused.
    high.wait(gone).await;
    assert_eq!(low.refusal().await, (Some(high.id), Refusal::NotPaired));
    assert!(matches!(
        low.handle.dial(high.id, vec![]).await,
        Err(MeshError::NotAMember(_))
    ));
}

#[tokio::test]
async fn a_gigabyte_claimed_by_a_member_is_refused_by_its_size() {
    let (_low, mut one, _high, other, _) = connected(TCP).await;
    let (mut sender, _receiver) = other.split();
    sender.send_raw(&(1_u32 << 30).to_be_bytes()).await.unwrap();
    let error = recv(&mut one).await.unwrap_err();
    assert!(matches!(
        error,
        FrameError::TooLarge {
            bytes: 1_073_741_824,
            limit: 4_194_304
        }
    ));
}

#[tokio::test]
async fn a_dropped_session_is_opened_again_on_the_same_connection() {
    let (mut low, one, mut high, other, _) = connected(QUIC).await;
    drop((one, other));
    exchange(&mut low, &mut high).await;
    assert_eq!(low.handle.connected().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_writer_waits_for_its_reader() {
    let (_low, one, _high, mut other, _) = connected(QUIC).await;
    let (mut sender, _receiver) = one.split();
    let writing = tokio::spawn(async move {
        for number in 0..16_u8 {
            sender.send(vec![number; MAX_FRAME]).await.unwrap();
        }
        sender
    });
    for number in 0..16_u8 {
        let frame = recv(&mut other).await.unwrap().unwrap();
        assert!(frame.len() == MAX_FRAME && frame[0] == number);
    }
    drop(writing.await.unwrap());
}

#[tokio::test]
async fn devices_that_dial_each_other_at_once_stay_connected() {
    for listen in [QUIC, TCP] {
        let (mut low, mut high) = Device::two(&[listen]);
        let (low_at, high_at) = (low.listening().await, high.listening().await);
        low.trusts(&[&high]).await;
        high.trusts(&[&low]).await;
        let (a, b) = tokio::join!(
            low.handle.dial(high.id, vec![high_at]),
            high.handle.dial(low.id, vec![low_at]),
        );
        a.and(b).unwrap();
        exchange(&mut low, &mut high).await;
        low.stop().await;
        high.stop().await;
    }
}

#[tokio::test]
async fn a_device_that_comes_back_is_met_again_without_anybody_asking() {
    let (low, one, mut high, _other, address) = connected(TCP).await;
    drop(one);
    low.stop().await;
    let gone = |event| matches!(event, MeshEvent::Disconnected { .. }).then_some(());
    high.wait(gone).await;
    let seed = if Device::start(1, &[]).id < high.id {
        1
    } else {
        2
    };
    let mut low = Device::start(seed, &[&address.to_string()]);
    low.trusts(&[&high]).await;
    exchange(&mut low, &mut high).await;
}

#[tokio::test]
async fn a_device_in_vain_reach_is_reported_once_and_the_mesh_goes_on() {
    let (low, high) = Device::two(&[]);
    let mut low = low;
    low.trusts(&[&high]).await;
    low.handle
        .dial(high.id, vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()])
        .await
        .unwrap();
    let unreachable = |event| match event {
        MeshEvent::Unreachable { device, .. } => Some(device),
        _ => None,
    };
    assert_eq!(low.wait(unreachable).await, high.id);
    assert_eq!(low.handle.connected().await.unwrap(), []);
}

#[tokio::test]
async fn a_mesh_that_can_listen_nowhere_does_not_start() {
    let tasks = TaskTracker::new();
    let mut first = Device::start(1, &[TCP]);
    let listen = vec![first.listening().await];
    let config = MeshConfig {
        listen,
        ..MeshConfig::loopback(Zeroizing::new([2; 32]), 0)
    };
    let error = Mesh::start(config, &tasks, CancellationToken::new()).unwrap_err();
    assert!(matches!(error, MeshError::Listen { .. }), "{error:?}");
}

#[tokio::test]
async fn an_address_that_answers_as_somebody_else_is_not_believed() {
    let (mut home, other) = Device::two(&[TCP]);
    let address = home.listening().await;
    let wrong = p2p_address(&address, &DeviceId(*b"01234567890123456789012345678901"));
    let wrong = wrong.or_else(|| p2p_address(&address, &other.id)).unwrap();
    let error = other.handle.dial_unknown(wrong).await.unwrap_err();
    assert!(matches!(error, MeshError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn quic_calls_go_out_from_the_port_that_the_device_listens_on() {
    let mut low = Device::start(1, &["/ip4/0.0.0.0/udp/0/quic-v1"]);
    let high = Device::start(2, &[]);
    let port = |address: &Multiaddr| {
        address.iter().find_map(|part| match part {
            Protocol::Udp(port) => Some(port),
            _ => None,
        })
    };
    let listens = port(&low.listening().await).unwrap();
    // nobody answers at any of these
    let silent: Vec<UdpSocket> = (0..3)
        .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
        .collect();
    let ways = silent.iter().map(|socket| {
        let port = socket.local_addr().unwrap().port();
        format!("/ip4/127.0.0.1/udp/{port}/quic-v1")
            .parse()
            .unwrap()
    });
    low.trusts(&[&high]).await;
    low.handle.dial(high.id, ways.collect()).await.unwrap();
    for socket in silent {
        let heard = tokio::task::spawn_blocking(move || {
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            socket
                .recv_from(&mut [0; 2048])
                .map(|(_, from)| from.port())
        });
        assert_eq!(heard.await.unwrap().unwrap(), listens);
    }
}
