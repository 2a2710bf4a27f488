//! What came in and went out: imports, exports, sources.

use super::table::{one_line, table};
use super::times;
use super::{count, local, seconds};
use crate::api::{
    Counts, Exported, ImportReport, SourceInfo, SourceRemoved, SourceReport, SyncReport,
};

/// So many files are listed one by one; `--json` has them all.
const FILES: usize = 40;
/// So many reasons are told per file; `--json` has them all.
const REASONS: usize = 10;

pub(super) fn imported(report: &ImportReport) -> String {
    let row = |path: String, counts: &Counts| {
        vec![
            path,
            counts.begun.to_string(),
            counts.added.to_string(),
            counts.changed.to_string(),
            counts.restored.to_string(),
            counts.same.to_string(),
            counts.overrides.to_string(),
            counts.refused.to_string(),
        ]
    };
    let with_items = || report.files.iter().filter(|file| file.counts.begun > 0);
    let mut rows: Vec<_> = with_items()
        .take(FILES)
        .map(|file| row(file.path.clone(), &file.counts))
        .collect();
    let left_out = with_items().count().saturating_sub(FILES);
    if left_out > 0 {
        rows.push(vec![format!("… and {}", count(left_out, "more file"))]);
    }
    if rows.len() > 1 {
        rows.push(row("in all".into(), &report.totals));
    }
    let headings = [
        "FILE",
        "FOUND#",
        "ADDED#",
        "CHANGED#",
        "RESTORED#",
        "SAME#",
        "OVERRIDES#",
        "REFUSED#",
    ];
    let mut text = match rows.is_empty() {
        true => "No contacts or calendars were found.\n".into(),
        false => table(&headings, rows),
    };
    let refusing = || report.files.iter().filter(|file| !file.refused.is_empty());
    for file in refusing().take(REASONS) {
        text += &format!("\nRefused in {}:\n", one_line(&file.path));
        for one in file.refused.iter().take(REASONS) {
            let reason = one_line(&one.reason);
            text += &format!("  line {}, {}: {reason}\n", one.line, one.component);
        }
        text += &more(file.refused.len());
    }
    text += &more(refusing().count());
    text += &lost(report);
    if !report.skipped.is_empty() {
        text += "\nNot read:\n";
        for file in report.skipped.iter().take(REASONS) {
            text += &format!("  {}: {}\n", one_line(&file.path), one_line(&file.reason));
        }
        text += &more(report.skipped.len());
    }
    let flagged: Vec<_> = report
        .files
        .iter()
        .flat_map(|file| file.flagged.clone())
        .collect();
    text += &times::flagged(&flagged);
    text += &match report.dry_run {
        true => "\nNothing was written: this was only a try.\n".to_owned(),
        false => format!("\nDone in {}.\n", seconds(report.seconds)),
    };
    text
}

/// What files say no more, and what became of it.
fn lost(report: &ImportReport) -> String {
    let all: Vec<_> = report.files.iter().flat_map(|file| &file.lost).collect();
    if all.is_empty() {
        return String::new();
    }
    let mut text = "\nNo longer in the file:\n".to_owned();
    for lost in all.iter().take(REASONS) {
        text += &format!("  {}  {}:", lost.item, one_line(&lost.name));
        if !lost.removed.is_empty() {
            text += &format!(" removed {}", lost.removed.join(", "));
        }
        if !lost.held.is_empty() {
            let and = if lost.removed.is_empty() { "" } else { ";" };
            text += &format!("{and} kept {}", lost.held.join(", "));
        }
        text += "\n";
    }
    text += &more(all.len());
    if all.iter().any(|lost| !lost.held.is_empty()) {
        text += "What was kept the program that wrote the file may not know; what you do not \
                 want any more, remove with: pimesh edit ITEM --remove NAME\n";
    }
    text
}

