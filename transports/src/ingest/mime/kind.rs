//! Which parts of a mail are calendars or cards: by media type, else by file name.

use super::PartKind;
use super::header::Content;

/// What the part holds, or nothing where it is of no interest.
pub(super) fn of(content: &Content) -> Option<PartKind> {
    if content.is_message() || content.media_type.starts_with("multipart/") {
        return None;
    }
    match content.media_type.as_str() {
        "text/calendar"
        | "application/ics"
        | "application/x-ics"
        | "application/calendar"
        | "text/x-vcalendar"
        | "text/ics" => Some(calendar(content)),
        "text/vcard" | "text/x-vcard" | "application/vcard" | "application/x-vcard" => {
            Some(PartKind::Card)
        }
        "text/directory" if content.profile.as_deref() == Some("vcard") => Some(PartKind::Card),
        _ => by_name(content),
    }
}

fn by_name(content: &Content) -> Option<PartKind> {
    let (_, extension) = content.name.as_deref()?.trim().rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "ics" | "ical" | "ifb" | "vcs" => Some(calendar(content)),
        "vcf" | "vcard" => Some(PartKind::Card),
        _ => None,
    }
}

fn calendar(content: &Content) -> PartKind {
    PartKind::Calendar {
        method: content.method.clone(),
    }
}
