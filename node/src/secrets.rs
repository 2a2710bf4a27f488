//! The passwords of sources, encrypted where they are stored.
//!
//! ```text
//!  home/secrets/key            32 random bytes, 0600, made when first needed
//!  home/secrets/<hash>.sealed  nonce (24) · XChaCha20-Poly1305(credential), one per source
//! ```
//!
//! The source's name is authenticated with the text, so one source's file cannot be put
//! in another's place. The key lies beside what it opens: this protects a copied database
//! or a single leaked file, not a copied home. Nothing here is ever logged: [`Secret`]
//! shows `***`, and is wiped when dropped.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::Stdio;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::home::{self, HomeError};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// A password command that prints more than this is not printing a password.
const LONGEST_OUTPUT: usize = 64 * 1024;

/// A text that is never shown or logged, and wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// How to get a source's password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// The password itself.
    Password(Secret),
    /// A command for `sh -c` that prints it on its first line; run at each sync.
    Command(String),
}

/// Why a credential cannot be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A file could not be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read the key.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The key file is not a key.
    #[error("{} is damaged: {bytes} bytes instead of {KEY_BYTES}", path.display())]
    BadKey {
        /// Which file.
        path: PathBuf,
        /// How long it is.
        bytes: usize,
    },
    /// The stored text is not what was stored under this name with this key.
    #[error("the stored password of `{0}` is damaged or belongs to another key")]
    Sealed(String),
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    Random,
    /// The password command could not be started.
    #[error("cannot run the password command")]
    Command(#[source] io::Error),
    /// The password command said no.
    #[error("the password command ended with {status}: {stderr}")]
    CommandFailed {
        /// Its exit status.
        status: std::process::ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// The password command printed nothing usable.
    #[error("the password command printed no password on its first line")]
    NoPassword,
}

impl Credential {
    /// The password: the stored one, or what the command prints now. May be dropped
    /// half-way; a running command is then killed.
    pub async fn password(&self) -> Result<Secret, SecretError> {
        let command = match self {
            Self::Password(secret) => return Ok(secret.clone()),
            Self::Command(command) => command,
        };
        let output = tokio::process::Command::new("sh")
            .arg("-c")
            .arg(command)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(SecretError::Command)?;
        let stdout = Zeroizing::new(output.stdout);
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(SecretError::CommandFailed {
                status: output.status,
                stderr,
            });
        }
        let text = (stdout.len() <= LONGEST_OUTPUT)
            .then(|| std::str::from_utf8(&stdout).ok())
            .flatten()
            .ok_or(SecretError::NoPassword)?;
        match text.lines().next() {
            None | Some("") => Err(SecretError::NoPassword),
            Some(line) => Ok(Secret::new(line)),
        }
    }
}

/// The stored credentials of one home.
#[derive(Clone, Debug)]
pub struct Secrets {
    folder: PathBuf,
}

