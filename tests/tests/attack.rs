//! Peers that cheat: refused with a reason, at a bounded price, and the node goes on.
//!
//! The node is the real program; the peer is plain libp2p (`pimesh_tests::cheat`).

use std::io::Write as _;

use pimesh_crdt::doc::genesis;
use pimesh_crdt::item::{Item, kind};
use pimesh_crdt::sync::{Bytes, Frame, Have, codec};
use pimesh_crdt::{CollectionId, DocId};
use pimesh_tests::cheat::{self, Cheat, PAIR, SYNC, Tape, Wire, ending, heard, say, throw};
use pimesh_tests::data::{self, Heavy, Scale};
use pimesh_tests::wait::{in_time, until};
use pimesh_transports::mesh::FrameStream;
use pimesh_transports::pair::{self, Code, PairError, PairIdentity};
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use crate::program::{Node, Program};

/// What all attacks of one test together may cost.
const MOST_MEMORY: usize = 64 << 20;

/// A device with a few items, and its running node.
pub(crate) fn victim() -> (Program, Node) {
    let mut program = Program::new("victim");
    let scale = Scale {
        contacts: 10,
        events: 10,
    };
    let paths = data::made(scale, Heavy::USUAL, program.device.folder());
    for path in paths {
        let done = program.output(&["import", path.to_str().unwrap()]);
        assert!(done.status.success());
    }
    let node = program.run();
    (program, node)
}

pub(crate) fn items(program: &Program) -> u64 {
    let (list, code) = program.json(&["list"]);
    assert_eq!(code, 0);
    list["total"].as_u64().unwrap()
}

/// Types a code, over any stream.
async fn type_code<S>(stream: S, code: &str, me: &Cheat) -> Result<(), PairError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let code = Code::parse(code).unwrap().into();
    let identity = PairIdentity {
        device: me.device,
        name: "stranger".into(),
    };
    let card = |_| br#"{"addresses":[],"collections":[]}"#.to_vec();
    let agree = async |_: &pair::Handed| true;
    let never = CancellationToken::new();
    let joining = pair::join(stream, &code, identity, me.them, (card, agree), &never);
    in_time("the end of the pairing", joining).await.map(drop)
}

