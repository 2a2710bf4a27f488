//! Is this device well? Everything that is stored is read and derived again.
//!
//! A look changes nothing. `repair` writes derived rows anew and drops attachments that are
//! damaged, so that other devices are asked for them. Items of which changes can not be read are
//! taken out where there is another device to ask; otherwise changes and their names are never
//! touched.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use pimesh_crdt::store::{Documents, Findings, Store};
use pimesh_crdt::{BlobHash, DeviceId};

use super::status::statements;
use super::store::GONE;
use super::who::now;
use super::{Engine, EngineError, Notice};
use crate::api::{Check, Failure, FailureKind, Health, Moment, Repair};
use crate::home::Home;

/// How far clocks may differ before it is worth a word, in milliseconds.
const CLOCK: u64 = 24 * 60 * 60 * 1000;
/// Missing attachments that are counted.
const MOST_MISSING: usize = 100_000;
/// Less room than this on the disk is worth a word.
const LITTLE_ROOM: u64 = 64 << 20;

const RESTORE: &str = "keep this folder; make a new home with pimesh restore-backup, or with \
                       pimesh init and pimesh pair: your other devices hold the data";

const ASKED: &str = "your other devices are asked for it while pimesh run runs; pimesh status says \
                     when it has come back";

const AFTER_LOSS: &str = "when everything is back, or nothing shall come back: \
                          pimesh status --acknowledge";

impl Engine {
    pub(super) async fn doctor(&self, repair: Repair) -> Result<Health, EngineError> {
        let me = self.me().device;
        let files = files(&self.inner.home, repair);
        let mut checks = self
            .inner
            .store
            .with(move |store| look(store, me, repair))
            .await?;
        if repair == Repair::Yes {
            // nobody may be listening
            let _ = self.inner.notices.send(Notice::BlobsGone);
        }
        checks.push(files);
        // sessions that go on hear of what was taken out
        if repair == Repair::Yes {
            self.inner.say_everything().await?;
        }
        for notice in self.inner.home.notices()? {
            if notice.kind == GONE {
                let database = &mut checks[0];
                database.wrong += 1;
                database.findings.push(notice.message);
                database.hint = Some(AFTER_LOSS.to_owned());
            }
        }
        Ok(health(checks))
    }
}

fn health(checks: Vec<Check>) -> Health {
    Health {
        healthy: checks.iter().all(|check| check.wrong == 0),
        checks,
    }
}

fn check(name: &str, found: Findings) -> Check {
    Check {
        name: name.to_owned(),
        looked_at: found.looked_at,
        wrong: found.wrong,
        mended: 0,
        findings: found.told,
        hint: (found.wrong > 0).then(|| RESTORE.to_owned()),
    }
}

fn look(store: &mut Store, me: DeviceId, repair: Repair) -> Result<Vec<Check>, EngineError> {
    let mends = repair == Repair::Yes;
    let mut database = database(store.quick_check()?);
    if mends && database.wrong > 0 {
        // indexes are derived; pages are not
        store.reindex()?;
        let left = store.quick_check()?.len() as u64;
        database.mended = database.wrong.saturating_sub(left);
        database.wrong = left;
    }
    let mut log = check("log", store.look_at_log()?);
    let documents = store.look_at_documents()?;
    let mut changes = check("changes", documents.changes.clone());
    if has_others(store, me)? {
        changes_elsewhere(store, &documents, mends, (&mut log, &mut changes))?;
    }
    let mut rows = check("rows", documents.rows.clone());
    if rows.wrong > 0 {
        rows.hint = Some("pimesh doctor --repair derives them again".to_owned());
    }
    if mends && rows.wrong > 0 {
        rows.mended = store.mend_rows(&documents, now())?;
        rows.wrong = rows.wrong.saturating_sub(rows.mended);
        rows.hint = None;
    }
    let blobs = blobs(store, me, mends)?;
    let clock = clock(store, documents.latest.0)?;
    Ok(vec![database, log, changes, rows, blobs, clock])
}

fn database(problems: Vec<String>) -> Check {
    check(
        "database",
        Findings {
            looked_at: 1,
            wrong: problems.len() as u64,
            told: problems,
        },
    )
}

/// What other devices can give back: changes that can not be read, and names without one.
fn changes_elsewhere(
    store: &mut Store,
    documents: &Documents,
    mends: bool,
    (log, changes): (&mut Check, &mut Check),
) -> Result<(), EngineError> {
    if changes.wrong > 0 {
        changes.hint = Some(if mends {
            ASKED.to_owned()
        } else {
            "pimesh doctor --repair takes the damaged items out and asks your other devices for \
             them; what can be read of them stays"
                .to_owned()
        });
    }
    if mends && changes.wrong > 0 {
        let missing = store.take_out(documents, now())?;
        let count: u64 = missing.iter().map(|loss| loss.documents).sum();
        changes.findings.push(format!(
            "the damaged items were taken out: {count} of them are missing until they come back"
        ));
    }
    if mends && log.wrong > 0 {
        store.note_losses(now())?;
    }
    if log.wrong > 0 && !store.losses()?.is_empty() {
        log.hint = Some(ASKED.to_owned());
    }
    Ok(())
}

