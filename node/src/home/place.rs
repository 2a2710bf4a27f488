//! Where a home's database is: which computer, which file. One that is elsewhere than it was
//! has been copied, restored by copying, or moved with its disk.
//!
//! ```text
//!  machine id, inode, birth ──► [Place] ──same?── what the database says of itself
//! ```
//!
//! Invariants: what cannot be told is no difference, so that neither a container without a
//! machine id nor a file system without birth times raises an alarm; what is kept of the
//! computer identifies it to nobody else, also not to another device on it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use pimesh_crdt::DeviceId;
use serde::{Deserialize, Serialize};

use super::{Home, HomeError, file_error};

/// Where a computer says which one it is; the first that does counts. Others say nothing.
const MACHINE_IDS: [&str; 3] = [
    "/etc/machine-id",
    "/var/lib/dbus/machine-id",
    "/etc/hostid", // FreeBSD
];

/// A machine id is not shorter. What systemd writes into an image that was not started yet is.
const SHORTEST_ID: usize = 32;

/// Births of files that are known no more finely than this, in nanoseconds, are of file systems
/// (FAT) that number files anew each time they are mounted.
const COARSE: u128 = 10_000_000;

/// Where a database is, as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The device whose it is: another one's place says nothing.
    device: String,
    /// The computer, hashed with the device.
    machine: Option<String>,
    /// The file.
    file: Option<FileMark>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileMark {
    inode: u64,
    /// In nanoseconds since 1970.
    born: u128,
}

/// How a database is elsewhere than it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// The same file on another computer: its disk, or an image of it.
    Computer,
    /// Another file on the same computer: a copy.
    File,
    /// A copy on another computer.
    Both,
}

impl Home {
    /// Where the database of this home is now.
    pub fn place(&self, device: DeviceId) -> Result<Place, HomeError> {
        let path = self.database();
        let about = fs::metadata(&path).map_err(file_error(&path))?;
        let id = MACHINE_IDS
            .iter()
            .find_map(|path| machine_id(Path::new(path)));
        Ok(Place::of(device, id.as_deref(), mark(&about)))
    }
}

impl Place {
    fn of(device: DeviceId, machine: Option<&str>, file: Option<FileMark>) -> Self {
        let machine = machine.map(|id| {
            let key = blake3::derive_key("pimesh machine v1", &device.0);
            let hash = blake3::keyed_hash(&key, id.as_bytes());
            hash.to_hex()[..32].to_owned()
        });
        let device = device.to_string();
        Self {
            device,
            machine,
            file,
        }
    }

    /// As the database keeps it.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Nothing where it cannot be read.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// How it is elsewhere than it was; nothing where it is not, or where that cannot be told.
    pub fn elsewhere_than(&self, was: &Self) -> Option<Elsewhere> {
        if self.device != was.device {
            return None;
        }
        let computer = matches!((&self.machine, &was.machine), (Some(is), Some(was)) if is != was);
        let file = matches!((self.file, was.file), (Some(is), Some(was)) if is.differs(was));
        match (computer, file) {
            (false, false) => None,
            (true, false) => Some(Elsewhere::Computer),
            (false, true) => Some(Elsewhere::File),
            (true, true) => Some(Elsewhere::Both),
        }
    }

    /// What is to be kept of both: what cannot be told this time may be told the next time.
    pub fn or(self, was: Option<&Self>) -> Self {
        match was.filter(|was| was.device == self.device) {
            None => self,
            Some(was) => Self {
                machine: self.machine.or_else(|| was.machine.clone()),
                file: self.file.or(was.file),
                device: self.device,
            },
        }
    }
}

impl FileMark {
    fn differs(self, was: Self) -> bool {
        let is_coarse = self.born.is_multiple_of(COARSE);
        self.born != was.born || (self.inode != was.inode && !is_coarse)
    }
}

/// Nothing where the file system does not say when the file was made: such a one may number
/// files anew too.
fn mark(about: &Metadata) -> Option<FileMark> {
    let born = about.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(FileMark {
        inode: about.ino(),
        born: born.as_nanos(),
    })
}

fn machine_id(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let id = text.trim();
    (id.len() >= SHORTEST_ID).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: DeviceId = DeviceId([1; 32]);
    const BORN: u128 = 1_795_388_662_434_910_864;

    fn place(machine: Option<&str>, file: Option<(u64, u128)>) -> Place {
        let mark = |(inode, born)| FileMark { inode, born };
        Place::of(ONE, machine, file.map(mark))
    }

    #[test]
    fn another_computer_or_another_file_is_elsewhere_and_what_nobody_says_is_not() {
        let was = place(Some("a"), Some((7, BORN)));
        let than_was = |machine, file| place(machine, file).elsewhere_than(&was);
        assert_eq!(than_was(Some("a"), Some((7, BORN))), None);
        assert_eq!(than_was(None, None), None);
        let (computer, file) = (Some(Elsewhere::Computer), Some(Elsewhere::File));
        assert_eq!(than_was(Some("b"), Some((7, BORN))), computer);
        assert_eq!(than_was(Some("b"), None), computer);
        assert_eq!(than_was(Some("a"), Some((7, BORN + 1))), file);
        assert_eq!(
            than_was(None, Some((8, BORN))),
            file,
            "a copy that keeps birth times"
        );
        assert_eq!(
            than_was(Some("b"), Some((8, BORN + 1))),
            Some(Elsewhere::Both)
        );
        let unknown = place(None, None);
        assert_eq!(was.elsewhere_than(&unknown), None);
    }

    #[test]
    fn a_file_system_that_numbers_files_anew_is_no_copy() {
        let born = 1_795_388_662_430_000_000;
        let (was, is) = (place(None, Some((7, born))), place(None, Some((9, born))));
        assert_eq!(is.elsewhere_than(&was), None);
    }

    #[test]
    fn what_another_device_was_says_nothing_and_what_is_kept_names_no_computer() {
        let was = place(Some("0123456789abcdef"), Some((7, BORN)));
        let mine = Place::of(DeviceId([2; 32]), Some("0123456789abcdef"), None);
        assert_eq!(
            mine.elsewhere_than(&was),
            None,
            "a new key on the same computer"
        );
        assert_ne!(mine.machine, was.machine);
        let kept = String::from_utf8(was.to_bytes()).unwrap();
        assert!(!kept.contains("0123456789abcdef"), "{kept}");
        assert_eq!(Place::from_bytes(kept.as_bytes()), Some(was.clone()));
        assert_eq!(place(None, None).or(Some(&was)), was);
        assert_eq!(Place::from_bytes(b"torn"), None);
    }

    #[test]
    fn an_image_that_was_never_started_has_no_machine_id() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("machine-id");
        assert_eq!(machine_id(&path), None);
        for text in ["", "\n", "uninitialized\n"] {
            fs::write(&path, text).unwrap();
            assert_eq!(machine_id(&path), None, "{text:?}");
        }
        let id = "b08dfa6083e7567a1921a715000001fb";
        fs::write(&path, format!("{id}\n")).unwrap();
        assert_eq!(machine_id(&path).as_deref(), Some(id));
    }
}
