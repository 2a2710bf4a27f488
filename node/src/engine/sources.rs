//! Sources: the mailboxes a device reads, their passwords, and what came from them.

use std::collections::BTreeSet;
use std::path::Path;

use pimesh_crdt::diff::Edit;
use pimesh_crdt::doc::Writer;
use pimesh_crdt::store::{Committed, Source, Store, StoreError};
use pimesh_transports::ingest::{Secret as MailSecret, SourceUrl};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::items::document;
use super::mailbox::{self, Reading};
use super::who::{Me, now};
use super::{Engine, EngineError};
use crate::api::{
    Event, Failure, Leaving, Moment, NewSource, SourceAdded, SourceInfo, SourceRemoved,
    SourceReport, Sources, SyncReport,
};
use crate::secrets::Credential;

/// What is remembered of a source besides its address.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Settings {
    into: Option<String>,
    insecure: bool,
    password: String,
    last_sync: Option<Moment>,
    last_failure: Option<String>,
}

fn settings(source: &Source) -> Settings {
    serde_json::from_str(&source.settings).unwrap_or_default()
}

fn with_settings(source: &Source, settings: &Settings) -> Source {
    Source {
        settings: serde_json::to_string(settings).unwrap_or_default(),
        ..source.clone()
    }
}

fn info(store: &Store, source: &Source) -> Result<SourceInfo, EngineError> {
    let settings = settings(source);
    Ok(SourceInfo {
        name: source.name.clone(),
        url: source.url.clone(),
        into: settings.into,
        password: settings.password,
        insecure: settings.insecure,
        last_sync: settings.last_sync,
        last_failure: settings.last_failure,
        items: store.last_states(&source.name)?.len() as u64,
    })
}

fn named(store: &Store, name: &str) -> Result<Source, EngineError> {
    let all = store.sources()?;
    all.iter()
        .find(|source| source.name == name)
        .cloned()
        .ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|source| source.name.as_str()).collect();
            let hint = match names[..] {
                [] => "there are none yet: pimesh source add URL".to_owned(),
                _ => format!("there are: {}", names.join(", ")),
            };
            Failure::not_found(format!("there is no source {name:?}"))
                .hint(hint)
                .into()
        })
}

impl Engine {
    pub(super) async fn source_add(&self, new: NewSource) -> Result<SourceAdded, EngineError> {
        let bad = |error: &dyn std::error::Error| Failure::usage(error.to_string());
        let mut url: SourceUrl = new.url.parse().map_err(|error| bad(&error))?;
        if new.insecure {
            url = insecure(&new.url)?;
        }
        let known = self.inner.store.read(Store::sources).await?;
        let name = new.name.unwrap_or_else(|| default_name(&url));
        if known.iter().any(|source| source.name == name) {
            let message = format!("there is a source {name:?} already");
            return Err(Failure::usage(message)
                .hint("give another name with --name")
                .into());
        }
        if let Some(pem) = &new.ca {
            let file = self
                .inner
                .home
                .folder()
                .join(format!("ca-{}.pem", safe(&name)));
            std::fs::write(&file, pem).map_err(|source| EngineError::File {
                path: file.clone(),
                source,
            })?;
            set_ca(&mut url, file);
        }
        let password = match &new.credential {
            None => "none",
            Some(Credential::Command(_)) => "command",
            Some(_) => "stored",
        };
        if let Some(credential) = &new.credential {
            self.secrets().store(&name, credential)?;
        }
        let settings = Settings {
            into: new.into,
            insecure: new.insecure,
            password: password.into(),
            ..Settings::default()
        };
        let source = with_settings(
            &Source {
                name,
                url: url.to_string(),
                settings: String::new(),
            },
            &settings,
        );
        self.keep(source.clone()).await?;
        let source = self
            .inner
            .store
            .with(move |store| info(store, &source))
            .await?;
        Ok(SourceAdded { source })
    }

    async fn keep(&self, source: Source) -> Result<(), EngineError> {
        self.inner
            .store
            .with(move |store| {
                let mut batch = store.batch(now())?;
                batch.set_source(&source)?;
                batch.commit().map(|_| ())
            })
            .await
    }

    pub(super) async fn source_list(&self) -> Result<Sources, EngineError> {
        let sources = self
            .inner
            .store
            .with(|store| {
                store
                    .sources()?
                    .iter()
                    .map(|s| info(store, s))
                    .collect::<Result<Vec<_>, _>>()
            })
            .await?;
        Ok(Sources { sources })
    }

    pub(super) async fn source_remove(
        &self,
        name: String,
        items: Leaving,
    ) -> Result<SourceRemoved, EngineError> {
        let me = self.me();
        let wanted = name.clone();
        let (removed, committed) = self
            .inner
            .store
            .with(move |store| remove(store, &wanted, items, me))
            .await?;
        self.secrets().forget(&name)?;
        self.announce(&committed).await?;
        Ok(removed)
    }

    pub(super) async fn source_sync(
        &self,
        name: Option<String>,
        events: &mpsc::Sender<Event>,
    ) -> Result<SyncReport, EngineError> {
        let sources = self
            .inner
            .store
            .with(move |store| match name {
                Some(name) => named(store, &name).map(|source| vec![source]),
                None => Ok(store.sources()?),
            })
            .await?;
        let mut report = SyncReport::default();
        for source in sources {
            report.sources.push(self.read_source(source, events).await?);
        }
        Ok(report)
    }

