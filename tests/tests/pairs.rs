//! Every pair of operations: what a person finds must be what `docs/merge.md` says.
//!
//! `PIMESH_PAIRS=write` writes the tables as they come out, to be looked at before they are kept.

use std::fs;
use std::path::Path;

use pimesh_tests::pairs::{Operation, Outcome, Theme, Words, parse, play, write};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/merge.md");

/// Plays a theme and compares with its tables.
async fn compare(theme: Theme) {
    let played = play(theme).await;
    let mut found = Words::new();
    for ((row, column), outcome) in &played {
        let key = (row.word().to_owned(), column.word().to_owned());
        found.insert(key, outcome.word());
    }
    if std::env::var("PIMESH_PAIRS").is_ok_and(|how| how == "write") {
        let document = fs::read_to_string(DOCUMENT).unwrap();
        fs::write(DOCUMENT, write(&document, theme, &found)).unwrap();
    }
    let told = parse(&fs::read_to_string(DOCUMENT).unwrap(), theme);
    let mut wrong = Vec::new();
    for ((row, column), outcome) in &played {
        let (row, column) = (row.word().to_owned(), column.word().to_owned());
        let word = told.get(&(row.clone(), column.clone()));
        let word = word.or_else(|| told.get(&(column.clone(), row.clone())));
        let (found, expected) = (outcome.word(), word.map_or("no cell", String::as_str));
        if let Outcome::Lost(_) = outcome {
            wrong.push(format!("laptop {row}, phone {column}: {found}"));
        } else if found != expected {
            wrong.push(format!(
                "{row} and {column}: the table says {expected}, found {found}"
            ));
        }
    }
    for ((row, column), word) in &told {
        if word != "–" && !found.contains_key(&(row.clone(), column.clone())) {
            wrong.push(format!(
                "{row} and {column}: the table says {word}, nobody plays it"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let all = theme.operations().len();
    assert!(
        told.len() >= all * (all + 1) / 2,
        "{} cells of {all} operations",
        told.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_operations_on_a_contact_comes_to_what_the_table_says() {
    compare(Theme::Contacts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_operations_on_an_event_comes_to_what_the_table_says() {
    compare(Theme::Events).await;
}

#[test]
fn every_operation_and_every_word_of_the_tables_is_explained_beside_them() {
    let document = fs::read_to_string(Path::new(DOCUMENT)).unwrap();
    let contacts = Operation::OF_CONTACTS.into_iter();
    for operation in contacts.chain(Operation::OF_EVENTS) {
        let line = format!("| `{}` | {} |", operation.word(), operation.told());
        assert!(document.contains(&line), "not there: {line}");
    }
    for outcome in Outcome::ALL {
        let line = format!("| **{}** | {} |", outcome.word(), outcome.told());
        assert!(document.contains(&line), "not there: {line}");
    }
    for theme in [Theme::Contacts, Theme::Events] {
        for (pair, word) in parse(&document, theme) {
            let known = Outcome::ALL.iter().any(|outcome| outcome.word() == word);
            assert!(known || word == "–", "{pair:?}: {word}");
        }
    }
}
