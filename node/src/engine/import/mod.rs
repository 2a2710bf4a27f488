//! `import`: files and folders that a person names, taken in at once.

mod matching;
mod taking;

use std::sync::Arc;
use std::time::Instant;

use pimesh_crdt::DocId;
use pimesh_crdt::normalise::Text;
use pimesh_crdt::store::{ImportPlace, Store};
use pimesh_transports::ingest::files::{FileKind, Found, FoundFile, walk};
use tokio::sync::mpsc;

use self::taking::{Taking, Target, Waiting, refusal};
use super::absent::Shows;
use super::collections::check_name;
use super::items::Words;
use super::times::Examiner;
use super::{Engine, EngineError, mailbox};
use crate::api::{Counts, Event, ImportPath, ImportReport, ImportedFile, SkippedFile, Write};

/// Items that one transaction takes in: short enough for others to get their turn.
const ITEMS_AT_ONCE: usize = 1000;

/// What standard input is called: the next text that comes by it is another one.
const PIPE: &str = "-";

/// Refusals of one file that are told with their line; all are counted.
const MOST_TOLD: usize = 1000;

impl Engine {
    pub(super) async fn import(
        &self,
        paths: Vec<ImportPath>,
        into: Option<String>,
        write: Write,
        events: &mpsc::Sender<Event>,
    ) -> Result<ImportReport, EngineError> {
        into.as_deref().map_or(Ok(()), check_name)?;
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
            taking: Taking::new(names(&paths)),
            examiner: Examiner::default(),
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
        import.take(Vec::new()).await?;
        let mut report = import.report;
        let names_items = |file: &ImportedFile| !file.flagged.is_empty() || !file.lost.is_empty();
        if report.files.iter().any(names_items) {
            let store = &self.inner.store;
            report = store.with(|store| with_short_ids(store, report)).await?;
        }
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
    taking: Taking,
    examiner: Examiner,
}

/// The paths of an import as a person wrote them.
fn names(paths: &[ImportPath]) -> String {
    let shown: Vec<&str> = paths.iter().map(|path| path.shown.as_str()).collect();
    shown.join(", ")
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
            flagged: Vec::new(),
            lost: Vec::new(),
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
        let is_a_pipe = imported.path == PIPE;
        let read = blocking(move || {
            let bytes = file.read().map_err(|problem| problem.reason)?;
            let text = Text::read(&bytes).map_err(|error| error.to_string())?;
            let path = file.path.canonicalize().unwrap_or(file.path);
            let place = ImportPlace::of(path.as_os_str().as_encoded_bytes());
            Ok((Arc::new(text), (!is_a_pipe).then_some(place)))
        });
        let (text, place): (_, Option<ImportPlace>) = match read.await? {
            Ok(read) => read,
            Err(reason) => return Ok(Err(reason)),
        };
        let counts = text.counts();
        imported.counts.begun = (counts.begun - counts.zones) as u64;
        imported.counts.refused = counts.refused.len() as u64;
        imported
            .refused
            .extend(counts.refused.iter().take(MOST_TOLD).map(refusal));
        let shows = Arc::new(Shows::of(Arc::clone(&text)));
        let task = format!("reading {}", imported.path);
        self.report.files.push(imported);
        let file = self.report.files.len() - 1;
        for first in (0..text.len()).step_by(ITEMS_AT_ONCE) {
            let last = (first + ITEMS_AT_ONCE).min(text.len());
            let read = Arc::clone(&text);
            let mut examiner = std::mem::take(&mut self.examiner);
            let parsed = blocking(move || {
                let mut one = |i| {
                    let parsed = read.item(i);
                    let flags = parsed
                        .as_ref()
                        .map_or_else(|_| Vec::new(), |parsed| examiner.parsed(parsed));
                    (read.components_of(i), parsed, flags)
                };
                let all: Vec<_> = (first..last).map(&mut one).collect();
                (all, examiner)
            });
            let (parsed, examiner) = parsed.await?;
            self.examiner = examiner;
            let waiting = |(components, parsed, flags)| Waiting {
                file,
                place,
                target: target.clone(),
                components,
                parsed,
                shows: Arc::clone(&shows),
                flags,
            };
            self.waiting.extend(parsed.into_iter().map(waiting));
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
        match std::mem::take(&mut self.waiting) {
            waiting if waiting.is_empty() => Ok(()),
            waiting => self.take(waiting).await,
        }
    }

    async fn take(&mut self, waiting: Vec<Waiting>) -> Result<(), EngineError> {
        let (write, me) = (self.write, self.engine.me());
        let store = &self.engine.inner.store;
        let mut taking = std::mem::take(&mut self.taking);
        let (taking, done) = store
            .with(move |store| {
                let done = taking.one_batch(store, waiting, write, me)?;
                Ok::<_, EngineError>((taking, done))
            })
            .await?;
        self.taking = taking;
        for (file, done) in done.files {
            let into = &mut self.report.files[file];
            into.counts += done.counts;
            into.refused.extend(done.refused);
            into.refused.truncate(MOST_TOLD);
            into.flagged.extend(done.flagged);
            into.flagged.truncate(MOST_TOLD);
            into.lost.extend(done.lost);
            into.lost.truncate(MOST_TOLD);
            for name in done.names {
                if !into.collections.contains(&name) {
                    into.collections.push(name);
                }
            }
        }
        self.engine.announce(&done.committed).await
    }
}

/// Items are named by their whole ids until all ids are known.
fn with_short_ids(store: &Store, mut report: ImportReport) -> Result<ImportReport, EngineError> {
    let words = Words::of(store)?;
    for file in &mut report.files {
        let flagged = file.flagged.iter_mut().map(|flagged| &mut flagged.item);
        for item in flagged.chain(file.lost.iter_mut().map(|lost| &mut lost.item)) {
            if let Some(doc) = DocId::from_hex(item) {
                *item = words.short(doc);
            }
        }
    }
    Ok(report)
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
