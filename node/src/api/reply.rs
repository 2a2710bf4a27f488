//! The answer to a request, and the exit code it means.

use serde::{Deserialize, Serialize};

use super::care::{BackedUp, Health};
use super::decide::Resolved;
use super::device::{Collections, ConfirmationState, Devices, PairDecided, Paired, Status, Waited};
use super::failure::FailureKind;
use super::item::{Conflicts, Deleted, Edited, Item, Items};
use super::member::{DeviceRemoved, DeviceRenamed};
use super::past::{ItemLog, Operations, Restored, Revived, Trash, Undone};
use super::people::{Duplicates, Linked, Unlinked};
use super::report::{Exported, ImportReport, SourceAdded, SourceRemoved, Sources, SyncReport};
use super::times::Agenda;

/// The answer to a request. On the socket the variant's name is written around it;
/// `--json` prints the inside only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To `Request::Status`.
    Status(Status),
    /// To `Request::Devices`.
    Devices(Devices),
    /// To `Member::Rename`.
    DeviceRenamed(DeviceRenamed),
    /// To `Member::Remove`.
    DeviceRemoved(DeviceRemoved),
    /// To `Request::PairOffer` and `Request::PairJoin`.
    Paired(Paired),
    /// To `Request::PairDecide`.
    PairDecided(PairDecided),
    /// To `Request::Wait`.
    Waited(Waited),
    /// To `Request::Collections`.
    Collections(Collections),
    /// To `Request::Import`.
    Imported(ImportReport),
    /// To `Request::Export`.
    Exported(Exported),
    /// To `Request::SourceAdd`.
    SourceAdded(SourceAdded),
    /// To `Request::SourceList`.
    Sources(Sources),
    /// To `Request::SourceRemove`.
    SourceRemoved(SourceRemoved),
    /// To `Request::SourceSync`.
    Synced(SyncReport),
    /// To `Request::List` and `Request::Search`.
    Items(Items),
    /// To `Request::Agenda`.
    Agenda(Agenda),
    /// To `Request::Show`.
    Item(Item),
    /// To `Request::Edit`.
    Edited(Edited),
    /// To `Request::Delete`.
    Deleted(Deleted),
    /// To `Request::Conflicts`.
    Conflicts(Conflicts),
    /// To `Request::Resolve`.
    Resolved(Resolved),
    /// To `People::Duplicates`.
    Duplicates(Duplicates),
    /// To `People::Link`.
    Linked(Linked),
    /// To `People::Unlink`.
    Unlinked(Unlinked),
    /// To `Past::Log`.
    Log(ItemLog),
    /// To `Past::Trash`.
    Trash(Trash),
    /// To `Past::Revive`.
    Revived(Revived),
    /// To `Past::Operations`.
    Operations(Operations),
    /// To `Past::Undo`.
    Undone(Undone),
    /// To `Past::Restore`.
    Restored(Restored),
    /// To `Care::Backup`.
    BackedUp(BackedUp),
    /// To `Care::Doctor`.
    Doctor(Health),
}

