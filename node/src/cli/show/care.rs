//! Backups, and the health of a device.

use super::table::one_line;
use super::{count, local};
use crate::api::{BackedUp, Health};

pub(super) fn backed_up(done: &BackedUp) -> String {
    format!(
        "Wrote {} of \"{}\", as of {}, to {} ({} bytes), and read it back.\n\
         Keep the passphrase: without it nobody can open the file.\n",
        count(done.items, "item"),
        one_line(&done.name),
        local(done.at),
        done.path,
        done.bytes
    )
}

pub(super) fn health(health: &Health) -> String {
    let mut text = String::new();
    for check in &health.checks {
        let state = match (check.wrong, check.mended) {
            (0, 0) => "well".to_owned(),
            (0, mended) => format!("{mended} mended"),
            (wrong, 0) => format!("{wrong} wrong"),
            (wrong, mended) => format!("{wrong} wrong, {mended} mended"),
        };
        text += &format!("{:<10} {:>8}  {state}\n", check.name, check.looked_at);
        for finding in &check.findings {
            text += &format!("    {}\n", one_line(finding));
        }
        if let Some(hint) = &check.hint {
            text += &format!("    → {hint}\n");
        }
    }
    text += match health.healthy {
        true => "\nThis device is well.\n",
        false => "\nSomething is wrong with this device.\n",
    };
    text
}
