//! Standard output and standard error, and who reads them: a person or a script.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::show;
use crate::api::{Event, Failure, Reply};

/// Where answers go, and in which form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    json: bool,
}

/// Standard error is a terminal and nobody said no to colours.
pub(super) fn may_colour_stderr() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && io::stderr().is_terminal()
}

/// A person sits there who can be asked.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Without what would move the cursor, colour the screen, or turn text around: names
/// and notes come from strangers.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// The answer to a command: the one document of `--json`.
    pub(super) fn reply(self, reply: &Reply) -> Result<u8, Failure> {
        match self.json {
            true => {
                let document = reply
                    .document()
                    .map_err(|error| Failure::caused_by("cannot write the answer", &error))?;
                self.document(&document)?;
            }
            false => print(&clean(&show::reply(reply)))?,
        }
        Ok(reply.exit_code())
    }

    /// One JSON document on one line.
    pub(super) fn document(self, document: &impl Serialize) -> Result<(), Failure> {
        let mut line = serde_json::to_string(document)
            .map_err(|error| Failure::caused_by("cannot write the answer", &error))?;
        line.push('\n');
        print(&line)
    }

    /// One event, as a line.
    pub(super) fn event(self, event: &Event) -> Result<(), Failure> {
        match self.json {
            true => self.document(event),
            false => match show::event(event) {
                Some(line) => print(&format!("{}\n", clean(&line))),
                None => Ok(()),
            },
        }
    }

    /// Text for people; scripts do not see it.
    pub(super) fn say(self, text: &str) -> Result<(), Failure> {
        match self.json {
            true => Ok(()),
            false => print(&format!("{}\n", clean(text))),
        }
    }

    /// Why nothing came of it: for people on standard error, for scripts on standard output.
    pub(super) fn failure(self, failure: &Failure) {
        #[derive(Serialize)]
        struct Document<'a> {
            error: &'a Failure,
        }
        if self.json {
            // Nobody left to read it.
            let _ = self.document(&Document { error: failure });
        }
        complain(&format!("error: {}", failure.message));
        if let Some(hint) = &failure.hint {
            complain(&format!("  {}", hint.replace('\n', "\n  ")));
        }
    }
}

/// A line on standard error.
pub(super) fn complain(text: &str) {
    // Nobody left to read it.
    let _ = writeln!(io::stderr(), "{}", clean(text));
}

/// Exactly these characters on standard output. A reader that has gone away (`| head`) is
/// not our failure: what was asked for is done.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::caused_by(
            "cannot write to standard output",
            &error,
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn a_contacts_name_cannot_command_the_terminal() {
        let hostile = "Eve\x1b]0;owned\x07\u{202e}txt\r\nB";
        assert_eq!(
            clean(hostile),
            "Eve\u{fffd}]0;owned\u{fffd}\u{fffd}txt\u{fffd}\nB"
        );
    }
}
