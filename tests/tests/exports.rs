//! One address book as four programs export it: what is left for a person to decide.

use std::collections::BTreeMap;

use pimesh::api::{People, Reply, Request};
use pimesh_crdt::DocId;
use pimesh_crdt::doc::{Document, genesis};
use pimesh_crdt::item::key;
use pimesh_crdt::normalise::Text;
use pimesh_tests::device::Device;
use pimesh_tests::exports::{Program, people};

use crate::couple::import;

const PEOPLE: usize = 200;
const SEED: u64 = 7;

/// The documents of everybody, from exports that share their UIDs.
fn met(exports: &[Program]) -> BTreeMap<DocId, Document> {
    let everybody = people(PEOPLE, SEED);
    let mut changes: BTreeMap<DocId, Vec<Vec<u8>>> = BTreeMap::new();
    for program in exports {
        let text = program.shared(&everybody);
        let text = Text::read(text.as_bytes()).unwrap();
        assert_eq!(text.len(), PEOPLE);
        for parsed in text.items() {
            let item = parsed.unwrap().item;
            changes
                .entry(item.doc_id())
                .or_default()
                .push(genesis(&item).bytes);
        }
    }
    assert_eq!(changes.len(), PEOPLE);
    let load = |changes: Vec<Vec<u8>>| Document::load(changes.iter().map(Vec::as_slice)).unwrap();
    changes
        .into_iter()
        .map(|(doc, changes)| (doc, load(changes)))
        .collect()
}

/// Conflicts by property.
fn conflicts(documents: &BTreeMap<DocId, Document>) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for document in documents.values() {
        for conflict in document.view().shown().conflicts {
            *out.entry(key::name(&conflict.key).to_owned()).or_default() += 1;
        }
    }
    out
}

/// The rows of a table in `docs/merge.md` that follow this heading.
fn table(heading: &str) -> Vec<Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/merge.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(heading).expect(heading);
    let lines = rest.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        row.trim_matches('|')
            .split('|')
            .map(|c| c.trim().to_owned())
            .collect()
    };
    rows.map(cells).collect()
}

fn pairs() -> impl Iterator<Item = (Program, Program)> {
    let all = Program::ALL.iter().enumerate();
    all.flat_map(|(at, one)| Program::ALL[at + 1..].iter().map(|other| (*one, *other)))
}

#[test]
fn the_table_of_exports_says_how_many_conflicts_there_are() {
    let rows = table("### Two exports of one address book");
    let mut told = rows.iter();
    for (one, other) in pairs() {
        let found = conflicts(&met(&[one, other]));
        let photos = found.get("PHOTO").copied().unwrap_or(0);
        let all: usize = found.values().sum();
        let row = told.next().expect("a row for each pair");
        let is = [
            one.name(),
            other.name(),
            &all.to_string(),
            &photos.to_string(),
        ];
        assert_eq!([&row[0], &row[1], &row[3], &row[4]], is, "{found:?}");
        let before: usize = row[2].parse().unwrap();
        assert!(before > all, "it came down");
    }
    assert!(told.next().is_none());
}

#[test]
fn what_one_export_says_with_less_is_shown_once_with_all_that_both_say() {
    for (one, other) in pairs() {
        for (reading, document) in [(one, other), (other, one)]
            .into_iter()
            .flat_map(|(a, b)| met(&[a, b]))
        {
            let shown = document.view().shown().item;
            let of = |name: &str| {
                shown
                    .values
                    .keys()
                    .filter(|at| key::name(at) == name)
                    .count()
            };
            for change in document.changes() {
                let alone = Document::load([&change.bytes()[..]]).unwrap();
                let alone = alone.view().shown().item;
                for name in ["TEL", "EMAIL", "ADR", "URL", "NICKNAME"] {
                    let keys = alone.values.keys().filter(|at| key::name(at) == name);
                    assert!(keys.count() <= of(name), "{name} of {reading} is lost");
                }
            }
            for name in ["ADR", "URL", "NICKNAME"] {
                assert!(of(name) <= 1, "{name} twice in {shown:#?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_of_files_says_who_is_listed_twice_and_proposed() {
    let rows = table("The same as files");
    let everybody = people(PEOPLE, SEED);
    let mut told = rows.iter();
    for (one, other) in pairs() {
        let device = Device::new("laptop");
        for program in [one, other] {
            let name = format!("{}.vcf", program.name());
            import(&device, &name, &program.export(&everybody)).await;
        }
        let listed = device.items().await.len();
        let found = match device.ask(Request::People(People::Duplicates)).await {
            Reply::Duplicates(found) => found.people,
            other => panic!("{other:?}"),
        };
        assert!(found.iter().all(|person| person.items.len() == 2));
        let row = told.next().expect("a row for each pair");
        let is = [
            one.name(),
            other.name(),
            &listed.to_string(),
            &found.len().to_string(),
        ];
        assert_eq!([&row[0], &row[1], &row[2], &row[3]], is);
        assert_eq!(
            listed - found.len(),
            PEOPLE,
            "all that are twice are proposed"
        );
    }
    assert!(told.next().is_none());
}
