//! Maildirs and mbox files that grow, move and are rewritten between two looks.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::*;

async fn open(url: &str) -> Result<Source, SourceError> {
    Source::open(&url.parse().unwrap(), Secret::default()).await
}

/// Reads to the end; returns the mails' texts, sorted, and the cursor.
async fn drain(source: &mut Source, mut cursor: Cursor) -> (Vec<String>, Cursor) {
    let mut texts = Vec::new();
    while let Some(batch) = source.next_batch(&cursor).await.unwrap() {
        assert_eq!(batch.problems, []);
        texts.extend(
            batch
                .mails
                .into_iter()
                .map(|it| String::from_utf8(it.bytes).unwrap()),
        );
        cursor = batch.cursor.to_string().parse().unwrap();
    }
    texts.sort();
    (texts, cursor)
}

const NOTHING: [&str; 0] = [];

fn maildir(root: &Path, folders: &[&str]) {
    for folder in folders {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(root.join(folder).join(part)).unwrap();
        }
    }
}

/// As if the folder had been quiet for an hour, so that its time counts.
fn age(root: &Path, directory: &str) {
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::open(root.join(directory))
        .unwrap()
        .set_modified(hour_ago)
        .unwrap();
}

#[tokio::test]
async fn a_maildir_mail_is_read_once_wherever_it_moves() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    maildir(root, &["", ".Work", ".Trash"]);
    fs::write(root.join("new/1.a"), "a").unwrap();
    fs::write(root.join("cur/2.b:2,S"), "b").unwrap();
    fs::write(root.join(".Work/cur/3.c:2,"), "c").unwrap();
    fs::write(root.join(".Trash/cur/4.d:2,T"), "d").unwrap();
    fs::write(root.join("tmp/5.e"), "e").unwrap();
    let mut source = open(&format!("maildir:{}", root.display())).await.unwrap();
    let (texts, cursor) = drain(&mut source, Cursor::default()).await;
    assert_eq!(texts, ["a", "b", "c"]);
    fs::rename(root.join("new/1.a"), root.join("cur/1.a:2,S")).unwrap();
    fs::rename(root.join("cur/2.b:2,S"), root.join(".Work/cur/2.b:2,RS")).unwrap();
    let (texts, cursor) = drain(&mut source, cursor).await;
    assert_eq!(texts, NOTHING);
    for directory in ["cur", "new", ".Work/cur", ".Work/new"] {
        age(root, directory);
    }
    let (texts, cursor) = drain(&mut source, cursor).await;
    assert_eq!(texts, NOTHING);
    assert!(source.next_batch(&cursor).await.unwrap().is_none());
    fs::write(root.join("new/6.f"), "f").unwrap();
    fs::remove_file(root.join("cur/1.a:2,S")).unwrap();
    let mut anew = open(&format!("maildir:{}", root.display())).await.unwrap();
    let (texts, cursor) = drain(&mut anew, cursor).await;
    assert_eq!(texts, ["f"]);
    assert_eq!(drain(&mut source, cursor).await.0, NOTHING);
}

#[tokio::test]
async fn a_large_maildir_comes_in_batches() {
    let root = tempfile::tempdir().unwrap();
    maildir(root.path(), &[""]);
    for number in 0..BATCH_MAILS + 1 {
        fs::write(
            root.path().join(format!("new/{number:05}")),
            format!("{number}"),
        )
        .unwrap();
    }
    let mut source = open(&format!("maildir:{}", root.path().display()))
        .await
        .unwrap();
    let first = source
        .next_batch(&Cursor::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.mails.len(), BATCH_MAILS);
    let again = source
        .next_batch(&Cursor::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        again, first,
        "a cursor that was not kept brings the same batch"
    );
    let (rest, _) = drain(&mut source, first.cursor).await;
    assert_eq!(rest, [BATCH_MAILS.to_string()]);
}

