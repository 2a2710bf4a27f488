//! A point in time as scripts read it: RFC 3339, in UTC, to the millisecond.

use std::fmt;
use std::str::FromStr;

use pimesh_crdt::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time, written as `2026-11-22T13:55:10.250Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// Now, by this device's clock.
    pub fn now() -> Self {
        let ms = jiff::Timestamp::now().as_millisecond();
        Self(Timestamp(u64::try_from(ms).unwrap_or(0)))
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = i64::try_from(self.0.0)
            .ok()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
            .unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{at}")
    }
}

impl FromStr for Moment {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let at: jiff::Timestamp = text.parse()?;
        Ok(Self(Timestamp(
            u64::try_from(at.as_millisecond()).unwrap_or(0),
        )))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_and_read_back() {
        let at = Moment(Timestamp(1_795_355_710_250));
        let text = at.to_string();
        assert_eq!(text, "2026-11-22T13:55:10.25Z");
        assert_eq!(text.parse::<Moment>().unwrap(), at);
    }

    #[test]
    fn a_moment_beyond_the_calendar_is_the_last_one_and_does_not_panic() {
        assert!(Moment(Timestamp(u64::MAX)).to_string().starts_with("9999"));
    }
}
