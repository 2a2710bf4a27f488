//! The address of a source, as a person types it.
//!
//! Invariant: never holds, and never shows, a password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use url::Url;

/// Which source to read, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceUrl {
    /// A mailbox over IMAP.
    Imap(Server, Folders),
    /// A mailbox over POP3.
    Pop3(Server),
    /// A folder of mails, one file each, with its subfolders.
    Maildir(PathBuf),
    /// A file of mails.
    Mbox(PathBuf),
    /// A file with one mail.
    Eml(PathBuf),
}

/// A mail server and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name.
    pub user: String,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// A PEM file with root certificates that count beside the platform's.
    pub ca: Option<PathBuf>,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte.
    Tls,
    /// Begins in the clear and is encrypted before the password is sent.
    StartTls,
    /// Not at all, as a person asked for.
    Insecure,
}

/// Which folders of a mailbox are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folders {
    /// This one.
    One(String),
    /// Every folder but those for drafts, spam and deleted mails.
    All,
}

/// Why a text is not the address of a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSourceUrl {
    /// The part before the colon is missing or unknown.
    #[error("{0:?} is not a kind of source; accepted are {FORMS}")]
    Scheme(String),
    /// The text is not a URL.
    #[error("not an address ({0}); accepted are {FORMS}")]
    Syntax(url::ParseError),
    /// A password stands in the address.
    #[error(
        "a password in an address ends in the shell's history; leave it out and give \
         --password-file or --password-command"
    )]
    Password,
    /// The user name is missing.
    #[error("the user name is missing: {0}://USER@HOST")]
    NoUser(String),
    /// The host is missing.
    #[error("the host is missing: {0}://USER@HOST")]
    NoHost(String),
    /// A percent escape gives no UTF-8 text.
    #[error("{0:?} has percent escapes that are not UTF-8")]
    Escape(String),
    /// An option that does not exist, or not for this kind.
    #[error("the option {option:?} is not known for {scheme}; known are {known}")]
    Option {
        /// As written.
        option: String,
        /// The kind of source.
        scheme: String,
        /// What there is.
        known: &'static str,
    },
    /// A value of an option that does not exist.
    #[error("{option}={value} is not known; accepted is {accepted}")]
    Value {
        /// The option.
        option: String,
        /// As written.
        value: String,
        /// What there is.
        accepted: &'static str,
    },
    /// POP3 knows no folders.
    #[error("POP3 has no folders; leave {0:?} out, or use imaps:// where the provider has it")]
    Folder(String),
    /// A path that depends on where the command is run.
    #[error("{0:?} is not an absolute path; a source is read from other folders too")]
    Relative(String),
}

const FORMS: &str = "imaps://USER@HOST[:PORT]/[FOLDER], imap://USER@HOST (STARTTLS), \
                     pop3s://USER@HOST[:PORT], pop3://USER@HOST (STLS), maildir:/PATH, mbox:/PATH \
                     and eml:/PATH";
const IMAP_OPTIONS: &str = "folders=*, ca=FILE and, for imap://, insecure";
const POP3_OPTIONS: &str = "ca=FILE and, for pop3://, insecure";

impl FromStr for SourceUrl {
    type Err = BadSourceUrl;

    fn from_str(text: &str) -> Result<Self, BadSourceUrl> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(':').ok_or_else(|| no_scheme(text))?;
        match scheme.to_ascii_lowercase().as_str() {
            "imaps" => server(text, "imaps", 993, Encryption::Tls),
            "imap" => server(text, "imap", 143, Encryption::StartTls),
            "pop3s" => server(text, "pop3s", 995, Encryption::Tls),
            "pop3" => server(text, "pop3", 110, Encryption::StartTls),
            "maildir" => local(rest).map(Self::Maildir),
            "mbox" => local(rest).map(Self::Mbox),
            "eml" => local(rest).map(Self::Eml),
            _ => Err(no_scheme(scheme)),
        }
    }
}

/// Shows only the beginning of what was typed: a mistyped address may hold a password.
fn no_scheme(text: &str) -> BadSourceUrl {
    let shown = if text.contains('@') { "" } else { text };
    BadSourceUrl::Scheme(shown.chars().take(40).collect())
}

fn local(rest: &str) -> Result<PathBuf, BadSourceUrl> {
    let path = rest
        .strip_prefix("//")
        .filter(|it| it.starts_with('/'))
        .unwrap_or(rest);
    if Path::new(path).is_absolute() {
        Ok(PathBuf::from(path))
    } else {
        Err(BadSourceUrl::Relative(rest.to_owned()))
    }
}

