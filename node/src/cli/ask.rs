//! Questions to the person at the terminal. Where nobody can be asked, the words that
//! would have answered are named instead.

use dialoguer::{Confirm, Input, Password, Select};

use super::output::can_ask;
use crate::api::Failure;
use crate::secrets::Secret;

/// Yes or no; `yes` when it was said on the command line.
pub(super) fn sure(question: &str, said_yes: bool, how: &str) -> Result<(), Failure> {
    if said_yes {
        return Ok(());
    }
    need_a_person(question, how)?;
    let answer = Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact()
        .map_err(broken)?;
    match answer {
        true => Ok(()),
        false => Err(Failure::failed("nothing was changed")),
    }
}

/// Yes or no, where somebody is there to ask.
pub(super) fn yes_or_no(question: &str) -> Result<bool, Failure> {
    Confirm::new()
        .with_prompt(question)
        .default(true)
        .interact()
        .map_err(broken)
}

/// One of a few answers, by its place.
pub(super) fn choose(question: &str, answers: &[&str], how: &str) -> Result<usize, Failure> {
    need_a_person(question, how)?;
    Select::new()
        .with_prompt(question)
        .items(answers)
        .default(0)
        .interact()
        .map_err(broken)
}

/// A line of text.
pub(super) fn line(question: &str, how: &str) -> Result<String, Failure> {
    need_a_person(question, how)?;
    Input::new()
        .with_prompt(question)
        .interact_text()
        .map_err(broken)
}

/// A password, not shown while typed.
pub(super) fn password(question: &str, how: &str) -> Result<Secret, Failure> {
    need_a_person("A password is needed.", how)?;
    Password::new()
        .with_prompt(question)
        .interact()
        .map(Secret::new)
        .map_err(broken)
}

fn need_a_person(question: &str, how: &str) -> Result<(), Failure> {
    match can_ask() {
        true => Ok(()),
        false => Err(Failure::usage(format!("{question} Nobody is there to ask.")).hint(how)),
    }
}

fn broken(error: dialoguer::Error) -> Failure {
    Failure::caused_by("the question was not answered", &error)
}
