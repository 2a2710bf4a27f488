//! Why a command was not done, in words for a person and a kind for a script.

use serde::{Deserialize, Serialize};

/// What went wrong with a whole command. Parts of a command that went wrong are told in
/// its reply (see [`super::Reply::exit_code`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What a script decides by; also the exit code.
    pub kind: FailureKind,
    /// What happened: one sentence, with the names involved.
    pub message: String,
    /// What to do about it, where we know: often an exact command.
    pub hint: Option<String>,
}

/// The kinds of failure; each has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// It did not work.
    Failed,
    /// The command was not understood, or does not make sense.
    Usage,
    /// Done in part, or held for a person to decide.
    Partly,
    /// The named thing does not exist.
    NotFound,
    /// Another process uses this home and does not answer.
    Locked,
}

impl FailureKind {
    /// The exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partly => 3,
            Self::NotFound => 4,
            Self::Locked => 5,
        }
    }
}

impl Failure {
    /// A failure of this kind, without a hint.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    /// It did not work.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Failed, message)
    }

    /// The command does not make sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// The named thing does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(FailureKind::NotFound, message)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// It did not work, with the whole chain of causes in one sentence.
    pub fn caused_by(what: impl std::fmt::Display, error: &dyn std::error::Error) -> Self {
        let mut message = format!("{what}: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.ends_with(&cause_text) {
                message.push_str(": ");
                message.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self::failed(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_exit_code_that_scripts_know() {
        let codes = [
            (FailureKind::Failed, 1),
            (FailureKind::Usage, 2),
            (FailureKind::Partly, 3),
            (FailureKind::NotFound, 4),
            (FailureKind::Locked, 5),
        ];
        for (kind, code) in codes {
            assert_eq!(kind.exit_code(), code);
        }
    }

    #[test]
    fn causes_are_told_once_each() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        let error = Outer(std::io::Error::other("inner"));
        let failure = Failure::caused_by("cannot read", &error);
        assert_eq!(failure.message, "cannot read: outer: inner");
    }
}