fn server(
    text: &str,
    scheme: &str,
    port: u16,
    encryption: Encryption,
) -> Result<SourceUrl, BadSourceUrl> {
    let url = Url::parse(text).map_err(BadSourceUrl::Syntax)?;
    if url.password().is_some() {
        return Err(BadSourceUrl::Password);
    }
    let host = url.host_str().filter(|it| !it.is_empty());
    let host = unescape(host.ok_or_else(|| BadSourceUrl::NoHost(scheme.to_owned()))?)?;
    let user = unescape(url.username())?;
    if user.is_empty() {
        return Err(BadSourceUrl::NoUser(scheme.to_owned()));
    }
    let folder = unescape(url.path().trim_matches('/'))?;
    let port = url.port().unwrap_or(port);
    let mut server = Server {
        host,
        port,
        user,
        encryption,
        ca: None,
    };
    if scheme.starts_with("pop3") {
        options(&url, &mut server, None)?;
        return match folder.as_str() {
            "" => Ok(SourceUrl::Pop3(server)),
            _ => Err(BadSourceUrl::Folder(folder)),
        };
    }
    let inbox = || Folders::One("INBOX".to_owned());
    let mut folders = if folder.is_empty() {
        inbox()
    } else {
        Folders::One(folder)
    };
    options(&url, &mut server, Some(&mut folders))?;
    Ok(SourceUrl::Imap(server, folders))
}

fn options(
    url: &Url,
    server: &mut Server,
    mut folders: Option<&mut Folders>,
) -> Result<(), BadSourceUrl> {
    for (option, value) in url.query_pairs() {
        let bad_value = |accepted| BadSourceUrl::Value {
            option: option.clone().into_owned(),
            value: value.clone().into_owned(),
            accepted,
        };
        match (option.as_ref(), &mut folders) {
            ("ca", _) if Path::new(value.as_ref()).is_absolute() => {
                server.ca = Some(PathBuf::from(value.as_ref()));
            }
            ("ca", _) => return Err(bad_value("the absolute path of a PEM file")),
            ("insecure", _) if server.encryption != Encryption::Tls => {
                if !matches!(value.as_ref(), "" | "yes" | "1" | "true") {
                    return Err(bad_value("insecure or insecure=yes"));
                }
                server.encryption = Encryption::Insecure;
            }
            ("folders", Some(folders)) if value == "*" => **folders = Folders::All,
            ("folders", Some(_)) => return Err(bad_value("* (one folder stands in the path)")),
            (_, folders) => {
                return Err(BadSourceUrl::Option {
                    option: option.clone().into_owned(),
                    scheme: url.scheme().to_owned(),
                    known: if folders.is_some() {
                        IMAP_OPTIONS
                    } else {
                        POP3_OPTIONS
                    },
                });
            }
        }
    }
    Ok(())
}

impl Server {
    /// Host and port, as errors name it.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn options(&self) -> Vec<String> {
        let ca = self
            .ca
            .as_ref()
            .map(|path| format!("ca={}", escape(&path.to_string_lossy())));
        let insecure = (self.encryption == Encryption::Insecure).then(|| "insecure".to_owned());
        ca.into_iter().chain(insecure).collect()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, scheme: &str) -> fmt::Result {
        let s = if self.encryption == Encryption::Tls {
            "s"
        } else {
            ""
        };
        write!(
            f,
            "{scheme}{s}://{}@{}:{}",
            escape(&self.user),
            self.host,
            self.port
        )
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = match self {
            Self::Imap(server, folders) => {
                server.write(f, "imap")?;
                let mut options = server.options();
                match folders {
                    Folders::One(folder) => write!(f, "/{}", escape(folder))?,
                    Folders::All => options.insert(0, "folders=*".to_owned()),
                }
                options
            }
            Self::Pop3(server) => {
                server.write(f, "pop3")?;
                server.options()
            }
            Self::Maildir(path) => return write!(f, "maildir:{}", path.display()),
            Self::Mbox(path) => return write!(f, "mbox:{}", path.display()),
            Self::Eml(path) => return write!(f, "eml:{}", path.display()),
        };
        if options.is_empty() {
            Ok(())
        } else {
            write!(f, "?{}", options.join("&"))
        }
    }
}

fn unescape(text: &str) -> Result<String, BadSourceUrl> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let pair = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten();
        match pair.and_then(|it| u8::from_str_radix(it, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).map_err(|_| BadSourceUrl::Escape(text.to_owned()))
}

fn escape(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    text.bytes().fold(String::new(), |mut out, byte| {
        if plain(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests;
