//! What became of a device that was renamed or removed.

use crate::api::{DeviceRemoved, DeviceRenamed};

pub(super) fn renamed(done: &DeviceRenamed) -> String {
    format!("\"{}\" is called \"{}\" now.\n", done.was, done.name)
}

pub(super) fn removed(done: &DeviceRemoved) -> String {
    if done.is_this {
        return "This device has left its mesh: what it holds stays here, and nothing comes or \
                goes any more.\nTo pair it again, make it a new device: pimesh init --new-key\n"
            .into();
    }
    let mut text = format!("\"{}\" is let in no more.\n", done.name);
    if !done.told.is_empty() {
        text += &format!("Know it already: {}.\n", done.told.join(", "));
    }
    if !done.untold.is_empty() {
        text += &format!(
            "Will know it when they next connect with a device that does: {}.\n",
            done.untold.join(", ")
        );
    }
    if !done.let_in.is_empty() {
        text += &format!(
            "It had let in, and these stay: {}. If you do not know one of them, remove it too.\n",
            done.let_in.join(", ")
        );
    }
    text
}
