//! Our reading of changes against Automerge's, on random histories.

use automerge::{AutoCommit, Change, ReadDoc, ScalarValue, Value as Theirs};
use proptest::prelude::*;

use super::*;
use crate::ChangeHash;

/// One step of a history: a device writes at a base that may be old, or gets a change.
#[derive(Clone, Debug)]
enum Step {
    Genesis {
        text: u8,
    },
    Edit {
        base: u8,
        edits: Vec<(u8, Option<u8>)>,
        person: bool,
    },
    Delete {
        base: u8,
    },
    Revive {
        base: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let edits = prop::collection::vec((0..6_u8, prop::option::of(0..4_u8)), 1..4);
    prop_oneof![
        1 => (0..6_u8).prop_map(|text| Step::Genesis { text }),
        6 => (any::<u8>(), edits, any::<bool>())
            .prop_map(|(base, edits, person)| Step::Edit { base, edits, person }),
        1 => any::<u8>().prop_map(|base| Step::Delete { base }),
        1 => any::<u8>().prop_map(|base| Step::Revive { base }),
    ]
}

const KEYS: [&str; 6] = ["NAME", "NOTE", "TEL#1", "TEL#2", "R/:2025/SUMMARY", "WHEN"];

fn text(n: u8) -> Item {
    let mut item = Item::new("vcard", "u");
    for (at, key) in KEYS
        .iter()
        .enumerate()
        .filter(|(at, _)| n >> (at % 3) & 1 == 1)
    {
        item.values.insert((*key).into(), format!(":{at}{n}"));
    }
    item
}

/// Heads that some writer may have seen: those of a prefix of the history.
fn base(changes: &[NewChange], chosen: u8) -> Vec<ChangeHash> {
    let length = usize::from(chosen) * changes.len() / 256 + 1;
    let part = changes[..length.min(changes.len())]
        .iter()
        .map(|c| c.bytes.as_slice());
    Document::load(part).unwrap().heads()
}

fn run(steps: &[Step]) -> Vec<NewChange> {
    let mut changes = vec![genesis(&text(7))];
    for (at, step) in steps.iter().enumerate() {
        let doc = Document::load(changes.iter().map(|c| c.bytes.as_slice())).unwrap();
        let (chosen, edits, writer) = match step {
            Step::Genesis { text: n } => {
                let change = genesis(&text(*n));
                if !doc.contains(&change.hash) {
                    changes.push(change);
                }
                continue;
            }
            Step::Edit {
                base,
                edits,
                person,
            } => {
                let edit = |(key, value): &(u8, Option<u8>)| {
                    let key = KEYS[usize::from(*key)].to_owned();
                    match value {
                        Some(value) => Edit::Set {
                            key,
                            value: format!(":{value}"),
                        },
                        None => Edit::Clear { key },
                    }
                };
                let writer = if *person {
                    Writer::Person
                } else {
                    Writer::Machine
                };
                (*base, edits.iter().map(edit).collect(), writer)
            }
            Step::Delete { base } => (*base, vec![Edit::Delete { rid: None }], Writer::Person),
            Step::Revive { base } => {
                let rid = Some(":2025".to_owned());
                (
                    *base,
                    vec![Edit::Revive { rid }, Edit::Revive { rid: None }],
                    Writer::Person,
                )
            }
        };
        let author = author(1, 1 + at as u64, writer);
        let at = base(&changes, chosen);
        changes.extend(doc.edit(&at, &edits, &author).unwrap());
    }
    changes
}

/// What Automerge shows, by key, least first.
fn theirs(doc: &AutoCommit) -> Vec<(String, Vec<Value>)> {
    let keys: Vec<String> = doc.keys(automerge::ROOT).collect();
    let value = |value: Theirs<'_>| match value.as_scalar() {
        Some(ScalarValue::Str(text)) => Value::Text(text.to_string()),
        Some(ScalarValue::Int(number)) => Value::Number(*number),
        other => panic!("{other:?}"),
    };
    keys.into_iter()
        .map(|key| {
            let all = doc.get_all(automerge::ROOT, &key).unwrap();
            let values = all.into_iter().map(|(v, _)| value(v)).collect();
            (key, values)
        })
        .collect()
}

fn ours(doc: &Document) -> Vec<(String, Vec<Value>)> {
    let of = |(key, candidates): (&&str, &Vec<Candidate<'_>>)| {
        let values = candidates.iter().map(|c| c.value.clone()).collect();
        ((*key).to_owned(), values)
    };
    doc.view().keys.iter().map(of).collect()
}

proptest! {
    #[test]
    fn our_view_is_automerges_in_any_order_of_receipt(
        (steps, order) in prop::collection::vec(step(), 0..14)
            .prop_flat_map(|steps| {
                let most = steps.len() + 1;
                (Just(steps), Just((0..most).collect::<Vec<_>>()).prop_shuffle())
            }),
    ) {
        let changes = run(&steps);
        let order: Vec<usize> = order.into_iter().filter(|i| *i < changes.len()).collect();
        let mut doc = AutoCommit::new();
        for i in &order {
            let change = Change::from_bytes(changes[*i].bytes.clone()).unwrap();
            prop_assert_eq!(change.hash().0, changes[*i].hash.0);
            doc.apply_changes([change]).unwrap();
        }
        prop_assert!(doc.get_missing_deps(&[]).is_empty());
        let mut heads: Vec<ChangeHash> = doc.get_heads().iter().map(|h| ChangeHash(h.0)).collect();
        heads.sort_unstable();
        let shuffled =
            Document::load(order.iter().map(|i| changes[*i].bytes.as_slice())).unwrap();
        prop_assert_eq!(ours(&shuffled), theirs(&doc));
        prop_assert_eq!(shuffled.heads(), heads);

        let straight = Document::load(changes.iter().map(|c| c.bytes.as_slice())).unwrap();
        let (one, other) = (straight.view().shown(), shuffled.view().shown());
        prop_assert_eq!(&one.item, &other.item);
        prop_assert_eq!(&one.conflicts, &other.conflicts);
        prop_assert_eq!(one.live, other.live);

        // and what Automerge saves is still made of our bytes
        let mut saved = AutoCommit::load(&doc.save()).unwrap();
        let mut kept: Vec<Vec<u8>> =
            saved.get_changes(&[]).into_iter().map(|c| c.raw_bytes().to_vec()).collect();
        let mut made: Vec<Vec<u8>> = changes.into_iter().map(|c| c.bytes).collect();
        kept.sort();
        made.sort();
        prop_assert_eq!(kept, made);
    }
}
