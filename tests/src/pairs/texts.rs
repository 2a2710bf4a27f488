//! The items as they are before anybody does anything, and what files and mails say of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::grid::{Cell, Theme};

/// Who invites.
const BOSS: &str = "boss@example.org";
/// Who answers.
const CAT: &str = "cat@example.org";

/// What stands in a text, and what shall stand there.
pub(super) type Swap = (String, String);

pub(super) fn swap(old: &str, new: &str) -> Swap {
    (old.to_owned(), new.to_owned())
}

/// A photo that is kept outside of the document.
pub(super) fn photo(seed: u8) -> String {
    let bytes: Vec<u8> = (0..1200u32).map(|n| seed ^ (n % 251) as u8).collect();
    STANDARD.encode(bytes)
}

/// A card, or the component of an event, with lines added and replaced.
pub(super) fn text(cell: &Cell, uid: &str, replaced: &[Swap]) -> String {
    let mut text = match cell.theme {
        Theme::Contacts => card(uid),
        Theme::Events => event(uid),
    };
    for (old, new) in replaced {
        let new = new.replace('\n', "\r\n");
        assert!(text.contains(old), "{old} is not in {text}");
        text = text.replace(old, &new);
    }
    text
}

fn card(uid: &str) -> String {
    let photo = photo(0);
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//book//EN\r\nUID:{uid}\r\nN:Lambert;Ann;;;\r\n\
         FN:Ann Lambert\r\nTITLE:old\r\nNOTE:old\r\nTEL;TYPE=CELL:+49 171 1\r\n\
         TEL;TYPE=HOME:+49 30 2\r\nORG:Yard\r\nPHOTO;ENCODING=b;TYPE=JPEG:{photo}\r\nEND:VCARD\r\n"
    )
}

fn event(uid: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20270101T000000Z\r\nSEQUENCE:0\r\n\
         DTSTART:20270104T100000Z\r\nDTEND:20270104T110000Z\r\nRRULE:FREQ=WEEKLY;COUNT=10\r\n\
         SUMMARY:old\r\nDESCRIPTION:old\r\nLOCATION:Yard\r\nORGANIZER:mailto:{BOSS}\r\n\
         ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:me@example.org\r\n\
         ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{CAT}\r\n\
         BEGIN:VALARM\r\nUID:alarm\r\nACTION:DISPLAY\r\nDESCRIPTION:old\r\nTRIGGER:-PT15M\r\n\
         END:VALARM\r\nEND:VEVENT\r\n"
    )
}

/// A file of these.
pub(super) fn file(theme: Theme, texts: &[String]) -> String {
    match theme {
        Theme::Contacts => texts.concat(),
        Theme::Events => format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//book//EN\r\n{}END:VCALENDAR\r\n",
            texts.concat()
        ),
    }
}

/// What a mail brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mail {
    Invitation,
    Answer,
    Update,
    Cancel,
}

/// A mail about this event; `by` tells two mails of one kind apart.
pub(super) fn mail(cell: &Cell, mail: Mail, by: &str) -> String {
    let uid = cell.uid();
    let (method, from) = match mail {
        Mail::Invitation | Mail::Update => ("REQUEST", BOSS),
        Mail::Answer => ("REPLY", CAT),
        Mail::Cancel => ("CANCEL", BOSS),
    };
    let event = match mail {
        Mail::Invitation => event(&uid),
        Mail::Update => text(
            cell,
            &uid,
            &[
                swap("SEQUENCE:0", "SEQUENCE:1"),
                swap("DTSTAMP:20270101", "DTSTAMP:20270102"),
                swap("SUMMARY:old", "SUMMARY:updated"),
                swap("LOCATION:Yard", "LOCATION:Loft"),
                swap("DTSTART:20270104T10", "DTSTART:20270104T12"),
                swap("DTEND:20270104T11", "DTEND:20270104T13"),
            ],
        ),
        Mail::Cancel => text(
            cell,
            &uid,
            &[
                swap("SEQUENCE:0", "SEQUENCE:1"),
                swap("DTSTAMP:20270101", "DTSTAMP:20270103"),
                swap("SUMMARY:old", "STATUS:CANCELLED\nSUMMARY:old"),
            ],
        ),
        Mail::Answer => format!(
            "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20270102T000000Z\r\nSEQUENCE:0\r\n\
             DTSTART:20270104T100000Z\r\nSUMMARY:old\r\nORGANIZER:mailto:{BOSS}\r\n\
             ATTENDEE;PARTSTAT=ACCEPTED:mailto:{CAT}\r\nEND:VEVENT\r\n"
        ),
    };
    let calendar = file(Theme::Events, &[event]);
    let calendar = calendar.replacen("VERSION:2.0", &format!("VERSION:2.0\r\nMETHOD:{method}"), 1);
    format!(
        "From {from} Mon Jan  4 10:00:00 2027\r\nFrom: {from}\r\nTo: me@example.org\r\n\
         Subject: {uid}\r\nMessage-ID: <{method}-{by}-{uid}@example.org>\r\n\
         Date: Mon, 4 Jan 2027 10:00:00 +0000\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/calendar; method={method}; charset=utf-8\r\n\r\n{calendar}\r\n"
    )
}
