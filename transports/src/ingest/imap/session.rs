//! The few commands that pimesh sends to a mailbox once it is logged in.

use std::collections::BTreeMap;
use std::time::Duration;

use async_imap::imap_proto::{
    AttributeValue, MailboxDatum, NameAttribute, Response, ResponseCode, Status,
};
use tokio::time::timeout;

use super::super::error::SourceError;
use super::super::lines::{is_busy, words};
use super::super::link::{Link, io_error};
use super::super::url::Server;

/// How long a server may take to say goodbye.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(3);

/// A logged-in connection.
pub(super) struct Session {
    server: Server,
    inner: async_imap::Session<Link>,
}

/// What `EXAMINE` tells about a folder.
pub(super) struct Opened {
    pub(super) uidvalidity: u32,
    pub(super) uidnext: Option<u32>,
    pub(super) exists: Option<u32>,
}

/// One line of `LIST`.
pub(super) struct Listed {
    /// As the server writes it, in modified UTF-7.
    pub(super) name: String,
    pub(super) can_open: bool,
    /// Drafts, spam or deleted mails.
    pub(super) is_unwanted: bool,
    /// True where the server told any special use.
    pub(super) has_use: bool,
}

enum Refusal {
    No(String),
    Failed(SourceError),
}

impl Session {
    pub(super) fn new(server: &Server, inner: async_imap::Session<Link>) -> Self {
        Self {
            server: server.clone(),
            inner,
        }
    }

    pub(super) async fn examine(&mut self, name: &str) -> Result<Opened, SourceError> {
        let (mut uidvalidity, mut uidnext, mut exists) = (None, None, None);
        let command = format!("EXAMINE {}", quoted(name));
        let answer = self.command(&command, |response| match response {
            Response::Data { outcome, .. } => match &outcome.code {
                Some(ResponseCode::UidValidity(it)) => uidvalidity = Some(*it),
                Some(ResponseCode::UidNext(it)) => uidnext = Some(*it),
                _ => {}
            },
            Response::MailboxData(MailboxDatum::Exists(it)) => exists = Some(*it),
            _ => {}
        });
        match answer.await {
            Ok(()) => {}
            Err(Refusal::No(answer)) if !is_busy(&answer) => {
                let (server, folder) = (self.server.address(), super::folders::decode(name));
                return Err(SourceError::NoFolder {
                    server,
                    folder,
                    answer,
                });
            }
            Err(refusal) => return Err(self.error(refusal)),
        }
        let server = self.server.address();
        let uidvalidity = uidvalidity.ok_or(SourceError::Lacks {
            server,
            what: "UIDVALIDITY",
        })?;
        Ok(Opened {
            uidvalidity,
            uidnext,
            exists,
        })
    }

