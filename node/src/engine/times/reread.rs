//! What a written calendar says of times: its other lines need not be read again to prove when
//! its items take place.

/// Lines that say when something is, or which item they belong to.
const TELLING: [&str; 18] = [
    "BEGIN",
    "END",
    "VERSION",
    "UID",
    "DTSTART",
    "DTEND",
    "DUE",
    "DURATION",
    "RRULE",
    "EXRULE",
    "RDATE",
    "EXDATE",
    "RECURRENCE-ID",
    "STATUS",
    "COMPLETED",
    "PERCENT-COMPLETE",
    "SEQUENCE",
    "DTSTAMP",
];

/// The lines of a calendar that say when its items take place; definitions of zones whole.
pub(in crate::engine) fn of_times(text: &str) -> String {
    let mut out = String::with_capacity(text.len() / 2);
    let (mut is_kept, mut in_zone) = (false, false);
    for line in text.split_inclusive('\n') {
        if !line.starts_with([' ', '\t']) {
            let end = line.find([':', ';']).unwrap_or(line.len());
            in_zone |= line.starts_with("BEGIN:VTIMEZONE");
            is_kept = in_zone || TELLING.contains(&&line[..end]);
            in_zone &= !line.starts_with("END:VTIMEZONE");
        }
        if is_kept {
            out.push_str(line);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::of_times;

    #[test]
    fn lines_about_times_stay_whole_and_others_go_with_what_follows_them() {
        let text = "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:A\r\nX-B:c\r\nEND:VTIMEZONE\r\n\
            BEGIN:VEVENT\r\nUID:u\r\nDESCRIPTION:a\r\n DTSTART:b\r\nDTSTART;TZID=\r\n A:2025\r\n\
            STATUSX:c\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(
            of_times(text),
            "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:A\r\nX-B:c\r\nEND:VTIMEZONE\r\n\
             BEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID=\r\n A:2025\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
    }
}
