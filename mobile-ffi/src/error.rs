//! Why something was not done, as one flat enum that every language can match on.

use pimesh::api::{Failure, FailureKind, Reply};
use pimesh::home::HomeError;

/// What an app can act on. `reason` is one sentence for a person, `hint` what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
#[non_exhaustive]
pub enum PimeshError {
    /// It did not work.
    #[error("{reason}")]
    Failed {
        /// What happened.
        reason: String,
        /// What to do about it, where known.
        hint: Option<String>,
    },
    /// What was asked does not make sense.
    #[error("{reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
        /// What to do about it, where known.
        hint: Option<String>,
    },
    /// Done in part, or held for a person to decide.
    #[error("{reason}")]
    Partly {
        /// What is left.
        reason: String,
        /// What to do about it, where known.
        hint: Option<String>,
    },
    /// The named thing does not exist.
    #[error("{reason}")]
    NotFound {
        /// What was looked for.
        reason: String,
        /// What to do about it, where known.
        hint: Option<String>,
    },
    /// Another process, or another node of this one, uses the folder.
    #[error("{reason}")]
    Locked {
        /// Who.
        reason: String,
        /// What to do about it, where known.
        hint: Option<String>,
    },
    /// The caller, or the end of the node, cut it off.
    #[error("cancelled")]
    Cancelled,
    /// A mistake in pimesh.
    #[error("pimesh made a mistake: {reason}")]
    Internal {
        /// What is known about it.
        reason: String,
    },
}

impl PimeshError {
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Failure::usage(reason).into()
    }

    /// The engine answered another question than was asked.
    pub(crate) fn unexpected(reply: &Reply) -> Self {
        Self::Internal {
            reason: format!("an answer to another question: {reply:?}"),
        }
    }
}

impl From<Failure> for PimeshError {
    fn from(failure: Failure) -> Self {
        let (reason, hint) = (failure.message, failure.hint);
        match failure.kind {
            FailureKind::Failed => Self::Failed { reason, hint },
            FailureKind::Usage => Self::Invalid { reason, hint },
            FailureKind::Partly => Self::Partly { reason, hint },
            FailureKind::NotFound => Self::NotFound { reason, hint },
            FailureKind::Locked => Self::Locked { reason, hint },
        }
    }
}

impl From<PimeshError> for Failure {
    fn from(error: PimeshError) -> Self {
        let (kind, message, hint) = match error {
            PimeshError::Failed { reason, hint } => (FailureKind::Failed, reason, hint),
            PimeshError::Invalid { reason, hint } => (FailureKind::Usage, reason, hint),
            PimeshError::Partly { reason, hint } => (FailureKind::Partly, reason, hint),
            PimeshError::NotFound { reason, hint } => (FailureKind::NotFound, reason, hint),
            PimeshError::Locked { reason, hint } => (FailureKind::Locked, reason, hint),
            PimeshError::Cancelled | PimeshError::Internal { .. } => {
                (FailureKind::Failed, error.to_string(), None)
            }
        };
        Self {
            kind,
            message,
            hint,
        }
    }
}

impl From<HomeError> for PimeshError {
    fn from(error: HomeError) -> Self {
        Failure::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_failure_survives_the_way_out_and_back() {
        for kind in [
            FailureKind::Failed,
            FailureKind::Usage,
            FailureKind::Partly,
            FailureKind::NotFound,
            FailureKind::Locked,
        ] {
            let failure = Failure::new(kind, "no such item").hint("list them");
            assert_eq!(Failure::from(PimeshError::from(failure.clone())), failure);
        }
    }
}
