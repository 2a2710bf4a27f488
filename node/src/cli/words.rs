//! Small words on the command line that mean more than themselves: days and changes.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use pimesh_crdt::Timestamp;

use crate::api::Moment;

/// A day as a person types it, as `2026-11-22`.
pub(super) fn day(text: &str) -> Result<String, String> {
    let today = jiff::Zoned::now().date();
    let day = match text {
        "today" => Ok(today),
        "tomorrow" => today.checked_add(1.day()),
        "yesterday" => today.checked_sub(1.day()),
        text => text.parse::<Date>(),
    };
    day.map(|day| day.to_string())
        .map_err(|_| "write a day like 2026-11-22, or today, tomorrow, yesterday".into())
}

/// A moment as a person types it: a day (its beginning), a day and a time here, or RFC 3339.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let how = || "write a time like \"2026-11-20 18:00\", or a day like 2026-11-20".to_owned();
    let zoned = |local: DateTime| {
        let zoned = local.to_zoned(jiff::tz::TimeZone::system());
        zoned.map(|zoned| zoned.timestamp())
    };
    let at = match (text.parse::<jiff::Timestamp>(), day(text)) {
        (Ok(at), _) => Ok(at),
        (Err(_), Ok(day)) => day.parse::<DateTime>().and_then(zoned),
        (Err(_), Err(_)) => text
            .replacen(' ', "T", 1)
            .parse::<DateTime>()
            .and_then(zoned),
    };
    let at = at.map_err(|_| how())?;
    let milliseconds = u64::try_from(at.as_millisecond()).map_err(|_| how())?;
    Ok(Moment(Timestamp(milliseconds)))
}

/// Changes of one property.
pub(super) mod patch {
    use crate::api::Form;

    /// A property and its value.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(in crate::cli) struct Typed {
        /// The name, in capitals.
        pub(in crate::cli) name: String,
        /// The value.
        pub(in crate::cli) value: Form,
    }

    /// A property, or one of its values, to remove.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(in crate::cli) struct Removed {
        /// The name, in capitals.
        pub(in crate::cli) name: String,
        /// Which of its values; none: all.
        pub(in crate::cli) value: Option<String>,
    }

    /// `NAME=VALUE` (plain), or `NAME:VALUE` and `NAME;PARAMS:VALUE` (as in a file).
    pub(in crate::cli) fn set(text: &str) -> Result<Typed, String> {
        let end = text
            .find(['=', ';', ':'])
            .ok_or("write NAME=VALUE, for instance NOTE=\"Met in Lyon\"")?;
        let (name, rest) = (name(&text[..end])?, &text[end..]);
        let value = match rest.strip_prefix('=') {
            Some(value) => Form::Plain(value.to_owned()),
            None => {
                let colon = outside_quotes(rest, ':')
                    .ok_or("after parameters, write a colon: TEL;TYPE=work:+49301234")?;
                Form::Written {
                    params: rest[..colon].trim_start_matches(';').to_owned(),
                    value: rest[colon + 1..].to_owned(),
                }
            }
        };
        Ok(Typed { name, value })
    }

    /// `NAME` or `NAME=VALUE`.
    pub(in crate::cli) fn remove(text: &str) -> Result<Removed, String> {
        let (name_text, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        Ok(Removed {
            name: name(name_text)?,
            value,
        })
    }

    fn name(text: &str) -> Result<String, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        match !text.is_empty() && text.chars().all(fits) {
            true => Ok(text.to_ascii_uppercase()),
            false => Err(format!(
                "{text:?} is no property's name, such as TEL or NOTE"
            )),
        }
    }

    /// Parameter values in quotes may hold colons.
    fn outside_quotes(text: &str, wanted: char) -> Option<usize> {
        let mut quoted = false;
        text.char_indices().find_map(|(at, c)| {
            quoted ^= c == '"';
            (c == wanted && !quoted).then_some(at)
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_plain_value_may_hold_anything() {
            let typed = set("note=a=b; c:d").unwrap();
            assert_eq!(typed.name, "NOTE");
            assert_eq!(typed.value, Form::Plain("a=b; c:d".into()));
        }

        #[test]
        fn parameters_are_written_as_in_a_file() {
            let typed = set("TEL;TYPE=\"a:b\";PREF=1:+49 30").unwrap();
            assert_eq!(
                typed.value,
                Form::Written {
                    params: "TYPE=\"a:b\";PREF=1".into(),
                    value: "+49 30".into()
                }
            );
            assert!(set("TEL;TYPE=work").is_err());
        }

        #[test]
        fn nonsense_is_refused_with_an_example() {
            for text in ["", "=x", "a b=c", "NOTE", "ä=b"] {
                assert!(set(text).is_err(), "{text:?}");
            }
        }

        #[test]
        fn all_values_or_one_can_be_removed() {
            assert_eq!(remove("tel").unwrap().value, None);
            assert_eq!(remove("TEL=1=2").unwrap().value.unwrap(), "1=2");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{day, moment};

    #[test]
    fn moments_are_days_times_here_or_in_utc() {
        let utc = moment("2026-11-22T13:55:10.25Z").unwrap();
        assert_eq!(utc.to_string(), "2026-11-22T13:55:10.25Z");
        assert_eq!(moment("2026-11-22 10:30"), moment("2026-11-22T10:30"));
        assert_eq!(moment("2026-11-22"), moment("2026-11-22 00:00:00"));
        assert!(moment("yesterday").unwrap() < moment("today").unwrap());
        for nonsense in ["", "soon", "2026-13-01", "1950-01-01T00:00:00Z"] {
            assert!(moment(nonsense).is_err(), "{nonsense:?}");
        }
    }

    #[test]
    fn days_are_dates_or_words() {
        assert_eq!(day("2026-11-22").unwrap(), "2026-11-22");
        assert_eq!(day("today").unwrap().len(), 10);
        assert!(day("22.11.2026").is_err());
        assert!(day("2026-02-30").is_err());
    }
}
