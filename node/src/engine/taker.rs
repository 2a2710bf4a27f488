//! Mails into items: invitations by the rules of iTIP, cards as proposals, in one transaction.

use std::collections::BTreeMap;

use pimesh_crdt::itip::{self, Message, Method};
use pimesh_crdt::normalise::Text;
use pimesh_crdt::store::{Added, Batch, Committed, LastState, Store};
use pimesh_crdt::{CollectionId, DocId};
use pimesh_transports::ingest::PartKind;

use super::EngineError;
use super::collections::{self, FROM_MAIL, Holds};
use super::inbound::{By, Taken, take_in};
use super::mailbox::Taking;
use super::who::{Me, now};
use crate::api::{RefusedMail, SourceReport};

/// Refusals of one reading that are told; further ones are left to the next.
const MOST_TOLD: usize = 1000;

/// What the mails of one transaction came to.
pub(super) struct Done {
    pub(super) report: SourceReport,
    pub(super) committed: Committed,
    /// The operation that it belongs to, where a person imported the mails.
    pub(super) operation: Option<i64>,
}

/// Takes in some mails in one transaction with the cursor behind them.
pub(super) fn one_batch(
    store: &mut Store,
    mails: Vec<Taking>,
    into: Option<&str>,
    source: Option<&str>,
    cursor: &str,
    operation: Option<i64>,
    me: Me,
) -> Result<Done, EngineError> {
    let known = collections::by_name(store)?;
    let owners = owners(store, &mails)?;
    let mut taker = Taker {
        batch: store.batch(now())?,
        known,
        owners,
        into: into.unwrap_or(Holds::Calendar.default_name()).to_owned(),
        me,
        source: source.map(str::to_owned),
        report: nothing_yet(""),
    };
    for taking in &mails {
        taker.mail(taking)?;
    }
    if let Some(source) = source {
        taker.batch.set_cursor(source, cursor)?;
    }
    let (mut report, batch) = (taker.report, taker.batch);
    let (committed, operation) = match source {
        Some(_) => (batch.commit()?, None),
        None => batch.commit_as("import", "mails", operation)?,
    };
    report.changes = committed
        .named
        .iter()
        .filter(|named| named.collection != CollectionId::MESH)
        .map(|named| named.last - named.first + 1)
        .sum();
    Ok(Done {
        report,
        committed,
        operation,
    })
}

/// In which collections the events that mails speak of are already: an invitation to an event
/// that was imported or moved goes where the event is.
fn owners(store: &Store, mails: &[Taking]) -> Result<BTreeMap<DocId, CollectionId>, EngineError> {
    let mut out = BTreeMap::new();
    let parts = mails.iter().flat_map(|taking| &taking.mail.parts);
    for part in parts.filter(|part| matches!(part.kind, PartKind::Calendar { .. })) {
        let Ok(text) = Text::read(&part.bytes) else {
            continue;
        };
        for parsed in text.items().flatten() {
            let doc = parsed.item.doc_id();
            let rows = store.find(&doc.to_string())?;
            let home = rows.iter().find(|row| !is_from_mail(store, row.collection));
            if let Some(row) = home {
                out.insert(doc, row.collection);
            }
        }
    }
    Ok(out)
}

fn is_from_mail(store: &Store, id: CollectionId) -> bool {
    store
        .collection(id)
        .ok()
        .flatten()
        .is_some_and(|c| c.name == FROM_MAIL)
}

struct Taker<'s> {
    batch: Batch<'s>,
    known: BTreeMap<(Holds, String), CollectionId>,
    owners: BTreeMap<DocId, CollectionId>,
    into: String,
    me: Me,
    source: Option<String>,
    report: SourceReport,
}

