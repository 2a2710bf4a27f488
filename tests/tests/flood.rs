//! A member that signs statements without end: it is cut off, and can still be removed everywhere.

use ed25519_dalek::SigningKey;
use pimesh_crdt::sync::membership::{Action, MOST_BY_ONE, Statement, StatementHash};
use pimesh_crdt::sync::{Bytes, Frame};
use pimesh_crdt::{DeviceId, Timestamp};
use pimesh_tests::cheat::{Cheat, ending, say};
use pimesh_tests::wait::until;
use serde_json::Value;

use crate::attack::{import, items, traitor, victim};
use crate::program::Program;

/// What a device can sign in half a second.
const MANY: u16 = 1_500;

/// Statements that are as long as they may be, all different, and none of which knows another.
fn flood(key: &SigningKey, from: u16) -> Vec<Bytes> {
    let knows: Vec<StatementHash> = (0..64).map(|n| StatementHash([n; 32])).collect();
    let add = |number: u16| {
        let mut subject = DeviceId([9; 32]);
        subject.0[..2].copy_from_slice(&(from + number).to_le_bytes());
        let name = "x".repeat(60);
        let action = Action::Add { name };
        let statement = Statement::sign(key, subject, action, &knows, Timestamp(1)).unwrap();
        Bytes(statement.to_bytes())
    };
    (0..MANY).map(add).collect()
}

fn devices(program: &Program) -> usize {
    let (devices, code) = program.json(&["devices"]);
    assert_eq!(code, 0);
    devices["devices"].as_array().unwrap().len()
}

fn remove(on: &Program, device: DeviceId) -> (Value, i32) {
    on.json(&["devices", "remove", "--yes", &device.to_string()])
}

async fn flooded(traitor: &mut Cheat, from: u16) -> Option<String> {
    let mut session = traitor.session().await;
    let all = flood(&traitor.key, from);
    say(&mut session, &Frame::Membership(all)).await;
    ending(&mut session).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_signs_statements_without_end_is_cut_off_and_can_be_removed_everywhere() {
    let (program, node) = victim();
    let mut phone = Program::new("phone");
    let phone_node = phone.run();
    program.pair_with(&node.address, &phone);
    let mut traitor = traitor(&program, &node).await;

    for round in 0..3 {
        let reason = flooded(&mut traitor, MANY * round).await.expect("a reason");
        assert!(reason.contains("more statements"), "{reason}");
    }
    let most = MOST_BY_ONE + 3;
    until("the phone has heard of some", || {
        (devices(&phone) > 50).then_some(())
    });
    assert!(devices(&program) <= most && devices(&phone) <= most);

    // the owner finds out, and has the other devices know it at once
    let (done, code) = remove(&program, traitor.device);
    assert_eq!(code, 0, "{done}");
    assert!(done["let_in"].as_array().unwrap().len() > 50, "{done}");
    until("the phone knows it too", || {
        (remove(&phone, traitor.device).1 != 0).then_some(())
    });
    import(&phone, "h", "Honest");
    until("what the honest device wrote", || {
        (items(&program) == 21).then_some(())
    });
    node.stop();
    phone_node.stop();
}
