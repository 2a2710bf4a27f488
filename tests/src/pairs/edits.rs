//! The texts that a person or program leaves when it has changed a part of an item.

use super::Operation;
use super::grid::Cell;
use super::texts::{Swap, photo, swap};

/// The day that several operations are about.
const DAY: &str = "20270118T100000Z";

/// What is shown, with the change that the device of this name makes.
pub(super) fn edited(operation: Operation, cell: &Cell, by: &str, shown: &str) -> String {
    let mut text = shown.replace("\r\n ", "");
    let swaps = match operation {
        Operation::Photo | Operation::RemovePhoto => {
            let line = text.split("\r\n").find(|line| line.starts_with("PHOTO"));
            let line = line.expect("there is a photo").to_owned() + "\r\n";
            let new = photo(u8::try_from(by.len()).expect("a short name"));
            match operation {
                Operation::Photo => vec![(line, format!("PHOTO;ENCODING=b;TYPE=JPEG:{new}\r\n"))],
                _ => vec![(line, String::new())],
            }
        }
        Operation::RemoveAlarm => {
            let (_, rest) = text.split_once("BEGIN:VALARM").expect("there is an alarm");
            let (alarm, _) = rest.split_once("END:VALARM").expect("it ends");
            let alarm = format!("BEGIN:VALARM{alarm}END:VALARM\r\n");
            vec![(alarm, String::new())]
        }
        Operation::Occurrence | Operation::Following => vec![day(operation, cell, by)],
        _ => swaps(operation, by),
    };
    for (old, new) in &swaps {
        assert!(text.contains(old), "{old} is not in {text}");
        text = text.replacen(old, new, 1);
    }
    text
}

/// One of two, so that the devices differ.
fn either<'t>(by: &str, one: &'t str, other: &'t str) -> &'t str {
    match by {
        "laptop" => one,
        _ => other,
    }
}

fn swaps(operation: Operation, by: &str) -> Vec<Swap> {
    match operation {
        Operation::Name => vec![
            swap("N:Lambert;Ann", &format!("N:Lambert;Anna {by}")),
            swap("FN:Ann", &format!("FN:Anna {by}")),
        ],
        Operation::Number => vec![swap("+49 171 1", either(by, "+49 171 11", "+49 171 12"))],
        Operation::AddNumber => {
            let number = either(by, "+49 40 3", "+49 40 4");
            let line = format!("TEL;TYPE=WORK:{number}\r\nEND:VCARD");
            vec![swap("END:VCARD", &line)]
        }
        Operation::RemoveNumber => vec![swap("TEL;TYPE=CELL:+49 171 1\r\n", "")],
        Operation::When => {
            let hour = either(by, "11", "12");
            vec![
                swap("DTSTART:20270104T10", &format!("DTSTART:20270104T{hour}")),
                swap("DTEND:20270104T110", &format!("DTEND:20270104T{hour}3")),
                swap("COUNT=10", either(by, "COUNT=8", "COUNT=9")),
            ]
        }
        Operation::Exclude => {
            let line = format!("EXDATE:{DAY}\r\nBEGIN:VALARM");
            vec![swap("BEGIN:VALARM", &line)]
        }
        Operation::Alarm => vec![swap("-PT15M", either(by, "-PT30M", "-PT45M"))],
        Operation::Acknowledge => {
            let at = either(by, "20270104T095000Z", "20270104T095500Z");
            vec![swap(
                "END:VALARM",
                &format!("ACKNOWLEDGED:{at}\r\nEND:VALARM"),
            )]
        }
        Operation::Answer => {
            let answer = either(by, "ACCEPTED:mailto:me", "DECLINED:mailto:me");
            vec![swap("NEEDS-ACTION:mailto:me", answer)]
        }
        other => panic!("{other:?} is no edit of a text"),
    }
}

/// An occurrence of its own beside the series.
fn day(operation: Operation, cell: &Cell, by: &str) -> Swap {
    let (params, lines) = match operation {
        Operation::Occurrence => (
            "",
            format!("DTSTART:{DAY}\r\nDTEND:20270118T110000Z\r\nSUMMARY:day by {by}"),
        ),
        _ => {
            let (start, end) = (either(by, "12", "13"), either(by, "13", "14"));
            let lines = format!(
                "DTSTART:20270118T{start}0000Z\r\nDTEND:20270118T{end}0000Z\r\nSUMMARY:old"
            );
            (";RANGE=THISANDFUTURE", lines)
        }
    };
    let day = format!(
        "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:{}\r\nDTSTAMP:20270102T000000Z\r\n\
         RECURRENCE-ID{params}:{DAY}\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR",
        cell.uid()
    );
    swap("END:VEVENT\r\nEND:VCALENDAR", &day)
}
