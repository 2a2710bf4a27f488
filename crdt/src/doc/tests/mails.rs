//! The mails of the corpus, and what each must come to. Read by hand from the mails.

use super::expected::EXPECTED;
use super::expected::Outcome::{Cancel, Proposal, Request};
use super::*;
use crate::itip::{Message, Method, messages};
use crate::text::escape;

/// A folder of the corpus; nothing, said aloud, where it is not at hand.
fn corpus(folder: &str) -> Option<std::path::PathBuf> {
    let Some(root) = std::env::var_os("PIMESH_CORPUS") else {
        eprintln!("skipped: PIMESH_CORPUS is not set");
        return None;
    };
    Some(std::path::Path::new(&root).join("corpus/imip").join(folder))
}

/// The calendars in a mail, decoded, with the method that the mail says and its sender. No
/// reader of mails, but enough for these: it looks for the parts alone.
fn calendars(mail: &str) -> Vec<(String, Option<String>, String)> {
    let mail = mail.replace("\r\n", "\n");
    let header = |head: &str, name: &str| -> String {
        let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
        let wanted = format!("{name}:");
        let line = unfolded.lines().find(|l| {
            l.get(..wanted.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(&wanted))
        });
        line.map_or("", |l| l[wanted.len()..].trim()).to_owned()
    };
    let from = header(mail.split("\n\n").next().unwrap(), "From");
    let sender = from
        .rsplit('<')
        .next()
        .unwrap()
        .trim_end_matches('>')
        .to_ascii_lowercase();
    let mut out = Vec::new();
    let top = header(mail.split("\n\n").next().unwrap(), "Content-Type");
    let parts: Vec<&str> = if top.to_ascii_lowercase().starts_with("text/") {
        vec![&mail]
    } else {
        let parts = mail.split("\n--").skip(1);
        parts
            .filter_map(|part| Some(part.split_once('\n')?.1))
            .collect()
    };
    for part in parts {
        let Some((head, body)) = part.split_once("\n\n") else {
            continue;
        };
        let kind = header(head, "Content-Type");
        if !kind.to_ascii_lowercase().starts_with("text/calendar") {
            continue;
        }
        let method = kind
            .split(';')
            .find_map(|p| p.trim().strip_prefix("method="));
        let method = method.map(|m| m.trim_matches('"').to_owned());
        let text = match header(head, "Content-Transfer-Encoding").as_str() {
            "base64" => decode_base64(body),
            "quoted-printable" => {
                let joined = body.replace("=\n", "");
                String::from_utf8(escape::quoted_printable(&joined)).unwrap()
            }
            _ => body.to_owned(),
        };
        out.push((sender.clone(), method, text));
    }
    out
}

fn decode_base64(body: &str) -> String {
    use base64::Engine as _;
    let bare: String = body.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(bare)
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

fn read(mail: &str) -> Vec<Result<Message, crate::normalise::Problem>> {
    let all = calendars(mail);
    assert!(!all.is_empty(), "{mail:.300}");
    let of = |(sender, method, text): &(String, Option<String>, String)| {
        let text = Text::read(text.as_bytes()).unwrap();
        messages(&text, method.as_deref(), std::slice::from_ref(sender))
    };
    all.iter().flat_map(of).collect()
}

fn mail(folder: &std::path::Path, name: &str) -> String {
    let path = folder.join(format!(
        "calendar__test__browser__invitations__data__{name}.eml"
    ));
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

fn plain<'a>(item: &'a Item, name: &str) -> &'a str {
    item.value(name).map_or("", |stored| {
        crate::item::register::Stored::read(stored).value
    })
}

fn start(item: &Item) -> &str {
    let when = item.value("WHEN").unwrap_or("");
    let line = when.lines().find(|line| line.starts_with("DTSTART"));
    line.and_then(|line| line.rsplit(':').next()).unwrap_or("")
}

/// The answers, in the order of the addresses.
fn answers(item: &Item) -> Vec<&str> {
    let mut all: Vec<(String, &str)> = item
        .values
        .iter()
        .filter(|(at, _)| key::name(at) == "ATTENDEE")
        .map(|(_, stored)| {
            let read = crate::item::register::Stored::read(stored);
            let says = read
                .parameters()
                .value_of("PARTSTAT")
                .unwrap_or("NEEDS-ACTION");
            (read.value.to_ascii_lowercase(), says)
        })
        .collect();
    all.sort();
    all.into_iter().map(|(_, says)| says).collect()
}

#[test]
fn every_mail_of_thunderbirds_tests_comes_to_what_it_says() {
    let Some(folder) = corpus("comm-central") else {
        return;
    };
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), EXPECTED.len());
    for (name, expected) in &EXPECTED {
        let all = read(&mail(&folder, name));
        assert_eq!(all.len(), 1, "{name}");
        match (all[0].as_ref().unwrap(), expected) {
            (
                Message::Change { change, method, .. },
                Request(uid, summary, status, sequence, at, says),
            ) => {
                assert_eq!(*method, Method::Request, "{name}");
                let shown = Document::load([change.bytes.as_slice()])
                    .unwrap()
                    .view()
                    .shown();
                let item = &shown.item;
                assert!(shown.live, "{name}");
                assert_eq!(item.uid, *uid);
                assert_eq!(plain(item, "SUMMARY"), *summary, "{name}");
                assert_eq!(plain(item, "STATUS"), *status, "{name}");
                assert_eq!(plain(item, "SEQUENCE"), sequence.to_string(), "{name}");
                assert_eq!(start(item), *at, "{name}");
                assert_eq!(answers(item), *says, "{name}");
            }
            (
                Message::Change {
                    change,
                    method,
                    item,
                    ..
                },
                Cancel(uid, sequence),
            ) => {
                assert_eq!(*method, Method::Cancel, "{name}");
                assert_eq!(item.uid, *uid);
                let shown = Document::load([change.bytes.as_slice()])
                    .unwrap()
                    .view()
                    .shown();
                assert!(!shown.live, "{name}");
                assert_eq!(
                    plain(&shown.item, "SEQUENCE"),
                    sequence.to_string(),
                    "{name}"
                );
            }
            (Message::Proposal(parsed), Proposal(uid, summary)) => {
                assert_eq!(parsed.item.uid, *uid);
                assert_eq!(plain(&parsed.item, "SUMMARY"), *summary, "{name}");
            }
            (found, expected) => panic!("{name}: {found:?} is not {expected:?}"),
        }
    }
}

