//! The texts that people and mail programs bring: small, alike, and each a function of its
//! number, so that two devices can read the very same one.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pimesh_crdt::item::kind;

use crate::seed::Chance;

/// The organiser of every invitation.
pub const ORGANISER: &str = "chair@example.org";

/// Items that are imported: this many, then as many invitations.
pub const ITEMS: usize = 5;
/// Different texts of one item.
pub const TEXTS: usize = 5;
/// Items that are invited to.
pub const INVITATIONS: usize = 2;

/// The `text`-th text of the `item`-th item: a contact, an event or a task.
pub fn text(item: usize, text: usize) -> String {
    let mut chance = Chance::of((item * 97 + text) as u64 ^ 0x7e47);
    match kind(item) {
        kind::VCARD => card(item, &mut chance),
        kind::VTODO => task(item, &mut chance),
        _ => event(item, &mut chance),
    }
}

/// What the `item`-th item is.
pub fn kind(item: usize) -> &'static str {
    [kind::VCARD, kind::VEVENT, kind::VTODO][item % 3]
}

fn card(item: usize, chance: &mut Chance) -> String {
    let name = chance.below(3);
    let mut out = format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:item-{item}\r\nN:Name{name};;;;\r\nFN:Name{name}\r\n"
    );
    for number in 0..4 {
        match chance.below(5) {
            0 => _ = write!(out, "TEL;TYPE=cell:+43 1 20{number}\r\n"),
            1 => _ = write!(out, "TEL;TYPE=cell:+43-1-20{number}\r\n"),
            _ => {}
        }
    }
    for number in 0..3 {
        if chance.below(3) == 0 {
            _ = write!(out, "EMAIL:a{number}@example.org\r\n");
        }
    }
    for name in ["NOTE", "ORG", "TITLE"] {
        if chance.below(2) == 0 {
            _ = write!(out, "{name}:{name} {}\r\n", chance.below(3));
        }
    }
    let labelled = chance.below(4);
    if labelled > 0 {
        _ = write!(out, "item1.URL:http://example.org/{labelled}\r\n");
        _ = write!(out, "item1.X-ABLabel:label {labelled}\r\n");
    }
    if chance.below(4) == 0 {
        let photo = STANDARD.encode(Chance::of(chance.below(3) as u64).bytes(1100));
        _ = write!(out, "PHOTO;ENCODING=b;TYPE=JPEG:{photo}\r\n");
    }
    out + "END:VCARD\r\n"
}

fn singles(out: &mut String, chance: &mut Chance) {
    for name in ["SUMMARY", "LOCATION", "DESCRIPTION"] {
        if chance.below(3) > 0 {
            _ = write!(out, "{name}:{name} {}\r\n", chance.below(3));
        }
    }
    for number in 0..2 {
        if chance.below(3) == 0 {
            _ = write!(out, "CATEGORIES:category {number}\r\n");
        }
    }
}

fn event(item: usize, chance: &mut Chance) -> String {
    let hour = 10 + chance.below(3);
    let mut out = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:item-{item}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T{hour}0000\r\nDTEND:20260105T{hour}3000\r\n\
         RRULE:FREQ=WEEKLY;COUNT={}\r\n",
        5 + chance.below(3)
    );
    singles(&mut out, chance);
    if chance.below(3) == 0 {
        out += "BEGIN:VALARM\r\nUID:alarm\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\n";
        _ = write!(
            out,
            "DESCRIPTION:alarm {}\r\nEND:VALARM\r\n",
            chance.below(2)
        );
    }
    out += "END:VEVENT\r\n";
    if chance.below(3) == 0 {
        _ = write!(
            out,
            "BEGIN:VEVENT\r\nUID:item-{item}\r\nDTSTAMP:20260101T000000Z\r\n\
             RECURRENCE-ID:20260112T100000\r\nDTSTART:20260112T{}0000\r\nSUMMARY:moved\r\nEND:VEVENT\r\n",
            12 + chance.below(2)
        );
    }
    out + "END:VCALENDAR\r\n"
}

fn task(item: usize, chance: &mut Chance) -> String {
    let mut out = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VTODO\r\nUID:item-{item}\r\n\
         DTSTAMP:20260101T000000Z\r\nDUE:2026010{}T100000\r\n",
        1 + chance.below(3)
    );
    singles(&mut out, chance);
    if chance.below(2) == 0 {
        _ = write!(
            out,
            "STATUS:IN-PROCESS\r\nPERCENT-COMPLETE:{}0\r\n",
            1 + chance.below(3)
        );
    }
    out + "END:VTODO\r\nEND:VCALENDAR\r\n"
}

/// An organiser's message, as it stands in a mail.
#[derive(Clone, Debug)]
pub struct Message {
    /// The calendar.
    pub text: String,
    /// SEQUENCE and DTSTAMP.
    pub pair: (u64, String),
    /// REQUEST or CANCEL.
    pub cancels: bool,
}

/// The `version`-th message about an invitation, from 0: requests about the series and about
/// one occurrence, and cancellations of each.
pub fn message(invitation: usize, version: usize) -> Message {
    let sequence = version as u64 / 2;
    let stamp = format!("202601{:02}T000000Z", 1 + version);
    let cancels = version % 5 == 4;
    let method = if cancels { "CANCEL" } else { "REQUEST" };
    let (rid, rule) = if version % 3 == 2 {
        ("RECURRENCE-ID:20260112T090000\r\n", "")
    } else {
        ("", "RRULE:FREQ=WEEKLY;COUNT=6\r\n")
    };
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\n\
         UID:invitation-{invitation}\r\nDTSTAMP:{stamp}\r\nSEQUENCE:{sequence}\r\n{rid}\
         DTSTART:20260105T{:02}0000\r\n{rule}ORGANIZER:mailto:{ORGANISER}\r\n\
         ATTENDEE:mailto:me@example.org\r\nSUMMARY:meeting {version}\r\nLOCATION:room {}\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n",
        9 + version % 4,
        version % 3,
    );
    Message {
        text,
        pair: (sequence, stamp),
        cancels,
    }
}

/// An attendee's answer, as it stands in a mail.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The calendar.
    pub text: String,
    /// SEQUENCE and DTSTAMP.
    pub pair: (u64, String),
    /// PARTSTAT.
    pub says: &'static str,
}

/// The attendee of every invitation.
pub const ATTENDEE: &str = "me@example.org";

/// The `number`-th answer to an invitation, from 0: to the series or to one occurrence.
pub fn answer(invitation: usize, number: usize) -> Answer {
    let sequence = number as u64 / 3;
    let stamp = format!("202602{:02}T000000Z", 1 + number % 5);
    let says = ["ACCEPTED", "DECLINED", "TENTATIVE"][number % 3];
    let rid = match number % 4 {
        3 => "RECURRENCE-ID:20260112T090000\r\n",
        _ => "",
    };
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\n\
         UID:invitation-{invitation}\r\nDTSTAMP:{stamp}\r\nSEQUENCE:{sequence}\r\n{rid}\
         DTSTART:20260105T090000\r\nORGANIZER:mailto:{ORGANISER}\r\n\
         ATTENDEE;PARTSTAT={says}:mailto:{ATTENDEE}\r\nSUMMARY:answer {number}\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    Answer {
        text,
        pair: (sequence, stamp),
        says,
    }
}
