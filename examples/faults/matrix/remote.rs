//! Who is asked.

use std::fmt;

use crate::fault::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remote {
    InstanceMetadata,
    PodIdentityAgent,
    Sts,
    KubernetesApi,
    EcrApi,
    OciRegistry,
}

impl Remote {
    pub(crate) const ALL: [Self; 6] = [
        Self::InstanceMetadata,
        Self::PodIdentityAgent,
        Self::Sts,
        Self::KubernetesApi,
        Self::EcrApi,
        Self::OciRegistry,
    ];

    pub(crate) fn host(self) -> &'static str {
        match self {
            Self::InstanceMetadata => "169.254.169.254",
            Self::PodIdentityAgent => "169.254.170.23",
            Self::Sts => "sts.eu-west-1.amazonaws.com",
            Self::KubernetesApi => "kubernetes.default.svc",
            Self::EcrApi => "api.ecr.eu-west-1.amazonaws.com",
            Self::OciRegistry => "registry.example",
        }
    }

    pub(crate) fn at(host: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|remote| remote.is_at(host))
    }

    pub(crate) fn is_at(self, host: &str) -> bool {
        self.host() == host
    }

    /// Whether the fault is there, when so many requests were before. A registry's is in the middle of its listing.
    pub(crate) fn is_hit(self, before: usize, span: Span) -> bool {
        let first = match self {
            Self::EcrApi => 1,
            // After the token and the first page.
            Self::OciRegistry => 3,
            _ => 0,
        };
        before == first || span == Span::Lasting && before > first
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InstanceMetadata => "instance metadata",
            Self::PodIdentityAgent => "Pod Identity agent",
            Self::Sts => "STS",
            Self::KubernetesApi => "Kubernetes API",
            Self::EcrApi => "ECR API",
            Self::OciRegistry => "OCI registry",
        })
    }
}
