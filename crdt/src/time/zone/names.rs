//! Which IANA zone a TZID means.
//!
//! Names of Windows are those of CLDR's table (`windowsZones.xml`, through the crate
//! `windows-timezones`), each with the zone that CLDR gives for the whole world.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use windows_timezones::WindowsTimezone;

/// The database that is compiled in; never the one of the machine, so that all devices with
/// the same program agree.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The longest name that is looked up.
const LONGEST_NAME: usize = 128;

/// The IANA zone of this name.
pub(super) fn iana(name: &str) -> Option<(String, TimeZone)> {
    if name.len() > LONGEST_NAME || !name.is_ascii() {
        return None;
    }
    let zone = DATABASE.get(name).ok()?;
    let name = zone.iana_name().unwrap_or(name).to_owned();
    Some((name, zone))
}

/// The IANA zone that a TZID means: by its name, by a name of Windows, or by the name that ends
/// a globally unique TZID (`/mozilla.org/20050126_1/Europe/Berlin`).
pub(super) fn find(tzid: &str) -> Option<(String, TimeZone)> {
    let tzid = tzid.trim();
    if let Some(found) = iana(tzid) {
        return Some(found);
    }
    if let Ok(windows) = tzid.parse::<WindowsTimezone>() {
        return iana(windows.tzdb_id());
    }
    if tzid.eq_ignore_ascii_case("tzone://Microsoft/Utc") {
        return iana("UTC");
    }
    if !tzid.starts_with('/') {
        return None;
    }
    // `America/Argentina/Buenos_Aires` before `Argentina/Buenos_Aires`
    let starts: Vec<usize> = tzid.match_indices('/').map(|(at, _)| at + 1).collect();
    let ends = starts.len().saturating_sub(3)..starts.len().saturating_sub(1);
    starts[ends].iter().find_map(|start| iana(&tzid[*start..]))
}
