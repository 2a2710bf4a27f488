//! One address book as four programs write it: Google Contacts, Apple Contacts, Outlook and
//! Thunderbird, each with its own habits.
//!
//! Made from what exports of these programs look like (`programs.rs` says which habit is
//! whose); the people are made up. Nothing here knows how pimesh reads them.

mod programs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::seed::Chance;

pub use programs::Program;

/// Somebody, as they are; what a program writes of them is less, or differs in form.
#[derive(Clone, Debug)]
pub struct Person {
    /// The UID, where programs share one account.
    pub uid: String,
    given: String,
    middle: String,
    family: String,
    prefix: String,
    nickname: String,
    company: String,
    department: String,
    title: String,
    emails: Vec<(Kind, String)>,
    phones: Vec<(Kind, Number)>,
    /// Street, town, code, country.
    address: Option<[String; 4]>,
    birthday: Option<Birthday>,
    /// Lines.
    note: Vec<String>,
    url: String,
    /// What the picture shows: each program makes its own bytes of it.
    photo: Option<u64>,
    categories: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Home,
    Work,
    Cell,
    /// With a word that the person chose.
    Labelled,
}

/// Country, area, subscriber.
#[derive(Clone, Debug)]
struct Number([String; 3]);

#[derive(Clone, Copy, Debug)]
struct Birthday {
    /// Not everybody tells it.
    year: Option<u16>,
    month: u8,
    day: u8,
}

const GIVEN: [&str; 8] = [
    "Ann", "Jörg", "Zoé", "Łukasz", "María", "Ole", "Siân", "Aiko",
];
const FAMILY: [&str; 7] = [
    "Lambert", "Müller", "O'Neill", "Nowak", "García", "Berg", "Sato",
];
const COMPANIES: [&str; 4] = ["Acme GmbH", "Nord, Süd & Söhne", "Globex", "Sail Loft"];
const NOTES: [&str; 4] = [
    "Met in Lyon; likes boats",
    "Calls back, always",
    "Erste Zeile\nZweite Zeile mit Umlauten: äöü",
    "A rather long note that does not fit on one line of seventy-five octets and so is folded by whoever writes it\nand has a second line",
];

/// So many people, the same for the same seed.
pub fn people(count: usize, seed: u64) -> Vec<Person> {
    let mut chance = Chance::of(seed);
    (0..count).map(|n| person(n, &mut chance)).collect()
}

fn person(n: usize, chance: &mut Chance) -> Person {
    let mut is = |of_ten: usize| chance.below(10) < of_ten;
    let has = [0; 12].map(|_| is(5));
    let (is_rare, is_common) = (is(1), is(8));
    let when = |it: bool, text: &str| if it { text.to_owned() } else { String::new() };
    let (given, family) = (*chance.one_of(&GIVEN), *chance.one_of(&FAMILY));
    let mut emails = vec![(Kind::Home, format!("Person.{n}@example.org"))];
    if has[0] {
        emails.push((Kind::Work, format!("p{n}@work.example")));
    }
    let number = |chance: &mut Chance| {
        let digits = |chance: &mut Chance, count| {
            (0..count)
                .map(|_| char::from(b'1' + chance.below(9) as u8))
                .collect()
        };
        Number(["49".into(), digits(chance, 3), digits(chance, 7)])
    };
    let mut phones = vec![(Kind::Cell, number(chance))];
    if has[1] {
        phones.push((Kind::Work, number(chance)));
    }
    if is_rare {
        phones.push((Kind::Labelled, number(chance)));
    }
    let street = format!("Hafenstraße {}", 1 + n % 90);
    let address = [street, "Kiel".into(), "24103".into(), "Germany".into()];
    let birthday = Birthday {
        year: (!is_rare).then_some(1950 + (n % 50) as u16),
        month: 1 + (n % 12) as u8,
        day: 1 + (n % 28) as u8,
    };
    Person {
        uid: format!("{:08X}-1C2D-4E5F-8A9B-{n:012X}", chance.number() as u32),
        given: given.into(),
        middle: when(has[2] && has[3], "Maria"),
        family: format!("{family}{n}"),
        prefix: when(has[3] && has[4], "Dr."),
        nickname: when(has[5] && has[6], "Captain"),
        company: when(is_common, COMPANIES[chance.below(COMPANIES.len())]),
        department: when(is_common && has[6], "Sales; EMEA"),
        title: when(has[7], "Sailmaker, senior"),
        emails,
        phones,
        address: has[8].then_some(address),
        birthday: has[9].then_some(birthday),
        note: when(has[10], NOTES[chance.below(NOTES.len())])
            .lines()
            .map(str::to_owned)
            .collect(),
        url: when(has[11], &format!("https://www.example.com/people/{n}")),
        photo: (has[0] && has[11]).then(|| chance.number()),
        categories: if has[4] {
            vec!["Friends".into()]
        } else {
            Vec::new()
        },
    }
}

/// Bytes of a picture as one program makes them: over a kilobyte, so that they are kept apart.
fn picture(of: u64, by: u64) -> String {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0];
    bytes.extend(Chance::of(of ^ (by << 32)).bytes(1500));
    STANDARD.encode(bytes)
}
