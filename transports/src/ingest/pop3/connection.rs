//! The POP3 commands that pimesh sends (RFC 1939, 2449, 2595, 5034, 6856).

use tokio::time::timeout;
use zeroize::Zeroizing;

use super::super::LARGEST_MAIL;
use super::super::base64;
use super::super::error::SourceError;
use super::super::lines::{LONGEST_LINE, Lines, is_busy, words};
use super::super::link::Link;
use super::super::source::Secret;
use super::super::url::{Encryption, Server};

/// How long a server may take to say goodbye.
const GOODBYE_PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);

/// A logged-in connection.
#[derive(Debug)]
pub(super) struct Connection {
    server: Server,
    lines: Lines,
    can_pipeline: bool,
}

/// What came of asking for one mail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    Mail(Vec<u8>),
    TooLarge,
    Refused(String),
}

/// `+OK` or `-ERR`, with the words after it.
type Answer = Result<String, String>;

impl Connection {
    /// Connects, encrypts and logs in.
    pub(super) async fn open(server: &Server, secret: &Secret) -> Result<Self, SourceError> {
        if secret.expose().contains(['\r', '\n', '\0']) {
            return Err(SourceError::UnsendablePassword { protocol: "POP3" });
        }
        let mut link = Link::connect(server).await?;
        if server.encryption == Encryption::Tls {
            link = link.encrypt(server).await?;
        }
        let lines = Lines::new(server, link);
        let mut connection = Self {
            server: server.clone(),
            lines,
            can_pipeline: false,
        };
        if let Err(answer) = connection.answer().await? {
            return Err(SourceError::Busy {
                server: server.address(),
                answer,
            });
        }
        if server.encryption == Encryption::StartTls {
            connection = connection.encrypt().await?;
        }
        let capabilities = connection.capabilities().await?;
        connection.log_in(secret, &capabilities).await?;
        connection.can_pipeline = has(&capabilities, "PIPELINING");
        Ok(connection)
    }

    async fn encrypt(mut self) -> Result<Self, SourceError> {
        if self.ask(b"STLS\r\n").await?.is_err() {
            return Err(SourceError::NotEncrypted {
                server: self.server.address(),
                command: "STLS",
                instead: format!("pop3s://…@{}", self.server.host),
            });
        }
        let lines = self.lines.encrypt().await?;
        Ok(Self { lines, ..self })
    }

    /// In upper case; empty where the server does not know CAPA.
    async fn capabilities(&mut self) -> Result<Vec<String>, SourceError> {
        let mut found = Vec::new();
        if self.ask(b"CAPA\r\n").await?.is_ok() {
            self.list(|line| found.push(line.to_ascii_uppercase()))
                .await?;
        }
        Ok(found)
    }

    /// SASL carries every character; USER and PASS are for servers that know nothing else.
    async fn log_in(
        &mut self,
        secret: &Secret,
        capabilities: &[String],
    ) -> Result<(), SourceError> {
        let user = self.server.user.clone();
        let mut mechanisms = capabilities
            .iter()
            .filter_map(|it| it.strip_prefix("SASL "));
        let answer = if mechanisms.any(|it| it.split_whitespace().any(|it| it == "PLAIN")) {
            self.lines.send(b"AUTH PLAIN\r\n").await?;
            let line = self.lines.text().await?;
            if line.starts_with('+') {
                let plain = Zeroizing::new(format!("\0{user}\0{}", secret.expose()));
                let digits = Zeroizing::new(base64::encode(plain.as_bytes()));
                self.ask(format!("{}\r\n", digits.as_str()).as_bytes())
                    .await?
            } else {
                self.parse(&line)?
            }
        } else if !capabilities.is_empty() && !has(capabilities, "USER") {
            let offered = words(&capabilities.join(" "));
            return Err(SourceError::NoLogin {
                server: self.server.address(),
                offered,
            });
        } else {
            if !user.is_ascii() || !secret.expose().is_ascii() {
                // Servers without RFC 6856 refuse it and mostly take UTF-8 all the same.
                let answer = self.ask(b"UTF8\r\n").await?;
                tracing::debug!(is_known = answer.is_ok(), "UTF8 of a POP3 server");
            }
            match self.ask(format!("USER {user}\r\n").as_bytes()).await? {
                Ok(_) => {
                    let pass = Zeroizing::new(format!("PASS {}\r\n", secret.expose()));
                    self.ask(pass.as_bytes()).await?
                }
                refused => refused,
            }
        };
        let server = self.server.address();
        match answer {
            Ok(_) => Ok(()),
            Err(answer) if is_busy(&answer) => Err(SourceError::Busy { server, answer }),
            Err(answer) => Err(SourceError::WrongPassword {
                server,
                user,
                answer,
            }),
        }
    }

