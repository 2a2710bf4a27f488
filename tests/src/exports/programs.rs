//! The habits of four programs.

use std::fmt::Write as _;

use super::{Kind, Number, Person, picture};

/// Whose export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Contacts of Google, "vCard (for iOS Contacts)".
    Google,
    /// Contacts of macOS and iOS, and iCloud.
    Apple,
    /// Outlook for Windows.
    Outlook,
    /// Thunderbird since 102.
    Thunderbird,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Google, Self::Apple, Self::Outlook, Self::Thunderbird];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::Apple => "Apple",
            Self::Outlook => "Outlook",
            Self::Thunderbird => "Thunderbird",
        }
    }

    /// An export to a file. Google and Outlook write no UID; the others have one of their own.
    pub fn export(self, people: &[Person]) -> String {
        let own = |person: &Person| match self {
            Self::Google | Self::Outlook => None,
            Self::Apple => Some(person.uid.clone()),
            Self::Thunderbird => Some(person.uid.to_lowercase().replace("1c2d", "77aa")),
        };
        people
            .iter()
            .map(|person| self.card(person, own(person)))
            .collect()
    }

    /// The same people where the program got them from an account that all share (CardDAV):
    /// the UID is everybody's.
    pub fn shared(self, people: &[Person]) -> String {
        let card = |person: &Person| self.card(person, Some(person.uid.clone()));
        people.iter().map(card).collect()
    }

    fn card(self, person: &Person, uid: Option<String>) -> String {
        let mut lines = match self {
            Self::Google => google(person),
            Self::Apple => apple(person),
            Self::Outlook => outlook(person),
            Self::Thunderbird => thunderbird(person),
        };
        lines.extend(uid.map(|uid| format!("UID:{uid}")));
        lines.insert(0, "BEGIN:VCARD".into());
        lines.push("END:VCARD".into());
        let fold = |line: &String| match self == Self::Outlook {
            true => format!("{line}\r\n"), // it folds photos only, and quoted-printable itself
            false => folded(line),
        };
        lines.iter().map(fold).collect()
    }
}

/// Version 3.0. Types in capitals, one parameter each; numbers as typed; the old escape of the
/// colon in URLs; a photo is a link; everybody is in myContacts; no UID, no REV.
fn google(p: &Person) -> Vec<String> {
    let mut out = vec!["VERSION:3.0".into()];
    out.push(format!("FN:{}", escaped(&p.whole_name(" "))));
    out.push(p.name(false));
    p.text(&mut out, "NICKNAME", &p.nickname);
    for (kind, address) in &p.emails {
        let word = if *kind == Kind::Work { "WORK" } else { "HOME" };
        out.push(format!("EMAIL;TYPE=INTERNET;TYPE={word}:{address}"));
    }
    for (at, (kind, number)) in p.phones.iter().enumerate() {
        let [country, area, rest] = &number.0;
        let number = format!("+{country} {area} {rest}");
        match kind {
            Kind::Labelled => {
                out.push(format!("item{at}.TEL:{number}"));
                out.push(format!("item{at}.X-ABLabel:Boat"));
            }
            Kind::Cell => out.push(format!("TEL;TYPE=CELL:{number}")),
            Kind::Work => out.push(format!("TEL;TYPE=WORK:{number}")),
            Kind::Home => out.push(format!("TEL;TYPE=HOME:{number}")),
        }
    }
    if let Some([street, town, code, country]) = &p.address {
        out.push(format!("ADR;TYPE=HOME:;;{street};{town};;{code};{country}"));
    }
    out.extend(p.organisation(false));
    p.text(&mut out, "TITLE", &p.title);
    out.extend(p.birthday.map(|b| match b.year {
        Some(year) => format!("BDAY:{year}-{:02}-{:02}", b.month, b.day),
        None => format!("BDAY:--{:02}{:02}", b.month, b.day),
    }));
    if !p.url.is_empty() {
        out.push(format!("URL:{}", p.url.replace(':', "\\:")));
    }
    p.text(&mut out, "NOTE", &p.note.join("\n"));
    out.extend(
        p.photo
            .map(|of| format!("PHOTO:https://lh3.example.com/contacts/{of:016x}")),
    );
    let mut categories = p.categories.clone();
    categories.push("myContacts".into());
    out.push(format!("CATEGORIES:{}", categories.join(",")));
    out
}

