//! From nothing to a logged-in session: connect, encrypt, prove who we are.
//!
//! Until the connection is encrypted we speak ourselves, line by line: a server that
//! claims to be logged in already, or that hides STARTTLS, must not get the password.

use async_imap::{Authenticator, Client};

use super::super::error::SourceError;
use super::super::lines::{Lines, is_busy, words};
use super::super::link::Link;
use super::super::source::Secret;
use super::super::url::{Encryption, Server};
use super::session::{Session, imap_error};

/// Connects and logs in.
pub(super) async fn connect(server: &Server, secret: &Secret) -> Result<Session, SourceError> {
    if secret.expose().contains(['\r', '\n', '\0']) {
        return Err(SourceError::UnsendablePassword { protocol: "IMAP" });
    }
    let mut link = Link::connect(server).await?;
    if server.encryption == Encryption::Tls {
        link = link.encrypt(server).await?;
    }
    let mut lines = Lines::new(server, link);
    greeting(server, &mut lines).await?;
    let mut capabilities = capabilities(server, &mut lines).await?;
    if server.encryption == Encryption::StartTls {
        if !has(&capabilities, "STARTTLS") {
            return Err(not_encrypted(server));
        }
        lines.send(b"p2 STARTTLS\r\n").await?;
        if !tagged(server, &mut lines, "p2", |_| {}).await? {
            return Err(not_encrypted(server));
        }
        lines = lines.encrypt().await?;
        // What was said in the clear may have been said by somebody else.
        capabilities = self::capabilities(server, &mut lines).await?;
    }
    log_in(server, secret, lines.into_link(), &capabilities).await
}

async fn greeting(server: &Server, lines: &mut Lines) -> Result<(), SourceError> {
    let line = lines.text().await?;
    let upper = line.to_ascii_uppercase();
    let address = server.address();
    if upper.starts_with("* OK") {
        return Ok(());
    }
    let answer = words(&line);
    if upper.starts_with("* BYE") {
        return Err(SourceError::Busy {
            server: address,
            answer,
        });
    }
    if upper.starts_with("* PREAUTH") && server.encryption == Encryption::StartTls {
        return Err(not_encrypted(server));
    }
    Err(SourceError::Protocol {
        server: address,
        protocol: "IMAP",
        answer,
    })
}

async fn capabilities(server: &Server, lines: &mut Lines) -> Result<Vec<String>, SourceError> {
    lines.send(b"p1 CAPABILITY\r\n").await?;
    let mut found = Vec::new();
    tagged(server, lines, "p1", |line| {
        if let Some(names) = line.to_ascii_uppercase().strip_prefix("* CAPABILITY ") {
            found = names.split_whitespace().map(str::to_owned).collect();
        }
    })
    .await?;
    Ok(found)
}

/// Reads until the tagged answer; true where that is OK.
async fn tagged(
    server: &Server,
    lines: &mut Lines,
    tag: &str,
    mut take: impl FnMut(&str),
) -> Result<bool, SourceError> {
    loop {
        let line = lines.text().await?;
        if let Some(answer) = line.strip_prefix(tag) {
            return Ok(answer.trim_start().to_ascii_uppercase().starts_with("OK"));
        }
        if line.to_ascii_uppercase().starts_with("* BYE") {
            return Err(SourceError::Busy {
                server: server.address(),
                answer: words(&line),
            });
        }
        take(&line);
    }
}

/// SASL carries every character; LOGIN is for servers that know nothing else.
async fn log_in(
    server: &Server,
    secret: &Secret,
    link: Link,
    capabilities: &[String],
) -> Result<Session, SourceError> {
    let client = Client::new(link);
    let (user, password) = (server.user.as_str(), secret.expose());
    let result = if has(capabilities, "AUTH=PLAIN") {
        client.authenticate("PLAIN", Plain { user, password }).await
    } else if has(capabilities, "AUTH=LOGIN") {
        client
            .authenticate(
                "LOGIN",
                Login {
                    user,
                    password,
                    asked: 0,
                },
            )
            .await
    } else if has(capabilities, "LOGINDISABLED") {
        let offered = words(&capabilities.join(" "));
        return Err(SourceError::NoLogin {
            server: server.address(),
            offered,
        });
    } else {
        client.login(user, password).await
    };
    match result {
        Ok(session) => Ok(Session::new(server, session)),
        Err((async_imap::error::Error::No(text), _)) => Err(refused(server, &text)),
        Err((error, _)) => Err(imap_error(server, error)),
    }
}

/// async-imap tells the server's words as `code: …, info: Some("…")`.
fn refused(server: &Server, text: &str) -> SourceError {
    let said = text
        .split_once("Some(\"")
        .and_then(|(_, rest)| rest.rsplit_once("\")"));
    let answer = words(said.map_or(text, |(said, _)| said));
    let (server, user) = (server.address(), server.user.clone());
    if is_busy(&answer) {
        return SourceError::Busy { server, answer };
    }
    SourceError::WrongPassword {
        server,
        user,
        answer,
    }
}

fn has(capabilities: &[String], name: &str) -> bool {
    capabilities.iter().any(|it| it == name)
}

fn not_encrypted(server: &Server) -> SourceError {
    SourceError::NotEncrypted {
        server: server.address(),
        command: "STARTTLS",
        instead: format!("imaps://…@{}", server.host),
    }
}

struct Plain<'a> {
    user: &'a str,
    password: &'a str,
}

impl Authenticator for Plain<'_> {
    type Response = zeroize::Zeroizing<Vec<u8>>;

    fn process(&mut self, _: &[u8]) -> Self::Response {
        format!("\0{}\0{}", self.user, self.password)
            .into_bytes()
            .into()
    }
}

/// Asks for the user name, then for the password, in words that differ by server.
struct Login<'a> {
    user: &'a str,
    password: &'a str,
    asked: u8,
}

impl Authenticator for Login<'_> {
    type Response = zeroize::Zeroizing<Vec<u8>>;

    fn process(&mut self, _: &[u8]) -> Self::Response {
        self.asked = self.asked.saturating_add(1);
        let answer = if self.asked == 1 {
            self.user
        } else {
            self.password
        };
        answer.as_bytes().to_vec().into()
    }
}