    /// Reads one source to its end and remembers how it went.
    pub(super) async fn read_source(
        &self,
        source: Source,
        events: &mpsc::Sender<Event>,
    ) -> Result<SourceReport, EngineError> {
        let mut settings = settings(&source);
        let url: SourceUrl = match source.url.parse() {
            Ok(url) => url,
            Err(error) => {
                return Err(Failure::caused_by("the address of the source", &error).into());
            }
        };
        let secret = match self.secrets().load(&source.name)? {
            Some(credential) => MailSecret::new(credential.password().await?.reveal().to_owned()),
            None => MailSecret::default(),
        };
        let into = settings.into.clone();
        let reading = Reading {
            name: Some(&source.name),
            url: &url,
            secret,
            into,
        };
        let report = mailbox::read(self, reading, events).await?;
        match &report.failure {
            Some(failure) => settings.last_failure = Some(failure.message.clone()),
            None => {
                settings.last_failure = None;
                settings.last_sync = Some(Moment::now());
            }
        }
        self.keep(with_settings(&source, &settings)).await?;
        Ok(report)
    }
}

/// The address with the option that allows a connection without encryption.
fn insecure(url: &str) -> Result<SourceUrl, EngineError> {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}insecure")
        .parse()
        .map_err(|_| Failure::usage("--insecure goes with imap:// and pop3:// only").into())
}

fn set_ca(url: &mut SourceUrl, file: std::path::PathBuf) {
    match url {
        SourceUrl::Imap(server, _) | SourceUrl::Pop3(server) => server.ca = Some(file),
        SourceUrl::Maildir(_) | SourceUrl::Mbox(_) | SourceUrl::Eml(_) => {}
    }
}

/// Certificates lie in the home: in a home that was restored elsewhere, sources look there.
pub(super) fn certificates_moved(store: &mut Store, home: &Path) -> Result<(), StoreError> {
    let mut moved = Vec::new();
    for source in store.sources()? {
        let Ok(mut url) = source.url.parse::<SourceUrl>() else {
            continue;
        };
        let old = match &url {
            SourceUrl::Imap(server, _) | SourceUrl::Pop3(server) => server.ca.clone(),
            SourceUrl::Maildir(_) | SourceUrl::Mbox(_) | SourceUrl::Eml(_) => None,
        };
        let name = format!("ca-{}.pem", safe(&source.name));
        if old.is_some_and(|old| old.ends_with(&name)) {
            set_ca(&mut url, home.join(name));
            moved.push(Source {
                url: url.to_string(),
                ..source
            });
        }
    }
    let mut batch = store.batch(now())?;
    for source in &moved {
        batch.set_source(source)?;
    }
    batch.commit().map(|_| ())
}

fn default_name(url: &SourceUrl) -> String {
    match url {
        SourceUrl::Imap(server, _) | SourceUrl::Pop3(server) if server.user.contains('@') => {
            server.user.clone()
        }
        SourceUrl::Imap(server, _) | SourceUrl::Pop3(server) => {
            format!("{}@{}", server.user, server.host)
        }
        SourceUrl::Maildir(path) | SourceUrl::Mbox(path) | SourceUrl::Eml(path) => path
            .file_name()
            .map_or_else(|| "mail".into(), |name| name.to_string_lossy().into_owned()),
    }
}

fn safe(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

/// Forgets a source; on demand also deletes what came from it alone and nobody has touched.
fn remove(
    store: &mut Store,
    name: &str,
    items: Leaving,
    me: Me,
) -> Result<(SourceRemoved, Committed), EngineError> {
    let source = named(store, name)?;
    let states = store.last_states(&source.name)?;
    let mut elsewhere = BTreeSet::new();
    for other in store
        .sources()?
        .iter()
        .filter(|other| other.name != source.name)
    {
        elsewhere.extend(
            store
                .last_states(&other.name)?
                .into_iter()
                .filter_map(|s| s.doc),
        );
    }
    let mut doomed = Vec::new();
    let (mut kept, mut removed) = (0, 0);
    for doc in states.iter().filter_map(|state| state.doc) {
        for row in store
            .find(&doc.to_string())?
            .into_iter()
            .filter(|row| row.live)
        {
            let document = document(store, &row)?;
            let is_untouched = document
                .changes()
                .iter()
                .all(|change| change.is_from_text());
            if items == Leaving::Remove && is_untouched && !elsewhere.contains(&doc) {
                let author = me.author(&format!("source {name}"), Writer::Person);
                let edits = [Edit::Delete { rid: None }];
                let change = document.edit(&document.heads(), &edits, &author)?;
                doomed.extend(change.map(|change| (row, change)));
                removed += 1;
            } else {
                kept += 1;
            }
        }
    }
    let mut batch = store.batch(now())?;
    for (row, change) in doomed {
        batch.add_new(row.collection, row.doc, change)?;
    }
    batch.remove_source(&source.name)?;
    let (committed, _) = batch.commit_as("source remove", name, None)?;
    Ok((
        SourceRemoved {
            name: source.name,
            kept,
            removed,
        },
        committed,
    ))
}