#[tokio::test]
async fn an_mbox_that_grows_is_read_from_where_it_was_left() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("in.mbox");
    let append = |text: &str| {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    append(
        "From a@x Mon Jan  1 10:00:00 2024\nSubject: 1\n\n>From here\n>>From there\nFrom now on\n\nFrom what I heard\n\n",
    );
    append("From - Mon Jan  1 10:00:00 2024\r\nSubject: 2\r\n\r\n\r\n");
    let mut source = open(&format!("mbox:{}", path.display())).await.unwrap();
    let (texts, cursor) = drain(&mut source, Cursor::default()).await;
    assert_eq!(
        texts,
        [
            "Subject: 1\n\nFrom here\n>From there\nFrom now on\n\nFrom what I heard\n",
            "Subject: 2\r\n\r\n"
        ]
    );
    assert_eq!(drain(&mut source, cursor.clone()).await.0, NOTHING);
    append("From b@x Mon Jan  1 10:00:00 2024\nSubject: 3\n\nhal");
    let (texts, cursor) = drain(&mut source, cursor).await;
    assert_eq!(texts, ["Subject: 3\n\nhal"]);
    append("f\n\nFrom c@x Mon Jan  1 10:00:00 2024\nSubject: 4\n\n");
    let (texts, cursor) = drain(&mut source, cursor).await;
    assert_eq!(
        texts,
        ["Subject: 3\n\nhalf\n", "Subject: 4\n"],
        "the half mail comes again, whole"
    );
    fs::write(&path, "From d@x Mon Jan  1 10:00:00 2024\nSubject: 5\n\n").unwrap();
    assert_eq!(
        drain(&mut source, cursor).await.0,
        ["Subject: 5\n"],
        "a rewritten file is read anew"
    );
}

#[tokio::test]
async fn an_mbox_comes_in_batches() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("in.mbox");
    let text: String = (0..BATCH_MAILS + 1)
        .map(|it| format!("From a@x Mon Jan  1 10:00:00 2024\nSubject: {it}\n\nx\n\n"))
        .collect();
    fs::write(&path, text).unwrap();
    let mut source = open(&format!("mbox:{}", path.display())).await.unwrap();
    let first = source
        .next_batch(&Cursor::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.mails.len(), BATCH_MAILS);
    assert_eq!(drain(&mut source, first.cursor).await.0.len(), 1);
}

#[tokio::test]
async fn a_mail_in_a_file_is_read_once() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.eml");
    fs::write(&path, "Subject: x\n\n").unwrap();
    let mut source = open(&format!("eml:{}", path.display())).await.unwrap();
    let (texts, cursor) = drain(&mut source, Cursor::default()).await;
    assert_eq!(texts, ["Subject: x\n\n"]);
    assert_eq!(drain(&mut source, cursor).await.0, NOTHING);
}

#[tokio::test]
async fn a_mail_over_the_limit_is_named_and_the_rest_goes_on() {
    let root = tempfile::tempdir().unwrap();
    maildir(root.path(), &[""]);
    fs::File::create(root.path().join("new/big"))
        .unwrap()
        .set_len(LARGEST_MAIL + 1)
        .unwrap();
    fs::write(root.path().join("new/small"), "s").unwrap();
    let mut source = open(&format!("maildir:{}", root.path().display()))
        .await
        .unwrap();
    let batch = source
        .next_batch(&Cursor::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((batch.mails.len(), batch.problems.len()), (1, 1));
    assert!(batch.problems[0].to_string().contains("over the limit"));
    assert_eq!(drain(&mut source, batch.cursor).await.0, NOTHING);
}

#[tokio::test]
async fn a_path_that_is_something_else_is_told() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().display();
    fs::write(root.path().join("x"), "BEGIN:VCARD").unwrap();
    for (url, word) in [
        (format!("maildir:{path}"), "neither `cur` nor `new`"),
        (format!("mbox:{path}/x"), "does not begin with `From `"),
        (format!("eml:{path}"), "is not a file"),
    ] {
        let error = open(&url).await.unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        assert!(error.needs_person());
    }
    let gone = open(&format!("mbox:{path}/gone")).await.unwrap_err();
    assert!(gone.needs_person() && !gone.is_retryable() && !gone.is_final());
}
