//! Events as calendars hold them: zones with their rules, series, exceptions, attendees, alarms.

use super::people::{Person, stamp};
use super::rng::Rng;
use super::words::{CATEGORIES, DESCRIPTIONS, PLACES, SUBJECTS};

/// A zone: name, offset in winter and summer, names of both, and when each begins.
struct Zone {
    name: &'static str,
    standard: (&'static str, &'static str, &'static str, &'static str),
    daylight: Option<(&'static str, &'static str, &'static str, &'static str)>,
}

const LAST_SUNDAYS: (&str, &str) = (
    "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
    "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
);

const ZONES: &[(u64, Zone)] = &[
    (
        40,
        Zone {
            name: "Europe/Berlin",
            standard: ("+0100", "CET", "19961027T030000", LAST_SUNDAYS.0),
            daylight: Some(("+0200", "CEST", "19810329T020000", LAST_SUNDAYS.1)),
        },
    ),
    (
        15,
        Zone {
            name: "Europe/London",
            standard: ("+0000", "GMT", "19961027T020000", LAST_SUNDAYS.0),
            daylight: Some(("+0100", "BST", "19810329T010000", LAST_SUNDAYS.1)),
        },
    ),
    (
        20,
        Zone {
            name: "America/New_York",
            standard: (
                "-0500",
                "EST",
                "20071104T020000",
                "FREQ=YEARLY;BYMONTH=11;BYDAY=1SU",
            ),
            daylight: Some((
                "-0400",
                "EDT",
                "20070311T020000",
                "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU",
            )),
        },
    ),
    (
        10,
        Zone {
            name: "Australia/Sydney",
            standard: (
                "+1000",
                "AEST",
                "20080406T030000",
                "FREQ=YEARLY;BYMONTH=4;BYDAY=1SU",
            ),
            daylight: Some((
                "+1100",
                "AEDT",
                "20081005T020000",
                "FREQ=YEARLY;BYMONTH=10;BYDAY=1SU",
            )),
        },
    ),
    (
        9,
        Zone {
            name: "Asia/Tokyo",
            standard: ("+0900", "JST", "19510908T010000", ""),
            daylight: None,
        },
    ),
    (
        6,
        Zone {
            name: "Asia/Kolkata",
            standard: ("+0530", "IST", "19451015T000000", ""),
            daylight: None,
        },
    ),
];

/// How an event says when it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Zoned,
    Utc,
    Floating,
    AllDay,
}

/// What all components of one event share.
struct Event {
    uid: String,
    title: String,
    kind: Kind,
    zone: usize,
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minutes: i64,
    stamp: String,
    people: Vec<String>,
}

/// The lines of one calendar with one event and its overrides.
pub(crate) fn event(r: &mut Rng, people: &[Person]) -> Vec<String> {
    let subject = *r.pick(SUBJECTS);
    let title = match people.is_empty() {
        true => subject.replace("{}", "7"),
        false => subject.replace("{}", &r.pick(people).name),
    };
    let kinds = [Kind::Zoned, Kind::Utc, Kind::Floating, Kind::AllDay];
    let zones: Vec<u64> = ZONES.iter().map(|(weight, _)| *weight).collect();
    let event = Event {
        uid: format!(
            "{}{}",
            r.uuid(),
            r.pick(&["", "", "@example.com", "@calendar.example.org"])
        ),
        title,
        kind: kinds[r.weighted(&[62, 8, 4, 26])],
        zone: r.weighted(&zones),
        year: r.range(2024, 2027),
        month: r.range(1, 13),
        day: r.range(1, 22),
        hour: r.range(6, 20),
        minutes: *r.pick(&[15, 30, 30, 45]),
        stamp: stamp(r),
        people: attendees(r, people),
    };
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Example Corp.//Calendar 5.1//EN".to_owned(),
        "CALSCALE:GREGORIAN".to_owned(),
    ];
    if event.kind == Kind::Zoned {
        zone(&ZONES[event.zone].1, &mut lines);
    }
    let place = format!("LOCATION:{}", r.pick(PLACES));
    let text = format!("DESCRIPTION:{}", r.pick(DESCRIPTIONS));
    let is_series = r.chance(28);
    let mut extra = Vec::new();
    if is_series {
        series(r, &event, &mut extra);
    }
    component(r, &event, None, &[place, text], &extra, &mut lines);
    if is_series && r.chance(20) {
        for week in 1..=1 + r.weighted(&[70, 30]) as i64 {
            component(r, &event, Some(week), &[], &[], &mut lines);
        }
    }
    lines.push("END:VCALENDAR".to_owned());
    lines
}

fn zone(zone: &Zone, lines: &mut Vec<String>) {
    let winter = zone.standard.0;
    let summer = zone.daylight.map_or(winter, |daylight| daylight.0);
    lines.push("BEGIN:VTIMEZONE".to_owned());
    lines.push(format!("TZID:{}", zone.name));
    let daylight = zone.daylight.map(|rule| ("DAYLIGHT", winter, rule));
    for (name, from, rule) in daylight
        .into_iter()
        .chain([("STANDARD", summer, zone.standard)])
    {
        lines.push(format!("BEGIN:{name}"));
        lines.push(format!("TZOFFSETFROM:{from}"));
        lines.push(format!("TZOFFSETTO:{}", rule.0));
        lines.push(format!("TZNAME:{}", rule.1));
        lines.push(format!("DTSTART:{}", rule.2));
        if !rule.3.is_empty() {
            lines.push(format!("RRULE:{}", rule.3));
        }
        lines.push(format!("END:{name}"));
    }
    lines.push("END:VTIMEZONE".to_owned());
}