/// Version 3.0. Types in small letters, VOICE and pref among them; labels in groups; a company
/// always with a department, be it empty; a birthday without year in 1604; its own JPEG; REV.
fn apple(p: &Person) -> Vec<String> {
    let mut out: Vec<String> = vec!["VERSION:3.0".into()];
    out.push("PRODID:-//Apple Inc.//macOS 14.5//EN".into());
    out.push(p.name(false));
    out.push(format!("FN:{}", escaped(&p.whole_name(" "))));
    p.text(&mut out, "NICKNAME", &p.nickname);
    out.extend(p.organisation(true));
    p.text(&mut out, "TITLE", &p.title);
    let pref = |at: usize| if at == 0 { ";type=pref" } else { "" };
    for (at, (kind, address)) in p.emails.iter().enumerate() {
        let word = if *kind == Kind::Work { "WORK" } else { "HOME" };
        out.push(format!(
            "EMAIL;type=INTERNET;type={word}{}:{address}",
            pref(at)
        ));
    }
    let mut item = 0;
    for (at, (kind, number)) in p.phones.iter().enumerate() {
        let [country, area, rest] = &number.0;
        let number = format!("+{country} ({area}) {}-{}", &rest[..3], &rest[3..]);
        match kind {
            Kind::Labelled => {
                item += 1;
                out.push(format!("item{item}.TEL:{number}"));
                out.push(format!("item{item}.X-ABLabel:Boat"));
            }
            Kind::Cell => out.push(format!("TEL;type=CELL;type=VOICE{}:{number}", pref(at))),
            Kind::Work => out.push(format!("TEL;type=WORK;type=VOICE{}:{number}", pref(at))),
            Kind::Home => out.push(format!("TEL;type=HOME;type=VOICE{}:{number}", pref(at))),
        }
    }
    if let Some([street, town, code, country]) = &p.address {
        item += 1;
        out.push(format!(
            "item{item}.ADR;type=HOME;type=pref:;;{street};{town};;{code};{country}"
        ));
        out.push(format!("item{item}.X-ABADR:de"));
    }
    p.text(&mut out, "NOTE", &p.note.join("\n"));
    if !p.url.is_empty() {
        item += 1;
        out.push(format!("item{item}.URL;type=pref:{}", p.url));
        out.push(format!("item{item}.X-ABLabel:_$!<HomePage>!$_"));
    }
    out.extend(p.birthday.map(|b| match b.year {
        Some(year) => format!("BDAY;value=date:{year}-{:02}-{:02}", b.month, b.day),
        None => format!(
            "BDAY;X-APPLE-OMIT-YEAR=1604:1604-{:02}-{:02}",
            b.month, b.day
        ),
    }));
    out.extend(
        p.photo
            .map(|of| format!("PHOTO;ENCODING=b;TYPE=JPEG:{}", picture(of, 1))),
    );
    if !p.categories.is_empty() {
        out.push(format!("CATEGORIES:{}", p.categories.join(",")));
    }
    out.push("REV:2026-05-01T08:00:00Z".into());
    out
}