fn has_others(store: &Store, me: DeviceId) -> Result<bool, EngineError> {
    let statements = statements(store)?;
    let members = pimesh_crdt::sync::membership::Members::of(me, &statements);
    Ok(members.iter().any(|(device, _)| device != me))
}

/// Attachments: damaged ones, and those that are not here.
fn blobs(store: &mut Store, me: DeviceId, mends: bool) -> Result<Check, EngineError> {
    let (found, damaged) = store.look_at_blobs()?;
    let mut out = check("blobs", found);
    if mends && !damaged.is_empty() {
        store.drop_blobs(&damaged, now())?;
    }
    let missing: Vec<BlobHash> = store
        .missing_blobs(None, MOST_MISSING)?
        .iter()
        .map(|missing| missing.hash)
        .collect();
    if missing.is_empty() && damaged.is_empty() {
        return Ok(out);
    }
    let has_others = has_others(store, me)?;
    if !missing.is_empty() {
        let message = format!("{} attachments are not here", missing.len());
        out.findings.insert(0, message);
        out.wrong = missing.len() as u64;
        if !mends {
            out.wrong += damaged.len() as u64;
        }
    }
    out.hint = Some(match (mends, has_others) {
        (false, true) if !damaged.is_empty() => {
            "pimesh doctor --repair asks your other devices for them".to_owned()
        }
        (_, true) => "your other devices are asked for them while pimesh run runs".to_owned(),
        (_, false) => "no other device holds them: use a backup".to_owned(),
    });
    Ok(out)
}

/// Is the clock plausible: has it or has another device's been far ahead?
fn clock(store: &Store, latest_change: u64) -> Result<Check, EngineError> {
    let mut found = Findings {
        looked_at: 1,
        ..Findings::default()
    };
    let now = now();
    let own = store.latest_moment()?.map_or(0, |at| at.0);
    for (what, at) in [
        ("this device has been", own),
        ("a change was made", latest_change),
    ] {
        if at > now.0.saturating_add(CLOCK) {
            found.wrong += 1;
            let at = Moment(pimesh_crdt::Timestamp(at));
            found
                .told
                .push(format!("{what} at {at}, and now it is {}", Moment(now)));
        }
    }
    let mut out = check("clock", found);
    if out.wrong > 0 {
        out.hint = Some("set the clocks of your devices; nothing is lost by it".to_owned());
    }
    Ok(out)
}

/// The folder, the key, the settings: there, and for nobody else.
fn files(home: &Home, repair: Repair) -> Check {
    let mut found = Findings::default();
    let mut mended = 0;
    let folder = home.folder().to_owned();
    let (secrets, database) = (home.secrets(), home.database());
    let private = [
        folder.clone(),
        folder.join("device.key"),
        folder.join("config.json"),
        database,
        secrets.clone(),
        secrets.join("key"),
    ];
    let mut tell = |what: String| {
        found.wrong += 1;
        found.told.push(what);
    };
    let mut looked_at = 0;
    for path in private.iter().filter(|path| path.exists()) {
        looked_at += 1;
        match fs::metadata(path).map(|meta| meta.mode() & 0o777) {
            Ok(mode) if mode & 0o077 == 0 => {}
            Ok(mode) if repair == Repair::Yes => match close(path, mode) {
                Ok(()) => mended += 1,
                Err(error) => tell(format!("{}: {error}", path.display())),
            },
            Ok(mode) => tell(format!(
                "{} can be read or changed by other users (mode {mode:03o})",
                path.display()
            )),
            Err(error) => tell(format!("{}: {error}", path.display())),
        }
    }
    if let Err(error) = home.config() {
        tell(error.to_string());
    }
    match fs4::available_space(&folder) {
        Ok(room) if room < LITTLE_ROOM => tell(format!("only {room} bytes are left on the disk")),
        Ok(_) => {}
        Err(error) => tell(format!("{}: {error}", folder.display())),
    }
    found.looked_at = looked_at;
    let mut out = check("files", found);
    out.mended = mended;
    if out.wrong > 0 {
        out.hint =
            Some("pimesh doctor --repair closes files to others; make room on the disk".into());
    }
    out
}

fn close(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700))
}

/// What is wrong with a home whose store can not be opened; nothing where that is no matter of
/// health, such as another process that uses it. Changes nothing.
pub fn diagnose(home: &Home, failure: &Failure) -> Option<Health> {
    match failure.kind {
        FailureKind::Locked | FailureKind::Usage | FailureKind::NotFound => return None,
        FailureKind::Failed | FailureKind::Partly => {}
    }
    let mut problems = match Store::look_through(&home.database()) {
        Ok(problems) => problems,
        Err(error) => vec![error.to_string()],
    };
    problems.insert(0, failure.message.clone());
    let checks = vec![database(problems), files(home, Repair::No)];
    Some(health(checks))
}
