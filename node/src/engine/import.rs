//! `import`: files and folders that a person names, taken in at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use pimesh_crdt::normalise::{Parsed, Problem, Text};
use pimesh_crdt::store::{Committed, Store};
use pimesh_transports::ingest::files::{FileKind, Found, FoundFile, walk};
use tokio::sync::mpsc;

use super::collections::{self, Holds};
use super::inbound::{By, Taken, take_in};
use super::who::{Me, now};
use super::{Engine, EngineError, mailbox};
use crate::api::{
    Counts, Event, ImportPath, ImportReport, ImportedFile, Refused, SkippedFile, Write,
};

/// Items that one transaction takes in: short enough for others to get their turn.
const ITEMS_AT_ONCE: usize = 1000;

/// Refusals of one file that are told with their line; all are counted.
const MOST_TOLD: usize = 1000;

/// An item that waits for its transaction.
struct Waiting {
    /// Which of the files of the report it came from.
    file: usize,
    target: Target,
    components: usize,
    parsed: Result<Parsed, Problem>,
}

/// What one transaction did, by file.
#[derive(Default)]
struct Done {
    files: BTreeMap<usize, DoneInFile>,
    committed: Committed,
}

#[derive(Default)]
struct DoneInFile {
    counts: Counts,
    refused: Vec<Refused>,
    names: Vec<String>,
}

/// Where the items of one file go.
#[derive(Clone, Debug, Default)]
struct Target {
    name: Option<String>,
    colour: String,
}

impl Target {
    fn name(&self, holds: Holds) -> &str {
        self.name.as_deref().unwrap_or(holds.default_name())
    }
}

impl Engine {
    pub(super) async fn import(
        &self,
        paths: Vec<ImportPath>,
        into: Option<String>,
        write: Write,
        events: &mpsc::Sender<Event>,
    ) -> Result<ImportReport, EngineError> {
        let begun = Instant::now();
        let dry_run = write == Write::DryRun;
        let report = ImportReport {
            dry_run,
            ..ImportReport::default()
        };
        let mut import = Import {
            engine: self,
            write,
            events,
            report,
            waiting: Vec::new(),
        };
        for path in paths {
            for found in walk([path.path.clone()]) {
                match found {
                    Found::Problem(problem) => import.report.skipped.push(SkippedFile {
                        path: shown(&path, &problem.place),
                        // another kind of file within a folder is none
                        problem: problem.place == path.path.display().to_string()
                            || !problem.reason.starts_with("no contacts"),
                        reason: problem.reason,
                    }),
                    Found::File(file) => {
                        let place = shown(&path, &file.path.display().to_string());
                        import.file(file, place, into.as_deref()).await?;
                    }
                }
            }
        }
        import.flush().await?;
        let mut report = import.report;
        for file in &report.files {
            report.totals += file.counts;
        }
        report.seconds = begun.elapsed().as_secs_f64();
        Ok(report)
    }
}

/// An import under way. Items of many small files share a transaction.
struct Import<'a> {
    engine: &'a Engine,
    write: Write,
    events: &'a mpsc::Sender<Event>,
    report: ImportReport,
    waiting: Vec<Waiting>,
}

