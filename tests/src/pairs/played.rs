//! The story that plays all cells of a theme at once.

use std::collections::BTreeMap;

use super::acts::{Hand, Memory};
use super::grid::Cell;
use super::mesh::Mesh;
use super::outcome::outcome;
use super::seen::{Seen, seen};
use super::{Operation, Outcome, Theme};
use crate::device::Device;

/// Plays every pair of a theme, in both orders. Gives what the laptop and the phone did, and what
/// everybody found.
pub async fn play(theme: Theme) -> BTreeMap<(Operation, Operation), Outcome> {
    let cells = Cell::all(theme);
    let mut mesh = Mesh::new().await;
    let (mut of_laptop, mut of_phone) = (Memory::default(), Memory::default());
    let known = chosen(&cells, |cell| !cell.begins_apart());
    Hand::of(&mesh.laptop, "laptop", &mut of_laptop)
        .begin(&known)
        .await;
    mesh.agree().await;
    let moment = Hand::of(&mesh.laptop, "laptop", &mut of_laptop)
        .go_on(&known)
        .await;
    for memory in [&mut of_laptop, &mut of_phone] {
        memory.before = known.iter().map(|cell| (cell.uid(), moment)).collect();
    }
    let laptop = (|cell: &Cell| cell.laptop) as fn(&Cell) -> Operation;
    let phone = (|cell: &Cell| cell.phone) as fn(&Cell) -> Operation;
    prepared(&mesh.laptop, "laptop", &mut of_laptop, &known, laptop).await;
    mesh.agree().await;
    prepared(&mesh.phone, "phone", &mut of_phone, &known, phone).await;
    mesh.agree().await;
    let before = seen(&mesh.laptop, &cells).await;
    mesh.all_off().await;
    // both are on, and neither knows where the other is
    mesh.laptop.start_elsewhere().await;
    mesh.phone.start_elsewhere().await;
    let (one, other) = tokio::join!(
        apart(&mesh.laptop, "laptop", &mut of_laptop, &cells, laptop),
        apart(&mesh.phone, "phone", &mut of_phone, &cells, phone),
    );
    mesh.meet().await;
    let mut ends = Vec::new();
    for device in mesh.all() {
        ends.push(seen(device, &cells).await);
    }
    mesh.all_off().await;
    let mut outcomes = BTreeMap::new();
    for cell in &cells {
        let uid = cell.uid();
        for end in &ends[1..] {
            assert_eq!(
                ends[0][&uid], end[&uid],
                "{uid}: two devices show different things"
            );
        }
        let before = match cell.begins_apart() {
            false => &before[&uid],
            true if cell.laptop.begins() => &one[&uid],
            true => &other[&uid],
        };
        let found = outcome(before, &one[&uid], &other[&uid], &ends[0][&uid]);
        if let Outcome::Lost(_) = found {
            println!(
                "{uid}\n before {before:?}\n laptop {:?}\n phone {:?}\n end {:?}",
                one[&uid], other[&uid], ends[0][&uid]
            );
        }
        outcomes.insert((cell.laptop, cell.phone), found);
    }
    outcomes
}

fn chosen(cells: &[Cell], fits: impl Fn(&Cell) -> bool) -> Vec<Cell> {
    cells.iter().filter(|cell| fits(cell)).copied().collect()
}

async fn prepared(
    device: &Device,
    by: &'static str,
    memory: &mut Memory,
    cells: &[Cell],
    of: fn(&Cell) -> Operation,
) {
    let theme = cells[0].theme;
    let mut hand = Hand::of(device, by, memory);
    for operation in theme.operations().iter().filter(|op| op.prepares()) {
        let cells = chosen(cells, |cell| of(cell) == *operation);
        hand.prepare(*operation, &cells).await;
    }
}

/// What a device does while it reaches no other, and what it shows then.
async fn apart(
    device: &Device,
    by: &'static str,
    memory: &mut Memory,
    cells: &[Cell],
    of: fn(&Cell) -> Operation,
) -> BTreeMap<String, Seen> {
    let begun = chosen(cells, |cell| cell.begins_apart() && !of(cell).begins());
    let hand = Hand::of(device, by, memory);
    hand.begin(&begun).await;
    let moment = hand.go_on(&begun).await;
    memory
        .before
        .extend(begun.iter().map(|cell| (cell.uid(), moment)));
    prepared(device, by, memory, &begun, of).await;
    let hand = Hand::of(device, by, memory);
    for operation in cells[0].theme.operations() {
        let cells = chosen(cells, |cell| of(cell) == *operation);
        hand.act(*operation, &cells).await;
    }
    seen(device, cells).await
}