#[test]
fn the_mails_about_one_event_show_the_same_in_both_orders() {
    let Some(folder) = corpus("comm-central") else {
        return;
    };
    let change = |name: &str| match read(&mail(&folder, name)).remove(0).unwrap() {
        Message::Change { change, .. } => change.bytes,
        Message::Proposal(_) => panic!("{name}"),
    };
    for (names, status, sequence, at) in [
        (
            &["repeat-event", "cancel-repeat-event"][..],
            "CANCELLED",
            "1",
            "20220316T110000Z",
        ),
        (
            &["repeat-event", "repeat-update-major"],
            "CONFIRMED",
            "2",
            "20220316T050000Z",
        ),
        (
            &["update-major", "cancel-single-event"],
            "CONFIRMED",
            "2",
            "20220316T050000Z",
        ),
        (
            &["repeat-event", "cancel-repeat-event", "repeat-update-major"],
            "CONFIRMED",
            "2",
            "20220316T050000Z",
        ),
    ] {
        let mut changes: Vec<Vec<u8>> = names.iter().map(|name| change(name)).collect();
        for _ in 0..2 {
            let shown = Document::load(changes.iter().map(Vec::as_slice))
                .unwrap()
                .view()
                .shown();
            assert!(shown.live);
            assert_eq!(shown.conflicts, [], "{names:?}");
            assert_eq!(plain(&shown.item, "STATUS"), status, "{names:?}");
            assert_eq!(plain(&shown.item, "SEQUENCE"), sequence, "{names:?}");
            assert_eq!(start(&shown.item), at, "{names:?}");
            changes.reverse();
        }
    }
}

/// The mails of a mailbox file.
fn mailbox(file: &str) -> Option<Vec<String>> {
    let bytes = std::fs::read(corpus("libical")?.join(file)).unwrap();
    let text = format!(
        "\n{}",
        String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
    );
    let mut mails: Vec<String> = Vec::new();
    for part in text.split("\nFrom ").skip(1) {
        mails.push(part.split_once('\n').unwrap().1.to_owned());
    }
    Some(mails)
}

#[test]
fn every_example_of_rfc_2446_that_its_author_forwarded_edits_nothing() {
    let Some(mails) = mailbox("src__Net-ICal-Libical__test-data__2446.mime") else {
        return;
    };
    assert_eq!(mails.len(), 53);
    let mut refused = std::collections::BTreeMap::new();
    let mut proposals = 0;
    for message in mails.iter().flat_map(|mail| read(mail)) {
        match message {
            Ok(Message::Proposal(_)) => proposals += 1,
            Ok(Message::Change { item, .. }) => panic!("{item:?}"),
            Err(problem) => {
                let why = problem
                    .reason
                    .split(['@', ';', ','])
                    .next()
                    .unwrap()
                    .to_owned();
                *refused.entry(why).or_insert(0) += 1;
            }
        }
    }
    let refused: Vec<(String, i32)> = refused.into_iter().collect();
    let expected = [
        ("a cancellation from eric", 5),
        ("an answer from eric", 10),
        ("method ADD is not read", 3),
        ("method COUNTER is not read", 2),
        ("method DECLINECOUNTER is not read", 1),
        ("method REFRESH is not read", 2),
    ];
    assert_eq!(refused, expected.map(|(why, n)| (why.to_owned(), n)));
    // 24 requests, one of them with two events, and 6 publications
    assert_eq!(proposals, 31);
}

#[test]
fn the_examples_of_libical_come_to_what_they_say() {
    let Some(mails) = mailbox("src__Net-ICal-Libical__test-data__mail-examples") else {
        return;
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for message in mails.iter().flat_map(|mail| read(mail)) {
        // the senders are foo1 to foo6, the organizer is another in every one of them
        let Ok(Message::Proposal(parsed)) = message else {
            panic!("{message:?}")
        };
        found.push((
            parsed.item.uid.clone(),
            plain(&parsed.item, "SUMMARY").to_owned(),
        ));
    }
    let expected = [
        ("calsvr.example.com-873970198738777", "Phone Conference"),
        ("calsvr.example.com-8739701987387771", "Phone Conference"),
        ("calsvr.example.com-8739701987387771", "Phone Conference"),
        ("CALSVR.EXAMPLE.COM-873970198738777-1", "Company Picnic"),
        (
            "CALSVR.EXAMPLE.COM-873970198738777-2",
            "Company Bowling Tournament",
        ),
        ("calsvr.example.com-8739701987387772", "Phone Conference"),
        ("calsvr.example.com-td-8739701987387773", "Phone Conference"),
        (
            "calsvr.example.com-873970198738777-8aa",
            "Let's discuss the attached document",
        ),
    ];
    let expected: Vec<(String, String)> = expected
        .iter()
        .map(|(u, s)| ((*u).into(), (*s).into()))
        .collect();
    assert_eq!(found, expected);
}
