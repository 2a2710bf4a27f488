//! Against a real server: `tests/mailserver/up.sh DIR`, then `PIMESH_MAILSERVER=DIR/env`.
//! Every test uses an account of its own, so they run side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// The running server, or nothing, said aloud, where there is none.
struct Server {
    env: BTreeMap<String, String>,
}

impl Server {
    fn running() -> Option<Self> {
        let Some(path) = std::env::var_os("PIMESH_MAILSERVER") else {
            println!("skipped: PIMESH_MAILSERVER not set");
            return None;
        };
        let text = fs::read_to_string(path).unwrap();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Some(Self {
            env: pairs
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        })
    }

    fn env(&self, name: &str) -> &str {
        &self.env[&format!("PIMESH_MAIL_{name}")]
    }

    fn password(&self, user: &str) -> String {
        let users = fs::read_to_string(self.env("USERS")).unwrap();
        let found = users
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{user}\t")));
        found.unwrap().to_owned()
    }

    fn maildir(&self, user: &str) -> PathBuf {
        Path::new(self.env("DIR"))
            .join("mail")
            .join(user)
            .join("Maildir")
    }

    /// Takes away what an earlier run left.
    fn empty(&self, user: &str) {
        let mut waiting = vec![self.maildir(user)];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()) {
                if entry.is_dir() {
                    waiting.push(entry);
                } else if folder.ends_with("cur") || folder.ends_with("new") {
                    fs::remove_file(entry).unwrap();
                }
            }
        }
    }

    /// Puts mails into a folder (`""` for the inbox) the way a delivery does.
    fn deliver(&self, user: &str, folder: &str, names: &[&str]) {
        let folder = self.maildir(user).join(folder);
        for name in names {
            let text = format!("From: a@x.org\r\nSubject: {name}\r\n\r\n.dot\r\n..\r\nend");
            fs::write(folder.join("new").join(name), text).unwrap();
        }
    }

    fn url(&self, scheme: &str, user: &str, rest: &str) -> SourceUrl {
        let port = self.env(&scheme.to_ascii_uppercase());
        let join = if rest.contains('?') { "&" } else { "?" };
        let url = format!(
            "{scheme}://{user}@localhost:{port}{rest}{join}ca={}",
            self.env("CA")
        );
        url.parse().unwrap()
    }

    async fn open(&self, url: &SourceUrl, user: &str) -> Result<Source, SourceError> {
        Source::open(url, Secret::new(self.password(user))).await
    }
}

/// Reads to the end; returns the subjects and the cursor.
async fn drain(source: &mut Source, mut cursor: Cursor) -> (Vec<String>, Cursor) {
    let (mut subjects, mut keys) = (Vec::new(), BTreeSet::new());
    while let Some(batch) = source.next_batch(&cursor).await.unwrap() {
        assert_eq!(batch.problems, []);
        assert!(batch.mails.len() <= BATCH_MAILS);
        for mail in batch.mails {
            assert!(
                mail.bytes.ends_with(b"\r\n.dot\r\n..\r\nend") || mail.bytes.ends_with(b"end\r\n")
            );
            subjects.push(read_mail(&mail.bytes).subject.unwrap());
            assert!(keys.insert(mail.key));
        }
        cursor = batch.cursor.to_string().parse().unwrap();
    }
    subjects.sort();
    (subjects, cursor)
}

/// Every way in reads all mails, once, and later only what is new.
async fn reads_once(scheme: &str, user: &str) {
    let Some(server) = Server::running() else {
        return;
    };
    server.empty(user);
    server.deliver(user, "", &["one", "two"]);
    let url = server.url(scheme, user, "");
    let mut source = server.open(&url, user).await.unwrap();
    let (subjects, cursor) = drain(&mut source, Cursor::default()).await;
    assert_eq!(subjects, ["one", "two"]);
    let (again, cursor) = drain(&mut source, cursor).await;
    assert_eq!(again, [""; 0], "the same source, asked again");
    server.deliver(user, "", &["three"]);
    let (new, cursor) = drain(&mut source, cursor).await;
    assert_eq!(new, ["three"]);
    let mut anew = server.open(&url, user).await.unwrap();
    let (again, _) = drain(&mut anew, cursor).await;
    assert_eq!(again, [""; 0], "a new source with the kept cursor");
    let (all, _) = drain(&mut anew, Cursor::default()).await;
    assert_eq!(
        all,
        ["one", "three", "two"],
        "without a cursor everything comes again"
    );
}

