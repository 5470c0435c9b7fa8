//! What Flux does with AWS, and which identities it may do it with.

use std::fmt;
use std::fmt::Write as _;

use crate::source::SourceKind;

mod matrix;

/// What credentials are for: one of Flux's integrations with AWS ([Flux on AWS]).
///
/// Not every identity may be used for every one of them. [`support`](Self::support) tells for one, [`matrix`](Self::matrix)
/// for all:
///
/// | identity | level | ECR | ECR Public | S3 | KMS |
/// |---|---|---|---|---|---|
/// | EKS Pod Identity | controller | Flux 2.2 | Flux 2.6 | Flux 2.3 | Flux 2.2 |
/// | web identity (IRSA) | controller | Flux 0.40 | Flux 2.6 | Flux 0.1 | Flux 0.1 |
/// | access keys | controller | opt-in | opt-in | Flux 2.7 | Flux 0.1 |
/// | node metadata (IMDSv2) | node | Flux 0.40 | Flux 2.6 | opt-in | opt-in |
/// | EKS Pod Identity | object | no | no | no | no |
/// | ServiceAccount | object | Flux 2.6 | Flux 2.6 | Flux 2.7 | Flux 2.6 |
/// | access key in a Secret | object | opt-in | opt-in | Flux 0.1 | Flux 0.31 |
///
/// A version is the first minor release of Flux in which all of the integration's APIs take the identity. *Opt-in* works, but
/// Flux does not support it; *no* cannot work.
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Integration {
    /// Private container registries: OCIRepository, ImageRepository, ImagePolicy.
    Ecr,
    /// The public gallery, `public.ecr.aws`: the same APIs.
    EcrPublic,
    /// Buckets: Bucket.
    S3,
    /// Keys that SOPS decrypts with: Kustomization.
    Kms,
}

/// Whose identity is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// The program's own, for all objects.
    Controller,
    /// The one that an object names, for that object alone.
    Object,
    /// That of the node the program runs on.
    Node,
}

/// Whether an identity may be used for an integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Support {
    /// Flux supports it.
    #[non_exhaustive]
    Supported {
        /// From which version on.
        since: FluxVersion,
    },
    /// It works, but Flux does not support it: only for those who ask for it.
    #[non_exhaustive]
    OptIn {
        /// Why Flux does not.
        why: &'static str,
    },
    /// It cannot work.
    #[non_exhaustive]
    Impossible {
        /// Why it cannot.
        why: &'static str,
        /// What to use in its place.
        alternative: &'static str,
    },
}

/// A minor release of Flux. `Display` is as in `2.6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FluxVersion {
    major: u8,
    minor: u8,
}

/// One combination of [`Integration::matrix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Combination {
    /// What for.
    pub integration: Integration,
    /// Whose identity.
    pub level: Level,
    /// Where it comes from.
    pub source: SourceKind,
    /// Whether it may be used.
    pub support: Support,
    /// The part of Flux's page that says so.
    pub page: &'static str,
}

impl Integration {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Ecr, Self::EcrPublic, Self::S3, Self::Kms];

    /// Whether the identity that `source` gives may be used for this, as `level`'s.
    ///
    /// ```
    /// use flux_aws_auth::{Integration, Level, SourceKind, Support};
    ///
    /// let tenant = Integration::Ecr.support(Level::Object, SourceKind::PodIdentity);
    /// let Support::Impossible { why, alternative, .. } = tenant else { panic!() };
    /// assert!(why.contains("bound to a pod") && alternative.contains("ServiceAccount"));
    /// ```
    pub fn support(self, level: Level, source: SourceKind) -> Support {
        matrix::support(self, level, source)
    }

    /// Every combination that Flux's page speaks of, row by row of [its table](Self).
    pub fn matrix() -> impl Iterator<Item = Combination> {
        matrix::ROWS.iter().flat_map(|row| {
            Self::ALL.iter().map(|&integration| Combination {
                integration,
                level: row.level,
                source: row.source,
                support: integration.support(row.level, row.source),
                page: row.page,
            })
        })
    }

    /// The matrix as a table in Markdown, which ends with a line break.
    pub fn matrix_markdown() -> String {
        let mut table = String::from("| identity | level |");
        for integration in Self::ALL {
            let _ = write!(table, " {integration} |");
        }
        table.push_str("\n|---|---|");
        table.push_str(&"---|".repeat(Self::ALL.len()));
        for row in matrix::ROWS {
            let _ = write!(table, "\n| {} | {} |", row.source, row.level);
            for integration in Self::ALL {
                let _ = write!(table, " {} |", integration.support(row.level, row.source));
            }
        }
        table.push('\n');
        table
    }
}

impl Level {
    /// At which level a source gives identities; `None` for one that the program added, and for a
    /// role hop, which is of the level of the chain that it starts from.
    pub fn of(source: SourceKind) -> Option<Self> {
        match source {
            SourceKind::PodIdentity | SourceKind::Ecs | SourceKind::WebIdentity | SourceKind::AccessKeys => {
                Some(Self::Controller)
            }
            SourceKind::ServiceAccount | SourceKind::AccessKeySecret => Some(Self::Object),
            SourceKind::InstanceMetadata => Some(Self::Node),
            SourceKind::RoleHop | SourceKind::Custom(_) => None,
        }
    }
}

impl FluxVersion {
    const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }

    /// The major version.
    pub fn major(self) -> u8 {
        self.major
    }

    /// The minor version.
    pub fn minor(self) -> u8 {
        self.minor
    }
}

impl fmt::Display for Integration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ecr => "ECR",
            Self::EcrPublic => "ECR Public",
            Self::S3 => "S3",
            Self::Kms => "KMS",
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Controller => "controller",
            Self::Object => "object",
            Self::Node => "node",
        })
    }
}

/// A word for a table: the version, `opt-in` or `no`.
impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Supported { since } => write!(f, "Flux {since}"),
            Self::OptIn { .. } => f.write_str("opt-in"),
            Self::Impossible { .. } => f.write_str("no"),
        }
    }
}

impl fmt::Display for FluxVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
