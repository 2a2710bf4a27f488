//! A mailbox with invitations, their updates and cancellations, visiting cards, and mails
//! with nothing in them for us.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::data::{Scale, generated};
use crate::seed::Chance;

/// What a reader of a mailbox must find: UID and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Events and their titles.
    pub events: BTreeMap<String, String>,
    /// Visiting cards and their names.
    pub contacts: BTreeMap<String, String>,
}

/// Makes a Maildir in this folder, by `gen.py` where it is at hand, else here.
pub fn maildir(scale: Scale, folder: &Path) -> Truth {
    if !generated(scale, "maildir", folder) {
        return made(scale, folder);
    }
    let text = fs::read(folder.join("truth.json")).unwrap();
    let said: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let mut truth = Truth::default();
    for (uid, event) in said["events"].as_object().unwrap() {
        let title = event["title"].as_str().unwrap().to_owned();
        truth.events.insert(uid.clone(), title);
    }
    for (uid, name) in said["contacts"].as_object().unwrap() {
        let name = name.as_str().unwrap().to_owned();
        truth.contacts.insert(uid.clone(), name);
    }
    truth
}

/// The same made here: each third event is moved once, each fifth called off.
pub fn made(scale: Scale, folder: &Path) -> Truth {
    let (mut mails, mut truth) = (Vec::new(), Truth::default());
    for i in 0..scale.events {
        let uid = format!("meeting-{i}@example.org");
        mails.push(invitation(&uid, "REQUEST", 0, &format!("Meeting {i}")));
        let mut title = format!("Meeting {i}");
        if i % 3 == 1 {
            title = format!("Meeting {i}, moved");
            mails.push(invitation(&uid, "REQUEST", 1, &title));
        }
        if i % 5 == 2 {
            mails.push(invitation(&uid, "CANCEL", 2, &title));
        }
        truth.events.insert(uid, title);
    }
    for i in 0..scale.contacts {
        let (uid, name) = (format!("card-{i}@example.org"), format!("Zoë Card {i}"));
        mails.push(card(i, &uid, &name));
        truth.contacts.insert(uid, name);
        mails.push(mail(
            &format!("plain-{i}"),
            "text/plain",
            "Nothing here for you.\r\n",
        ));
    }
    let maildir = folder.join("Maildir");
    for (number, mail) in mails.iter().enumerate() {
        let (place, flags) = [("new", ""), ("cur", ":2,S")][number % 2];
        let name = format!("{}.M{number}P1.made{flags}", 1_795_000_000 + number);
        fs::create_dir_all(maildir.join(place)).unwrap();
        fs::write(maildir.join(place).join(name), mail).unwrap();
    }
    fs::create_dir_all(maildir.join("tmp")).unwrap();
    truth
}

/// A copy of a Maildir with the mails in another order.
pub fn shuffled(maildir: &Path, into: &Path, chance: &mut Chance) {
    let mut mails = Vec::new();
    for place in ["cur", "new"] {
        fs::create_dir_all(into.join(place)).unwrap();
        for entry in fs::read_dir(maildir.join(place)).unwrap() {
            mails.push(entry.unwrap().path());
        }
    }
    mails.sort();
    chance.shuffle(&mut mails);
    for (number, mail) in mails.iter().enumerate() {
        let name = format!("{}.M{number}P1.shuffled:2,S", 1_795_000_000 + number);
        fs::copy(mail, into.join("cur").join(name)).unwrap();
    }
}

fn mail(id: &str, kind: &str, body: &str) -> String {
    format!(
        "From: Ann <ann@example.org>\r\nTo: me@example.net\r\nSubject: {id}\r\n\
         Message-ID: <{id}@example.org>\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\n\
         MIME-Version: 1.0\r\nContent-Type: {kind}; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{body}"
    )
}

fn invitation(uid: &str, method: &str, sequence: u32, title: &str) -> String {
    let status = ["CONFIRMED", "CANCELLED"][usize::from(method == "CANCEL")];
    let title = title.replace(',', "\\,");
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//pimesh//tests//EN\r\nMETHOD:{method}\r\n\
         BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:2026010{}T090000Z\r\nSEQUENCE:{sequence}\r\n\
         DTSTART:20260210T{}0000Z\r\nDTEND:20260210T150000Z\r\nSUMMARY:{title}\r\n\
         STATUS:{status}\r\nORGANIZER:mailto:ann@example.org\r\n\
         ATTENDEE;RSVP=TRUE:mailto:me@example.net\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        sequence + 1,
        sequence + 10,
    );
    let kind = format!("text/calendar; method={method}");
    mail(&format!("{method}-{sequence}-{uid}"), &kind, &text)
}

fn card(i: usize, uid: &str, name: &str) -> String {
    let version = ["3.0", "4.0"][i % 2];
    let text = format!(
        "BEGIN:VCARD\r\nVERSION:{version}\r\nUID:{uid}\r\nFN:{name}\r\nN:Card {i};Zoë;;;\r\n\
         EMAIL:card{i}@example.org\r\nTEL:+49 30 {i:05}\r\nEND:VCARD\r\n"
    );
    mail(&format!("card-{i}"), "text/vcard", &text)
}
