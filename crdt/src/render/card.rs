//! A contact as a VCARD, in the version it was written in; 2.1 is written as 3.0.

use super::register::Lines;
use super::{Blobs, Rendered, fold};
use crate::item::register::Stored;
use crate::item::{Item, key};

pub(super) fn render(item: &Item, blobs: &dyn Blobs) -> Rendered {
    let mut lines = Lines::new(blobs);
    lines.lines.push("BEGIN:VCARD".into());
    let version = item
        .value("VERSION")
        .map_or("3.0", |stored| Stored::read(stored).value.trim());
    lines.lines.push(format!(
        "VERSION:{}",
        if version.is_empty() { "3.0" } else { version }
    ));
    if let Some(prodid) = item.value("PRODID") {
        lines.property("PRODID", prodid);
    }
    lines.uid(item, None);
    if let Some(name) = item.value(key::NAME) {
        lines.parts(name);
    }
    lines.component(item, None, &["VERSION", "PRODID", "=UID", key::NAME]);
    lines.lines.push("END:VCARD".into());
    let mut text = String::new();
    for line in &lines.lines {
        fold::line(&mut text, line);
    }
    Rendered {
        text,
        missing: lines.missing,
    }
}
