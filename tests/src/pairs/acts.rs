//! What one of the two devices does, to all items of an operation at once where it can.

use std::collections::BTreeMap;

use pimesh::api::{
    Decision, EditBy, Form, ImportPath, Moment, Newer, Past, Patch, People, Reply, Request, Write,
};

use super::Operation;
use super::edits::edited;
use super::grid::{Cell, Theme};
use super::texts::{self, Mail, Swap, file, mail, swap, text};
use crate::device::Device;
use crate::wait::eventually;

/// One of the two devices at work.
#[derive(Debug)]
pub(super) struct Hand<'d> {
    device: &'d Device,
    /// Its name, which is in what it writes.
    by: &'static str,
    /// What its person may take back.
    done: &'d mut Memory,
}

/// What a person remembers from before both were apart, by UID.
#[derive(Debug, Default)]
pub(super) struct Memory {
    operations: BTreeMap<String, i64>,
    /// Before what is restored was changed, of each item.
    pub(super) before: BTreeMap<String, Moment>,
}

impl<'d> Hand<'d> {
    pub(super) fn of(device: &'d Device, by: &'static str, done: &'d mut Memory) -> Self {
        Self { device, by, done }
    }

    /// Everything that is there from the beginning, in one file or mailbox for each collection.
    pub(super) async fn begin(&self, cells: &[Cell]) {
        let (invited, filed): (Vec<Cell>, Vec<Cell>) =
            cells.iter().partition(|cell| cell.is_invited());
        self.mails(Mail::Invitation, &invited).await;
        self.import("first", &filed, &[]).await;
        let friends = |cell: &Cell| {
            ["+laptop", "+phone", "+friend"].map(|friend| {
                let uid = cell.uid() + friend;
                text(cell, &uid, &[swap("FN:Ann Lambert", "FN:A. Lambert")])
            })
        };
        let linked = with(cells, |op| {
            matches!(op, Operation::Link | Operation::Unlink)
        });
        for (into, cells) in by_collection(&linked) {
            let all: Vec<String> = cells.iter().flat_map(friends).collect();
            self.import_text("friends", cells[0].theme, into, &all)
                .await;
        }
        let clashing = with(cells, |op| op == Operation::Resolve);
        self.import("clash", &clashing, &titles("clash")).await;
    }

    /// What happens later, and is restored: when both devices had it, and before it.
    pub(super) async fn go_on(&self, cells: &[Cell]) -> Moment {
        let before = moment().await;
        for cell in with(cells, |op| op == Operation::Restore) {
            self.set(&cell, title(cell.theme), "restored").await;
        }
        before
    }

    /// What happens to items before both are apart, so that an operation can be done.
    pub(super) async fn prepare(&mut self, operation: Operation, cells: &[Cell]) {
        match operation {
            Operation::Stale => {
                self.import("behind", cells, &[]).await;
                for cell in cells {
                    self.set(cell, note(cell.theme), &self.written("later"))
                        .await;
                }
            }
            Operation::Lossy => self.import("knows-less", cells, &[]).await,
            Operation::Undo => {
                for cell in cells {
                    self.set(cell, title(cell.theme), &self.written("undo"))
                        .await;
                    let number = self.last_operation().await;
                    self.done.operations.insert(cell.uid(), number);
                }
            }
            Operation::Unlink => {
                for cell in cells {
                    self.link(cell, "friend").await;
                }
            }
            _ => {}
        }
    }

    /// The operation itself.
    pub(super) async fn act(&self, operation: Operation, cells: &[Cell]) {
        let docs = || cells.iter().map(Cell::doc).collect::<Vec<_>>();
        match operation {
            Operation::TakeIn | Operation::Unite => self.import("first", cells, &[]).await,
            Operation::ImportSame => self.import("same", cells, &[]).await,
            Operation::ImportOther => self.import_other(cells).await,
            Operation::Stale => {
                let new = format!("behind by {}", self.by);
                self.import("behind", cells, &titles(&new)).await;
            }
            Operation::Lossy => self.write_less(cells).await,
            Operation::Reply => self.mails(Mail::Answer, cells).await,
            Operation::Update => self.mails(Mail::Update, cells).await,
            Operation::Cancel => self.mails(Mail::Cancel, cells).await,
            Operation::Delete => _ = self.ask(Request::Delete { items: docs() }).await,
            Operation::Revive => {
                self.ask(Request::Delete { items: docs() }).await;
                self.ask(Request::Past(Past::Revive { items: docs() }))
                    .await;
            }
            Operation::Move => self.relocate(cells).await,
            _ => {
                for cell in cells {
                    self.act_on(operation, cell).await;
                }
            }
        }
    }

