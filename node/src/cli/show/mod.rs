//! Replies and events as text for people. Everything here is plain text without control
//! over the terminal: [`super::output`] cleans it once more before it is printed.

mod care;
mod decide;
mod device;
mod event;
mod item;
mod member;
mod pair;
mod past;
mod people;
mod report;
mod table;
mod times;

pub(super) use event::event;

use crate::api::{Moment, Reply};

/// A whole answer, ending in a line end.
pub(super) fn reply(reply: &Reply) -> String {
    let mut text = match reply {
        Reply::Status(status) => device::status(status),
        Reply::Devices(devices) => device::devices(devices),
        Reply::DeviceRenamed(done) => member::renamed(done),
        Reply::DeviceRemoved(done) => member::removed(done),
        Reply::Paired(paired) => device::paired(paired),
        Reply::PairDecided(_) => String::new(),
        Reply::Waited(waited) => device::waited(waited),
        Reply::Collections(list) => device::collections(&list.collections),
        Reply::Imported(report) => report::imported(report),
        Reply::Exported(done) => report::exported(done),
        Reply::SourceAdded(added) => report::source_added(&added.source),
        Reply::Sources(list) => report::sources(&list.sources),
        Reply::SourceRemoved(removed) => report::source_removed(removed),
        Reply::Synced(report) => report::synced(report),
        Reply::Items(items) => item::items(items),
        Reply::Agenda(agenda) => times::agenda(agenda),
        Reply::Item(item) => item::item(item),
        Reply::Edited(edited) => item::edited(edited),
        Reply::Deleted(deleted) => item::deleted(deleted),
        Reply::Conflicts(all) => decide::all(all),
        Reply::Resolved(resolved) => decide::resolved(resolved),
        Reply::Duplicates(found) => people::duplicates(found),
        Reply::Linked(done) => people::linked(done),
        Reply::Unlinked(done) => people::unlinked(done),
        Reply::Log(log) => past::log(log),
        Reply::Trash(trash) => past::trash(&trash.items),
        Reply::Revived(done) => past::revived(done),
        Reply::Operations(list) => past::operations(&list.operations),
        Reply::Undone(undone) => past::undone(undone),
        Reply::Restored(restored) => past::restored(restored),
        Reply::BackedUp(done) => care::backed_up(done),
        Reply::Doctor(health) => care::health(health),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// `1 item`, `2 items`, `3 address books`.
pub(super) fn count<N: TryInto<u64>>(number: N, thing: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {thing}"),
        many => match thing.strip_suffix('y') {
            Some(stem) => format!("{many} {stem}ies"),
            None => format!("{many} {thing}s"),
        },
    }
}

/// A duration as a person says it.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 0.1 {
        format!("{:.0} ms", seconds * 1000.0)
    } else if seconds < 120.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

/// A point in time on the wall clock here.
pub(super) fn local(at: Moment) -> String {
    i64::try_from(at.0.0)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map(|at| at.to_zoned(jiff::tz::TimeZone::system()))
        .map_or_else(
            || at.to_string(),
            |at| at.strftime("%Y-%m-%d %H:%M").to_string(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_counted_as_people_do() {
        assert_eq!(count(1_u64, "item"), "1 item");
        assert_eq!(count(0_usize, "entry"), "0 entries");
        assert_eq!(seconds(0.004), "4 ms");
        assert_eq!(seconds(61.04), "61.0 s");
    }
}
