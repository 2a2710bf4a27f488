//! Changing who belongs to the mesh, and what its devices are called.

use serde::{Deserialize, Serialize};

/// What can be asked. `device` is a device's name, or the beginning of its id; this device has
/// both too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Member {
    /// Calls a device something else, on every device. Answered by `Reply::DeviceRenamed`.
    Rename {
        /// Which.
        device: String,
        /// What to call it from now on.
        name: String,
    },
    /// Lets a device in no more, for ever, anywhere. What it holds stays with it. Answered by
    /// `Reply::DeviceRemoved`.
    Remove {
        /// Which; this one leaves the mesh.
        device: String,
    },
}

/// Reply to `devices rename`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRenamed {
    /// The device's id.
    pub device: String,
    /// What it is called now.
    pub name: String,
    /// What it was called.
    pub was: String,
}

/// Reply to `devices remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRemoved {
    /// The device's id.
    pub device: String,
    /// What it was called.
    pub name: String,
    /// It is this device that has left the mesh.
    pub is_this: bool,
    /// The other devices that are connected and so know it at once.
    pub told: Vec<String>,
    /// The other devices that are told before anything else when they next connect with one that
    /// knows. Until then they may still exchange changes with the removed one.
    pub untold: Vec<String>,
    /// The members that only it has let in, itself or through those it let in. They stay: whoever
    /// does not know one of them removes it too.
    #[serde(default)]
    pub let_in: Vec<String>,
}