fn more(all: usize) -> String {
    match all.checked_sub(REASONS) {
        None | Some(0) => String::new(),
        Some(more) => format!("  … and {more} more (all of them with --json)\n"),
    }
}

pub(super) fn exported(done: &Exported) -> String {
    let mut text = format!(
        "Wrote {} of {} to {} ({} bytes).\n",
        count(done.items, "item"),
        done.collection,
        done.path,
        done.bytes
    );
    if done.removed > 0 {
        let files = count(done.removed, "file");
        text += &format!("Removed {files} that an earlier export wrote: the items are gone.\n");
    }
    if done.kept > 0 {
        text += "\nLeft as they are:\n";
        for held in done.held.iter().take(REASONS) {
            text += &format!("  {}: {}\n", one_line(&held.file), held.reason);
        }
        text += &more(usize::try_from(done.kept).unwrap_or(usize::MAX));
        text += "Look at them, then move them away, or replace what is in the way with --yes.\n";
    }
    if done.incomplete > 0 {
        let items = count(done.incomplete, "item");
        text += &format!("\n{items} without a photo or attachment that is not here yet:\n");
        for name in done.without_attachments.iter().take(REASONS) {
            text += &format!("  {}\n", one_line(name));
        }
        text += &more(usize::try_from(done.incomplete).unwrap_or(usize::MAX));
        text += "Let this device connect with the others (pimesh run), then export again.\n";
    }
    text + &times::flagged(&done.flagged)
}

pub(super) fn sources(sources: &[SourceInfo]) -> String {
    if sources.is_empty() {
        return "No sources yet: add a mailbox with `pimesh source add imaps://YOU@HOST`.\n".into();
    }
    let rows = sources.iter().map(|source| {
        let state = match (&source.last_failure, source.last_sync) {
            (Some(failure), _) => format!("failed: {failure}"),
            (None, Some(at)) => local(at),
            (None, None) => "not yet".into(),
        };
        let name = match source.insecure {
            true => format!("{} (insecure)", source.name),
            false => source.name.clone(),
        };
        vec![name, source.url.clone(), source.items.to_string(), state]
    });
    table(&["SOURCE", "ADDRESS", "ITEMS#", "LAST READ"], rows)
}

pub(super) fn source_added(source: &SourceInfo) -> String {
    format!(
        "\"{0}\" is read from now on while `pimesh run` runs; at once with: pimesh source sync {0}\n",
        source.name
    )
}

pub(super) fn source_removed(removed: &SourceRemoved) -> String {
    let mut text = format!("\"{}\" is not read any more.", removed.name);
    if removed.kept > 0 {
        text += &format!(" {} stay.", count(removed.kept, "item"));
    }
    if removed.removed > 0 {
        text += &format!(" {} deleted.", count(removed.removed, "item"));
    }
    text + "\n"
}

pub(super) fn synced(report: &SyncReport) -> String {
    if report.sources.is_empty() {
        return sources(&[]);
    }
    report.sources.iter().map(source_report).collect()
}

fn source_report(source: &SourceReport) -> String {
    let mut text = format!("{}\n", one_source(source));
    for refused in source.refused.iter().take(REASONS) {
        let reason = one_line(&refused.reason);
        text += &format!("  refused: {}: {reason}\n", one_line(&refused.mail));
    }
    text += &more(source.refused.len());
    text
}

/// What a source brought, on one line.
pub(super) fn one_source(source: &SourceReport) -> String {
    let name = &source.name;
    if let Some(failure) = &source.failure {
        let hint = failure.hint.as_deref().unwrap_or_default();
        let text = format!("{name}: {}. {hint}", failure.message.trim_end_matches('.'));
        return text.trim_end().to_owned();
    }
    format!(
        "{name}: {} read, {} and {}: {} added, {} changed, {} the same ({})",
        count(source.mails, "mail"),
        count(source.invitations, "invitation"),
        count(source.cards, "card"),
        source.added,
        source.changed,
        source.same,
        seconds(source.seconds)
    )
}
