//! A mailbox over IMAP: reads by UID, in chunks, and never changes anything there
//! (`EXAMINE` and `BODY.PEEK[]`).
//!
//! ```text
//!  login ──► folders ──► for each: EXAMINE ─► UIDs after the cursor ─► sizes ─► mails
//! ```
//!
//! Every command is driven here and its end is checked: async-imap's own streams end
//! silently when the server says NO or hangs up, and a cursor that moves over mails which
//! never came would lose them.

mod folders;
mod login;
mod session;

use std::collections::{BTreeMap, VecDeque};

use super::cursor::{Cursor, Place, ReadTo};
use super::error::SourceError;
use super::source::{Batch, RawMail, Secret};
use super::url::{Folders, Server};
use super::{BATCH_BYTES, BATCH_MAILS, LARGEST_MAIL, Problem};
pub(super) use folders::has_unwanted_name;
use session::Session;

/// How many bytes a list of UIDs in one command may have. Some servers stop at 8 KB a line.
const LONGEST_UID_SET: usize = 6_000;

/// One mailbox, connected while it is being read.
#[derive(Debug)]
pub(super) struct Imap {
    server: Server,
    folders: Folders,
    secret: Secret,
    pass: Option<Pass>,
}

/// One walk through the folders.
#[derive(Debug)]
struct Pass {
    session: Session,
    waiting: VecDeque<String>,
    open: Option<OpenFolder>,
    /// What was returned last. A caller who comes with another cursor gets a new pass.
    returned: Option<Cursor>,
}

#[derive(Debug)]
struct OpenFolder {
    name: String,
    uidvalidity: u32,
    uids: VecDeque<u32>,
}

type Places = BTreeMap<String, ReadTo>;

impl Imap {
    pub(super) async fn open(
        server: Server,
        folders: Folders,
        secret: Secret,
    ) -> Result<Self, SourceError> {
        let mut imap = Self {
            server,
            folders,
            secret,
            pass: None,
        };
        imap.pass = Some(imap.begin().await?);
        Ok(imap)
    }

    async fn begin(&self) -> Result<Pass, SourceError> {
        let mut session = login::connect(&self.server, &self.secret).await?;
        let waiting = match &self.folders {
            Folders::One(name) => VecDeque::from([folders::encode(name)]),
            Folders::All => folders::readable(&mut session).await?,
        };
        Ok(Pass {
            session,
            waiting,
            open: None,
            returned: None,
        })
    }

    pub(super) async fn next_batch(
        &mut self,
        cursor: &Cursor,
    ) -> Result<Option<Batch>, SourceError> {
        let kept = self.pass.take();
        let fits = |pass: &Pass| pass.returned.as_ref().is_none_or(|it| it == cursor);
        let mut pass = match kept.filter(fits) {
            Some(pass) => pass,
            None => self.begin().await?,
        };
        let mut places = match &cursor.0 {
            Place::Imap(places) => places.clone(),
            _ => Places::new(),
        };
        let mut batch = Batch::default();
        let is_done = loop {
            if pass.open.is_none() {
                let Some(name) = pass.waiting.pop_front() else {
                    break true;
                };
                let is_only = matches!(self.folders, Folders::One(_));
                pass.open = pass
                    .session
                    .open(&name, is_only, &mut places, &mut batch)
                    .await?;
            }
            if let Some(folder) = &mut pass.open {
                pass.session.read(folder, &mut places, &mut batch).await?;
                if folder.uids.is_empty() {
                    pass.open = None;
                }
            }
            if !batch.mails.is_empty() || !batch.problems.is_empty() {
                break false;
            }
        };
        let batch = batch.unless_idle(Place::Imap(places), cursor);
        match &batch {
            None if is_done => pass.session.close().await,
            batch => {
                pass.returned = batch.as_ref().map(|it| it.cursor.clone());
                self.pass = Some(pass);
            }
        }
        Ok(batch)
    }
}

