//! Conversations between two sides in memory, honest and otherwise.

mod streams;

use std::time::Instant;

use pimesh_crdt::DeviceId;
use rand::{SeedableRng, rngs::StdRng};

use super::{
    Code, Invitation, Offer, PairError, TicketSecret,
    message::MalformedMessage,
    offer::LIFETIME,
    state::{Conversation, Handed, Input, Output},
};

const NAS: DeviceId = DeviceId([1; 32]);
const PHONE: DeviceId = DeviceId([2; 32]);
const STRANGER: DeviceId = DeviceId([3; 32]);

fn an_offer(now: Instant) -> Offer {
    an_offer_with("4821-crater-lemon-orbit-pilot", now)
}

fn code(text: &str) -> Invitation {
    Invitation::parse(text).unwrap()
}

/// How one side ended, and every message it sent.
#[derive(Debug, Default)]
struct Side {
    end: Option<Result<Handed, PairError>>,
    sent: Vec<Vec<u8>>,
}

impl Side {
    /// Does the outputs; returns what to tell the other side.
    fn take(
        &mut self,
        who: &mut Conversation,
        now: Instant,
        outputs: Vec<Output>,
        name: &str,
    ) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        for output in outputs {
            match output {
                Output::Send(message) => messages.push(message),
                Output::Confirmed => {
                    let ours = Handed {
                        name: name.to_owned(),
                        payload: name.as_bytes().to_vec(),
                    };
                    let more = who.handle(now, Input::Handover(ours));
                    messages.extend(self.take(who, now, more, name));
                }
                Output::Theirs(_) => {
                    let more = who.handle(now, Input::Agree);
                    messages.extend(self.take(who, now, more, name));
                }
                Output::Paired(theirs) => self.end = Some(Ok(theirs)),
                Output::Failed(error) => self.end = Some(Err(error)),
            }
        }
        messages
    }
}

/// Lets both talk until neither has anything to say.
fn talk(
    mut offerer: Conversation,
    (mut joiner, first): (Conversation, Vec<Output>),
    now: Instant,
) -> (Side, Side) {
    let (mut nas, mut phone) = (Side::default(), Side::default());
    let mut to_nas = phone.take(&mut joiner, now, first, "phone");
    while !to_nas.is_empty() {
        let mut to_phone = Vec::new();
        for message in to_nas.drain(..) {
            phone.sent.push(message.clone());
            let outputs = offerer.handle(now, Input::Received(message));
            to_phone.extend(nas.take(&mut offerer, now, outputs, "nas"));
        }
        for message in to_phone {
            nas.sent.push(message.clone());
            let outputs = joiner.handle(now, Input::Received(message));
            to_nas.extend(phone.take(&mut joiner, now, outputs, "phone"));
        }
    }
    (nas, phone)
}

fn attempt(offer: &Offer, typed: &str, now: Instant) -> (Side, Side) {
    let joiner = Conversation::join(&code(typed), PHONE, NAS);
    talk(Conversation::offer(offer, NAS, PHONE), joiner, now)
}

