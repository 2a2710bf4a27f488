//! An own answer and the organiser's line for the same attendee: two people's words in one
//! register.
//!
//! Who answers changes PARTSTAT (and RSVP) of the line that the invitation gave. An update that
//! knows of no answer writes the line anew; then the organiser's line is shown with the answer
//! in it. Two different answers are a conflict like any other.

use super::Candidate;
use super::View;
use super::change::{Action, Value};
use super::invitation::{Invitations, with_partstat};
use crate::canon;
use crate::item::key;
use crate::item::register::Stored;

/// The organiser's line with the own answer, where that is all there is to choose from.
pub(super) fn answered(
    invitations: &Invitations,
    view: &View<'_>,
    at: &str,
    candidates: &[&Candidate<'_>],
) -> Option<String> {
    if key::name(at) != "ATTENDEE" || candidates.len() < 2 {
        return None;
    }
    let is_message = |one: &&&Candidate<'_>| invitations.speaks(at, &one.change.hash);
    let (messages, own): (Vec<&&Candidate<'_>>, Vec<_>) = candidates.iter().partition(is_message);
    let [organiser] = messages[..] else {
        return None;
    };
    let line = organiser.value.text()?;
    let own: Vec<&str> = own.iter().filter_map(|one| one.value.text()).collect();
    let (first, rest) = own.split_first()?;
    let answer = partstat(first);
    let is_one_answer = rest
        .iter()
        .all(|other| partstat(other) == answer && bare(other) == bare(first));
    let is_open = partstat(line) == OPEN;
    (is_open && is_one_answer && answer != OPEN && is_only_an_answer(invitations, view, at, first))
        .then(|| with_partstat(line, &answer))
}

const OPEN: &str = "NEEDS-ACTION";

/// True where the line is one that an organiser gave, but for the answer.
fn is_only_an_answer(invitations: &Invitations, view: &View<'_>, at: &str, line: &str) -> bool {
    let line = bare(line);
    let messages = view
        .changes
        .iter()
        .filter(|change| invitations.speaks(at, &change.hash));
    messages
        .flat_map(|change| &change.ops)
        .filter(|op| op.key == at)
        .any(|op| matches!(&op.action, Action::Put(Value::Text(text)) if bare(text) == line))
}

fn partstat(line: &str) -> String {
    let stored = Stored::read(line);
    let says = stored.parameters().value_of("PARTSTAT").unwrap_or(OPEN);
    says.to_ascii_uppercase()
}

/// What a line says but for the answer.
fn bare(line: &str) -> String {
    let stored = Stored::read(line);
    let is_answer =
        |name: &str| name.eq_ignore_ascii_case("PARTSTAT") || name.eq_ignore_ascii_case("RSVP");
    let params: Vec<String> = stored
        .parameters()
        .filter(|(name, _)| !is_answer(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let params = params.join(";");
    let without = Stored {
        params: &params,
        ..stored
    };
    canon::form("ATTENDEE", &without.write())
}