/// Version 2.1. Bare types, no home or work for e-mail; numbers with brackets; the language of
/// the name; notes and streets in quoted-printable with a line end after the last line; the
/// address once more as a label; a card design; its own JPEG; no birthday without year; REV.
fn outlook(p: &Person) -> Vec<String> {
    let mut out: Vec<String> = vec!["VERSION:2.1".into()];
    let name = p.name(true);
    out.push(name.replacen("N:", "N;LANGUAGE=en-us;CHARSET=utf-8:", 1));
    out.push(format!("FN;CHARSET=utf-8:{}", p.whole_name(" ")));
    if !p.nickname.is_empty() {
        out.push(format!("NICKNAME:{}", p.nickname));
    }
    if !p.company.is_empty() {
        let part = |text: &str| text.replace(';', "\\;");
        let mut organisation = format!("ORG;CHARSET=utf-8:{}", part(&p.company));
        if !p.department.is_empty() {
            organisation += &format!(";{}", part(&p.department));
        }
        out.push(organisation);
    }
    if !p.title.is_empty() {
        out.push(format!("TITLE:{}", p.title));
    }
    if !p.note.is_empty() {
        let note = p
            .note
            .iter()
            .fold(String::new(), |all, line| all + line + "\r\n");
        let printable = quoted_printable(&note);
        out.push(format!(
            "NOTE;CHARSET=utf-8;ENCODING=QUOTED-PRINTABLE:{printable}"
        ));
    }
    out.extend(p.phones.iter().map(outlook_phone));
    if let Some([street, town, code, country]) = &p.address {
        let whole = quoted_printable(&format!(";;{street};{town};;{code};{country}"));
        out.push(format!(
            "ADR;HOME;PREF;CHARSET=utf-8;ENCODING=QUOTED-PRINTABLE:{whole}"
        ));
        let label = quoted_printable(&format!("{street}\r\n{code} {town}\r\n{country}"));
        out.push(format!(
            "LABEL;HOME;PREF;CHARSET=utf-8;ENCODING=QUOTED-PRINTABLE:{label}"
        ));
        out.push("X-MS-OL-DEFAULT-POSTAL-ADDRESS:1".into());
    }
    if !p.url.is_empty() {
        out.push(format!("URL;HOME:{}", p.url));
    }
    let birthday = p.birthday.and_then(|b| Some((b.year?, b)));
    out.extend(birthday.map(|(year, b)| format!("BDAY:{year}{:02}{:02}", b.month, b.day)));
    for (at, (_, address)) in p.emails.iter().enumerate() {
        let pref = if at == 0 { ";PREF" } else { "" };
        out.push(format!("EMAIL{pref};INTERNET:{address}"));
    }
    out.extend(p.photo.map(outlook_photo));
    out.push(
        "X-MS-OL-DESIGN;CHARSET=utf-8:<card xmlns=\"http://schemas.example.com/card\"/>".into(),
    );
    out.push("REV:20260601T090000Z".into());
    out
}

/// With brackets; a label of the person's own is not written.
fn outlook_phone((kind, number): &(Kind, Number)) -> String {
    let [country, area, rest] = &number.0;
    let number = format!("+{country} ({area}) {rest}");
    match kind {
        Kind::Cell => format!("TEL;CELL;VOICE:{number}"),
        Kind::Work => format!("TEL;WORK;VOICE:{number}"),
        Kind::Home => format!("TEL;HOME;VOICE:{number}"),
        Kind::Labelled => format!("TEL;VOICE:{number}"),
    }
}

/// Base64 in lines, with an empty line after it.
fn outlook_photo(of: u64) -> String {
    let bytes = picture(of, 2);
    let lines = bytes.as_bytes().chunks(72).map(String::from_utf8_lossy);
    let lines: Vec<_> = lines.collect();
    format!(
        "PHOTO;TYPE=JPEG;ENCODING=BASE64:\r\n {}\r\n",
        lines.join("\r\n ")
    )
}