fn wrong(side: Side) -> u8 {
    match side.end {
        Some(Err(PairError::WrongCode { tries_left })) => tries_left,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_right_code_gives_each_side_what_the_other_handed_over() {
    let now = Instant::now();
    let (nas, phone) = attempt(&an_offer(now), "4821 CRATER lemon orbit pilot", now);
    assert_eq!(nas.end.unwrap().unwrap().name, "phone");
    assert_eq!(phone.end.unwrap().unwrap().payload, b"nas");
}

#[test]
fn the_qr_code_pairs_like_the_words_and_uses_the_offer_up_for_both() {
    let now = Instant::now();
    let offer = an_offer(now);
    let ticket = Invitation::parse(&offer.ticket(NAS, Vec::new()).text()).unwrap();
    let joiner = Conversation::join(&ticket, PHONE, NAS);
    let (nas, phone) = talk(Conversation::offer(&offer, NAS, PHONE), joiner, now);
    assert_eq!(nas.end.unwrap().unwrap().name, "phone");
    assert_eq!(phone.end.unwrap().unwrap().payload, b"nas");
    let (_, again) = attempt(&offer, "4821-crater-lemon-orbit-pilot", now);
    assert!(matches!(again.end, Some(Err(PairError::AlreadyUsed))));
}

#[test]
fn an_old_qr_code_of_the_same_device_is_a_wrong_code() {
    let now = Instant::now();
    let old = Offer::new(&mut StdRng::seed_from_u64(2), now);
    let ticket = Invitation::Ticket(old.ticket(NAS, Vec::new()));
    let joiner = Conversation::join(&ticket, PHONE, NAS);
    let (nas, phone) = talk(Conversation::offer(&an_offer(now), NAS, PHONE), joiner, now);
    assert_eq!((wrong(nas), wrong(phone)), (2, 2));
}

#[test]
fn what_is_handed_over_cannot_be_read_on_the_way() {
    let now = Instant::now();
    let (nas, phone) = attempt(&an_offer(now), "4821-crater-lemon-orbit-pilot", now);
    let all = [nas.sent, phone.sent].concat();
    assert!(all.iter().all(|message| {
        !message
            .windows(3)
            .any(|part| part == b"nas" || part == b"pho")
    }));
}

#[test]
fn three_wrong_codes_kill_the_offer_even_for_the_right_one() {
    let now = Instant::now();
    let offer = an_offer(now);
    for left in [2, 1, 0] {
        let (nas, phone) = attempt(&offer, "4821-crater-lemon-oval-pilot", now);
        assert_eq!((wrong(nas), wrong(phone)), (left, left));
    }
    let (nas, phone) = attempt(&offer, "4821-crater-lemon-orbit-pilot", now);
    assert!(matches!(nas.end, Some(Err(PairError::NoOffer))));
    assert!(matches!(phone.end, Some(Err(PairError::NoOffer))));
}

#[test]
fn a_code_meant_for_another_device_costs_no_try() {
    let now = Instant::now();
    let offer = an_offer(now);
    for _ in 0..10 {
        let (_, phone) = attempt(&offer, "1000-crater-lemon-orbit-pilot", now);
        assert!(matches!(phone.end, Some(Err(PairError::NoOffer))));
    }
    assert!(
        attempt(&offer, "4821-crater-lemon-orbit-pilot", now)
            .0
            .end
            .unwrap()
            .is_ok()
    );
}

#[test]
fn a_code_works_once_and_for_ten_minutes() {
    let now = Instant::now();
    let late = attempt(
        &an_offer(now),
        "4821-crater-lemon-orbit-pilot",
        now + LIFETIME,
    );
    assert!(matches!(late.1.end, Some(Err(PairError::Expired))));
    let offer = an_offer(now);
    assert!(
        attempt(&offer, "4821-crater-lemon-orbit-pilot", now)
            .1
            .end
            .unwrap()
            .is_ok()
    );
    let again = attempt(&offer, "4821-crater-lemon-orbit-pilot", now);
    assert!(matches!(again.1.end, Some(Err(PairError::AlreadyUsed))));
}

#[test]
fn a_recorded_conversation_played_again_is_a_wrong_code() {
    let now = Instant::now();
    let (_, phone) = attempt(&an_offer(now), "4821-crater-lemon-orbit-pilot", now);
    let offer = an_offer(now);
    let mut offerer = Conversation::offer(&offer, NAS, PHONE);
    let mut end = None;
    for message in phone.sent {
        for output in offerer.handle(now, Input::Received(message)) {
            match output {
                Output::Failed(error) => end = Some(error),
                Output::Confirmed | Output::Theirs(_) | Output::Paired(_) => {
                    panic!("a replay was believed")
                }
                Output::Send(_) => {}
            }
        }
    }
    assert!(matches!(end, Some(PairError::WrongCode { tries_left: 2 })));
}

#[test]
fn a_device_in_the_middle_that_passes_everything_on_gets_nothing() {
    let now = Instant::now();
    let offer = an_offer(now);
    // Each end sees the id of the one in the middle, as the transport's handshake gives it.
    let joiner = Conversation::join(&code("4821-crater-lemon-orbit-pilot"), PHONE, STRANGER);
    let (nas, phone) = talk(Conversation::offer(&offer, NAS, STRANGER), joiner, now);
    assert_eq!((wrong(nas), wrong(phone)), (2, 2));
}

#[test]
fn an_offerer_that_does_not_know_the_code_is_found_out() {
    let now = Instant::now();
    let (mut joiner, first) =
        Conversation::join(&code("4821-crater-lemon-orbit-pilot"), PHONE, NAS);
    let [Output::Send(hello)] = &first[..] else {
        panic!("{first:?}")
    };
    let impostor = an_offer_with("4821-crater-lemon-oval-pilot", now);
    let mut offerer = Conversation::offer(&impostor, NAS, PHONE);
    let [Output::Send(pake)] = &offerer.handle(now, Input::Received(hello.clone()))[..] else {
        panic!()
    };
    joiner.handle(now, Input::Received(pake.clone()));
    let outputs = joiner.handle(now, Input::Received([&[3_u8][..], &[7; 32]].concat()));
    assert!(matches!(
        &outputs[..],
        [Output::Send(_), Output::Failed(PairError::Impostor)]
    ));
}

fn an_offer_with(text: &str, now: Instant) -> Offer {
    let secret = TicketSecret::random(&mut StdRng::seed_from_u64(1));
    Offer::with(Code::parse(text).unwrap(), secret, now)
}

#[test]
fn garbage_and_messages_out_of_turn_end_the_conversation_with_a_reason() {
    let now = Instant::now();
    for garbage in [
        vec![],
        vec![9; 10],
        vec![1],
        vec![1, 1, 2],
        vec![3; 33],
        vec![5; 33],
        vec![4; 20],
    ] {
        let offer = an_offer(now);
        let mut offerer = Conversation::offer(&offer, NAS, PHONE);
        let outputs = offerer.handle(now, Input::Received(garbage));
        assert!(matches!(
            &outputs[..],
            [Output::Send(_), Output::Failed(PairError::Malformed(_))]
        ));
        assert!(offerer.handle(now, Input::Received(vec![0])).is_empty());
        assert!(offer.check(now).is_ok(), "garbage costs no try");
    }
    // A point that is none.
    let hello = [&[1_u8, 1][..], &4821_u16.to_be_bytes(), &[0xff; 33]].concat();
    let outputs =
        Conversation::offer(&an_offer(now), NAS, PHONE).handle(now, Input::Received(hello));
    let pake = PairError::Malformed(MalformedMessage::Pake).to_string();
    assert!(matches!(&outputs[..], [_, Output::Failed(error)] if error.to_string() == pake));
}

#[test]
fn another_version_is_named_and_not_guessed_at() {
    let now = Instant::now();
    let outputs =
        Conversation::offer(&an_offer(now), NAS, PHONE).handle(now, Input::Received(vec![1, 2, 0]));
    let [
        Output::Send(refusal),
        Output::Failed(PairError::Version { ours: 1, theirs: 2 }),
    ] = &outputs[..]
    else {
        panic!("{outputs:?}")
    };
    let (mut joiner, _) = Conversation::join(&code("4821-crater-lemon-orbit-pilot"), PHONE, NAS);
    let outputs = joiner.handle(now, Input::Received(refusal.clone()));
    assert!(matches!(
        outputs.last(),
        Some(Output::Failed(PairError::Version { theirs: 1, .. }))
    ));
}

#[test]
fn a_lost_last_word_is_told_apart_from_a_failure() {
    let now = Instant::now();
    let (_, phone) = attempt(&an_offer(now), "4821-crater-lemon-orbit-pilot", now);
    assert_eq!(phone.sent.len(), 4, "hello, confirm, sealed, done");
    let offer = an_offer(now);
    let mut offerer = Conversation::offer(&offer, NAS, PHONE);
    let (mut joiner, first) =
        Conversation::join(&code("4821-crater-lemon-orbit-pilot"), PHONE, NAS);
    let (mut nas, mut side) = (Side::default(), Side::default());
    let mut to_nas = side.take(&mut joiner, now, first, "phone");
    while side.end.is_none() {
        let sent = std::mem::take(&mut to_nas);
        for message in sent {
            let outputs = offerer.handle(now, Input::Received(message));
            for answer in nas.take(&mut offerer, now, outputs, "nas") {
                let outputs = joiner.handle(now, Input::Received(answer));
                to_nas.extend(side.take(&mut joiner, now, outputs, "phone"));
            }
        }
    }
    let outputs = offerer.handle(now, Input::HungUp);
    assert!(matches!(
        &outputs[..],
        [Output::Failed(PairError::Unfinished)]
    ));
}

#[test]
fn a_silent_device_is_told_so_and_given_up() {
    let now = Instant::now();
    let offer = an_offer(now);
    let outputs = Conversation::offer(&offer, NAS, PHONE).handle(now, Input::Deadline);
    let [Output::Send(refusal), Output::Failed(PairError::TimedOut)] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    let (mut joiner, _) = Conversation::join(&code("4821-crater-lemon-orbit-pilot"), PHONE, NAS);
    let outputs = joiner.handle(now, Input::Received(refusal.clone()));
    assert!(matches!(
        &outputs[..],
        [Output::Send(_), Output::Failed(PairError::TimedOut)]
    ));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_conversation_panic_or_believe(bytes: Vec<u8>, rounds in 1..4_usize) {
        let now = Instant::now();
        let offer = an_offer(now);
        let mut offerer = Conversation::offer(&offer, NAS, PHONE);
        let (mut joiner, _) = Conversation::join(&code("4821-crater-lemon-orbit-pilot"), PHONE, NAS);
        for _ in 0..rounds {
            for side in [&mut offerer, &mut joiner] {
                for output in side.handle(now, Input::Received(bytes.clone())) {
                    proptest::prop_assert!(!matches!(output, Output::Confirmed | Output::Paired(_)));
                }
            }
        }
    }

    #[test]
    fn any_text_is_a_code_or_a_reason(typed: String) {
        if let Ok(code) = Code::parse(&typed) {
            proptest::prop_assert_eq!(Code::parse(code.text()), Ok(code));
        }
    }
}