    /// An operation on a single item.
    async fn act_on(&self, operation: Operation, cell: &Cell) {
        let item = cell.doc();
        match operation {
            Operation::Title => {
                self.set(cell, title(cell.theme), &self.written("title"))
                    .await
            }
            Operation::Note => {
                self.set(cell, note(cell.theme), &self.written("note"))
                    .await
            }
            Operation::Resolve => {
                let value = Form::Plain(self.written("decided"));
                let (property, by) = (title(cell.theme).to_owned(), Decision::Value(value));
                self.ask(Request::Resolve { item, property, by }).await;
            }
            Operation::Restore => {
                let at = self.done.before[&cell.uid()];
                let (target, newer, write) = (item, Newer::Keep, Write::Really);
                self.ask(Request::Past(Past::Restore {
                    target,
                    at,
                    newer,
                    write,
                }))
                .await;
            }
            Operation::Undo => {
                let operation = Some(self.done.operations[&cell.uid()]);
                let write = Write::Really;
                self.ask(Request::Past(Past::Undo { operation, write }))
                    .await;
            }
            Operation::Link => self.link(cell, self.by).await,
            Operation::Unlink => {
                let items = vec![item];
                self.ask(Request::People(People::Unlink { items })).await;
            }
            _ => self.edit_text(operation, cell).await,
        }
    }

    /// An edit of the whole text, as an editor or program makes it.
    async fn edit_text(&self, operation: Operation, cell: &Cell) {
        let shown = self.device.show(&cell.doc()).await.text;
        let by = EditBy::Text(edited(operation, cell, self.by, &shown));
        let item = cell.doc();
        self.ask(Request::Edit { item, by }).await;
    }

    fn written(&self, what: &str) -> String {
        format!("{what} by {}", self.by)
    }

    async fn import_other(&self, cells: &[Cell]) {
        let theirs = format!("CATEGORIES:of {}", self.by);
        let mut all = titles(&self.written("other file"));
        all.push(swap("ORG:Yard", &format!("ORG:Yard\n{theirs}")));
        all.push(swap("LOCATION:Yard", &format!("LOCATION:Yard\n{theirs}")));
        self.import("other", cells, &all).await;
    }

    async fn write_less(&self, cells: &[Cell]) {
        let mut all = titles(&self.written("less"));
        let photo = texts::photo(0);
        let lines = [
            "NOTE:old\r\n".to_owned(),
            "TEL;TYPE=CELL:+49 171 1\r\n".to_owned(),
            "TEL;TYPE=HOME:+49 30 2\r\n".to_owned(),
            format!("PHOTO;ENCODING=b;TYPE=JPEG:{photo}\r\n"),
            "DESCRIPTION:old\r\nLOC".to_owned(),
            "BEGIN:VALARM\r\nUID:alarm\r\nACTION:DISPLAY\r\nDESCRIPTION:old\r\nTRIGGER:-PT15M\r\n\
             END:VALARM\r\n"
                .to_owned(),
        ];
        for line in lines {
            let rest = if line.ends_with("LOC") { "LOC" } else { "" };
            all.push(swap(&line, rest));
        }
        all.push(swap("-//book//", "-//phone//"));
        self.import("knows-less", cells, &all).await;
    }

    /// As a person does it today: into the other collection as a file, and away here.
    async fn relocate(&self, cells: &[Cell]) {
        let mut all: BTreeMap<&str, (Theme, Vec<String>)> = BTreeMap::new();
        for cell in cells {
            let text = self.device.show(&cell.doc()).await.text;
            all.entry(cell.collection())
                .or_insert((cell.theme, Vec::new()))
                .1
                .push(text);
        }
        for (from, (theme, texts)) in all {
            let items = cells
                .iter()
                .filter(|cell| cell.collection() == from)
                .map(Cell::doc)
                .collect();
            self.ask(Request::Delete { items }).await;
            let path = self
                .device
                .folder()
                .join(format!("moved-{from}.{}", theme.ending()));
            std::fs::write(&path, texts.concat()).unwrap();
            self.import_path(path, "Moved").await;
        }
    }