fn series(r: &mut Rng, event: &Event, lines: &mut Vec<String>) {
    let every = ["", "", "", ";INTERVAL=2"][r.below(4)];
    let count = ["", "", ";COUNT=10", ";COUNT=26", ";COUNT=52"][r.below(5)];
    let rule = match r.weighted(&[15, 55, 15, 15]) {
        0 => format!("FREQ=DAILY{every}{count}"),
        1 => format!("FREQ=WEEKLY{every}{count}"),
        2 => format!("FREQ=MONTHLY{every}{count};BYMONTHDAY={}", event.day),
        _ => format!("FREQ=YEARLY{count}"),
    };
    lines.push(format!("RRULE:{rule}"));
    if r.chance(30) {
        for _ in 0..=r.weighted(&[60, 40]) {
            lines.push(when(event, "EXDATE", 7 * r.range(1, 9), 0));
        }
    }
}

fn component(
    r: &mut Rng,
    event: &Event,
    week: Option<i64>,
    own: &[String],
    extra: &[String],
    lines: &mut Vec<String>,
) {
    let (days, moved) = match week {
        Some(week) => (7 * week, r.range(1, 3) * 60),
        None => (0, 0),
    };
    lines.push("BEGIN:VEVENT".to_owned());
    lines.push(format!("UID:{}", event.uid));
    lines.push(format!("DTSTAMP:{}Z", event.stamp));
    lines.push(when(event, "DTSTART", days, moved));
    let end = if event.kind == Kind::AllDay {
        (days + 1, 0)
    } else {
        (days, moved + event.minutes)
    };
    lines.push(when(event, "DTEND", end.0, end.1));
    if week.is_some() {
        lines.push(when(event, "RECURRENCE-ID", days, 0));
    }
    lines.extend_from_slice(extra);
    lines.push(format!("SUMMARY:{}", event.title));
    lines.extend(own.iter().filter(|line| !line.ends_with(':')).cloned());
    if r.chance(30) {
        lines.push(format!("CATEGORIES:{}", r.pick(CATEGORIES)));
    }
    if r.chance(10) {
        lines.push("CLASS:PRIVATE".to_owned());
    }
    lines.push(format!("SEQUENCE:{}", i64::from(week.is_some())));
    let transparent = event.kind == Kind::AllDay;
    lines.push(format!(
        "TRANSP:{}",
        if transparent { "TRANSPARENT" } else { "OPAQUE" }
    ));
    lines.push(format!("CREATED:{}Z", event.stamp));
    lines.push(format!("LAST-MODIFIED:{}Z", event.stamp));
    lines.extend_from_slice(&event.people);
    if week.is_none() && r.chance(45) {
        for trigger in [&["-PT15M"][..], &["-PT1H", "-P1D"]][r.weighted(&[75, 25])] {
            lines.push("BEGIN:VALARM".to_owned());
            lines.push("ACTION:DISPLAY".to_owned());
            lines.push(format!("DESCRIPTION:{}", event.title));
            lines.push(format!("TRIGGER:{trigger}"));
            lines.push("END:VALARM".to_owned());
        }
    }
    lines.push("END:VEVENT".to_owned());
}

/// A moment so many days and minutes after the event begins. Days stay within two months of
/// 28 days, which every month has.
fn when(event: &Event, name: &str, days: i64, minutes: i64) -> String {
    let day = event.day - 1 + days;
    let month = event.month - 1 + day / 28;
    let date = format!(
        "{}{:02}{:02}",
        event.year + month / 12,
        month % 12 + 1,
        day % 28 + 1
    );
    let (hour, minute) = (event.hour + minutes / 60, minutes % 60);
    match event.kind {
        Kind::AllDay => format!("{name};VALUE=DATE:{date}"),
        Kind::Utc => format!("{name}:{date}T{hour:02}{minute:02}00Z"),
        Kind::Floating => format!("{name}:{date}T{hour:02}{minute:02}00"),
        Kind::Zoned => {
            let zone = ZONES[event.zone].1.name;
            format!("{name};TZID={zone}:{date}T{hour:02}{minute:02}00")
        }
    }
}

fn attendees(r: &mut Rng, people: &[Person]) -> Vec<String> {
    if people.is_empty() || !r.chance(30) {
        return Vec::new();
    }
    let organiser = r.pick(people);
    let mut lines = vec![format!(
        "ORGANIZER;CN=\"{}\":mailto:{}",
        organiser.name, organiser.mail
    )];
    let count = [1, 2, 4, 8, 30][r.weighted(&[30, 30, 25, 12, 3])];
    for index in r.sample(people.len(), count) {
        let status = *r.pick(&[
            "NEEDS-ACTION",
            "ACCEPTED",
            "ACCEPTED",
            "DECLINED",
            "TENTATIVE",
        ]);
        let asked = if status == "NEEDS-ACTION" {
            "TRUE"
        } else {
            "FALSE"
        };
        let Person { name, mail } = &people[index];
        lines.push(format!(
            "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT={status};RSVP={asked};\
             CN=\"{name}\":mailto:{mail}"
        ));
    }
    lines
}