    /// Sorted. The server answers `n:*` with the last mail even where its UID is below n.
    pub(super) async fn uids_after(&mut self, uid: u32) -> Result<Vec<u32>, SourceError> {
        let Some(first) = uid.checked_add(1) else {
            return Ok(Vec::new());
        };
        let mut uids = Vec::new();
        let command = format!("UID SEARCH UID {first}:*");
        let answer = self.command(&command, |response| {
            if let Response::MailboxData(MailboxDatum::Search(found)) = response {
                uids.extend(found.iter().copied().filter(|it| *it >= first));
            }
        });
        answer.await.map_err(|refusal| self.error(refusal))?;
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    pub(super) async fn sizes(&mut self, set: &str) -> Result<BTreeMap<u32, u32>, SourceError> {
        let mut sizes = BTreeMap::new();
        self.fetch(
            &format!("UID FETCH {set} (UID RFC822.SIZE)"),
            |uid, attributes| {
                let size = attributes.iter().find_map(|attribute| match attribute {
                    AttributeValue::Rfc822Size(size) => Some(*size),
                    _ => None,
                });
                sizes.extend(size.map(|size| (uid, size)));
            },
        )
        .await?;
        Ok(sizes)
    }

    pub(super) async fn mails(&mut self, set: &str) -> Result<BTreeMap<u32, Vec<u8>>, SourceError> {
        let mut mails = BTreeMap::new();
        self.fetch(
            &format!("UID FETCH {set} (UID BODY.PEEK[])"),
            |uid, attributes| {
                let body = attributes.iter().find_map(|attribute| match attribute {
                    AttributeValue::BodySection {
                        section: None,
                        data: Some(data),
                        ..
                    } => Some(data),
                    _ => None,
                });
                mails.extend(body.map(|body| (uid, body.to_vec())));
            },
        )
        .await?;
        Ok(mails)
    }

    async fn fetch(
        &mut self,
        command: &str,
        mut take: impl FnMut(u32, &[AttributeValue<'_>]) + Send,
    ) -> Result<(), SourceError> {
        let answer = self.command(command, |response| {
            let Response::Fetch(_, attributes) = response else {
                return;
            };
            let uid = attributes.iter().find_map(|attribute| match attribute {
                AttributeValue::Uid(uid) => Some(*uid),
                _ => None,
            });
            if let Some(uid) = uid {
                take(uid, attributes);
            }
        });
        answer.await.map_err(|refusal| self.error(refusal))
    }

    /// Every folder, with its special use where the server tells it (RFC 6154).
    pub(super) async fn list(&mut self) -> Result<Vec<Listed>, SourceError> {
        let capabilities = self.capabilities().await?;
        let has = |name: &str| capabilities.iter().any(|it| it.eq_ignore_ascii_case(name));
        let tells = has("SPECIAL-USE") && has("LIST-EXTENDED");
        let command = if tells {
            r#"LIST "" "*" RETURN (SPECIAL-USE)"#
        } else {
            r#"LIST "" "*""#
        };
        let mut listed = Vec::new();
        let answer = self.command(command, |response| {
            if let Response::MailboxData(MailboxDatum::List(folder)) = response {
                listed.push(Listed::of(&folder.name, &folder.name_attributes));
            }
        });
        answer.await.map_err(|refusal| self.error(refusal))?;
        Ok(listed)
    }

    async fn capabilities(&mut self) -> Result<Vec<String>, SourceError> {
        let mut names = Vec::new();
        let answer = self.command("CAPABILITY", |response| {
            if let Response::Capabilities(found) = response {
                names.extend(found.iter().filter_map(|it| match it {
                    async_imap::imap_proto::Capability::Atom(name) => Some(name.to_string()),
                    _ => None,
                }));
            }
        });
        answer.await.map_err(|refusal| self.error(refusal))?;
        Ok(names)
    }

    /// Sends a command, hands over every response, and checks how it ended.
    async fn command(
        &mut self,
        command: &str,
        mut take: impl FnMut(&Response<'_>) + Send,
    ) -> Result<(), Refusal> {
        self.inner.get_mut().next_answer();
        let sent = self.inner.run_command(command).await;
        let tag = sent.map_err(|error| Refusal::Failed(imap_error(&self.server, error)))?;
        loop {
            let response = match self.inner.read_response().await {
                Ok(Some(response)) => response,
                Ok(None) => {
                    let source = std::io::ErrorKind::UnexpectedEof.into();
                    return Err(Refusal::Failed(io_error(&self.server, source)));
                }
                Err(error) => return Err(Refusal::Failed(io_error(&self.server, error))),
            };
            match response.parsed() {
                Response::Done {
                    tag: done,
                    status,
                    outcome,
                } if *done == tag => {
                    let answer = || words(outcome.information.as_deref().unwrap_or_default());
                    return match status {
                        Status::Ok => Ok(()),
                        Status::No => Err(Refusal::No(answer())),
                        Status::Bad | Status::PreAuth | Status::Bye => {
                            Err(Refusal::Failed(self.protocol(answer())))
                        }
                    };
                }
                Response::Data {
                    status: Status::Bye,
                    outcome,
                } => {
                    let answer = words(outcome.information.as_deref().unwrap_or_default());
                    let server = self.server.address();
                    return Err(Refusal::Failed(SourceError::Busy { server, answer }));
                }
                response => take(response),
            }
        }
    }

    fn error(&self, refusal: Refusal) -> SourceError {
        match refusal {
            Refusal::Failed(error) => error,
            Refusal::No(answer) if is_busy(&answer) => SourceError::Busy {
                server: self.server.address(),
                answer,
            },
            Refusal::No(answer) => self.protocol(answer),
        }
    }

    fn protocol(&self, answer: String) -> SourceError {
        SourceError::Protocol {
            server: self.server.address(),
            protocol: "IMAP",
            answer,
        }
    }

    /// Says goodbye; a server that does not answer is left.
    pub(super) async fn close(mut self) {
        let goodbye = timeout(GOODBYE_PATIENCE, self.inner.logout());
        if !matches!(goodbye.await, Ok(Ok(()))) {
            tracing::debug!(server = %self.server.address(), "no goodbye from the mail server");
        }
    }
}

impl Listed {
    fn of(name: &str, attributes: &[NameAttribute<'_>]) -> Self {
        let mut listed = Self {
            name: name.to_owned(),
            can_open: true,
            is_unwanted: false,
            has_use: false,
        };
        for attribute in attributes {
            match attribute {
                NameAttribute::NoSelect => listed.can_open = false,
                NameAttribute::Extension(it) if it.eq_ignore_ascii_case("\\NonExistent") => {
                    listed.can_open = false;
                }
                NameAttribute::Drafts | NameAttribute::Junk | NameAttribute::Trash => {
                    listed.is_unwanted = true;
                    listed.has_use = true;
                }
                NameAttribute::All
                | NameAttribute::Archive
                | NameAttribute::Flagged
                | NameAttribute::Sent => listed.has_use = true,
                _ => {} // hierarchy and marks
            }
        }
        listed
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

pub(super) fn imap_error(server: &Server, error: async_imap::error::Error) -> SourceError {
    use async_imap::error::Error;
    match error {
        Error::Io(error) => io_error(server, error),
        Error::ConnectionLost => io_error(server, std::io::ErrorKind::UnexpectedEof.into()),
        other => SourceError::Protocol {
            server: server.address(),
            protocol: "IMAP",
            answer: words(&other.to_string()),
        },
    }
}

/// A quoted string. Names come from the server or from `folders::encode`: ASCII.
fn quoted(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|it| !matches!(it, '\r' | '\n' | '\0'))
        .collect();
    format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\""))
}
