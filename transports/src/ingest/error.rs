//! Why a source cannot be read. Every text says what a person can do about it.

use std::io;
use std::path::PathBuf;

/// Why a source cannot be read now, or at all.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The host name has no address, or nobody answers there.
    #[error("cannot reach {server}; check the name and the port, and that this device is online")]
    Unreachable {
        /// Host and port.
        server: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The connection broke while in use.
    #[error("the connection to {server} broke; it will be tried again")]
    Broken {
        /// Host and port.
        server: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The server's certificate is not accepted.
    #[error("{server} is not trusted: {reason}")]
    Untrusted {
        /// Host and port.
        server: String,
        /// What is wrong with the certificate, and what to do.
        reason: String,
    },
    /// The file with extra root certificates cannot be used.
    #[error("{path}: {reason}; `ca` must name a PEM file with at least one certificate")]
    BadCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The server has no encryption on a port where we must begin without.
    #[error(
        "{server} does not offer {command}, so the password would travel in the clear; use \
         {instead} or, only on a network of your own, add `?insecure` to the address"
    )]
    NotEncrypted {
        /// Host and port.
        server: String,
        /// STARTTLS or STLS.
        command: &'static str,
        /// The address form to use.
        instead: String,
    },
    /// User name or password are wrong.
    #[error(
        "{server} refused the user name or password of {user} ({answer}); check both, and \
         whether the provider wants an app password"
    )]
    WrongPassword {
        /// Host and port.
        server: String,
        /// Who tried.
        user: String,
        /// The server's own words.
        answer: String,
    },
    /// The password has characters that the protocol cannot carry.
    #[error("the password has a line break or a zero byte in it, which {protocol} cannot send")]
    UnsendablePassword {
        /// IMAP or POP3.
        protocol: &'static str,
    },
    /// The server offers no way of logging in that we know.
    #[error("{server} offers no login with a password; it offers {offered}")]
    NoLogin {
        /// Host and port.
        server: String,
        /// What the server lists.
        offered: String,
    },
    /// The server asks to come back later.
    #[error("{server} is busy ({answer}); it will be tried again")]
    Busy {
        /// Host and port.
        server: String,
        /// The server's own words.
        answer: String,
    },
    /// The folder in the address does not exist or cannot be opened.
    #[error("{server} cannot open the folder {folder:?} ({answer}); `?folders=*` reads all")]
    NoFolder {
        /// Host and port.
        server: String,
        /// The folder.
        folder: String,
        /// The server's own words.
        answer: String,
    },
    /// The server lacks something that we need.
    #[error("{server} lacks {what}, without which mails would be read again and again")]
    Lacks {
        /// Host and port.
        server: String,
        /// The missing command.
        what: &'static str,
    },
    /// The server answers something that its protocol does not allow.
    #[error("{server} answers what {protocol} does not allow: {answer}")]
    Protocol {
        /// Host and port.
        server: String,
        /// IMAP or POP3.
        protocol: &'static str,
        /// What it answered, cut.
        answer: String,
    },
    /// The server sends more than we are ready to hold.
    #[error("{server} sends more than {limit} bytes in one answer; the connection was closed")]
    TooMuch {
        /// Host and port.
        server: String,
        /// How much one answer may have.
        limit: u64,
    },
    /// A file or folder on this device cannot be read.
    #[error("cannot read {path}; check that it exists and that you may read it")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The path is there and is something else than the address says.
    #[error("{path} is not {expected}")]
    NotThat {
        /// The path.
        path: PathBuf,
        /// What the address says.
        expected: &'static str,
    },
}

impl SourceError {
    /// True when trying again later, with nothing changed, may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Broken { .. } | Self::Busy { .. } => true,
            Self::File { source, .. } => source.kind() != io::ErrorKind::NotFound,
            Self::Untrusted { .. }
            | Self::BadCa { .. }
            | Self::NotEncrypted { .. }
            | Self::WrongPassword { .. }
            | Self::UnsendablePassword { .. }
            | Self::NoLogin { .. }
            | Self::NoFolder { .. }
            | Self::Lacks { .. }
            | Self::Protocol { .. }
            | Self::TooMuch { .. }
            | Self::NotThat { .. } => false,
        }
    }

    /// True when the source can work again once somebody does something: a new password,
    /// a certificate, another path.
    pub fn needs_person(&self) -> bool {
        match self {
            Self::Untrusted { .. }
            | Self::BadCa { .. }
            | Self::NotEncrypted { .. }
            | Self::WrongPassword { .. }
            | Self::UnsendablePassword { .. }
            | Self::NoFolder { .. }
            | Self::NotThat { .. } => true,
            Self::File { .. } => !self.is_retryable(),
            Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::Busy { .. }
            | Self::NoLogin { .. }
            | Self::Lacks { .. }
            | Self::Protocol { .. }
            | Self::TooMuch { .. } => false,
        }
    }

    /// True when neither time nor a person on this side can help: the server cannot do it.
    pub fn is_final(&self) -> bool {
        !self.is_retryable() && !self.needs_person()
    }
}
