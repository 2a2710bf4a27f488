//! Mails of every shape, and what is found in them.

use std::time::{Duration, Instant};

use super::*;

const EVENT: &str = "BEGIN:VCALENDAR\r\nSUMMARY:Käse\r\nEND:VCALENDAR\r\n";

fn mail(header: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("From: A <A@Example.org>\r\n{header}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn only_part(bytes: &[u8]) -> Part {
    let mail = read_mail(bytes);
    assert_eq!(mail.problems, [], "{}", String::from_utf8_lossy(bytes));
    assert_eq!(mail.parts.len(), 1, "{}", String::from_utf8_lossy(bytes));
    mail.parts[0].clone()
}

fn reasons(bytes: &[u8]) -> Vec<String> {
    read_mail(bytes)
        .problems
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn encode(label: &str, text: &str) -> Vec<u8> {
    let units = || text.encode_utf16();
    match label {
        "UTF-16LE" => units().flat_map(u16::to_le_bytes).collect(),
        "UTF-16BE" | "UTF-16" => units().flat_map(u16::to_be_bytes).collect(),
        _ => encoding_rs::Encoding::for_label(label.as_bytes())
            .unwrap()
            .encode(text)
            .0
            .into_owned(),
    }
}

#[test]
fn the_envelope_is_read() {
    let bytes = "From: =?utf-8?Q?J=C3=B6rg?= <J\u{f6}rg@Example.ORG>\r\nSender: C@X.org\r\n\
                 Subject: =?ISO-8859-1?Q?K=E4se?=\r\n heute\r\nMessage-ID: <m1@x.org>\r\n\
                 Date: Mon, 1 Jan 2024 12:00:00 +0100\r\n\r\nhello\r\n";
    let mail = read_mail(bytes.as_bytes());
    assert_eq!(mail.from, ["j\u{f6}rg@example.org"]);
    assert_eq!(mail.subject.as_deref(), Some("Käse heute"));
    assert_eq!(mail.message_id.as_deref(), Some("m1@x.org"));
    assert_eq!(mail.date, Some(Timestamp(1_704_106_800_000)));
    assert_eq!((mail.parts.len(), mail.problems.len()), (0, 0));
}

#[test]
fn every_declared_charset_becomes_utf8() {
    for (label, text) in [
        ("utf-8", "Käse 🧀"),
        ("ISO-8859-1", "Käse"),
        ("iso-8859-15", "Käse €"),
        ("windows-1252", "Käse „€“"),
        ("windows-1251", "Встреча"),
        ("KOI8-R", "Встреча"),
        ("ISO-2022-JP", "会議の予定"),
        ("Shift_JIS", "会議の予定"),
        ("EUC-KR", "회의"),
        ("gb2312", "会议"),
        ("big5", "會議"),
        ("UTF-16", "Käse 会議"),
        ("UTF-16LE", "Käse 会議"),
        ("UTF-16BE", "Käse 会議"),
    ] {
        let text = format!("BEGIN:VCALENDAR\r\nSUMMARY:{text}\r\nEND:VCALENDAR\r\n");
        let body = encode(label, &text);
        let header = format!("Content-Type: text/calendar; charset=\"{label}\"");
        let base64 = format!("{header}\r\nContent-Transfer-Encoding: base64");
        let part = only_part(&mail(
            &base64,
            crate::ingest::base64::encode(&body).as_bytes(),
        ));
        assert_eq!(String::from_utf8(part.bytes).unwrap(), text, "{label}");
        if !label.starts_with("UTF-16") {
            assert_eq!(
                only_part(&mail(&header, &body)).bytes,
                text.as_bytes(),
                "{label}"
            );
        }
    }
}

#[test]
fn bytes_that_do_not_fit_their_charset_stay_as_they_came() {
    let latin = encode("iso-8859-1", EVENT);
    let undeclared = only_part(&mail("Content-Type: text/calendar", &latin));
    assert_eq!(undeclared.bytes, latin);
    let ascii = only_part(&mail(
        "Content-Type: text/calendar; charset=us-ascii",
        EVENT.as_bytes(),
    ));
    assert_eq!(ascii.bytes, EVENT.as_bytes());
    for charset in ["utf-8", "x-klingon", "iso-2022-kr"] {
        let bytes = mail(
            &format!("Content-Type: text/calendar; charset={charset}"),
            &latin,
        );
        assert_eq!(read_mail(&bytes).parts[0].bytes, latin, "{charset}");
        assert!(reasons(&bytes)[0].contains("kept as it came"), "{charset}");
    }
}

#[test]
fn soft_breaks_may_cut_a_character_in_two() {
    let header = "Content-Type: text/calendar; charset=utf-8; method=request\r\n\
                  Content-Transfer-Encoding: Quoted-Printable";
    let body = b"BEGIN:VCALENDAR\r\nSUMMARY:K=C3=\r\n=A4se =3D a=b =F0=9F=  \r\n=A7=80 \t\r\nEND:VCALENDAR=\r\n";
    let part = only_part(&mail(header, body));
    assert_eq!(
        String::from_utf8(part.bytes).unwrap(),
        "BEGIN:VCALENDAR\r\nSUMMARY:Käse = a=b 🧀\r\nEND:VCALENDAR"
    );
    assert_eq!(
        part.kind,
        PartKind::Calendar {
            method: Some("REQUEST".into())
        }
    );
}

#[test]
fn base64_with_junk_is_read_and_told() {
    let header = "Content-Type: text/vcard\r\nContent-Transfer-Encoding: base64";
    let bytes = mail(
        header,
        b"QkVHSU46$$V\r\n!kNBUkQ=\r\n_____\r\nA mailing list's footer.\r\n",
    );
    assert_eq!(read_mail(&bytes).parts[0].bytes, b"BEGIN:VCARD");
    assert!(reasons(&bytes)[0].contains("were left out"));
}

#[test]
fn parts_are_known_by_type_or_by_name() {
    let calendar = PartKind::Calendar { method: None };
    for (header, kind) in [
        ("Content-Type: text/calendar", Some(calendar.clone())),
        (
            "Content-Type: application/ics; name=x",
            Some(calendar.clone()),
        ),
        ("Content-Type: text/x-vcalendar", Some(calendar.clone())),
        ("Content-Type: TEXT/X-vCard", Some(PartKind::Card)),
        (
            "Content-Type: text/directory; profile=vCard",
            Some(PartKind::Card),
        ),
        ("Content-Type: text/directory", None),
        (
            "Content-Type: application/octet-stream; name=\"a b.ICS\"",
            Some(calendar.clone()),
        ),
        (
            "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=j.vcf",
            Some(PartKind::Card),
        ),
        (
            "Content-Type: image/png\r\nContent-Disposition: inline;\r\n filename*=utf-8''K%C3%A4se%2Evcf",
            Some(PartKind::Card),
        ),
        (
            "Content-Disposition: attachment; filename=i.ics",
            Some(calendar),
        ),
        ("Content-Type: text/plain", None),
        ("X-Nothing: x", None),
    ] {
        let parts = read_mail(&mail(header, b"x")).parts;
        assert_eq!(
            parts.first().map(|part| part.kind.clone()),
            kind,
            "{header}"
        );
    }
}

fn multipart(kind: &str, boundary: &str, parts: &[&str]) -> String {
    let parts: String = parts
        .iter()
        .map(|part| format!("--{boundary}\r\n{part}\r\n"))
        .collect();
    format!(
        "Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n\r\n{parts}--{boundary}--\r\n"
    )
}

#[test]
fn the_same_invitation_twice_is_one_part() {
    let inline =
        format!("Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\n{EVENT}");
    let file = format!(
        "Content-Type: application/ics; name=invite.ics\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
        crate::ingest::base64::encode(EVENT.replace("\r\n", "\n").as_bytes())
    );
    let other = format!("Content-Type: text/calendar; method=CANCEL\r\n\r\n{EVENT}");
    let text = "Content-Type: text/plain\r\n\r\nhello";
    let inner = multipart("alternative", "b2", &[text, &inline]);
    let body = multipart("mixed", "b", &[&inner, &file, &other]);
    let mail = read_mail(format!("From: a@x.org\r\n{body}").as_bytes());
    assert_eq!(mail.problems, []);
    assert_eq!(mail.parts.len(), 2);
    assert_eq!(
        mail.parts[0].kind,
        PartKind::Calendar {
            method: Some("REQUEST".into())
        }
    );
    assert_eq!(mail.parts[0].name.as_deref(), Some("invite.ics"));
}

#[test]
fn what_lies_in_a_forwarded_mail_is_marked() {
    let card = "From: stranger@x.org\r\nContent-Type: text/vcard\r\n\r\nBEGIN:VCARD";
    let plain = format!("Content-Type: message/rfc822\r\n\r\n{card}");
    let encoded = format!(
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
        crate::ingest::base64::encode(card.replace("VCARD", "VCARD2").as_bytes())
    );
    let own = "Content-Type: text/vcard\r\n\r\nBEGIN:OWN";
    let body = multipart("mixed", "b", &[&plain, &encoded, own]);
    let mail = read_mail(format!("From: a@x.org\r\n{body}").as_bytes());
    let seen: Vec<_> = mail
        .parts
        .iter()
        .map(|it| {
            (
                String::from_utf8_lossy(&it.bytes).into_owned(),
                it.forwarded,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("BEGIN:VCARD".into(), true),
            ("BEGIN:VCARD2".into(), true),
            ("BEGIN:OWN".into(), false)
        ]
    );
    assert_eq!(mail.from, ["a@x.org"]);
    let digest = multipart("digest", "d", &[&format!("\r\n{card}")]);
    assert!(only_part(format!("From: a@x.org\r\n{digest}").as_bytes()).forwarded);
}

#[test]
fn a_mail_without_its_last_boundary_is_still_read() {
    let cut = multipart(
        "mixed",
        "b",
        &["Content-Type: text/vcard\r\n\r\nBEGIN:VCARD"],
    )
    .replace("--b--\r\n", "");
    assert_eq!(
        only_part(cut.as_bytes()).bytes.trim_ascii_end(),
        b"BEGIN:VCARD"
    );
    let inner =
        "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: text/vcard\r\n\r\nX";
    let outer = multipart("mixed", "b", &[inner, "Content-Type: text/vcard\r\n\r\nY"]);
    let parts = read_mail(outer.as_bytes()).parts;
    assert_eq!(
        (parts[0].bytes.as_slice(), parts[1].bytes.as_slice()),
        (&b"X"[..], &b"Y"[..])
    );
}

fn fast(bytes: &[u8]) -> Mail {
    let start = Instant::now();
    let mail = read_mail(bytes);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    mail
}

#[test]
fn hostile_mails_cost_one_pass_and_name_the_limit() {
    let card = "Content-Type: text/vcard\n\nBEGIN:VCARD\n";
    let nested: String = (0..2_000)
        .map(|it| {
            format!(
                "--b{it}\nContent-Type: multipart/mixed; boundary=b{}\n\n",
                it + 1
            )
        })
        .collect();
    let deep = fast(
        format!("Content-Type: multipart/mixed; boundary=b0\n\n{nested}--b0\n{card}--b0--\n")
            .as_bytes(),
    );
    assert!(deep.problems[0].reason.contains("deeper than 32"));
    assert_eq!(deep.parts.len(), 1, "what follows the deep part is read");

    let many = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n{card}{}",
        "--b\n\nx\n".repeat(50_000)
    );
    let many = fast(many.as_bytes());
    assert!(many.problems[0].reason.contains("more than 1000 parts"));
    assert_eq!(many.parts.len(), 1);

    let forwarded = fast(
        "Content-Type: message/rfc822\n\n"
            .repeat(100_000)
            .as_bytes(),
    );
    assert!(forwarded.problems[0].reason.contains("deeper than 32"));

    let long = format!(
        "X-Long: {}\nContent-Type: text/vcard\n\nBEGIN:VCARD\n",
        "a".repeat(8 << 20)
    );
    assert_eq!(fast(long.as_bytes()).parts.len(), 1);
    let sender = format!("From: {}\n{card}", "a@x.org,\n ".repeat(800_000));
    assert!(fast(sender.as_bytes()).problems[0].place == "header");

    let unclosed: String = (0..20_000)
        .map(|it| format!("--b\nContent-Type: multipart/mixed; boundary=c{it}\n\nx\n"))
        .collect();
    fast(format!("Content-Type: multipart/mixed; boundary=b\n\n{unclosed}").as_bytes());
}

#[test]
fn too_many_decoded_bytes_are_named_and_the_rest_goes_on() {
    let big = format!(
        "Content-Type: text/vcard; name=big.vcf\r\n\r\n{}",
        "x".repeat(MOST_DECODED + 1)
    );
    let body = multipart("mixed", "b", &[&big, "Content-Type: text/vcard\r\n\r\nY"]);
    let mail = fast(body.as_bytes());
    assert_eq!(mail.parts.len(), 1);
    assert!(mail.problems[0].to_string().contains("big.vcf"));
}

#[test]
fn an_unknown_transfer_encoding_is_named() {
    let bytes = mail(
        "Content-Type: text/calendar\r\nContent-Transfer-Encoding: x-uuencode",
        b"begin 644 x",
    );
    assert!(reasons(&bytes)[0].contains("x-uuencode"));
    assert!(reasons(&mail("Content-Type: text/vcard", b"\r\n"))[0].contains("empty"));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        read_mail(&bytes);
    }

    #[test]
    fn no_mail_like_text_makes_it_panic(pieces in proptest::collection::vec(proptest::sample::select(&[
        "\n", "\r\n", "--b", "--b--", "Content-Type: multipart/mixed; boundary=b", "From: <", ">", "=?utf-8?Q?=",
        "Content-Type: text/calendar; charset=utf-16", "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64",
        "Date: Mon, 99", ";", "*0*=utf-8''%", "\"", ":", " ", "é", "name",
    ][..]), 0..60)) {
        read_mail(pieces.concat().as_bytes());
    }
}

/// The folder of real and hostile files that the workspace's CI has; absent elsewhere.
#[test]
fn real_and_hostile_files_are_read_quickly() {
    let Some(corpus) = std::env::var_os("PIMESH_CORPUS").map(std::path::PathBuf::from) else {
        println!("skipped: PIMESH_CORPUS not set");
        return;
    };
    let (mut waiting, mut count, mut parts) = (vec![corpus], 0, 0);
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|it| it.unwrap().path()),
            );
        } else if path
            .extension()
            .is_some_and(|it| it == "eml" || it == "mime")
        {
            parts += fast(&std::fs::read(&path).unwrap()).parts.len();
            count += 1;
        }
    }
    println!("{count} mails, {parts} parts");
    assert!(count > 0);
}