#[tokio::test]
async fn imaps_reads_every_mail_once() {
    reads_once("imaps", "alice@example.org").await;
}

#[tokio::test]
async fn imap_with_starttls_reads_every_mail_once() {
    reads_once("imap", "bob@example.org").await;
}

#[tokio::test]
async fn pop3s_reads_every_mail_once() {
    reads_once("pop3s", "carol@example.org").await;
}

#[tokio::test]
async fn pop3_with_stls_reads_every_mail_once() {
    reads_once("pop3", "dave@example.org").await;
}

#[tokio::test]
async fn odd_names_and_passwords_log_in() {
    let Some(server) = Server::running() else {
        return;
    };
    for scheme in ["imaps", "imap", "pop3s", "pop3"] {
        let url = server.url(scheme, "j%C3%B6rg%40example.org", "");
        server.open(&url, "jörg@example.org").await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_and_needs_a_person() {
    let Some(server) = Server::running() else {
        return;
    };
    for scheme in ["imaps", "imap", "pop3s", "pop3"] {
        let url = server.url(scheme, "alice@example.org", "");
        let error = Source::open(&url, Secret::new("wröng".into()))
            .await
            .unwrap_err();
        assert!(
            matches!(error, SourceError::WrongPassword { .. }),
            "{error}"
        );
        assert!(error.needs_person() && !error.is_retryable());
        assert!(
            error.to_string().contains("alice@example.org") && !error.to_string().contains("wröng")
        );
        let line_break = Source::open(&url, Secret::new("a\r\nb".into()))
            .await
            .unwrap_err();
        assert!(matches!(line_break, SourceError::UnsendablePassword { .. }));
    }
}

#[tokio::test]
async fn an_unknown_authority_or_another_name_is_refused() {
    let Some(server) = Server::running() else {
        return;
    };
    for scheme in ["imaps", "imap", "pop3s", "pop3"] {
        let with_ca = server.url(scheme, "alice@example.org", "").to_string();
        let without = with_ca.split_once('?').unwrap().0.parse().unwrap();
        let error = server
            .open(&without, "alice@example.org")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("ca="), "{error}");
        assert!(error.needs_person());
        let by_number = with_ca.replace("localhost", "127.0.0.1").parse().unwrap();
        let error = server
            .open(&by_number, "alice@example.org")
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("another name than 127.0.0.1"),
            "{error}"
        );
    }
    let wrong_port = format!(
        "imaps://a@localhost:{}?ca={}",
        server.env("IMAP"),
        server.env("CA")
    );
    let error = server
        .open(&wrong_port.parse().unwrap(), "alice@example.org")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    let bad_ca = format!(
        "imaps://a@localhost:{}?ca=/nowhere.pem",
        server.env("IMAPS")
    );
    let error = server
        .open(&bad_ca.parse().unwrap(), "alice@example.org")
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::BadCa { .. }), "{error}");
}

#[tokio::test]
async fn nothing_is_encrypted_only_where_a_person_asks_for_it() {
    let Some(server) = Server::running() else {
        return;
    };
    for scheme in ["imap", "pop3"] {
        let url = server.url(scheme, "alice@example.org", "/?insecure");
        server.open(&url, "alice@example.org").await.unwrap();
    }
}

