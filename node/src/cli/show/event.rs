//! What happens, a line each.

use super::device::confirmation;
use super::report::one_source;
use super::table::one_line;
use super::{count, pair};
use crate::api::Event;

/// The line for a person; none for what a person need not see.
pub(in crate::cli) fn event(event: &Event) -> Option<String> {
    Some(match event {
        Event::Ready {
            name, addresses, ..
        } => {
            let mut text = format!("ready: {}", one_line(name));
            for address in addresses {
                text += &format!("\n  listening on {address}");
            }
            text
        }
        Event::Listening { address } => format!("  listening on {address}"),
        Event::Connected { name, .. } => format!("{} is connected", one_line(name)),
        Event::Disconnected { name, reason, .. } => match reason {
            Some(reason) => format!("{} is gone: {}", one_line(name), one_line(reason)),
            None => format!("{} is gone", one_line(name)),
        },
        Event::Received {
            name,
            collection,
            changes,
            ..
        } => format!(
            "{} from {} in {}",
            count(*changes, "change"),
            one_line(name),
            one_line(collection)
        ),
        Event::Changed {
            collection,
            changes,
            ..
        } => format!(
            "{} here in {}",
            count(*changes, "change"),
            one_line(collection)
        ),
        // The mesh's own collection has no name: devices' names and the like.
        Event::Confirmed { confirmation, .. } if confirmation.collection.is_empty() => return None,
        Event::Confirmed {
            name,
            confirmation: held,
            ..
        } => format!("{} holds {}", one_line(name), one_line(&confirmation(held))),
        Event::Lacks { attachments: 0, .. } => return None,
        Event::Lacks {
            name, attachments, ..
        } => format!(
            "{} lacks {}",
            one_line(name),
            count(*attachments, "attachment")
        ),
        Event::PairOffer { .. } | Event::PairRefused { .. } | Event::PairPlan { .. } => {
            pair::event(event)?
        }
        Event::Paired(paired) => format!("paired with {}", one_line(&paired.name)),
        Event::Synced(report) => one_source(report),
        Event::Warning { message, hint } => match hint {
            Some(hint) => format!("warning: {message}\n  {hint}"),
            None => format!("warning: {message}"),
        },
        Event::Missed { events } => format!("({} not shown)", count(*events, "event")),
        Event::Stopping => "stopping".into(),
        Event::Progress { .. } => return None,
    })
}
