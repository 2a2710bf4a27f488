//! `pimesh import`: which bytes, under which name.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::TempPath;

use super::args::Import;
use super::door::Door;
use super::output::Output;
use super::spool;
use crate::api::{Failure, ImportPath, Request, Write};

/// Reads the files; what the node cannot open by itself goes through the spool.
pub(super) async fn import(door: &Door, words: Import, output: &Output) -> Result<u8, Failure> {
    let mut paths = Vec::with_capacity(words.paths.len());
    let mut spooled = Vec::new();
    for path in &words.paths {
        let (path, kept) = reachable(door, path)?;
        paths.push(path);
        spooled.extend(kept);
    }
    let request = Request::Import {
        paths,
        into: words.into,
        write: match words.dry_run {
            true => Write::DryRun,
            false => Write::Really,
        },
    };
    let done = door.answer(request, output).await;
    drop(spooled);
    done
}

fn reachable(door: &Door, path: &Path) -> Result<(ImportPath, Option<TempPath>), Failure> {
    let shown = path.display().to_string();
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|error| Failure::caused_by("cannot tell where this is", &error))
    };
    if shown == "-" {
        let kept = spool::take(door.home(), &mut io::stdin().lock())?;
        let path = absolute(&kept)?;
        return Ok((ImportPath { path, shown }, Some(kept)));
    }
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Failure::not_found(format!("there is no file {shown}")),
        _ => Failure::caused_by(format!("cannot read {shown}"), &error),
    };
    let kind = fs::metadata(path).map_err(cannot)?.file_type();
    if kind.is_file() || kind.is_dir() {
        let path = absolute(path)?;
        return Ok((ImportPath { path, shown }, None));
    }
    let kept = spool::take(door.home(), &mut File::open(path).map_err(cannot)?)?;
    let path = absolute(&kept)?;
    Ok((ImportPath { path, shown }, Some(kept)))
}
