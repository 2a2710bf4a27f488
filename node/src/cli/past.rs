//! Commands about the past: log, trash, undo, restore.

use super::args::{Log, Restore, Trash, TrashBy, Undo};
use super::ask;
use super::door::Door;
use super::output::{Output, clean, complain};
use super::show;
use crate::api::{Failure, Newer, Past, Reply, Request, Write};

/// More items than this are changed only after a question.
const UNASKED: u64 = 1;
/// Operations that are listed.
const LISTED: usize = 50;

pub(super) fn log(words: Log) -> Request {
    Request::Past(Past::Log {
        item: words.item,
        property: words.property,
    })
}

pub(super) fn trash(words: Trash) -> Request {
    Request::Past(match words.by {
        None => Past::Trash,
        Some(TrashBy::Restore { items }) => Past::Revive { items },
    })
}

pub(super) async fn undo(door: &Door, words: Undo, output: &Output) -> Result<u8, Failure> {
    if words.list {
        let request = Request::Past(Past::Operations { limit: LISTED });
        return door.answer(request, output).await;
    }
    let request = |operation, write| Request::Past(Past::Undo { operation, write });
    if words.dry_run {
        let request = request(words.operation, Write::DryRun);
        return door.answer(request, output).await;
    }
    let mut operation = words.operation;
    if !words.yes {
        let tried = door.ask(request(operation, Write::DryRun)).await?;
        if let Reply::Undone(undone) = &tried {
            // what was looked at is what is undone, whatever happens meanwhile
            operation = Some(undone.operation.number);
            if undone.changed > UNASKED {
                complain(&clean(&show::reply(&tried)));
                ask::sure(
                    "Do this?",
                    false,
                    "add --yes to undo it without being asked",
                )?;
            }
        }
    }
    door.answer(request(operation, Write::Really), output).await
}

pub(super) async fn restore(door: &Door, words: Restore, output: &Output) -> Result<u8, Failure> {
    let request = |write| {
        Request::Past(Past::Restore {
            target: words.target.clone(),
            at: words.at,
            newer: match words.delete_newer {
                true => Newer::Delete,
                false => Newer::Keep,
            },
            write,
        })
    };
    if words.dry_run {
        return door.answer(request(Write::DryRun), output).await;
    }
    if !words.yes {
        let tried = door.ask(request(Write::DryRun)).await?;
        if let Reply::Restored(restored) = &tried
            && restored.changed > UNASKED
        {
            complain(&clean(&show::reply(&tried)));
            ask::sure(
                "Do this?",
                false,
                "add --yes to restore it without being asked",
            )?;
        }
    }
    door.answer(request(Write::Really), output).await
}