/// The same number, other words.
fn wrong(code: &str) -> String {
    let words = code.split_once('-').unwrap();
    let other = if words.1 == "zoo-zoo-zoo-zoo" {
        "zone-zone-zone-zone"
    } else {
        "zoo-zoo-zoo-zoo"
    };
    format!("{}-{other}", words.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_knows_the_address_is_refused_with_a_reason() {
    let (program, node) = victim();
    let mut stranger = Cheat::of(&node.address, node.device, 1);
    for protocol in [SYNC, PAIR, SYNC] {
        let answered = match stranger.open(protocol).await {
            Ok(mut stream) => {
                throw(&mut stream, &[0, 0, 0, 1, 0]).await;
                let mut said = Vec::new();
                let _ = in_time("the end of the stream", stream.read_to_end(&mut said)).await;
                said
            }
            Err(_) => Vec::new(),
        };
        assert!(answered.is_empty(), "a stranger is told nothing");
    }
    node.logs(&["not paired with this device"]);
    assert_eq!(items(&program), 20);
    node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_typed_wrong_is_refused_each_time_and_after_three_times_the_right_one_too() {
    let (program, node) = victim();
    let (offer, code) = program.offer();
    let mut stranger = Cheat::of(&node.address, node.device, 2);
    for left in [2, 1, 0] {
        let stream = stranger.open(PAIR).await.unwrap();
        let refused = type_code(stream, &wrong(&code), &stranger).await;
        match refused {
            Err(PairError::WrongCode { tries_left }) => assert_eq!(tries_left, left),
            other => panic!("{other:?}"),
        }
        node.logs(&["wrong pairing code", &format!("tries_left={left}")]);
    }
    for again in [wrong(&code), code] {
        // the code is gone, and with it the door
        if let Ok(stream) = stranger.open(PAIR).await {
            let refused = type_code(stream, &again, &stranger).await;
            assert!(refused.is_err(), "{refused:?}");
        }
    }
    let (exit, said) = offer.end();
    assert_eq!(exit, Some(1), "{said:?}");
    assert!(
        said.last().unwrap().contains("three wrong codes"),
        "{said:?}"
    );
    let (devices, _) = program.json(&["devices"]);
    assert_eq!(devices["devices"], serde_json::json!([]));
    assert!(stranger.open(SYNC).await.is_err(), "still a stranger");
    node.logs(&["not paired with this device"]);
    node.stop();
}

/// Plays back what a joiner once sent; gives what the other side answered.
async fn replay(mut stream: Wire, tape: &[u8]) -> Vec<u8> {
    throw(&mut stream, tape).await;
    let mut answered = Vec::new();
    let _ = in_time("the end of the replay", stream.read_to_end(&mut answered)).await;
    answered
}

/// The answers' first bytes: 0 refused, 2 PAKE; see `pair/message.rs`.
fn kinds(mut answered: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let Some((length, rest)) = answered.split_first_chunk::<4>() {
        let (frame, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        kinds.push(frame[0]);
        answered = rest;
    }
    kinds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replayed_pairing_is_refused_under_the_old_code_and_under_a_new_one() {
    let (program, node) = victim();
    let (offer, code) = program.offer();
    let mut honest = Cheat::of(&node.address, node.device, 3);
    let (stream, tape) = Tape::of(honest.open(PAIR).await.unwrap());
    type_code(stream, &code, &honest).await.unwrap();
    assert_eq!(offer.end().0, Some(0));
    let tape = tape.lock().unwrap().clone();
    assert!(tape.len() > 100, "{}", tape.len());

    // by somebody who listened in: nobody shows a code any more
    let mut stranger = Cheat::of(&node.address, node.device, 4);
    assert!(stranger.open(PAIR).await.is_err() || stranger.open(SYNC).await.is_err());
    node.logs(&["not paired with this device"]);

    let (offer, code) = program.offer();
    let number: u16 = code.split_once('-').unwrap().0.parse().unwrap();
    let mut renumbered = tape.clone();
    renumbered[6..8].copy_from_slice(&number.to_be_bytes());
    // the old transcript; the same with the new code's number; by a stranger and by the
    // device that made it
    for (by_stranger, tape) in [(true, &tape), (true, &renumbered), (false, &renumbered)] {
        let cheat = if by_stranger {
            &mut stranger
        } else {
            &mut honest
        };
        let answered = replay(cheat.open(PAIR).await.unwrap(), tape).await;
        let kinds = kinds(&answered);
        assert_eq!(kinds.last(), Some(&0), "refused: {kinds:?}");
        assert!(kinds.iter().all(|kind| [0, 2].contains(kind)), "{kinds:?}");
    }
    node.logs(&["an attempt to pair failed", "shows no such code"]);
    node.logs(&["wrong pairing code"]);
    until("the person is told", || {
        let told = offer
            .said()
            .iter()
            .any(|line| line.contains("pair_refused"));
        told.then_some(())
    });
    drop(offer);
    let (devices, _) = program.json(&["devices"]);
    assert_eq!(devices["devices"].as_array().unwrap().len(), 1, "{devices}");
    node.stop();
}

/// A member that cheats: paired with the right code.
pub(crate) async fn traitor(program: &Program, node: &Node) -> Cheat {
    let (offer, code) = program.offer();
    let mut traitor = Cheat::of(&node.address, node.device, 5);
    let stream = traitor.open(PAIR).await.unwrap();
    type_code(stream, &code, &traitor).await.unwrap();
    assert_eq!(offer.end().0, Some(0));
    traitor
}

fn contact(name: &str) -> (DocId, Vec<u8>) {
    let mut item = Item::new(kind::VCARD, format!("{name}@traitor.example"));
    item.values.insert("FN".into(), format!(":{name}"));
    (item.doc_id(), genesis(&item).bytes)
}

/// A contact that a person adds.
pub(crate) fn import(device: &Program, uid: &str, name: &str) {
    let card = device.device.folder().join("new.vcf");
    let text = format!("BEGIN:VCARD\r\nVERSION:4.0\r\nUID:{uid}\r\nFN:{name}\r\nEND:VCARD\r\n");
    std::fs::write(&card, text).unwrap();
    let done = device.output(&["import", card.to_str().unwrap()]);
    assert!(done.status.success());
}

/// Sends changes in a new session; gives the session.
async fn send(
    traitor: &mut Cheat,
    collection: CollectionId,
    entries: &[(u64, DocId, &[u8])],
) -> FrameStream {
    let mut session = traitor.session().await;
    let body = cheat::changes(collection, traitor.device, entries);
    say(&mut session, &Frame::Changes(Bytes(body))).await;
    session
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_cheats_is_cut_off_with_a_reason_and_honest_ones_go_on() {
    let (program, node) = victim();
    let mut phone = Program::new("phone");
    let phone_node = phone.run();
    program.pair_with(&node.address, &phone);
    let mut traitor = traitor(&program, &node).await;
    let book = CollectionId([7; 16]);
    let (before, _) = node.memory();

    // bytes that are no frame, and a frame that is longer than any may be
    let mut stream = traitor.open(SYNC).await.unwrap();
    throw(&mut stream, &[&[0, 0, 0, 32][..], &[0xEE; 32]].concat()).await;
    let mut frames = FrameStream::over(stream);
    let reason = ending(&mut frames).await.expect("a reason");
    assert!(reason.contains("can not be read"), "{reason}");
    node.logs(&["session ended", "can not be read"]);
    let mut stream = traitor.open(SYNC).await.unwrap();
    throw(&mut stream, &(1_u32 << 30).to_be_bytes()).await;
    throw(&mut stream, &vec![0; 8 << 20]).await;
    node.logs(&[
        "session ended",
        "1073741824 bytes is over the limit of 4194304",
    ]);
    drop(stream);

    // changes that unpack to a gigabyte
    let mut session = traitor.session().await;
    let mut bomb = zstd::Encoder::new(vec![1], 3).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..1024).for_each(|_| bomb.write_all(&zeros).unwrap());
    let bomb = bomb.finish().unwrap();
    say(&mut session, &Frame::Changes(Bytes(bomb))).await;
    let reason = ending(&mut session).await.expect("a reason");
    assert!(reason.contains("changes that can not be read"), "{reason}");

    // a statement that nobody signed
    let mut session = traitor.session().await;
    say(&mut session, &Frame::Membership(vec![Bytes(vec![5; 140])])).await;
    let reason = ending(&mut session).await.expect("a reason");
    assert!(reason.contains("false statement"), "{reason}");
    node.logs(&["session ended", "false statement"]);

    // numbers that no device can have reached, and a number without those before it
    let (doc, change) = contact("Far");
    let mut session = send(&mut traitor, book, &[(1 << 60, doc, &change)]).await;
    let reason = ending(&mut session).await.expect("a reason");
    assert!(reason.contains("changes that can not be read"), "{reason}");
    let mut session = send(&mut traitor, book, &[(5, doc, &change)]).await;
    heard(&mut session, |frame| {
        matches!(frame, Frame::Have(have) if have.collection == book && have.vector.is_empty())
    })
    .await; // which asks for what is missing

    // a change that is none
    let garbage = [0x85, 0x6f, 0x4a, 0x83, 1, 2, 3, 4, 1, 0xFF, 0xFF];
    let mut session = send(&mut traitor, book, &[(1, doc, &garbage)]).await;
    heard(&mut session, |frame| matches!(frame, Frame::Ack { .. })).await;
    node.logs(&["a change was put aside", "n=1", "reason="]);

    assert_eq!(items(&program), 20, "nothing of it is shown");
    let grown = node.memory().1 - before;
    eprintln!("memory grew by {} KB at most", grown >> 10);
    assert!(grown < MOST_MEMORY, "{grown} bytes");

    import(&phone, "h", "Honest");
    until("what the honest device wrote", || {
        (items(&program) == 21).then_some(())
    });
    until("the rest", || (items(&phone) == 21).then_some(()));
    assert!(node.logged("session ended") >= 4);
    node.stop();
    phone_node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_asks_without_end_is_left_alone_and_honest_ones_go_on() {
    let (program, node) = victim();
    let mut phone = Program::new("phone");
    let phone_node = phone.run();
    program.pair_with(&node.address, &phone);
    let mut traitor = traitor(&program, &node).await;

    let mut session = traitor.session().await;
    let question = codec::encode(&Frame::Have(Have {
        collection: CollectionId([7; 16]),
        vector: Vec::new(),
        retired: Vec::new(),
        sum: None,
    }))
    .unwrap();
    let mut asked = 0;
    while session.send(question.clone()).await.is_ok() {
        asked += 1;
        assert!(asked < 1_000_000, "there is no end to it");
    }
    node.logs(&["session ended", "asks for more than it may"]);
    eprintln!("asked {asked} times");

    // nor is a new session a new credit
    let stream = traitor.open(SYNC).await.unwrap();
    assert_eq!(ending(&mut FrameStream::over(stream)).await, None);

    import(&phone, "h", "Honest");
    until("what the honest device wrote", || {
        (items(&program) == 21).then_some(())
    });
    node.stop();
    phone_node.stop();
}
