//! `pimesh source`: where the password comes from, and what a folder's address is.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::args::{SourceAdd, SourceRemove};
use super::ask;
use super::output::complain;
use crate::api::{Failure, Leaving, NewSource, Request};
use crate::secrets::{Credential, Secret};

/// Sources at these addresses want a password.
const WITH_PASSWORD: [&str; 4] = ["imaps:", "imap:", "pop3s:", "pop3:"];
/// Sources at these addresses are in the file system.
const LOCAL: [&str; 2] = ["maildir:", "mbox:"];
/// More is no password and no list of certificates.
const LONGEST_FILE: u64 = 1024 * 1024;

pub(super) fn add(words: SourceAdd) -> Result<Request, Failure> {
    let url = address(&words.url)?;
    let wants = WITH_PASSWORD.iter().any(|scheme| starts(&url, scheme));
    let credential = match (words.password_file, words.password_command) {
        (Some(path), _) => Some(Credential::Password(password_in(&path)?)),
        (None, Some(command)) => Some(Credential::Command(command)),
        (None, None) if wants && !holds_password(&url) => {
            let how = "give --password-file FILE or --password-command COMMAND";
            Some(Credential::Password(ask::password("Password", how)?))
        }
        (None, None) => None,
    };
    let ca = match words.ca {
        None => None,
        Some(path) => Some(certificates_in(&path)?),
    };
    Ok(Request::SourceAdd(NewSource {
        url,
        name: words.name,
        into: words.into,
        credential,
        insecure: words.insecure,
        ca,
    }))
}

pub(super) fn remove(words: SourceRemove) -> Result<Request, Failure> {
    let name = words.name;
    let items = if words.keep_items {
        Leaving::Keep
    } else if words.remove_items {
        let question = format!("Delete on all devices what came from {name} alone?");
        ask::sure(
            &question,
            words.yes,
            "add --yes to delete without being asked",
        )?;
        Leaving::Remove
    } else {
        let question = format!("What happens to the items that came from {name}?");
        let answers = ["They stay", "They are deleted, on all devices"];
        match ask::choose(&question, &answers, "say --keep-items or --remove-items")? {
            0 => Leaving::Keep,
            _ => Leaving::Remove,
        }
    };
    Ok(Request::SourceRemove { name, items })
}

/// The address as the engine takes it: a plain folder that is a Maildir gets its scheme,
/// a path becomes absolute.
fn address(typed: &str) -> Result<String, Failure> {
    let absolute = |path: &str| {
        std::path::absolute(path)
            .map(|path| path.display().to_string())
            .map_err(|error| Failure::caused_by("cannot tell where this is", &error))
    };
    if let Some(scheme) = LOCAL.iter().find(|scheme| starts(typed, scheme)) {
        let path = &typed[scheme.len()..];
        return match path.starts_with('/') {
            true => Ok(typed.to_owned()),
            false => Ok(format!("{scheme}{}", absolute(path)?)),
        };
    }
    let path = Path::new(typed);
    if path.join("cur").is_dir() && path.join("new").is_dir() {
        return Ok(format!("maildir:{}", absolute(typed)?));
    }
    if path.is_dir() {
        let message = format!("{typed} is a folder, but not a Maildir");
        return Err(Failure::usage(message)
            .hint("to read contacts and calendars once: pimesh import FOLDER"));
    }
    Ok(typed.to_owned())
}

fn starts(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// Then it is not asked for: the engine refuses such an address and says why.
fn holds_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .is_some_and(|(user, _)| user.contains(':'))
}

/// The file without one line end after it.
pub(super) fn password_in(path: &Path) -> Result<Secret, Failure> {
    let bytes = read(path)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::usage("the password is not UTF-8 text"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Failure::usage(format!("{} is empty", path.display())));
    }
    if let Ok(meta) = fs::metadata(path)
        && meta.is_file()
        && meta.permissions().mode() & 0o044 != 0
    {
        complain(&format!(
            "warning: other users can read the password in {0}\n  run: chmod go-rwx '{0}'",
            path.display()
        ));
    }
    Ok(Secret::new(text))
}

fn certificates_in(path: &Path) -> Result<String, Failure> {
    let bytes = read(path)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match text.contains("-----BEGIN CERTIFICATE-----") {
        true => Ok(text),
        false => {
            let message = format!("{} holds no certificate in PEM form", path.display());
            Err(Failure::usage(message)
                .hint("convert it: openssl x509 -inform der -in FILE -out FILE.pem"))
        }
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let done = match path.as_os_str() == "-" {
        true => io::stdin()
            .lock()
            .take(LONGEST_FILE)
            .read_to_end(&mut bytes),
        false => {
            fs::File::open(path).and_then(|file| file.take(LONGEST_FILE).read_to_end(&mut bytes))
        }
    };
    done.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::not_found(format!("there is no file {}", path.display()))
        }
        _ => Failure::caused_by(format!("cannot read {}", path.display()), &error),
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_file_loses_one_line_end_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        for (text, password) in [
            ("a b \n", "a b "),
            ("x\r\n", "x"),
            ("y\n\n", "y\n"),
            ("z", "z"),
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(password_in(&path).unwrap().reveal(), password);
        }
        fs::write(&path, "\n").unwrap();
        assert!(password_in(&path).is_err());
    }

    #[test]
    fn a_folder_that_is_a_maildir_needs_no_scheme() {
        let dir = tempfile::tempdir().unwrap();
        let typed = dir.path().display().to_string();
        assert!(address(&typed).is_err());
        fs::create_dir(dir.path().join("cur")).unwrap();
        fs::create_dir(dir.path().join("new")).unwrap();
        assert_eq!(address(&typed).unwrap(), format!("maildir:{typed}"));
        assert_eq!(address("imaps://a@b").unwrap(), "imaps://a@b");
    }

    #[test]
    fn relative_paths_mean_the_callers_folder_not_the_nodes() {
        let here = std::env::current_dir().unwrap();
        let expected = format!("mbox:{}", here.join("mail").display());
        assert_eq!(address("mbox:mail").unwrap(), expected);
    }

    #[test]
    fn an_address_with_a_password_is_left_to_the_engine_to_refuse() {
        assert!(holds_password("imaps://ann:secret@example.org/INBOX"));
        assert!(!holds_password("imaps://ann@example.org:993"));
        assert!(!holds_password("imaps://ann%40example.org@example.org:993"));
    }
}
