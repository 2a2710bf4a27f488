//! Conversations over a stream in memory.

use std::time::Instant;

use pimesh_crdt::DeviceId;
use rand::{SeedableRng, rngs::StdRng};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::{NAS, PHONE, an_offer, code};
use crate::pair::{self, MAX_PAYLOAD, Offer, PairError, PairIdentity, Paired};

fn identity(device: DeviceId, name: &str) -> PairIdentity {
    PairIdentity {
        device,
        name: name.to_owned(),
    }
}

async fn over_a_stream(
    typed: &str,
    payload: usize,
) -> (Result<Paired, PairError>, Result<Paired, PairError>) {
    let (a, b) = tokio::io::duplex(1000);
    let (offer, never) = (an_offer(Instant::now()), CancellationToken::new());
    let hand = |_| vec![7; payload];
    let typed = code(typed);
    tokio::join!(
        pair::offer(
            a,
            &offer,
            identity(NAS, "nas\u{1b}[2J"),
            PHONE,
            hand,
            &never
        ),
        pair::join(
            b,
            &typed,
            identity(PHONE, &"é".repeat(500)),
            NAS,
            (hand, async |_: &pair::Handed| true),
            &never
        ),
    )
}

#[tokio::test]
async fn both_ends_of_a_stream_get_names_payloads_and_one_fingerprint() {
    let (nas, phone) = over_a_stream("4821-crater-lemon-orbit-pilot", MAX_PAYLOAD).await;
    let (nas, phone) = (nas.unwrap(), phone.unwrap());
    assert_eq!((nas.device, phone.device), (PHONE, NAS));
    assert_eq!(nas.payload.len(), MAX_PAYLOAD);
    assert_eq!(nas.fingerprint, phone.fingerprint);
    assert_eq!(nas.name, "é".repeat(100), "names are cut, not refused");
    assert_eq!(phone.name, "nas[2J", "names cannot steer a terminal");
}

#[tokio::test]
async fn both_ends_of_a_stream_learn_of_a_wrong_code() {
    let (nas, phone) = over_a_stream("4821-crater-lemon-oval-pilot", 0).await;
    assert!(matches!(nas, Err(PairError::WrongCode { tries_left: 2 })));
    assert!(matches!(phone, Err(PairError::WrongCode { tries_left: 2 })));
}

#[tokio::test]
async fn what_is_too_large_to_hand_over_is_said_before_it_is_sent() {
    let (nas, _) = over_a_stream("4821-crater-lemon-orbit-pilot", MAX_PAYLOAD + 1).await;
    assert!(matches!(
        nas,
        Err(PairError::PayloadTooLarge { bytes: 65_537, .. })
    ));
}

#[tokio::test]
async fn a_stranger_who_claims_a_long_message_is_refused_by_its_length() {
    let (a, mut b) = tokio::io::duplex(1000);
    let (offer, never) = (an_offer(Instant::now()), CancellationToken::new());
    b.write_all(&65_u32.to_be_bytes()).await.unwrap();
    let hand = |_| panic!("nothing is handed to strangers");
    let result = pair::offer(a, &offer, identity(NAS, "nas"), PHONE, hand, &never).await;
    let error = result.unwrap_err();
    assert!(matches!(error, PairError::Stream(_)), "{error:?}");
    assert!(offer.begin(Instant::now()).is_ok(), "room for others");
}

#[tokio::test]
async fn a_person_who_says_no_is_heard_on_the_other_device_and_has_told_it_nothing() {
    let (a, b) = tokio::io::duplex(1000);
    let (offer, never) = (an_offer(Instant::now()), CancellationToken::new());
    let typed = code("4821-crater-lemon-orbit-pilot");
    let no = async |theirs: &pair::Handed| {
        assert_eq!(
            (theirs.name.as_str(), &theirs.payload[..]),
            ("nas", &b"plan"[..])
        );
        false
    };
    let hand = |_| b"plan".to_vec();
    let me = identity(PHONE, "phone");
    let (nas, phone) = tokio::join!(
        pair::offer(a, &offer, identity(NAS, "nas"), PHONE, hand, &never),
        pair::join(b, &typed, me, NAS, (hand, no), &never),
    );
    assert!(matches!(phone, Err(PairError::Cancelled)), "{phone:?}");
    assert!(matches!(nas, Err(PairError::CancelledThere)), "{nas:?}");
}

#[tokio::test]
async fn cancelling_on_one_device_is_seen_on_the_other() {
    let (a, b) = tokio::io::duplex(1000);
    let offer = Offer::new(&mut StdRng::seed_from_u64(1), Instant::now());
    let (never, cancelled) = (CancellationToken::new(), CancellationToken::new());
    cancelled.cancel();
    let typed = offer.code().clone().into();
    // The offerer cancels while it waits, so it never answers the hello.
    let (nas, phone) = tokio::join!(
        pair::offer(
            a,
            &offer,
            identity(NAS, "nas"),
            PHONE,
            |_| vec![],
            &cancelled
        ),
        pair::join(
            b,
            &typed,
            identity(PHONE, "phone"),
            NAS,
            (|_| vec![], async |_: &pair::Handed| true),
            &never
        ),
    );
    assert!(matches!(nas, Err(PairError::Cancelled)), "{nas:?}");
    assert!(matches!(phone, Err(PairError::CancelledThere)), "{phone:?}");
}