    /// Every mail's number and unique name.
    pub(super) async fn uidls(&mut self) -> Result<Vec<(u32, String)>, SourceError> {
        if self.ask(b"UIDL\r\n").await?.is_err() {
            return Err(SourceError::Lacks {
                server: self.server.address(),
                what: "UIDL",
            });
        }
        let mut uidls = Vec::new();
        self.list(|line| {
            if let Some((number, uidl)) = line.split_once(' ')
                && let Ok(number) = number.parse()
                && !uidl.trim().is_empty()
            {
                uidls.push((number, uidl.trim().to_owned()));
            }
        })
        .await?;
        Ok(uidls)
    }

    /// Every mail's number and size.
    pub(super) async fn sizes(&mut self) -> Result<Vec<(u32, u64)>, SourceError> {
        let mut sizes = Vec::new();
        if self.ask(b"LIST\r\n").await?.is_ok() {
            self.list(|line| {
                let mut words = line.split_whitespace().map(str::parse::<u64>);
                if let (Some(Ok(number)), Some(Ok(size))) = (words.next(), words.next())
                    && let Ok(number) = u32::try_from(number)
                {
                    sizes.push((number, size));
                }
            })
            .await?;
        }
        Ok(sizes)
    }

    /// The mails with these numbers, in this order; in one go where the server allows it.
    pub(super) async fn fetch(&mut self, numbers: &[u32]) -> Result<Vec<Fetched>, SourceError> {
        let mut fetched = Vec::with_capacity(numbers.len());
        let at_once = if self.can_pipeline { numbers.len() } else { 1 };
        for chunk in numbers.chunks(at_once.max(1)) {
            let commands: String = chunk.iter().map(|it| format!("RETR {it}\r\n")).collect();
            self.lines.send(commands.as_bytes()).await?;
            for _ in chunk {
                fetched.push(match self.answer().await? {
                    Ok(_) => self.mail().await?,
                    Err(answer) => Fetched::Refused(answer),
                });
            }
        }
        Ok(fetched)
    }

    /// Lines until the dot, with the dots that the server doubled taken back.
    async fn mail(&mut self) -> Result<Fetched, SourceError> {
        let (mut mail, mut is_too_large) = (Vec::new(), false);
        loop {
            let start = mail.len();
            self.lines.line(&mut mail, LARGEST_MAIL).await?;
            match mail.get(start..).unwrap_or_default() {
                b".\r\n" | b".\n" => {
                    mail.truncate(start);
                    break;
                }
                [b'.', ..] => {
                    mail.remove(start);
                }
                _ => {}
            }
            if is_too_large || mail.len() as u64 > LARGEST_MAIL {
                is_too_large = true;
                mail.clear();
            }
        }
        Ok(if is_too_large {
            Fetched::TooLarge
        } else {
            Fetched::Mail(mail)
        })
    }

    /// The lines of a list, without the dot at its end.
    async fn list(&mut self, mut take: impl FnMut(&str)) -> Result<(), SourceError> {
        let mut line = Vec::new();
        loop {
            line.clear();
            self.lines.line(&mut line, LONGEST_LINE).await?;
            let text = String::from_utf8_lossy(line.trim_ascii_end());
            if text == "." {
                return Ok(());
            }
            take(&text);
        }
    }

    async fn ask(&mut self, command: &[u8]) -> Result<Answer, SourceError> {
        self.lines.send(command).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer, SourceError> {
        let line = self.lines.text().await?;
        self.parse(&line)
    }

    fn parse(&self, line: &str) -> Result<Answer, SourceError> {
        if let Some(rest) = line.strip_prefix("+OK") {
            return Ok(Ok(rest.trim().to_owned()));
        }
        if let Some(rest) = line.strip_prefix("-ERR") {
            return Ok(Err(words(rest)));
        }
        let (server, answer) = (self.server.address(), words(line));
        Err(SourceError::Protocol {
            server,
            protocol: "POP3",
            answer,
        })
    }

    /// Says goodbye. As nothing was marked, QUIT deletes nothing.
    pub(super) async fn close(mut self) {
        if !matches!(
            timeout(GOODBYE_PATIENCE, self.ask(b"QUIT\r\n")).await,
            Ok(Ok(Ok(_)))
        ) {
            tracing::debug!(server = %self.server.address(), "no goodbye from the mail server");
        }
    }
}

fn has(capabilities: &[String], name: &str) -> bool {
    capabilities
        .iter()
        .any(|it| it.split_whitespace().next() == Some(name))
}
