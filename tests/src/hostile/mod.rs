//! What foreign bytes may not do, as one function a parser: the fuzz targets in `tests/fuzz` call
//! them with made-up bytes, the tests with all that fuzzing ever found worth keeping.
//!
//! A target panics where a promise is broken; reading bytes as nonsense is not breaking one.

mod changes;
mod mails;
mod pairing;
mod sessions;
mod texts;
mod times;

/// What it does with bytes.
pub type Target = fn(&[u8]);

/// Every target, by its name, which is also that of its kept inputs.
pub const TARGETS: [(&str, Target); 10] = [
    ("content_lines", texts::content_lines),
    ("vcard", texts::vcard),
    ("icalendar", texts::icalendar),
    ("quoted_printable", mails::quoted_printable),
    ("mail", mails::mail),
    ("itip", mails::itip),
    ("recurrence", times::recurrence),
    ("change", changes::change),
    ("frames", sessions::frames),
    ("pairing", pairing::pairing),
];

/// Runs the target of this name. Panics where there is none.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.unwrap_or_else(|| panic!("no target is called {name}"));
    target(bytes);
}
