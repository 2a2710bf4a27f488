//! What is wrong with a text, in words for the person whose data it is.

/// A text that cannot be read at all.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TextError {
    /// Over the limit for one text.
    #[error("{bytes} bytes is over the limit of {limit} for one text; split it")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// Something in a text that was refused or had to be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: u32,
    /// The component it is about, in upper case.
    pub component: String,
    /// What is wrong.
    pub reason: String,
}

impl Problem {
    /// A problem of the component that begins at this line.
    pub fn new(line: u32, component: &str, reason: impl Into<String>) -> Self {
        Self {
            line,
            component: component.to_owned(),
            reason: reason.into(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.component, self.reason)
    }
}
