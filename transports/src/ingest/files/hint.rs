//! What a folder tells about the collection that its files make: its name, and the
//! `displayname` and `color` files of a vdir.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::Path;

/// The longest name or colour that is believed.
const LONGEST_HINT: u64 = 1_000;

/// How a collection may be called and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionHint {
    /// The folder's own name.
    pub folder: String,
    /// What the `displayname` file says.
    pub display_name: Option<String>,
    /// What the `color` file says, `#RRGGBB`.
    pub color: Option<String>,
}

impl CollectionHint {
    pub(super) fn of(folder: &Path) -> Self {
        let real = folder
            .file_name()
            .is_none()
            .then(|| fs::canonicalize(folder).ok())
            .flatten();
        let named = real.as_deref().unwrap_or(folder);
        Self {
            folder: named
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            display_name: read(&folder.join("displayname")),
            color: read(&folder.join("color")).filter(|it| is_color(it)),
        }
    }

    /// The name to show: the display name, else the folder's.
    pub fn name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.folder)
    }
}

/// Files that are never items: hidden ones, which are other programs' working files, and
/// those that describe the folder.
pub(super) fn is_hidden_or_hint(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.')
        || name.ends_with(".tmp")
        || matches!(name.as_ref(), "displayname" | "color")
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    fs::File::open(path)
        .ok()?
        .take(LONGEST_HINT)
        .read_to_string(&mut text)
        .ok()?;
    let text = text.trim();
    (!text.is_empty() && !text.contains(char::is_control)).then(|| text.to_owned())
}

fn is_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or_default();
    matches!(digits.len(), 6 | 8) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}
