//! Links are the same on every device, whoever linked and unlinked what while they were apart.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::doc::{Author, Document, Writer, genesis};
use crate::item::kind;
use crate::{ChangeHash, DeviceId, Timestamp};

/// Collections that are one: each has a document of its own.
const COLLECTIONS: usize = 2;
const DEVICES: usize = 3;
const ITEMS: u8 = 6;

fn doc(n: u8) -> DocId {
    DocId([n; 16])
}

/// A device, with what it holds of the documents of both collections.
#[derive(Clone, Debug)]
struct Replica {
    number: u8,
    clock: u64,
    documents: Vec<Document>,
}

impl Replica {
    fn new(number: u8) -> Self {
        let document = |n: usize| {
            let mut item = Item::new(kind::COLLECTION, format!("{n}"));
            item.values.insert("DISPLAYNAME".into(), ":Contacts".into());
            Document::load([&genesis(&item).bytes[..]]).unwrap()
        };
        Self {
            number,
            clock: 0,
            documents: (0..COLLECTIONS).map(document).collect(),
        }
    }

    fn links(&self) -> Links {
        let shown: Vec<Item> = self
            .documents
            .iter()
            .map(|d| d.view().shown().item)
            .collect();
        Links::of(&shown)
    }

    /// New links go to one document; what is taken away goes from each that says it.
    fn write(&mut self, edits: &[Edit], into: usize) {
        for at in 0..COLLECTIONS {
            let shown = self.documents[at].view().shown().item;
            let mut of_this = edits.to_vec();
            of_this.retain(|edit| match edit {
                Edit::Set { .. } => at == into,
                Edit::Clear { key } => shown.value(key).is_some(),
                Edit::Delete { .. } | Edit::Revive { .. } => false,
            });
            self.clock += 1;
            let author = Author {
                device: DeviceId([self.number; 32]),
                source: "test".into(),
                writer: Writer::Machine,
                now: Timestamp(self.clock),
                random: [u8::try_from(self.clock % 251).unwrap(); 16],
            };
            let heads = self.documents[at].heads();
            if let Some(change) = self.documents[at]
                .resolve(&heads, &of_this, &author)
                .unwrap()
            {
                self.documents[at].add(&change.bytes).unwrap();
            }
        }
    }

    /// Takes changes of another device in any order that lets them be taken; `most` of them.
    fn receive(&mut self, from: &Self, order: &[Index], most: usize) {
        let mut left = most;
        for at in 0..COLLECTIONS {
            loop {
                let ours = &self.documents[at];
                let ready: Vec<_> = from.documents[at]
                    .changes()
                    .iter()
                    .filter(|c| !ours.contains(&c.hash) && c.deps.iter().all(|d| ours.contains(d)))
                    .cloned()
                    .collect();
                if ready.is_empty() || left == 0 {
                    break;
                }
                let next = order[left % order.len()].get(&ready).clone();
                self.documents[at].add_parts(next).unwrap();
                left -= 1;
            }
        }
    }

    fn hashes(&self) -> Vec<Vec<ChangeHash>> {
        let of = |d: &Document| {
            let mut all: Vec<ChangeHash> = d.changes().iter().map(|c| c.hash).collect();
            all.sort_unstable();
            all
        };
        self.documents.iter().map(of).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Link(usize, Vec<u8>, usize),
    Unlink(usize, Vec<u8>),
    Send(usize, usize, usize, Vec<Index>),
}

fn items() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1..=ITEMS, 1..4)
}

fn step() -> impl Strategy<Value = Step> {
    let order = prop::collection::vec(any::<Index>(), 1..8);
    prop_oneof![
        3 => (0..DEVICES, items(), 0..COLLECTIONS).prop_map(|(d, i, c)| Step::Link(d, i, c)),
        2 => (0..DEVICES, items()).prop_map(|(d, i)| Step::Unlink(d, i)),
        2 => (0..DEVICES, 0..DEVICES, 0..9_usize, order).prop_map(|(a, b, n, o)| Step::Send(a, b, n, o)),
    ]
}

fn docs(items: &[u8]) -> Vec<DocId> {
    items.iter().map(|n| doc(*n)).collect()
}