impl Import<'_> {
    async fn file(
        &mut self,
        file: FoundFile,
        place: String,
        into: Option<&str>,
    ) -> Result<(), EngineError> {
        let begun = Instant::now();
        let hint = file.collection.as_ref();
        let target = Target {
            name: into
                .map(str::to_owned)
                .or_else(|| hint.map(|hint| hint.name().to_owned())),
            colour: hint.and_then(|hint| hint.color.clone()).unwrap_or_default(),
        };
        let path = place.clone();
        let imported = ImportedFile {
            path: place,
            collections: Vec::new(),
            counts: Counts::default(),
            refused: Vec::new(),
            seconds: 0.0,
        };
        let outcome = match file.kind {
            FileKind::Vcf | FileKind::Ics => self.text(file, target, imported).await?,
            FileKind::Eml | FileKind::Mbox | FileKind::Maildir => {
                self.mails(&file, target, imported).await?
            }
        };
        match outcome {
            Ok(()) => {
                if let Some(done) = self.report.files.last_mut() {
                    done.seconds = begun.elapsed().as_secs_f64();
                }
            }
            Err(reason) => {
                self.report.skipped.push(SkippedFile {
                    path,
                    reason,
                    problem: true,
                });
            }
        }
        Ok(())
    }

    async fn mails(
        &mut self,
        file: &FoundFile,
        target: Target,
        mut imported: ImportedFile,
    ) -> Result<Result<(), String>, EngineError> {
        if self.write == Write::DryRun {
            return Ok(Err("mails are not read in a dry run".into()));
        }
        self.flush().await?; // in the order that the person gave
        Ok(
            match mailbox::import(self.engine, file, target.name, self.events).await {
                Ok(source) => {
                    mailbox::into_file(&source, &mut imported);
                    self.report.files.push(imported);
                    Ok(())
                }
                Err(reason) => Err(crate::api::Failure::from(reason).message),
            },
        )
    }

    async fn text(
        &mut self,
        file: FoundFile,
        target: Target,
        mut imported: ImportedFile,
    ) -> Result<Result<(), String>, EngineError> {
        let read = blocking(move || {
            let bytes = file.read().map_err(|problem| problem.reason)?;
            Text::read(&bytes)
                .map(Arc::new)
                .map_err(|error| error.to_string())
        });
        let text = match read.await? {
            Ok(text) => text,
            Err(reason) => return Ok(Err(reason)),
        };
        let counts = text.counts();
        imported.counts.begun = (counts.begun - counts.zones) as u64;
        imported.counts.refused = counts.refused.len() as u64;
        imported
            .refused
            .extend(counts.refused.iter().take(MOST_TOLD).map(refusal));
        let task = format!("reading {}", imported.path);
        self.report.files.push(imported);
        let file = self.report.files.len() - 1;
        for first in (0..text.len()).step_by(ITEMS_AT_ONCE) {
            let last = (first + ITEMS_AT_ONCE).min(text.len());
            let read = Arc::clone(&text);
            let parsed = blocking(move || {
                (first..last)
                    .map(|i| (read.components_of(i), read.item(i)))
                    .collect::<Vec<_>>()
            });
            self.waiting.extend(
                parsed
                    .await?
                    .into_iter()
                    .map(|(components, parsed)| Waiting {
                        file,
                        target: target.clone(),
                        components,
                        parsed,
                    }),
            );
            if self.waiting.len() >= ITEMS_AT_ONCE && self.write == Write::Really {
                self.flush().await?;
            }
            let (task, done, total) = (task.clone(), last as u64, Some(text.len() as u64));
            let _ = self.events.try_send(Event::Progress { task, done, total });
        }
        Ok(Ok(()))
    }

    /// Takes in what waits, in one transaction; in a dry run it is undone.
    async fn flush(&mut self) -> Result<(), EngineError> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let (write, me) = (self.write, self.engine.me());
        let store = &self.engine.inner.store;
        let done = store
            .with(move |store| one_batch(store, waiting, write, me))
            .await?;
        for (file, done) in done.files {
            let into = &mut self.report.files[file];
            into.counts += done.counts;
            into.refused.extend(done.refused);
            into.refused.truncate(MOST_TOLD);
            for name in done.names {
                if !into.collections.contains(&name) {
                    into.collections.push(name);
                }
            }
        }
        self.engine.announce(&done.committed).await
    }
}

fn one_batch(
    store: &mut Store,
    waiting: Vec<Waiting>,
    write: Write,
    me: Me,
) -> Result<Done, EngineError> {
    let mut known = collections::by_name(store)?;
    let mut batch = store.batch(now())?;
    let mut done = Done::default();
    for Waiting {
        file,
        target,
        components,
        parsed,
    } in waiting
    {
        let into = done.files.entry(file).or_default();
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(problem) => {
                into.counts.refused += components as u64;
                into.refused.push(refusal(&problem));
                continue;
            }
        };
        let holds = Holds::of(&parsed.item);
        let name = target.name(holds);
        let id = collections::ensure(&mut batch, &mut known, holds, name, &target.colour)?;
        if !into.names.iter().any(|known| known == name) {
            into.names.push(name.to_owned());
        }
        into.counts.overrides += components as u64 - 1;
        match take_in(&mut batch, id, &parsed, By::Person, me)? {
            Taken::Added => into.counts.added += 1,
            Taken::Changed => into.counts.changed += 1,
            Taken::Restored => into.counts.restored += 1,
            Taken::Same => into.counts.same += 1,
        }
    }
    if write == Write::Really {
        done.committed = batch.commit()?;
    }
    Ok(done)
}

fn refusal(problem: &Problem) -> Refused {
    Refused {
        line: u64::from(problem.line),
        component: problem.component.clone(),
        reason: problem.reason.clone(),
    }
}

/// A path as the person wrote it, or below the folder they named.
fn shown(asked: &ImportPath, path: &str) -> String {
    let whole = asked.path.display().to_string();
    match path.strip_prefix(&whole) {
        Some(rest) => format!("{}{rest}", asked.shown),
        None => path.to_owned(),
    }
}

/// Runs work that blocks off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| EngineError::Gone)
}
