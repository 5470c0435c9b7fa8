//! What is wrong with a policy.

use std::fmt;

use super::Flaw;
use crate::text::quoted;

/// What keeps a policy from letting somebody read a repository. `Display` is a line, [`hint`](Self::hint) the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// No statement allows these actions, on whatever resource.
    #[non_exhaustive]
    NotAllowed {
        /// The actions.
        actions: Vec<&'static str>,
    },
    /// Statements allow these actions, but on other resources.
    #[non_exhaustive]
    NotCovered {
        /// The actions.
        actions: Vec<&'static str>,
        /// One of the resources.
        resource: String,
        /// What keeps it from covering the repository.
        flaws: Vec<Flaw>,
    },
    /// No statement allows `ecr:GetAuthorizationToken`, the login to the registry.
    LoginNotAllowed,
    /// `ecr:GetAuthorizationToken` is allowed on a repository, where it has no effect.
    #[non_exhaustive]
    LoginScoped {
        /// One of the resources.
        resource: String,
    },
    /// A statement denies these actions on the repository, which outweighs every one that allows them.
    #[non_exhaustive]
    Denied {
        /// The actions.
        actions: Vec<&'static str>,
    },
    /// A statement has something that cannot be judged here, so the other findings may be wrong.
    #[non_exhaustive]
    NotJudged {
        /// Which statement, counted from one.
        statement: usize,
        /// The element.
        element: &'static str,
    },
}

impl Finding {
    /// The next thing to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::LoginNotAllowed | Self::LoginScoped { .. } => {
                "Allow ecr:GetAuthorizationToken in a statement of its own, with the resource `*`."
            }
            Self::NotAllowed { .. } => "Add the actions to the statement that names the repository.",
            Self::NotCovered { .. } => {
                "Name the repository as arn:PARTITION:ecr:REGION:ACCOUNT_ID:repository/NAME, or with `*` for several."
            }
            Self::Denied { .. } => "Take the actions or the repository out of the statement that denies.",
            Self::NotJudged { .. } => "Ask IAM's policy simulator, which knows the whole request.",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed { actions } => write!(f, "no statement allows {}", actions.join(", ")),
            Self::NotCovered { actions, resource, flaws } => {
                let flaws: Vec<_> = flaws.iter().map(Flaw::to_string).collect();
                let (actions, resource) = (actions.join(", "), quoted(resource));
                write!(f, "{resource} does not cover the repository for {actions}: {}", flaws.join("; "))
            }
            Self::LoginNotAllowed => f.write_str("no statement allows ecr:GetAuthorizationToken"),
            Self::LoginScoped { resource } => {
                let resource = quoted(resource);
                write!(
                    f,
                    "ecr:GetAuthorizationToken is allowed on {resource}, but it is an action without resources"
                )
            }
            Self::Denied { actions } => write!(f, "a statement denies {}", actions.join(", ")),
            Self::NotJudged { statement, element } => {
                write!(f, "statement {statement} has {element}, which is not judged here")
            }
        }
    }
}