impl Secrets {
    /// Those in this folder, which need not exist yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Stores or replaces the credential of a source.
    pub fn store(&self, source: &str, credential: &Credential) -> Result<(), SecretError> {
        let cipher = XChaCha20Poly1305::new((&*self.key_or_new()?).into());
        let nonce = random::<NONCE_BYTES>()?;
        let plain = Zeroizing::new(
            serde_json::to_vec(credential).map_err(|_| SecretError::Sealed(source.to_owned()))?,
        );
        let payload = Payload {
            msg: &plain,
            aad: source.as_bytes(),
        };
        let sealed = cipher
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| SecretError::Sealed(source.to_owned()))?;
        let path = self.path(source);
        home::write_private(&path, &[&nonce, sealed.as_slice()].concat()).map_err(|error| {
            SecretError::File {
                path,
                source: error,
            }
        })
    }

    /// The credential of a source, if one is stored.
    pub fn load(&self, source: &str) -> Result<Option<Credential>, SecretError> {
        let path = self.path(source);
        let sealed = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(SecretError::File {
                    path,
                    source: error,
                });
            }
        };
        let damaged = || SecretError::Sealed(source.to_owned());
        let (nonce, text) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(damaged)?;
        let cipher = XChaCha20Poly1305::new((&*self.key()?).into());
        let payload = Payload {
            msg: text,
            aad: source.as_bytes(),
        };
        let plain = cipher
            .decrypt(XNonce::from_slice(nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| damaged())?;
        serde_json::from_slice(&plain)
            .map(Some)
            .map_err(|_| damaged())
    }

    /// Forgets the credential of a source. Nothing stored is fine.
    pub fn forget(&self, source: &str) -> Result<(), SecretError> {
        let path = self.path(source);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SecretError::File {
                path,
                source: error,
            }),
            _ => Ok(()),
        }
    }

    fn path(&self, source: &str) -> PathBuf {
        let name = blake3::hash(source.as_bytes()).to_hex();
        self.folder.join(format!("{}.sealed", &name[..32]))
    }

    fn key(&self) -> Result<Zeroizing<[u8; KEY_BYTES]>, SecretError> {
        let path = self.folder.join("key");
        home::require_private(&path)?;
        let bytes = Zeroizing::new(fs::read(&path).map_err(|source| SecretError::File {
            path: path.clone(),
            source,
        })?);
        let key =
            <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| SecretError::BadKey {
                bytes: bytes.len(),
                path,
            })?;
        Ok(Zeroizing::new(key))
    }

    /// The key, made if there is none: never over one that is there.
    fn key_or_new(&self) -> Result<Zeroizing<[u8; KEY_BYTES]>, SecretError> {
        let path = self.folder.join("key");
        let file_error = |source| SecretError::File {
            path: path.clone(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(file_error)?;
        if !path.exists() {
            let key = Zeroizing::new(random::<KEY_BYTES>()?);
            home::create_private(&path, &*key).map_err(file_error)?;
        }
        self.key()
    }
}

fn random<const N: usize>() -> Result<[u8; N], SecretError> {
    let mut bytes = [0; N];
    OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|_| SecretError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> (tempfile::TempDir, Secrets) {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Secrets::at(dir.path().join("secrets"));
        (dir, secrets)
    }

    #[test]
    fn a_password_is_read_back_and_never_lies_in_the_open() {
        let (_dir, secrets) = secrets();
        let credential = Credential::Password(Secret::new("correct horse"));
        secrets.store("mail", &credential).unwrap();
        assert_eq!(secrets.load("mail").unwrap(), Some(credential));
        for entry in fs::read_dir(&secrets.folder).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(5).any(|window| window == b"horse"));
        }
    }

    #[test]
    fn one_sources_password_cannot_be_put_in_anothers_place() {
        let (_dir, secrets) = secrets();
        let credential = Credential::Password(Secret::new("a"));
        secrets.store("mail", &credential).unwrap();
        fs::copy(secrets.path("mail"), secrets.path("evil")).unwrap();
        assert!(matches!(secrets.load("evil"), Err(SecretError::Sealed(_))));
    }

    #[test]
    fn forgetting_leaves_nothing_and_may_be_repeated() {
        let (_dir, secrets) = secrets();
        secrets
            .store("mail", &Credential::Command("pass mail".into()))
            .unwrap();
        secrets.forget("mail").unwrap();
        secrets.forget("mail").unwrap();
        assert_eq!(secrets.load("mail").unwrap(), None);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let credential = Credential::Password(Secret::new("hunter2"));
        assert!(!format!("{credential:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn a_password_command_gives_its_first_line() {
        let credential = Credential::Command("printf 'one\\ntwo\\n'".into());
        assert_eq!(credential.password().await.unwrap().reveal(), "one");
    }

    #[tokio::test]
    async fn a_password_command_that_fails_says_why() {
        let credential = Credential::Command("echo locked >&2; exit 3".into());
        let error = credential.password().await.unwrap_err();
        assert!(error.to_string().contains("locked"), "{error}");
        let silent = Credential::Command("true".into());
        assert!(matches!(
            silent.password().await,
            Err(SecretError::NoPassword)
        ));
    }
}
