//! The comparison form of dates without time, and of durations.

/// A birthday: `19850412` for `1985-04-12`, `--0412` where the year is omitted (Apple writes
/// 1604 and says so). Anything with a time or of another form stays as written.
pub(super) fn of_year_day(value: &str, omitted: Option<&str>) -> String {
    let trimmed = value.trim_ascii();
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (year, rest) = match trimmed.as_bytes() {
        [_, _, _, _, b'-', _, _, b'-', _, _] if trimmed.is_ascii() => (
            &trimmed[..4],
            format!("{}{}", &trimmed[5..7], &trimmed[8..]),
        ),
        [_, _, _, _, _, _, _, _] if trimmed.is_ascii() && digits(trimmed) => {
            (&trimmed[..4], trimmed[4..].to_owned())
        }
        [b'-', b'-', _, _, b'-', _, _] if trimmed.is_ascii() => {
            ("--", format!("{}{}", &trimmed[2..4], &trimmed[5..]))
        }
        _ => return trimmed.to_owned(),
    };
    if !digits(&rest) || !(year == "--" || digits(year)) {
        return trimmed.to_owned();
    }
    if omitted == Some(year) {
        format!("--{rest}")
    } else {
        format!("{year}{rest}")
    }
}

/// A duration as days and seconds: PT60M is PT1H and P7D is P1W, but a day is never 24 hours.
/// Nothing where the value is no duration.
pub(super) fn of_duration(value: &str) -> Option<String> {
    let upper = value.trim_ascii().to_ascii_uppercase();
    let (sign, rest) = match upper.as_bytes().first()? {
        b'-' => ("-", &upper[1..]),
        b'+' => ("", &upper[1..]),
        _ => ("", &upper[..]),
    };
    let rest = rest.strip_prefix('P')?;
    let (mut days, mut seconds, mut number) = (0_u64, 0_u64, String::new());
    let (mut in_time, mut says_something) = (false, false);
    for c in rest.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        if c == 'T' && number.is_empty() {
            in_time = true;
            continue;
        }
        let n: u64 = number.parse().ok()?;
        number.clear();
        says_something = true;
        let (total, unit) = match (c, in_time) {
            ('W', false) => (&mut days, 7),
            ('D', false) => (&mut days, 1),
            ('H', true) => (&mut seconds, 3600),
            ('M', true) => (&mut seconds, 60),
            ('S', true) => (&mut seconds, 1),
            _ => return None,
        };
        *total = total.checked_add(n.checked_mul(unit)?)?;
    }
    if !number.is_empty() || !says_something {
        return None;
    }
    let sign = if days == 0 && seconds == 0 { "" } else { sign };
    Some(format!("{sign}P{days}DT{seconds}S"))
}
