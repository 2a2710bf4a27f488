//! Commands about items: list, show, edit, delete.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use super::args::KindWord;
use super::args::{Conflicts, ConflictsBy, Delete, Edit, Keep, List, Resolve, Show};
use super::ask;
use super::door::Door;
use super::output::{Output, clean, print};
use super::show::count;
use crate::api::{Decision, EditBy, Failure, Form, Kind, Patch, Reply, Request};

/// The longest text of one item: the node's socket takes no longer line.
const LONGEST_TEXT: u64 = 16 * 1024 * 1024;
/// So many of the items are named before they are deleted.
const NAMED: usize = 10;

pub(super) fn list(words: List) -> Request {
    let collection = words.collection.or(words.place);
    let kind = match words.kind {
        KindWord::Contacts => Kind::Contacts,
        KindWord::Events => Kind::Events,
        KindWord::Tasks => Kind::Tasks,
        KindWord::All => Kind::All,
    };
    let limit = words.limit;
    match (words.from, words.to) {
        (None, None) => Request::List {
            collection,
            kind,
            from: None,
            to: None,
            limit,
        },
        (from, to) => {
            let (from, to) = days(from, to);
            Request::Agenda {
                collection,
                kind,
                from,
                to,
                zone: words.zone,
                limit,
            }
        }
    }
}

/// From today on, and for a year, where nothing else is said.
fn days(from: Option<String>, to: Option<String>) -> (String, String) {
    let from = from.unwrap_or_else(|| jiff::Zoned::now().date().to_string());
    let a_year_on = || {
        let date: jiff::civil::Date = from.parse().ok()?;
        date.checked_add(jiff::ToSpan::year(1)).ok()
    };
    let to = to.or_else(|| a_year_on().map(|date| date.to_string()));
    let to = to.unwrap_or_else(|| from.clone());
    (from, to)
}

pub(super) async fn show(door: &Door, words: Show, output: &Output) -> Result<u8, Failure> {
    let reply = door.ask(Request::Show { item: words.item }).await?;
    match &reply {
        Reply::Item(item) if words.raw && !output.is_json() => {
            // To the letter, but not to a terminal.
            match io::stdout().is_terminal() {
                true => print(&clean(&item.text.replace("\r\n", "\n")))?,
                false => print(&item.text)?,
            }
            Ok(0)
        }
        reply => output.reply(reply),
    }
}

/// Removals first, then what is set, then what is added: `--remove TEL --add TEL=1`
/// leaves one number.
pub(super) fn edit(words: Edit) -> Result<Request, Failure> {
    let by = match words.file {
        Some(path) => EditBy::Text(read_text(&path)?),
        None => {
            let removed = words.remove.into_iter().map(|typed| Patch::Remove {
                name: typed.name,
                value: typed.value,
            });
            let set = words.set.into_iter().map(|typed| Patch::Set {
                name: typed.name,
                value: typed.value,
            });
            let added = words.add.into_iter().map(|typed| Patch::Add {
                name: typed.name,
                value: typed.value,
            });
            EditBy::Patches(removed.chain(set).chain(added).collect())
        }
    };
    if by == EditBy::Patches(Vec::new()) {
        return Err(Failure::usage("nothing to change was given")
            .hint("for instance: pimesh edit ITEM --set NOTE=\"Met in Lyon\""));
    }
    Ok(Request::Edit {
        item: words.item,
        by,
    })
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let cannot =
        |error: io::Error| Failure::caused_by(format!("cannot read {}", path.display()), &error);
    let mut bytes = Vec::new();
    match path.as_os_str() == "-" {
        true => io::stdin()
            .lock()
            .take(LONGEST_TEXT + 1)
            .read_to_end(&mut bytes),
        false => fs::File::open(path)
            .map_err(cannot)?
            .take(LONGEST_TEXT + 1)
            .read_to_end(&mut bytes),
    }
    .map_err(cannot)?;
    if bytes.len() as u64 > LONGEST_TEXT {
        return Err(Failure::usage("one item has at most 16 MiB of text"));
    }
    String::from_utf8(bytes).map_err(|_| {
        Failure::usage("the text is not UTF-8")
            .hint("convert it first: iconv -f ISO-8859-1 -t UTF-8 FILE | pimesh edit ITEM --file -")
    })
}

pub(super) async fn delete(door: &Door, words: Delete, output: &Output) -> Result<u8, Failure> {
    if !words.yes {
        let mut question = format!(
            "Delete {} on all devices?",
            count(words.items.len(), "item")
        );
        if super::output::can_ask() {
            for item in words.items.iter().take(NAMED) {
                let item = item.clone();
                if let Reply::Item(item) = door.ask(Request::Show { item }).await? {
                    let others = item.linked.iter();
                    for summary in std::iter::once(&item.summary).chain(others) {
                        let line = format!("  {}  {}\n", summary.id, summary.name);
                        question.insert_str(0, &clean(&line));
                    }
                    if !item.linked.is_empty() {
                        question += " A linked person goes as a whole; to delete one item \
                                     alone, say no and unlink it first.";
                    }
                }
            }
        }
        ask::sure(&question, false, "add --yes to delete without being asked")?;
    }
    door.answer(Request::Delete { items: words.items }, output)
        .await
}

/// The list, or a decision. The words allow exactly one way to decide.
pub(super) fn conflicts(words: Conflicts) -> Request {
    let Some(ConflictsBy::Resolve(words)) = words.by else {
        return Request::Conflicts;
    };
    let Resolve {
        item,
        property,
        keep,
        value,
        merge: _,
        occurrence,
    } = words;
    let by = match (keep, value, occurrence) {
        (_, _, Some(word)) => Decision::Occurrence(word.into()),
        (Some(Keep::Both), _, None) => Decision::Both,
        (Some(Keep::One(choice)), _, None) => Decision::Keep(choice),
        (None, Some(text), None) => Decision::Value(Form::Plain(text)),
        (None, None, None) => Decision::Merge,
    };
    Request::Resolve { item, property, by }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Cli, Command};
    use super::*;
    use crate::api::Form;

    fn edit_words(words: &[&str]) -> Edit {
        let words = ["pimesh", "edit", "7kq2"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Edit(edit) => edit,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn changes_are_made_in_an_order_that_lets_a_value_be_replaced() {
        let words = edit_words(&["--add", "tel=2", "--set", "NOTE=a=b", "--remove", "TEL=1"]);
        let Request::Edit { by, .. } = edit(words).unwrap() else {
            panic!("an edit");
        };
        let name = |name: &str| name.to_owned();
        assert_eq!(
            by,
            EditBy::Patches(vec![
                Patch::Remove {
                    name: name("TEL"),
                    value: Some("1".into())
                },
                Patch::Set {
                    name: name("NOTE"),
                    value: Form::Plain("a=b".into())
                },
                Patch::Add {
                    name: name("TEL"),
                    value: Form::Plain("2".into())
                },
            ])
        );
    }

    #[test]
    fn an_edit_without_a_change_is_wrong_usage() {
        let failure = edit(edit_words(&[])).unwrap_err();
        assert_eq!(failure.kind.exit_code(), 2);
    }

    #[test]
    fn a_file_that_is_not_utf8_says_how_to_convert_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latin1.vcf");
        fs::write(&path, b"FN:J\xf6rg").unwrap();
        assert!(
            read_text(&path)
                .unwrap_err()
                .hint
                .unwrap()
                .contains("iconv")
        );
    }
}
