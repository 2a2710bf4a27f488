//! Mailboxes, read to their end: batch by batch, each in one transaction with its cursor.

use std::time::Instant;

use pimesh_transports::ingest::files::{FileKind, FoundFile};
use pimesh_transports::ingest::{
    Cursor, Mail, RawMail, Secret, Source, SourceError, SourceUrl, read_mail,
};
use tokio::sync::mpsc;

use super::import::blocking;
use super::taker::{add, nothing_yet, one_batch, refuse};
use super::{Engine, EngineError};
use crate::api::{Event, Failure, ImportedFile, Refused, SourceReport};

/// Where to go on reading, and under whose name to remember it.
pub(super) struct Reading<'a> {
    /// The name of the source; none for a file that is read once.
    pub(super) name: Option<&'a str>,
    pub(super) url: &'a SourceUrl,
    pub(super) secret: Secret,
    /// The collection for invitations; none: the default one.
    pub(super) into: Option<String>,
}

/// Reads a source to its end, batch by batch, each in one transaction with its cursor.
pub(super) async fn read(
    engine: &Engine,
    reading: Reading<'_>,
    events: &mpsc::Sender<Event>,
) -> Result<SourceReport, EngineError> {
    let begun = Instant::now();
    let mut report = nothing_yet(reading.name.unwrap_or_default());
    if let Err(error) = read_all(engine, reading, events, &mut report).await? {
        let mut failure = Failure::caused_by("cannot read the source", &error);
        if error.needs_person() {
            failure = failure.hint("check the address and the password, then sync again");
        }
        report.failure = Some(failure);
    }
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

async fn read_all(
    engine: &Engine,
    reading: Reading<'_>,
    events: &mpsc::Sender<Event>,
    report: &mut SourceReport,
) -> Result<Result<(), SourceError>, EngineError> {
    let name = reading.name.map(str::to_owned);
    let mut cursor = match name.clone() {
        Some(name) => {
            let text = engine
                .inner
                .store
                .read(move |store| store.cursor(&name))
                .await?;
            text.and_then(|text| text.parse().ok()).unwrap_or_default()
        }
        None => Cursor::default(),
    };
    let mut source = match Source::open(reading.url, reading.secret).await {
        Ok(source) => source,
        Err(error) => return Ok(Err(error)),
    };
    let mut operation = None;
    loop {
        let batch = match source.next_batch(&cursor).await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        report.mails += batch.mails.len() as u64;
        for problem in batch.problems {
            refuse(report, problem.place, problem.reason);
        }
        cursor = batch.cursor;
        let mails = blocking(move || read_mails(batch.mails)).await?;
        let (into, name, at, me) = (
            reading.into.clone(),
            name.clone(),
            cursor.to_string(),
            engine.me(),
        );
        let done = engine
            .inner
            .store
            .with(move |store| {
                let (into, name) = (into.as_deref(), name.as_deref());
                one_batch(store, mails, into, name, &at, operation, me)
            })
            .await?;
        operation = done.operation;
        add(report, &done.report);
        engine.announce(&done.committed).await?;
        let task = format!("reading {}", report.name);
        let _ = events.try_send(Event::Progress {
            task,
            done: report.mails,
            total: None,
        });
    }
}

/// A mail that has something for us.
pub(super) struct Taking {
    pub(super) key: String,
    pub(super) mail: Mail,
}

fn read_mails(mails: Vec<RawMail>) -> Vec<Taking> {
    mails
        .into_iter()
        .map(|raw| Taking {
            mail: read_mail(&raw.bytes),
            key: raw.key,
        })
        .filter(|taking| !taking.mail.parts.is_empty() || !taking.mail.problems.is_empty())
        .collect()
}

/// Reads a file or folder of mails that a person imports.
pub(super) async fn import(
    engine: &Engine,
    file: &FoundFile,
    into: Option<String>,
    events: &mpsc::Sender<Event>,
) -> Result<SourceReport, EngineError> {
    let url = match file.kind {
        FileKind::Mbox => SourceUrl::Mbox(file.path.clone()),
        FileKind::Maildir => SourceUrl::Maildir(file.path.clone()),
        FileKind::Eml | FileKind::Vcf | FileKind::Ics => SourceUrl::Eml(file.path.clone()),
    };
    let reading = Reading {
        name: None,
        url: &url,
        secret: Secret::default(),
        into,
    };
    let report = read(engine, reading, events).await?;
    match report.failure {
        Some(failure) => Err(failure.into()),
        None => Ok(report),
    }
}

/// A reading of mails, told as an imported file.
pub(super) fn into_file(report: &SourceReport, file: &mut ImportedFile) {
    file.counts.added = report.added;
    file.counts.changed = report.changed;
    file.counts.same = report.same;
    file.counts.refused = report.refused.len() as u64;
    file.counts.begun = report.added + report.changed + report.same + file.counts.refused;
    file.refused = report
        .refused
        .iter()
        .map(|refused| Refused {
            line: 0,
            component: refused.mail.clone(),
            reason: refused.reason.clone(),
        })
        .collect();
}
