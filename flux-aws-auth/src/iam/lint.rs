//! Why a policy does not reach a repository.
//!
//! Two questions, both answered without asking AWS: does this `Resource` cover this repository ([`resource`]), and does this
//! policy let somebody read it ([`policy`])? `AccessDenied` says neither.
//!
//! ```
//! use flux_aws_auth::iam::lint;
//!
//! let repository = "arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp".parse()?;
//! // `*` passes slashes.
//! assert!(lint::resource("arn:aws:ecr:eu-west-1:111122223333:repository/apps/*", &repository).is_empty());
//!
//! let flaws = lint::resource("arn:aws:ecr:eu-west-1:111122223333:repository/mainapp", &repository);
//! assert_eq!(
//!     flaws[0].to_string(),
//!     "\"mainapp\" is only a part of the repository's name, which is \"apps/mainapp\""
//! );
//! # Ok::<(), flux_aws_auth::Error>(())
//! ```

mod finding;
mod policy;

use std::fmt;

pub use finding::Finding;
pub use policy::policy;

use super::arn::Parts;
use super::repository::RepositoryArn;
use super::wildcard;
use crate::text::quoted;

/// What keeps `pattern`, a `Resource` of a policy, from covering `repository`: nothing, if it does cover it.
///
/// By IAM's rule ([Resource]): `*` stands for any number of characters, slashes among them, `?` for one; neither passes a
/// colon, except that a `*` right before a colon or at the end may; case matters; the service has no wildcard.
///
/// [Resource]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
pub fn resource(pattern: &str, repository: &RepositoryArn) -> Vec<Flaw> {
    let parts = Parts::of(pattern);
    let wild_service = parts.is_some_and(|parts| parts.service.contains(['*', '?']));
    if wild_service {
        return vec![Flaw::WildcardInService];
    }
    if wildcard::covers(pattern, repository.as_str()) {
        return Vec::new();
    }
    let (Some(parts), Some(wanted)) = (parts, Parts::of(repository.as_str())) else {
        return vec![Flaw::NotAnArn { pattern: pattern.to_owned() }];
    };
    let differing = [
        (parts.partition, wanted.partition, Segment::Partition),
        (parts.service, wanted.service, Segment::Service),
        (parts.region, wanted.region, Segment::Region),
        (parts.account, wanted.account, Segment::Account),
    ];
    let mut flaws: Vec<_> = differing
        .into_iter()
        .filter(|(pattern, wanted, _)| !wildcard::covers(pattern, wanted))
        .map(|(pattern, wanted, segment)| Flaw::Other {
            segment,
            pattern: pattern.to_owned(),
            repository: wanted.to_owned(),
        })
        .collect();
    flaws.extend(flaw_of_name(parts.resource, repository.name()));
    flaws
}

/// What keeps a resource pattern from covering a repository. `Display` is a clause that names what is there and what is
/// wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// It is neither `*` nor an ARN of six parts.
    #[non_exhaustive]
    NotAnArn {
        /// The whole pattern.
        pattern: String,
    },
    /// The service has a wildcard, which IAM does not take.
    WildcardInService,
    /// One of the parts before the name is another one's.
    #[non_exhaustive]
    Other {
        /// Which part.
        segment: Segment,
        /// What the pattern has there.
        pattern: String,
        /// What the repository has there.
        repository: String,
    },
    /// The name does not follow `repository/`.
    NoRepositoryPrefix,
    /// The name is followed by a tag or a digest.
    #[non_exhaustive]
    Tag {
        /// What follows `repository/`.
        pattern: String,
    },
    /// Only upper and lower case differ.
    #[non_exhaustive]
    Case {
        /// What follows `repository/`.
        pattern: String,
        /// The repository's name.
        repository: String,
    },
    /// The name is a part of the repository's.
    #[non_exhaustive]
    PartOfName {
        /// What follows `repository/`.
        pattern: String,
        /// The repository's name.
        repository: String,
    },
    /// The name is another repository's.
    #[non_exhaustive]
    OtherName {
        /// What follows `repository/`.
        pattern: String,
        /// The repository's name.
        repository: String,
    },
}

/// A part of an ARN before the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Segment {
    /// `aws`, `aws-cn` and so on.
    Partition,
    /// `ecr`.
    Service,
    /// The region.
    Region,
    /// The account.
    Account,
}

fn flaw_of_name(resource: &str, repository: &str) -> Option<Flaw> {
    if wildcard::covers(resource, &format!("repository/{repository}")) {
        return None;
    }
    let Some(name) = resource.strip_prefix("repository/") else { return Some(Flaw::NoRepositoryPrefix) };
    let (pattern, repository_name) = (name.to_owned(), repository.to_owned());
    if name.contains([':', '@']) {
        return Some(Flaw::Tag { pattern });
    }
    if wildcard::covers(&name.to_lowercase(), repository) {
        return Some(Flaw::Case { pattern, repository: repository_name });
    }
    let part = name.trim_matches('/');
    let ends = [format!("{part}/*"), format!("*/{part}"), format!("*/{part}/*")];
    if name.is_empty() || ends.iter().any(|pattern| wildcard::covers(pattern, repository)) {
        return Some(Flaw::PartOfName { pattern, repository: repository_name });
    }
    Some(Flaw::OtherName { pattern, repository: repository_name })
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnArn { pattern } => write!(f, "{} is neither `*` nor a whole ARN", quoted(pattern)),
            Self::WildcardInService => f.write_str("IAM takes no wildcard in the service; write `ecr`"),
            Self::Other { segment, pattern, repository } => {
                let (pattern, repository) = (quoted(pattern), quoted(repository));
                write!(f, "the {segment} is {pattern}, but the repository's is {repository}")
            }
            Self::NoRepositoryPrefix => f.write_str("`repository/` is missing before the name"),
            Self::Tag { pattern } => {
                let pattern = quoted(pattern);
                write!(f, "{pattern} has a tag or a digest, but permissions are a whole repository's")
            }
            Self::Case { pattern, repository } => {
                let (pattern, repository) = (quoted(pattern), quoted(repository));
                write!(f, "{pattern} differs from the repository's name {repository} in case, which matters")
            }
            Self::PartOfName { pattern, repository } => {
                let (pattern, repository) = (quoted(pattern), quoted(repository));
                write!(f, "{pattern} is only a part of the repository's name, which is {repository}")
            }
            Self::OtherName { pattern, repository } => {
                let (pattern, repository) = (quoted(pattern), quoted(repository));
                write!(f, "{pattern} does not cover the repository's name {repository}")
            }
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Partition => "partition",
            Self::Service => "service",
            Self::Region => "region",
            Self::Account => "account",
        })
    }
}