fn people(links: &Links) -> BTreeSet<BTreeSet<DocId>> {
    let person = |n| links.person(doc(n)).into_iter().collect();
    (1..=ITEMS).map(person).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn links_made_and_taken_away_apart_are_the_same_everywhere_in_the_end(
        steps in prop::collection::vec(step(), 1..25),
        orders in prop::collection::vec(prop::collection::vec(any::<Index>(), 1..8), 2 * DEVICES),
    ) {
        let mut all: Vec<Replica> = (1..).take(DEVICES).map(Replica::new).collect();
        for step in &steps {
            match step {
                Step::Link(at, items, into) => {
                    let edits = all[*at].links().link(&docs(items));
                    all[*at].write(&edits, *into);
                    let person = all[*at].links().person(doc(items[0]));
                    prop_assert!(docs(items).iter().all(|doc| person.contains(doc)));
                }
                Step::Unlink(at, items) => {
                    let edits = all[*at].links().unlink(&docs(items));
                    all[*at].write(&edits, 0);
                    for item in docs(items) {
                        prop_assert_eq!(all[*at].links().person(item), vec![item]);
                    }
                }
                Step::Send(from, to, most, order) => {
                    let from = all[*from].clone();
                    all[*to].receive(&from, order, *most);
                }
            }
        }
        // everything to the first, from there to everybody; each in an order of its own
        for at in 1..DEVICES {
            let from = all[at].clone();
            all[0].receive(&from, &orders[at], usize::MAX);
        }
        let whole = all[0].clone();
        for (at, replica) in all.iter_mut().enumerate().skip(1) {
            replica.receive(&whole, &orders[DEVICES + at], usize::MAX);
            prop_assert_eq!(replica.hashes(), whole.hashes());
            prop_assert_eq!(replica.links(), whole.links());
            for n in 1..=ITEMS {
                prop_assert_eq!(replica.links().person(doc(n)), whole.links().person(doc(n)));
            }
        }
    }

    #[test]
    fn on_one_device_linking_joins_people_and_unlinking_takes_out_just_those_named(
        steps in prop::collection::vec((any::<bool>(), items()), 1..25),
    ) {
        let mut device = Replica::new(1);
        let mut model: BTreeSet<BTreeSet<DocId>> =
            (1..=ITEMS).map(|n| BTreeSet::from([doc(n)])).collect();
        for (is_link, items) in steps {
            let items = docs(&items);
            let links = device.links();
            device.write(&if is_link { links.link(&items) } else { links.unlink(&items) }, 0);
            if is_link {
                let is_named = |one: &BTreeSet<DocId>| items.iter().any(|doc| one.contains(doc));
                let (named, mut rest): (BTreeSet<_>, BTreeSet<_>) = model.into_iter().partition(is_named);
                rest.insert(named.into_iter().flatten().collect());
                model = rest;
            } else {
                let without = |one: BTreeSet<DocId>| -> BTreeSet<DocId> {
                    one.into_iter().filter(|doc| !items.contains(doc)).collect()
                };
                model = model.into_iter().map(without).filter(|one| !one.is_empty()).collect();
                model.extend(items.iter().map(|doc| BTreeSet::from([*doc])));
            }
            prop_assert_eq!(people(&device.links()), model.clone());
        }
    }
}

#[test]
fn the_item_that_was_named_first_stays_the_first() {
    let mut device = Replica::new(1);
    for named in [&[3, 1, 2][..], &[3, 5], &[4, 2]] {
        let edits = device.links().link(&docs(named));
        device.write(&edits, 0);
    }
    assert_eq!(device.links().person(doc(1)), docs(&[4, 3, 1, 2, 5]));
    assert_eq!(device.links().link(&docs(&[1, 4])), [], "they are linked");
    let edits = device.links().unlink(&docs(&[4]));
    device.write(&edits, 0);
    assert_eq!(device.links().person(doc(5)), docs(&[3, 1, 2, 5]));
}

#[test]
fn what_is_no_link_is_passed_over() {
    let (a, b) = (doc(1), doc(2));
    let mut item = Item::new(kind::COLLECTION, "1");
    for (at, value) in [
        (format!("LINK#{a}+{b}x"), format!(":{a}+{b}")),
        (format!("LINK#{b}+{a}"), format!(":{a}+{b}")),
        (format!("LINK#{a}+{a}"), format!(":{a}+{a}")),
        ("LINK".into(), format!(":{a}+{b}")),
        (format!("LINK#{a}+{b}"), ":".into()),
    ] {
        item.values.insert(at, value);
    }
    assert!(Links::of([&item]).is_empty());
    item.values
        .insert(format!("LINK#{a}+{b}"), format!(":{b}+{a}"));
    assert_eq!(Links::of([&item]).person(a), [b, a]);
}