impl Taker<'_> {
    fn mail(&mut self, taking: &Taking) -> Result<(), EngineError> {
        let place = taking
            .mail
            .message_id
            .clone()
            .unwrap_or_else(|| taking.key.clone());
        for problem in &taking.mail.problems {
            refuse(&mut self.report, place.clone(), problem.to_string());
        }
        for part in &taking.mail.parts {
            let text = match Text::read(&part.bytes) {
                Ok(text) => text,
                Err(error) => {
                    refuse(&mut self.report, place.clone(), error.to_string());
                    continue;
                }
            };
            for problem in &text.counts().refused {
                refuse(&mut self.report, place.clone(), problem.to_string());
            }
            match &part.kind {
                PartKind::Card => self.cards(&text, &place)?,
                PartKind::Calendar { method } => {
                    // what somebody passed on was not sent by its organizer
                    let senders = if part.forwarded {
                        &[][..]
                    } else {
                        &taking.mail.from[..]
                    };
                    for message in itip::messages(&text, method.as_deref(), senders) {
                        self.message(message, &place)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn cards(&mut self, text: &Text, place: &str) -> Result<(), EngineError> {
        for parsed in text.items() {
            match parsed {
                Ok(parsed) => {
                    self.report.cards += 1;
                    self.propose(&parsed)?;
                }
                Err(problem) => refuse(&mut self.report, place.to_owned(), problem.to_string()),
            }
        }
        Ok(())
    }

    fn propose(&mut self, parsed: &pimesh_crdt::normalise::Parsed) -> Result<(), EngineError> {
        let holds = Holds::of(&parsed.item);
        let into = collections::ensure(&mut self.batch, &mut self.known, holds, FROM_MAIL, "")?;
        let taken = take_in(&mut self.batch, into, parsed, By::Source, self.me)?;
        self.came_from_here(parsed.item.doc_id())?;
        self.count(taken);
        Ok(())
    }

    fn message(
        &mut self,
        message: Result<Message, pimesh_crdt::normalise::Problem>,
        place: &str,
    ) -> Result<(), EngineError> {
        let (item, blobs, change, organizer, method) = match message {
            Err(problem) => {
                refuse(&mut self.report, place.to_owned(), problem.to_string());
                return Ok(());
            }
            Ok(Message::Proposal(parsed)) => {
                self.report.invitations += 1;
                return self.propose(&parsed);
            }
            Ok(Message::Change {
                item,
                blobs,
                change,
                organizer,
                method,
            }) => (item, blobs, change, organizer, method),
        };
        self.report.invitations += 1;
        let doc = item.doc_id();
        let into = match self.owners.get(&doc) {
            Some(owner) => *owner,
            None => {
                let name = self.into.clone();
                let holds = Holds::Calendar;
                collections::ensure(&mut self.batch, &mut self.known, holds, &name, "")?
            }
        };
        let was_live = match self.state(into, doc)? {
            Some((_, owner)) if method != Method::Reply && is_another(&owner, &organizer) => {
                let reason = format!("{organizer} is not the organizer of this event, {owner} is");
                refuse(&mut self.report, place.to_owned(), reason);
                return Ok(());
            }
            Some((live, _)) => live,
            None => false,
        };
        for blob in &blobs {
            self.batch.put_blob(&blob.bytes)?;
        }
        self.came_from_here(doc)?;
        let added = self.batch.add_new(into, doc, change)?;
        let is_live = added == Added::New && self.state(into, doc)?.is_some_and(|(live, _)| live);
        self.count(match added {
            Added::Known => Taken::Same,
            Added::New if is_live && !was_live => Taken::Added,
            Added::New => Taken::Changed,
        });
        Ok(())
    }

    /// Whether the event is alive, and who its organizer is as far as it is known.
    fn state(
        &mut self,
        into: CollectionId,
        doc: DocId,
    ) -> Result<Option<(bool, String)>, EngineError> {
        let document = self.batch.document(into, doc)?;
        if document.is_empty() {
            return Ok(None);
        }
        let shown = document.view().shown();
        let organizer = itip::organizer(&shown.item)
            .into_iter()
            .next()
            .unwrap_or_default();
        Ok(Some((shown.live, organizer)))
    }

    /// Remembers that the source has this item.
    fn came_from_here(&mut self, doc: DocId) -> Result<(), EngineError> {
        if let Some(source) = &self.source {
            let state = LastState {
                key: doc.to_string(),
                doc: Some(doc),
                state: Vec::new(),
            };
            self.batch.set_last_state(source, &state)?;
        }
        Ok(())
    }

    fn count(&mut self, taken: Taken) {
        match taken {
            Taken::Added => self.report.added += 1,
            Taken::Changed | Taken::Restored => self.report.changed += 1,
            Taken::Same => self.report.same += 1,
        }
    }
}

fn is_another(owner: &str, organizer: &str) -> bool {
    !owner.is_empty() && owner != organizer
}

pub(super) fn refuse(report: &mut SourceReport, mail: String, reason: String) {
    if report.refused.len() < MOST_TOLD {
        report.refused.push(RefusedMail { mail, reason });
    }
}

pub(super) fn add(report: &mut SourceReport, more: &SourceReport) {
    report.invitations += more.invitations;
    report.cards += more.cards;
    report.added += more.added;
    report.changed += more.changed;
    report.same += more.same;
    report.changes += more.changes;
    for refused in &more.refused {
        refuse(report, refused.mail.clone(), refused.reason.clone());
    }
}

/// A report of a reading that has just begun.
pub(super) fn nothing_yet(name: &str) -> SourceReport {
    SourceReport {
        name: name.to_owned(),
        mails: 0,
        invitations: 0,
        cards: 0,
        added: 0,
        changed: 0,
        same: 0,
        refused: Vec::new(),
        changes: 0,
        seconds: 0.0,
        failure: None,
    }
}
