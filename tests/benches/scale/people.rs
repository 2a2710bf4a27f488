//! Contacts as address books hold them: many languages, vCard 3.0 and 4.0, labels, photos.

use super::rng::Rng;
use super::words::{CATEGORIES, CITIES, DOMAINS, NAMES, NOTES, ORGANISATIONS, STREETS, TITLES};

/// The bytes of one photo.
const PHOTO: usize = 20_000;

/// What events need of a person.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) mail: String,
}

/// One contact: as written, and without its photo.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub(crate) person: Person,
    pub(crate) lines: Vec<String>,
    pub(crate) photo: Option<String>,
}

/// The contact with this number.
#[expect(clippy::too_many_lines, reason = "one contact, property by property")]
pub(crate) fn contact(r: &mut Rng, number: usize) -> Contact {
    let weights: Vec<u64> = NAMES.iter().map(|language| language.weight).collect();
    let language = &NAMES[r.weighted(&weights)];
    let (given, family) = (*r.pick(language.given), *r.pick(language.family));
    let middle = if r.chance(15) {
        *r.pick(language.given)
    } else {
        ""
    };
    let prefix = if r.chance(8) {
        *r.pick(&["Dr.", "Mag.", "Prof."])
    } else {
        ""
    };
    let name = match language.family_first {
        true => format!("{family}{given}"),
        false => [prefix, given, middle, family]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(" "),
    };
    let four = r.chance(50);
    let uid = r.uuid();
    let mut lines = vec![
        "BEGIN:VCARD".to_owned(),
        format!("VERSION:{}", if four { "4.0" } else { "3.0" }),
        "PRODID:-//Example Corp.//Address Book 2.4//EN".to_owned(),
        format!("UID:{}{uid}", if four { "urn:uuid:" } else { "" }),
        format!("FN:{name}"),
        format!("N:{family};{given};{middle};{prefix};"),
    ];
    if r.chance(10) {
        lines.push(format!(
            "NICKNAME:{}",
            r.pick(&["Bibi", "Max", "小明", "Шура"])
        ));
    }
    let mail = mails(r, number, given, family, four, &mut lines);
    phones(r, four, &mut lines);
    addresses(r, four, &mut lines);
    if r.chance(60) {
        let unit = r.pick(&["", ";R&D", ";Vertrieb"]);
        lines.push(format!("ORG:{}{unit}", r.pick(ORGANISATIONS)));
        if r.chance(70) {
            lines.push(format!("TITLE:{}", r.pick(TITLES)));
        }
    }
    if r.chance(45) {
        let (y, m, d) = (r.range(1935, 2015), r.range(1, 13), r.range(1, 29));
        lines.push(match (four, r.chance(10)) {
            (true, true) => format!("BDAY:--{m:02}{d:02}"),
            (true, false) => format!("BDAY:{y}{m:02}{d:02}"),
            (false, _) => format!("BDAY:{y}-{m:02}-{d:02}"),
        });
    }
    if r.chance(50) {
        let count = 1 + r.weighted(&[60, 30, 10]);
        let picked = r.sample(CATEGORIES.len(), count);
        let picked: Vec<&str> = picked.into_iter().map(|i| CATEGORIES[i]).collect();
        lines.push(format!("CATEGORIES:{}", picked.join(",")));
    }
    if r.chance(15) {
        lines.push(format!("URL:https://www.example.com/~{number}"));
    }
    if r.chance(30) {
        lines.push(format!("NOTE:{}", r.pick(NOTES)));
    }
    let photo = r.chance(5).then(|| photo(r, four));
    lines.push(format!("REV:{}Z", stamp(r)));
    lines.push("END:VCARD".to_owned());
    Contact {
        person: Person { name, mail },
        lines,
        photo,
    }
}

fn mails(
    r: &mut Rng,
    number: usize,
    given: &str,
    family: &str,
    four: bool,
    lines: &mut Vec<String>,
) -> String {
    let plain = format!("{given}.{family}")
        .to_lowercase()
        .replace([' ', '\''], "");
    let base = if plain.is_ascii() {
        plain
    } else {
        format!("user{number}")
    };
    let mut first = String::new();
    for k in 0..=r.weighted(&[60, 25, 10, 5]) {
        let mail = format!("{base}{k}.{number}@{}", r.pick(DOMAINS));
        let kind = r.pick(&["home", "work"]);
        lines.push(match (four, k) {
            (true, 0) => format!("EMAIL;TYPE={kind};PREF=1:{mail}"),
            (true, _) => format!("EMAIL;TYPE={kind}:{mail}"),
            (false, 0) => format!("EMAIL;TYPE=INTERNET,{},PREF:{mail}", kind.to_uppercase()),
            (false, _) => format!("EMAIL;TYPE=INTERNET,{}:{mail}", kind.to_uppercase()),
        });
        if k == 0 {
            first = mail;
        }
    }
    first
}

fn phones(r: &mut Rng, four: bool, lines: &mut Vec<String>) {
    for k in 0..=r.weighted(&[45, 35, 15, 5]) {
        let country = r.pick(&[43, 49, 1, 44, 81, 33]);
        let phone = format!("+{country}{}", r.range(100_000_000, 10_000_000_000));
        let kind = r.pick(&["cell", "home", "work", "fax"]);
        if k == 0 && r.chance(10) {
            lines.push(format!("item1.TEL:{phone}"));
            lines.push("item1.X-ABLabel:_$!<Other>!$_".to_owned());
        } else if four {
            lines.push(format!("TEL;VALUE=uri;TYPE=\"voice,{kind}\":tel:{phone}"));
        } else {
            lines.push(format!("TEL;TYPE={},VOICE:{phone}", kind.to_uppercase()));
        }
    }
}

fn addresses(r: &mut Rng, four: bool, lines: &mut Vec<String>) {
    for _ in 0..r.weighted(&[30, 55, 15]) {
        let street = r.pick(STREETS).replace("{}", &r.range(1, 200).to_string());
        let (city, kind) = (r.pick(CITIES), *r.pick(&["home", "work"]));
        let kind = if four {
            kind.to_owned()
        } else {
            kind.to_uppercase()
        };
        lines.push(format!("ADR;TYPE={kind}:;;{street};{city}"));
    }
}

/// A photo as a property line; its bytes do not shrink, as those of a JPEG do not.
fn photo(r: &mut Rng, four: bool) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let head = "/9j/4AAQSkZJRgABAQAAAQABAAD/";
    let rest: String = (head.len()..PHOTO * 4 / 3)
        .map(|_| char::from(DIGITS[r.below(64)]))
        .collect();
    let form = if four {
        "PHOTO:data:image/jpeg;base64,"
    } else {
        "PHOTO;ENCODING=b;TYPE=JPEG:"
    };
    let whole = format!("{head}{rest}");
    format!("{form}{}", &whole[..whole.len() / 4 * 4])
}

/// A moment of the last two years.
pub(crate) fn stamp(r: &mut Rng) -> String {
    let (y, m, d) = (r.range(2024, 2026), r.range(1, 13), r.range(1, 29));
    let (h, min, s) = (r.range(0, 24), r.range(0, 60), r.range(0, 60));
    format!("{y}{m:02}{d:02}T{h:02}{min:02}{s:02}")
}
