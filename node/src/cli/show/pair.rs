//! What happens while two devices are paired.

use pimesh_transports::pair::qr;

use super::table::one_line;
use super::{count, local};
use crate::api::{Event, PlannedCollection, PlannedUnion};

/// The lines for a person; none for what is not about pairing.
pub(super) fn event(event: &Event) -> Option<String> {
    Some(match event {
        Event::PairOffer {
            code,
            ticket,
            expires,
            addresses,
            ..
        } => offer(code, ticket, &local(*expires), addresses),
        Event::PairRefused { tries_left } => format!(
            "Someone typed a wrong code. {} left.",
            match tries_left {
                1 => "1 try".to_owned(),
                tries => format!("{tries} tries"),
            }
        ),
        Event::PairPlan {
            name,
            fingerprint,
            united,
            from_there,
            from_here,
            ..
        } => plan(name, fingerprint, united, (from_there, from_here)),
        _ => return None,
    })
}

fn offer(code: &str, ticket: &str, expires: &str, addresses: &[String]) -> String {
    let mut text = format!(
        "On the other device, run:\n\n    pimesh pair join {code}\n\n\
         The code works once, until {expires}.\n"
    );
    if let Some(drawn) = qr::terminal(ticket) {
        text += &format!("Or scan this with the app on a phone:\n\n{drawn}\n\n");
    }
    if let Some(address) = addresses.first() {
        text +=
            &format!("If it does not find this one: pimesh pair join {code} --addr {address}\n");
    }
    text
}

/// Who is there, and what will be one and what new.
fn plan(
    name: &str,
    fingerprint: &str,
    united: &[PlannedUnion],
    (from_there, from_here): (&[PlannedCollection], &[PlannedCollection]),
) -> String {
    let name = one_line(name);
    let mut text = format!(
        "\"{name}\" is there. Both devices show the fingerprint {fingerprint}.\n\n\
         When they are paired:\n"
    );
    for one in united {
        text += &format!(
            "  \"{}\" here ({}) and \"{}\" there ({}) become one; what is in both is there once\n",
            one_line(&one.name),
            count(one.items_here, "item"),
            one_line(&one.name),
            count(one.items_there, "item"),
        );
    }
    for (collections, place) in [(from_there, "here"), (from_here, "there")] {
        for one in collections {
            let items = count(one.items, "item");
            text += &format!("  \"{}\" ({items}) is new {place}\n", one_line(&one.name));
        }
    }
    if united.is_empty() && from_there.is_empty() && from_here.is_empty() {
        text += "  nothing yet: neither has any contacts or events\n";
    }
    text
}
