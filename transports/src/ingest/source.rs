//! A source of mails, whatever its kind, read batch by batch after a cursor.

use std::fmt;

use zeroize::Zeroizing;

use super::Problem;
use super::cursor::{Cursor, Place};
use super::error::SourceError;
use super::imap::Imap;
use super::maildir::Maildir;
use super::mbox::{Eml, Mbox};
use super::pop3::Pop3;
use super::url::SourceUrl;

/// One mail as it lies in its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMail {
    /// Names the mail within its source, for as long as the source keeps it.
    pub key: String,
    /// The whole mail.
    pub bytes: Vec<u8>,
}

/// Some mails, and how far the source has been read with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The mails. May be empty where only the cursor moved.
    pub mails: Vec<RawMail>,
    /// Mails that were skipped for good, and why.
    pub problems: Vec<Problem>,
    /// To be stored together with what the mails gave, and passed to the next call.
    pub cursor: Cursor,
}

/// A password. Wiped when dropped; never shown.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over the text of a password.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A source that was reached and may be read.
#[derive(Debug)]
pub struct Source(Kind);

#[derive(Debug)]
enum Kind {
    Imap(Box<Imap>),
    Pop3(Box<Pop3>),
    /// The reader is away while it reads, on a thread that may block.
    Local(Box<SourceUrl>, Option<Local>),
}

/// A reader of files on this device.
#[derive(Debug)]
enum Local {
    Maildir(Maildir),
    Mbox(Mbox),
    Eml(Eml),
}

impl Source {
    /// Reaches the source: logs in, or looks whether the path is what the address says.
    /// Local sources need no secret; pass the default.
    pub async fn open(url: &SourceUrl, secret: Secret) -> Result<Self, SourceError> {
        Ok(Self(match url {
            SourceUrl::Imap(server, folders) => {
                let imap = Imap::open(server.clone(), folders.clone(), secret).await?;
                Kind::Imap(Box::new(imap))
            }
            SourceUrl::Pop3(server) => {
                Kind::Pop3(Box::new(Pop3::open(server.clone(), secret).await?))
            }
            SourceUrl::Maildir(_) | SourceUrl::Mbox(_) | SourceUrl::Eml(_) => {
                Kind::Local(Box::new(url.clone()), Local::open(url)?)
            }
        }))
    }

    /// The next mails after `cursor`, or nothing when all were read. After nothing, and
    /// after an error, the connection is closed and the next call begins anew: so one
    /// source is asked again and again for what came in the meantime.
    ///
    /// The future may be dropped half-way: then the batch comes again.
    pub async fn next_batch(&mut self, cursor: &Cursor) -> Result<Option<Batch>, SourceError> {
        match &mut self.0 {
            Kind::Imap(imap) => imap.next_batch(cursor).await,
            Kind::Pop3(pop3) => pop3.next_batch(cursor).await,
            Kind::Local(url, local) => {
                let opened = local
                    .take()
                    .map_or_else(|| Local::open(url), |it| Ok(Some(it)))?;
                let Some(mut reader) = opened else {
                    return Ok(None);
                };
                let cursor = cursor.clone();
                let reading = tokio::task::spawn_blocking(move || {
                    let batch = reader.next_batch(&cursor);
                    (reader, batch)
                });
                let (reader, batch) = match reading.await {
                    Ok(read) => read,
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Err(_) => return Ok(None), // the runtime ends: nothing more is to be read
                };
                *local = Some(reader);
                batch
            }
        }
    }
}

impl Local {
    /// Nothing for sources that are not local.
    fn open(url: &SourceUrl) -> Result<Option<Self>, SourceError> {
        Ok(match url {
            SourceUrl::Maildir(path) => Some(Self::Maildir(Maildir::open(path)?)),
            SourceUrl::Mbox(path) => Some(Self::Mbox(Mbox::open(path)?)),
            SourceUrl::Eml(path) => Some(Self::Eml(Eml::open(path)?)),
            SourceUrl::Imap(..) | SourceUrl::Pop3(_) => None,
        })
    }

    fn next_batch(&mut self, cursor: &Cursor) -> Result<Option<Batch>, SourceError> {
        match self {
            Self::Maildir(maildir) => maildir.next_batch(cursor),
            Self::Mbox(mbox) => mbox.next_batch(cursor),
            Self::Eml(eml) => eml.next_batch(cursor),
        }
    }
}

impl Batch {
    /// A batch that moved to `place`; nothing where neither mail nor move came of it.
    pub(super) fn unless_idle(self, place: Place, before: &Cursor) -> Option<Self> {
        let batch = Self {
            cursor: Cursor(place),
            ..self
        };
        let is_idle =
            batch.mails.is_empty() && batch.problems.is_empty() && batch.cursor == *before;
        (!is_idle).then_some(batch)
    }
}
