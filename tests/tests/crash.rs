//! Power cuts: real processes, killed with SIGKILL at ten moments of an import and of a
//! first synchronisation. What they left is whole, and going on loses and doubles nothing.
//!
//! `PIMESH_SCALE` makes it larger.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use pimesh_tests::data::{self, Heavy, Scale};
use pimesh_tests::database::{assert_whole, stored};
use pimesh_tests::seed::Chance;
use pimesh_tests::wait::until;

use crate::program::{Node, Program};

const MOMENTS: usize = 10;

/// Large enough for several frames and many photos.
const HEAVY: Heavy = Heavy {
    photos: 2,
    texts: 3,
};

fn import(program: &Program, paths: &[PathBuf]) -> std::process::Child {
    let mut words = vec!["import"];
    words.extend(paths.iter().map(|path| path.to_str().unwrap()));
    program
        .command(&words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Two transactions of about a thousand items: five cuts before the first is on the disk,
/// five before the second is.
#[tokio::test]
async fn an_import_killed_at_any_moment_is_completed_by_the_next_one() {
    let mut chance = Chance::announced("crash::import");
    let scale = Scale::wanted(Scale {
        contacts: 1100,
        events: 1100,
    });
    let reference = Program::new("reference");
    let paths = data::made_in_parts(scale, Heavy::USUAL, 6, reference.device.folder());
    assert_eq!(import(&reference, &paths).wait().unwrap().code(), Some(0));
    let total = stored(&reference.device.home.database());
    let items = reference.device.items().await;
    let texts = reference.device.texts().await;
    let changes = reference.device.changes().await;
    assert_eq!(items.len(), scale.items());

    let (mut cut_short, mut half_way) = (0, 0);
    for moment in 0..MOMENTS {
        let program = Program::new("killed");
        let database = program.device.home.database();
        let goal = usize::from(moment >= MOMENTS / 2);
        let more = Duration::from_micros(chance.below(250_000) as u64);
        let mut child = import(&program, &paths);
        until("the first transaction", || {
            let is_over = child.try_wait().unwrap().is_some();
            (is_over || stored(&database) >= goal).then_some(())
        });
        let cut = Instant::now() + more;
        until("the moment", || (Instant::now() >= cut).then_some(()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_whole(&database);
        let there = stored(&database);
        cut_short += usize::from(there < total);
        half_way += usize::from(there > 0 && there < total);
        eprintln!("import killed: {there} of {total} changes and photos were stored");

        assert_eq!(import(&program, &paths).wait().unwrap().code(), Some(0));
        assert_whole(&database);
        assert!(program.device.items().await == items, "moment {moment}");
        assert!(program.device.texts().await == texts, "moment {moment}");
        assert_eq!(program.device.changes().await, changes, "moment {moment}");
    }
    eprintln!("{cut_short} of {MOMENTS} imports were cut short, {half_way} of them half-way");
    assert!(
        half_way > 0 && cut_short > MOMENTS / 2,
        "killed too late: the test proves too little"
    );
}

/// When to pull the plug: once the two are connected, and once this part of everything is
/// stored at the receiver, in thousandths.
const CUTS: [usize; 8] = [0, 0, 1, 300, 790, 850, 900, 950];

/// Rounds after which something is wrong with the test.
const MOST_ROUNDS: usize = 8;

/// A synchronisation that was faster than the power cut is begun anew with two new devices,
/// until ten were cut short.
#[tokio::test]
async fn a_first_synchronisation_killed_at_ten_moments_on_either_side_completes() {
    let mut cut_short = 0;
    for round in 0..MOST_ROUNDS {
        cut_short += first_synchronisation(round, MOMENTS - cut_short).await;
        if cut_short >= MOMENTS {
            return;
        }
    }
    panic!("only {cut_short} were cut short: the test proves too little");
}

/// Gives how often it was cut short, at most so many times.
async fn first_synchronisation(round: usize, most: usize) -> usize {
    let scale = Scale::wanted(Scale {
        contacts: 500,
        events: 400,
    });
    let (mut laptop, mut phone) = (Program::new("laptop"), Program::new("phone"));
    let paths = data::made(scale, HEAVY, laptop.device.folder());
    assert_eq!(import(&laptop, &paths).wait().unwrap().code(), Some(0));
    let items = laptop.device.items().await;
    let texts = laptop.device.texts().await;
    let changes = laptop.device.changes().await;
    let [from, to] = [&laptop, &phone].map(|program| program.device.home.database());
    let total = stored(&from);

    let mut nodes = [laptop.run(), phone.run()];
    laptop.pair_with(&nodes[0].address, &phone);
    let mut cut_short = 0;
    for (number, part) in CUTS.into_iter().enumerate().take(most) {
        until("the moment of the cut", || {
            let are_connected = nodes.iter().all(|node| node.count("connected") > 0);
            (are_connected && stored(&to) >= total * part / 1000).then_some(())
        });
        let is_phone = (number + round) % 2 == 1;
        let [a, b] = nodes;
        let (killed, other): (Node, Node) = if is_phone { (b, a) } else { (a, b) };
        killed.kill();
        let there = stored(&to);
        let who = if is_phone { "phone" } else { "laptop" };
        eprintln!("{who} killed: {there} of {total} changes and photos had arrived");
        assert_whole(&from);
        assert_whole(&to);
        nodes = match is_phone {
            true => [other, phone.run()],
            false => [laptop.run(), other],
        };
        if there >= total {
            break;
        }
        cut_short += 1;
    }

    for program in [&laptop, &phone] {
        let (answer, exit) = program.json(&["wait", "--until-confirmed", "--timeout", "60"]);
        assert_eq!(exit, 0, "{answer}");
    }
    until("all photos", || (stored(&to) >= total).then_some(()));
    nodes.into_iter().for_each(Node::stop);
    for program in [&laptop, &phone] {
        let device = &program.device;
        assert_whole(&device.home.database());
        assert!(device.items().await == items, "something was lost");
        assert!(
            device.texts().await == texts,
            "something was lost or doubled"
        );
        assert_eq!(device.changes().await, changes);
        assert_eq!(device.conflicts().await, []);
    }
    cut_short
}