    async fn link(&self, cell: &Cell, friend: &str) {
        let friend = cell.doc_of(&format!("{}+{friend}", cell.uid()));
        let items = vec![cell.doc(), friend];
        self.ask(Request::People(People::Link { items })).await;
    }

    async fn set(&self, cell: &Cell, name: &str, value: &str) {
        let (name, value) = (name.to_owned(), Form::Plain(value.to_owned()));
        let by = EditBy::Patches(vec![Patch::Set { name, value }]);
        self.device.edit(&cell.doc(), by).await;
    }

    async fn last_operation(&self) -> i64 {
        match self.ask(Request::Past(Past::Operations { limit: 1 })).await {
            Reply::Operations(all) => all.operations[0].number,
            other => panic!("{other:?}"),
        }
    }

    /// A file of these items, imported where they are.
    async fn import(&self, name: &str, cells: &[Cell], replaced: &[Swap]) {
        for (into, cells) in by_collection(cells) {
            let one = |cell: &Cell| {
                let base = text(cell, &cell.uid(), &[]);
                let fits = |swap: &&Swap| base.contains(&swap.0);
                let swaps: Vec<Swap> = replaced.iter().filter(fits).cloned().collect();
                text(cell, &cell.uid(), &swaps)
            };
            let texts: Vec<String> = cells.iter().map(one).collect();
            self.import_text(name, cells[0].theme, into, &texts).await;
        }
    }

    async fn import_text(&self, name: &str, theme: Theme, into: &str, texts: &[String]) {
        let path = self
            .device
            .folder()
            .join(format!("{name}-{into}.{}", theme.ending()));
        std::fs::write(&path, file(theme, texts)).unwrap();
        self.import_path(path, into).await;
    }

    async fn import_path(&self, path: std::path::PathBuf, into: &str) {
        let shown = path.display().to_string();
        let request = Request::Import {
            paths: vec![ImportPath { path, shown }],
            into: Some(into.to_owned()),
            write: Write::Really,
        };
        match self.ask(request).await {
            Reply::Imported(report) => assert_eq!(report.totals.refused, 0, "{report:?}"),
            other => panic!("{other:?}"),
        }
    }

    async fn mails(&self, what: Mail, cells: &[Cell]) {
        if cells.is_empty() {
            return;
        }
        let path = self.device.folder().join(format!("{what:?}.mbox"));
        let mails: String = cells.iter().map(|cell| mail(cell, what, self.by)).collect();
        std::fs::write(&path, mails).unwrap();
        self.import_path(path, Theme::Events.collection()).await;
    }

    async fn ask(&self, request: Request) -> Reply {
        self.device.ask(request).await
    }
}

fn title(theme: Theme) -> &'static str {
    match theme {
        Theme::Contacts => "TITLE",
        Theme::Events => "SUMMARY",
    }
}

fn note(theme: Theme) -> &'static str {
    match theme {
        Theme::Contacts => "NOTE",
        Theme::Events => "DESCRIPTION",
    }
}

/// Another title, in whichever kind of item.
fn titles(new: &str) -> Vec<Swap> {
    vec![
        swap("TITLE:old", &format!("TITLE:{new}")),
        swap("SUMMARY:old", &format!("SUMMARY:{new}")),
    ]
}

fn with(cells: &[Cell], what: impl Fn(Operation) -> bool + Copy) -> Vec<Cell> {
    cells
        .iter()
        .filter(|cell| cell.has(what))
        .copied()
        .collect()
}

fn by_collection(cells: &[Cell]) -> BTreeMap<&'static str, Vec<Cell>> {
    let mut out: BTreeMap<_, Vec<Cell>> = BTreeMap::new();
    for cell in cells {
        out.entry(cell.collection()).or_default().push(*cell);
    }
    out
}

/// A moment that what was done before it does not reach.
async fn moment() -> Moment {
    let at = Moment::now();
    eventually("the clock goes on", async || {
        (Moment::now() > at).then_some(())
    })
    .await;
    at
}