/// Version 4.0. Preference as a number; telephone numbers as text; a photo in a data URI; no
/// REV.
fn thunderbird(p: &Person) -> Vec<String> {
    let mut out: Vec<String> = vec!["VERSION:4.0".into()];
    out.push(p.name(false));
    out.push(format!("FN:{}", escaped(&p.whole_name(" "))));
    p.text(&mut out, "NICKNAME", &p.nickname);
    for (at, (kind, address)) in p.emails.iter().enumerate() {
        let word = if *kind == Kind::Work { "work" } else { "home" };
        let pref = if at == 0 { ";PREF=1" } else { "" };
        out.push(format!("EMAIL;TYPE={word}{pref}:{address}"));
    }
    for (kind, number) in &p.phones {
        let [country, area, rest] = &number.0;
        let number = format!("+{country}{area}{rest}");
        out.push(match kind {
            Kind::Cell => format!("TEL;TYPE=cell;VALUE=TEXT:{number}"),
            Kind::Work => format!("TEL;TYPE=work;VALUE=TEXT:{number}"),
            Kind::Home => format!("TEL;TYPE=home;VALUE=TEXT:{number}"),
            Kind::Labelled => format!("TEL;VALUE=TEXT:{number}"),
        });
    }
    if let Some([street, town, code, country]) = &p.address {
        out.push(format!("ADR;TYPE=home:;;{street};{town};;{code};{country}"));
    }
    out.extend(p.organisation(false));
    p.text(&mut out, "TITLE", &p.title);
    out.extend(p.birthday.map(|b| match b.year {
        Some(year) => format!("BDAY;VALUE=DATE:{year}{:02}{:02}", b.month, b.day),
        None => format!("BDAY;VALUE=DATE:--{:02}{:02}", b.month, b.day),
    }));
    if !p.url.is_empty() {
        out.push(format!("URL;VALUE=URL:{}", p.url));
    }
    p.text(&mut out, "NOTE", &p.note.join("\n"));
    out.extend(
        p.photo
            .map(|of| format!("PHOTO;VALUE=URI:data:image/jpeg;base64,{}", picture(of, 3))),
    );
    if !p.categories.is_empty() {
        out.push(format!("CATEGORIES:{}", p.categories.join(",")));
    }
    out
}

impl Person {
    fn whole_name(&self, between: &str) -> String {
        let parts = [&self.prefix, &self.given, &self.middle, &self.family];
        let parts: Vec<&str> = parts.into_iter().map(String::as_str).collect();
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(between)
    }

    fn name(&self, is_short: bool) -> String {
        let parts = [&self.family, &self.given, &self.middle, &self.prefix];
        let line = format!("N:{};{};{};{};", parts[0], parts[1], parts[2], parts[3]);
        match is_short {
            true => line.trim_end_matches(';').to_owned(),
            false => line,
        }
    }

    fn organisation(&self, always_two: bool) -> Option<String> {
        let mut line = format!("ORG:{}", escaped(&self.company));
        if !self.department.is_empty() || always_two {
            line += &format!(";{}", escaped(&self.department));
        }
        (!self.company.is_empty()).then_some(line)
    }

    fn text(&self, out: &mut Vec<String>, name: &str, value: &str) {
        if !value.is_empty() {
            out.push(format!("{name}:{}", escaped(value)));
        }
    }
}

fn escaped(text: &str) -> String {
    let text = text
        .replace('\\', "\\\\")
        .replace(',', "\\,")
        .replace(';', "\\;");
    text.replace('\n', "\\n")
}

/// Lines of 75 octets at most, cut between letters.
fn folded(line: &str) -> String {
    let (mut out, mut length) = (String::new(), 0);
    for letter in line.chars() {
        if length + letter.len_utf8() > 75 {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(letter);
        length += letter.len_utf8();
    }
    out + "\r\n"
}

fn quoted_printable(text: &str) -> String {
    let (mut out, mut length) = (String::new(), 0);
    for byte in text.bytes() {
        if length > 70 {
            out.push_str("=\r\n");
            length = 0;
        }
        let before = out.len();
        match byte {
            b'=' | 0..=31 | 127.. => {
                let _ = write!(out, "={byte:02X}");
            }
            _ => out.push(char::from(byte)),
        }
        length += out.len() - before;
    }
    out
}