#[tokio::test]
async fn reading_changes_no_flag_and_no_file() {
    let Some(server) = Server::running() else {
        return;
    };
    let user = "erin@example.org";
    server.empty(user);
    server.deliver(user, "", &["unread"]);
    let maildir = server.maildir(user);
    fs::write(
        maildir.join("cur/read:2,S"),
        "From: a@x.org\r\nSubject: read\r\n\r\nend\r\n",
    )
    .unwrap();
    let url = server.url("imaps", user, "/?folders=*");
    let mut source = server.open(&url, user).await.unwrap();
    let (subjects, _) = drain(&mut source, Cursor::default()).await;
    assert_eq!(subjects, ["read", "unread"]);
    // `\Recent` is the server's own mark: it may move the file, but must not flag it.
    let names = |folder: &str| -> BTreeSet<String> {
        let files = fs::read_dir(maildir.join(folder)).unwrap();
        files
            .map(|it| it.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    };
    let all: BTreeSet<String> = names("cur").into_iter().chain(names("new")).collect();
    let flags = |name: &str| {
        let file = all.iter().find(|it| it.starts_with(name)).unwrap();
        file.split_once(":2,")
            .map_or(String::new(), |(_, flags)| flags.to_owned())
    };
    assert_eq!(
        (all.len(), flags("unread"), flags("read:")),
        (2, String::new(), "S".to_owned())
    );
}

#[tokio::test]
async fn folders_are_read_without_spam_and_anew_when_their_numbers_change() {
    let Some(server) = Server::running() else {
        return;
    };
    let user = "frank@example.org";
    server.empty(user);
    let url = server.url("imaps", user, "/?folders=*");
    drain(
        &mut server.open(&url, user).await.unwrap(),
        Cursor::default(),
    )
    .await;
    let work = server.maildir(user).join(".Entw&APw-rfe");
    for folder in [&work, &server.maildir(user).join(".Junk")] {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        give_away(folder, &server.maildir(user));
    }
    server.deliver(user, ".Entw&APw-rfe", &["first", "second"]);
    server.deliver(user, ".Junk", &["spam"]);
    server.deliver(user, "", &["inbox"]);
    let mut source = server.open(&url, user).await.unwrap();
    let (subjects, cursor) = drain(&mut source, Cursor::default()).await;
    assert_eq!(subjects, ["first", "inbox", "second"]);
    for entry in fs::read_dir(&work).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("dovecot") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let (again, cursor) = drain(&mut source, cursor).await;
    assert_eq!(again, ["first", "second"]);
    assert_eq!(drain(&mut source, cursor).await.0, [""; 0]);
    let one = server.url("imaps", user, "/Entw%C3%BCrfe");
    let (subjects, _) = drain(
        &mut server.open(&one, user).await.unwrap(),
        Cursor::default(),
    )
    .await;
    assert_eq!(subjects, ["first", "second"]);
    let none = server.url("imaps", user, "/Nothing");
    let mut source = server.open(&none, user).await.unwrap();
    let error = source.next_batch(&Cursor::default()).await.unwrap_err();
    assert!(matches!(error, SourceError::NoFolder { .. }), "{error}");
}

/// A folder made by root must belong to the server's account.
fn give_away(folder: &Path, like: &Path) {
    use std::os::unix::fs::MetadataExt;
    let owner = fs::metadata(like).unwrap();
    for path in [
        folder.to_owned(),
        folder.join("cur"),
        folder.join("new"),
        folder.join("tmp"),
    ] {
        std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
}

#[tokio::test]
async fn more_mails_than_a_batch_come_in_batches_and_go_on_after_a_break() {
    let Some(server) = Server::running() else {
        return;
    };
    let user = "demo@example.org";
    server.empty(user);
    let names: Vec<String> = (0..BATCH_MAILS + 50)
        .map(|it| format!("m{it:03}"))
        .collect();
    server.deliver(
        user,
        "",
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    for scheme in ["imaps", "pop3s"] {
        let url = server.url(scheme, user, "");
        let mut source = server.open(&url, user).await.unwrap();
        let first = source
            .next_batch(&Cursor::default())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(first.mails.len(), BATCH_MAILS);
        let repeated = source
            .next_batch(&Cursor::default())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            repeated, first,
            "a cursor that was not kept brings the same batch"
        );
        drop(source);
        let mut source = server.open(&url, user).await.unwrap();
        assert_eq!(drain(&mut source, first.cursor).await.0.len(), 50);
    }
}

#[tokio::test]
async fn nobody_there_is_retried() {
    let url = "imaps://a@127.0.0.1:1".parse().unwrap();
    let error = Source::open(&url, Secret::default()).await.unwrap_err();
    assert!(
        error.is_retryable() && error.to_string().contains("cannot reach 127.0.0.1:1"),
        "{error}"
    );
}
