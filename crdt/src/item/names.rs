//! Which property may occur how often, and which are one register with others.
//!
//! RFC 5545 §3.6 and §3.8, RFC 6350 §6, RFC 7986. Frozen with the schema version: a name that
//! moved from one column to another would change the keys of data already stored.

/// Where a property of a component goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// One register under its own name; a further instance is an element.
    Single,
    /// One register for each instance.
    Element,
    /// One register for each value of a comma-separated list.
    List,
    /// Part of a register of several properties.
    Part(&'static str),
    /// Not stored as a register: it is the item's own name.
    Uid,
}

/// Where a property of a contact goes.
pub fn in_card(name: &str) -> Place {
    match name {
        "UID" => Place::Uid,
        "FN" | "N" => Place::Part(super::key::NAME),
        "ORG" | "TITLE" | "ROLE" | "NOTE" | "BDAY" | "ANNIVERSARY" | "DEATHDATE" | "GENDER"
        | "PHOTO" | "LOGO" | "SOUND" | "REV" | "PRODID" | "VERSION" | "CLASS" | "SORT-STRING"
        | "TZ" | "GEO" | "MAILER" | "KIND" | "=NAME" | "SOURCE" | "PROFILE" | "AGENT" => {
            Place::Single
        }
        "CATEGORIES" | "NICKNAME" => Place::List,
        _ if is_book_keeping(name) => Place::Single,
        _ => Place::Element,
    }
}

/// Where a property of an event, a task or another calendar component goes.
pub fn in_calendar(kind: &str, name: &str) -> Place {
    #[cfg(feature = "mutants")]
    if name == "DTEND" && crate::mutants::is(crate::mutants::Mutant::StartAndEndApart) {
        return Place::Single;
    }
    match name {
        "UID" => Place::Uid,
        "DTSTART" | "DTEND" | "DURATION" | "DUE" | "RRULE" | "EXRULE" => {
            Place::Part(super::key::WHEN)
        }
        "STATUS" | "COMPLETED" | "PERCENT-COMPLETE" if kind == super::kind::VTODO => {
            Place::Part(super::key::DONE)
        }
        "DESCRIPTION" if kind == super::kind::VJOURNAL => Place::Element,
        "SUMMARY" | "DESCRIPTION" | "LOCATION" | "STATUS" | "TRANSP" | "CLASS" | "PRIORITY"
        | "SEQUENCE" | "CREATED" | "LAST-MODIFIED" | "DTSTAMP" | "ORGANIZER" | "URL" | "GEO"
        | "COLOR" | "COMPLETED" | "PERCENT-COMPLETE" | "=NAME" => Place::Single,
        "CATEGORIES" | "RESOURCES" | "EXDATE" | "RDATE" => Place::List,
        _ if is_book_keeping(name) => Place::Single,
        _ => Place::Element,
    }
}

/// The name under which a property is stored: its own, but for the few properties that are
/// called like a register of several.
pub fn stored(name: String) -> String {
    match name.as_str() {
        "NAME" | "WHEN" | "DONE" | "ALARM" | "REPLY" | "C" | "R" | "CAL" => format!("={name}"),
        _ => name,
    }
}

/// The name that a property is written with.
pub fn written(name: &str) -> &str {
    name.strip_prefix('=').unwrap_or(name)
}

/// True for what machines keep about an item: it merges by maximum and never conflicts.
pub fn is_book_keeping(name: &str) -> bool {
    matches!(
        name,
        "SEQUENCE"
            | "LAST-MODIFIED"
            | "CREATED"
            | "DTSTAMP"
            | "REV"
            | "PRODID"
            | "VERSION"
            | "=UID"
            | "X-MOZ-GENERATION"
            | "X-MOZ-LASTACK"
            | "METHOD"
            | "CALSCALE"
    ) || (name.starts_with("X-EVOLUTION-") && name.ends_with("ETAG"))
}

/// True where programs read an order among equals: the first e-mail address is "the" address.
pub fn keeps_order(name: &str) -> bool {
    matches!(name, "EMAIL" | "TEL" | "ADR" | "IMPP" | "URL")
}

/// True where a changed value is still the same element, so that a corrected number keeps
/// its key. A different attendee or category is another one.
pub fn is_edited_in_place(name: &str) -> bool {
    !matches!(
        name,
        "ATTENDEE"
            | "CATEGORIES"
            | "RESOURCES"
            | "EXDATE"
            | "RDATE"
            | "RELATED-TO"
            | "RELATED"
            | "MEMBER"
            | "ATTACH"
            | "REQUEST-STATUS"
            | "FREEBUSY"
            | "C"
    )
}

/// True where the value is free text (RFC 5545 §3.3.11): commas and line ends are escaped.
pub fn is_text(name: &str) -> bool {
    matches!(
        name,
        "FN" | "NOTE"
            | "TITLE"
            | "ROLE"
            | "NICKNAME"
            | "CATEGORIES"
            | "LABEL"
            | "SUMMARY"
            | "DESCRIPTION"
            | "LOCATION"
            | "COMMENT"
            | "CONTACT"
            | "RESOURCES"
            | "SORT-STRING"
            | "NAME"
            | "MAILER"
            | "KIND"
            | "CLASS"
            | "STATUS"
            | "TRANSP"
    )
}

/// True where the value has parts between `;` (RFC 6350 §3.3).
pub fn is_structured(name: &str) -> bool {
    matches!(name, "N" | "ADR" | "ORG" | "GENDER" | "CLIENTPIDMAP")
}