impl Session {
    /// Opens a folder read-only and lists what is new in it; nothing where it cannot be
    /// opened and others can.
    async fn open(
        &mut self,
        name: &str,
        is_only: bool,
        places: &mut Places,
        batch: &mut Batch,
    ) -> Result<Option<OpenFolder>, SourceError> {
        let opened = match self.examine(name).await {
            Err(SourceError::NoFolder { answer, .. }) if !is_only => {
                batch.problems.push(Problem::new(
                    format!("folder {}", folders::decode(name)),
                    format!("the server cannot open it ({answer})"),
                ));
                return Ok(None);
            }
            opened => opened?,
        };
        let uidvalidity = opened.uidvalidity;
        let known = places.get(name).filter(|it| it.uidvalidity == uidvalidity);
        let uid = known.map_or(0, |it| it.uid);
        places.insert(name.to_owned(), ReadTo { uidvalidity, uid });
        let has_none = opened.exists == Some(0)
            || opened
                .uidnext
                .is_some_and(|next| next <= uid.saturating_add(1));
        let uids = if has_none {
            Vec::new()
        } else {
            self.uids_after(uid).await?
        };
        Ok(Some(OpenFolder {
            name: name.to_owned(),
            uidvalidity,
            uids: uids.into(),
        }))
    }

    /// Reads the next chunk of an open folder.
    async fn read(
        &mut self,
        folder: &mut OpenFolder,
        places: &mut Places,
        batch: &mut Batch,
    ) -> Result<(), SourceError> {
        let chunk: Vec<u32> = folder.uids.iter().copied().take(BATCH_MAILS).collect();
        let Some(mut set) = uid_set(&chunk) else {
            return Ok(());
        };
        let sizes = self.sizes(&set).await?;
        let (mut wanted, mut bytes, mut read_to) = (Vec::new(), 0_u64, 0);
        for uid in chunk {
            match sizes.get(&uid).copied().map(u64::from) {
                Some(size) if size > LARGEST_MAIL => {
                    let reason = format!("{size} bytes is over the limit of {LARGEST_MAIL}");
                    batch.problems.push(Problem::new(folder.mail(uid), reason));
                }
                Some(size) => {
                    bytes += size;
                    if bytes > BATCH_BYTES && !wanted.is_empty() {
                        break;
                    }
                    wanted.push(uid);
                }
                None => {} // deleted in the meantime
            }
            read_to = uid;
            folder.uids.pop_front();
            if uid_set(&wanted).is_some_and(|it| it.len() > LONGEST_UID_SET) {
                break;
            }
        }
        if let Some(wanted) = uid_set(&wanted) {
            set = wanted;
            for (uid, bytes) in self.mails(&set).await? {
                batch.mails.push(RawMail {
                    key: folder.key(uid),
                    bytes,
                });
            }
        }
        let place = ReadTo {
            uidvalidity: folder.uidvalidity,
            uid: read_to,
        };
        places.insert(folder.name.clone(), place);
        Ok(())
    }
}

impl OpenFolder {
    fn key(&self, uid: u32) -> String {
        format!("{}/{}/{uid}", self.name, self.uidvalidity)
    }

    fn mail(&self, uid: u32) -> String {
        format!("mail {uid} in folder {}", folders::decode(&self.name))
    }
}

/// `1:3,7` for sorted UIDs; nothing for none.
fn uid_set(uids: &[u32]) -> Option<String> {
    let runs = uids
        .chunk_by(|a, b| a.checked_add(1) == Some(*b))
        .filter_map(|run| {
            let (first, last) = (run.first()?, run.last()?);
            Some(if first == last {
                first.to_string()
            } else {
                format!("{first}:{last}")
            })
        });
    let runs: Vec<String> = runs.collect();
    (!runs.is_empty()).then(|| runs.join(","))
}

#[cfg(test)]
mod tests {
    use super::uid_set;

    #[test]
    fn a_set_of_uids_is_written_in_runs() {
        assert_eq!(uid_set(&[1, 2, 3, 7, 9, 10]).as_deref(), Some("1:3,7,9:10"));
        assert_eq!(uid_set(&[u32::MAX]).as_deref(), Some("4294967295"));
        assert_eq!(uid_set(&[]), None);
    }
}
