//! Where the socket is. A Unix socket's path may have about a hundred bytes and a home's
//! path any number, so a deep home's socket lies in a short private folder, whose path
//! the home records.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use super::RpcError;
use crate::home::{Home, write_private};

/// 107 bytes on Linux, 103 on macOS; a few less for both.
const LONGEST_PATH: usize = 100;

/// A socket that answers for a home. Removed when dropped.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// Removed with the socket when it is not in the home itself.
    elsewhere: Option<Elsewhere>,
    owner: u32,
}

#[derive(Debug)]
struct Elsewhere {
    folder: PathBuf,
    record: PathBuf,
}

impl Listener {
    /// Answers for this home from now on. Only whoever holds the home's lock may call
    /// this: a socket found there is then certainly a dead process's, and is replaced.
    pub fn bind(home: &Home) -> Result<Self, RpcError> {
        let owner = home.owner()?;
        let record = record(home);
        remove(&record).map_err(socket_error(&record))?;
        let in_home = home.socket();
        remove(&in_home).map_err(socket_error(&in_home))?;
        let (path, elsewhere) = if fits(&in_home) {
            (in_home, None)
        } else {
            let folder = short_folder(home, owner)?;
            let path = folder.join("node.sock");
            remove(&path).map_err(socket_error(&path))?;
            (path, Some(Elsewhere { folder, record }))
        };
        let socket = UnixListener::bind(&path).map_err(socket_error(&path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(socket_error(&path))?;
        let listener = Self {
            socket,
            path,
            elsewhere,
            owner,
        };
        if let Some(Elsewhere { record, .. }) = &listener.elsewhere {
            write_private(record, listener.path.as_os_str().as_bytes())
                .map_err(socket_error(record))?;
        }
        Ok(listener)
    }

    /// The next client. Fails for one that is not the home's owner.
    pub(super) async fn accept(&self) -> Result<UnixStream, RpcError> {
        let (stream, _) = self.socket.accept().await.map_err(RpcError::Lost)?;
        check_peer(&stream, self.owner)?;
        Ok(stream)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // What cannot be removed is replaced by the next node.
        let _ = fs::remove_file(&self.path);
        if let Some(Elsewhere { folder, record }) = &self.elsewhere {
            let _ = fs::remove_file(record);
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Connects to the home's node, or to nothing when none listens.
pub(super) async fn connect(home: &Home) -> Result<Option<UnixStream>, RpcError> {
    let owner = home.owner()?;
    let record = record(home);
    let path = match fs::read(&record) {
        Ok(bytes) => PathBuf::from(std::ffi::OsStr::from_bytes(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => home.socket(),
        Err(error) => return Err(socket_error(&record)(error)),
    };
    if !fits(&path) {
        return Ok(None);
    }
    match UnixStream::connect(&path).await {
        Ok(stream) => {
            check_peer(&stream, owner)?;
            Ok(Some(stream))
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(socket_error(&path)(error)),
    }
}

fn check_peer(stream: &UnixStream, owner: u32) -> Result<(), RpcError> {
    let peer = stream.peer_cred().map_err(RpcError::Lost)?.uid();
    match peer == owner {
        true => Ok(()),
        false => Err(RpcError::Stranger(peer)),
    }
}

fn record(home: &Home) -> PathBuf {
    home.folder().join("node.sock.path")
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= LONGEST_PATH
}

/// A folder that only the owner can enter, with a name made from the home's path.
fn short_folder(home: &Home, owner: u32) -> Result<PathBuf, RpcError> {
    let whole = blake3::hash(home.folder().as_os_str().as_bytes()).to_hex();
    let name = format!("pimesh-{owner}-{}", &whole[..16]);
    let roots = [
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
        Some(std::env::temp_dir()),
        Some(PathBuf::from("/tmp")),
    ];
    let folder = roots
        .into_iter()
        .flatten()
        .filter(|root| root.is_absolute() && root.is_dir())
        .map(|root| root.join(&name))
        .find(|folder| fits(&folder.join("node.sock")))
        .ok_or_else(|| RpcError::TooLong(home.folder().to_owned()))?;
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(socket_error(&folder)(error));
        }
        _ => {}
    }
    // `symlink_metadata`: in a folder that all may write to, a link is a trap.
    let meta = fs::symlink_metadata(&folder).map_err(socket_error(&folder))?;
    match meta.is_dir() && meta.uid() == owner && meta.mode() & 0o077 == 0 {
        true => Ok(folder),
        false => Err(RpcError::NotOurs(folder)),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn socket_error(path: &Path) -> impl FnOnce(io::Error) -> RpcError {
    let path = path.to_owned();
    move |source| RpcError::Socket { path, source }
}