impl Reply {
    /// 0 when all of it was done, 3 when a part was not, 1 when every source failed.
    pub fn exit_code(&self) -> u8 {
        let partly = FailureKind::Partly.exit_code();
        match self {
            Self::Imported(report)
                if report.totals.refused > 0
                    || report.skipped.iter().any(|file| file.problem)
                    || report.holds_back() =>
            {
                partly
            }
            Self::Synced(report) => {
                let failed = report
                    .sources
                    .iter()
                    .filter(|s| s.failure.is_some())
                    .count();
                if failed > 0 && failed == report.sources.len() {
                    FailureKind::Failed.exit_code()
                } else if failed > 0 || report.sources.iter().any(|s| !s.refused.is_empty()) {
                    partly
                } else {
                    0
                }
            }
            Self::Waited(waited) if !waited.confirmed => partly,
            Self::Undone(undone) if undone.kept > 0 => partly,
            Self::Exported(done) if done.kept > 0 || done.incomplete > 0 => partly,
            Self::Doctor(health) if !health.healthy => FailureKind::Failed.exit_code(),
            Self::Imported(_)
            | Self::Waited(_)
            | Self::Status(_)
            | Self::Devices(_)
            | Self::DeviceRenamed(_)
            | Self::DeviceRemoved(_)
            | Self::Paired(_)
            | Self::PairDecided(_)
            | Self::Collections(_)
            | Self::Exported(_)
            | Self::SourceAdded(_)
            | Self::Sources(_)
            | Self::SourceRemoved(_)
            | Self::Items(_)
            | Self::Agenda(_)
            | Self::Item(_)
            | Self::Edited(_)
            | Self::Deleted(_)
            | Self::Conflicts(_)
            | Self::Resolved(_)
            | Self::Duplicates(_)
            | Self::Linked(_)
            | Self::Unlinked(_)
            | Self::Log(_)
            | Self::Trash(_)
            | Self::Revived(_)
            | Self::Operations(_)
            | Self::Undone(_)
            | Self::Restored(_)
            | Self::BackedUp(_)
            | Self::Doctor(_) => 0,
        }
    }

    /// What `--json` prints: the inside, without the variant's name.
    pub fn document(&self) -> Result<serde_json::Value, serde_json::Error> {
        match self {
            Self::Status(inside) => serde_json::to_value(inside),
            Self::Devices(inside) => serde_json::to_value(inside),
            Self::DeviceRenamed(inside) => serde_json::to_value(inside),
            Self::DeviceRemoved(inside) => serde_json::to_value(inside),
            Self::Paired(inside) => serde_json::to_value(inside),
            Self::PairDecided(inside) => serde_json::to_value(inside),
            Self::Waited(inside) => serde_json::to_value(inside),
            Self::Collections(inside) => serde_json::to_value(inside),
            Self::Imported(inside) => serde_json::to_value(inside),
            Self::Exported(inside) => serde_json::to_value(inside),
            Self::SourceAdded(inside) => serde_json::to_value(inside),
            Self::Sources(inside) => serde_json::to_value(inside),
            Self::SourceRemoved(inside) => serde_json::to_value(inside),
            Self::Synced(inside) => serde_json::to_value(inside),
            Self::Agenda(inside) => serde_json::to_value(inside),
            Self::Items(inside) => serde_json::to_value(inside),
            Self::Item(inside) => serde_json::to_value(inside),
            Self::Edited(inside) => serde_json::to_value(inside),
            Self::Deleted(inside) => serde_json::to_value(inside),
            Self::Conflicts(inside) => serde_json::to_value(inside),
            Self::Resolved(inside) => serde_json::to_value(inside),
            Self::Duplicates(inside) => serde_json::to_value(inside),
            Self::Linked(inside) => serde_json::to_value(inside),
            Self::Unlinked(inside) => serde_json::to_value(inside),
            Self::Log(inside) => serde_json::to_value(inside),
            Self::Trash(inside) => serde_json::to_value(inside),
            Self::Revived(inside) => serde_json::to_value(inside),
            Self::Operations(inside) => serde_json::to_value(inside),
            Self::Undone(inside) => serde_json::to_value(inside),
            Self::Restored(inside) => serde_json::to_value(inside),
            Self::BackedUp(inside) => serde_json::to_value(inside),
            Self::Doctor(inside) => serde_json::to_value(inside),
        }
    }
}

impl super::report::ImportReport {
    /// Something that a file does not say any more was kept.
    fn holds_back(&self) -> bool {
        let mut lost = self.files.iter().flat_map(|file| &file.lost);
        lost.any(|lost| !lost.held.is_empty())
    }
}

impl super::device::Device {
    /// It has confirmed everything.
    pub fn has_everything(&self) -> bool {
        self.attachments_missing == 0
            && !self.collections.is_empty()
            && self
                .collections
                .iter()
                .all(|held| held.state == ConfirmationState::Confirmed)
    }
}
