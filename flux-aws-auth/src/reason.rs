//! Stable codes for what became of a source.

use std::fmt;

use crate::error::ErrorKind;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $kind:ident,)*) => {
        /// Why a source was passed over or failed: a stable code for conditions, metrics and alerts.
        ///
        /// Narrower than [`ErrorKind`], which says what a program can do about it. The names, as [`as_str`](Self::as_str) and
        /// `Display` give them, do not change; new ones may come. They are in the form that Kubernetes asks of a
        /// condition's reason ([API conventions]).
        ///
        /// The documentation of each says what it means, and what to do; [Troubleshooting](crate::guide::troubleshooting) has
        /// the messages and the remedies that go with it.
        ///
        /// [API conventions]: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
        ///
        /// ```
        /// use flux_aws_auth::{ErrorKind, Reason};
        ///
        /// assert_eq!(Reason::NotTrusted.as_str(), "NotTrusted");
        /// assert_eq!(Reason::NotTrusted.kind(), ErrorKind::AccessDenied);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// All that there are, in the order of their documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code, in CamelCase.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The kind of an error that has this reason. Of those that pass a source over,
            /// [`ErrorKind::NoIdentity`].
            pub const fn kind(self) -> ErrorKind {
                match self {
                    $(Self::$name => ErrorKind::$kind,)*
                }
            }
        }
    };
}

reasons! {
    /// No source of the chain is set up. Give the program an identity: by EKS Pod Identity, by IRSA, or by a web identity
    /// token elsewhere.
    NoIdentity => NoIdentity,
    /// Nothing in the environment asks for this source.
    NotConfigured => NoIdentity,
    /// EKS Pod Identity has set no variables in this pod. Associate a role with the pod's ServiceAccount, then restart the
    /// pod: EKS sets the variables only when a pod starts.
    PodIdentityNotActive => NoIdentity,
    /// IRSA, or another issuer, has set no variables in this pod: its ServiceAccount has no annotation
    /// `eks.amazonaws.com/role-arn`, or the pod was not restarted after it got one.
    WebIdentityNotActive => NoIdentity,
    /// No access key is in the environment.
    AccessKeysNotSet => NoIdentity,
    /// `AWS_EC2_METADATA_DISABLED` switches the node's metadata off.
    MetadataDisabled => NoIdentity,
    /// The instance's own metadata options switch its HTTP endpoint off. Enable it, if the node's role is wanted.
    MetadataDisabledOnInstance => NoIdentity,
    /// Nobody answers at the metadata service's address: this is not an EC2 instance, or pods are kept from it. Give the pod an
    /// identity of its own.
    MetadataUnreachable => NoIdentity,
    /// The metadata service takes a connection and then says nothing: what a pod sees when the instance's metadata hop limit
    /// is 1. Give the pod an identity of its own, or raise the limit to 2.
    MetadataHopLimit => NoIdentity,
    /// What answers at the metadata service's address is not EC2's.
    MetadataNotEc2 => NoIdentity,
    /// The node has no instance profile. Attach one, or give the pod an identity of its own.
    NoInstanceProfile => NoIdentity,

    /// A setting is not acceptable. The message names it, with the value unless it is a secret.
    InvalidConfiguration => Configuration,
    /// Of two settings that belong together one is missing. Set it, or remove the other.
    IncompleteConfiguration => Configuration,
    /// No region is set, and no resource has one. EKS sets `AWS_REGION` where it injects IRSA or Pod Identity, so restart the pod;
    /// elsewhere set it.
    RegionMissing => Configuration,
    /// What is set as the region is not an AWS region. Look for spaces and line breaks.
    RegionMalformed => Configuration,
    /// The ServiceAccount that an object names has no annotation `eks.amazonaws.com/role-arn`. Annotate it with the role that
    /// it may assume.
    RoleNotNamed => Configuration,
    /// The ServiceAccount that an object names does not exist. Make it, or correct the name in the object.
    ServiceAccountMissing => Configuration,
    /// The API server of Kubernetes does not accept what was asked of it. Its message has the field.
    ApiServerRejected => Configuration,
    /// What is set as the role is not the ARN of a role. Write it as `arn:aws:iam::ACCOUNT_ID:role/ROLE_NAME`.
    RoleArnMalformed => Configuration,
    /// An address is not one that may be asked for credentials. [`Endpoint`](crate::Endpoint) has the rules.
    EndpointNotAccepted => Configuration,
    /// The token file does not exist. Check that the projected token volume is mounted in this container.
    TokenFileMissing => Configuration,
    /// The token file cannot be read. Set `fsGroup` in the pod's security context, or run as a user who may read it.
    TokenFileUnreadable => Configuration,
    /// The token file is empty. Check what is mounted there.
    TokenFileEmpty => Configuration,
    /// The token file holds no token. Check what is mounted there.
    TokenMalformed => Configuration,
    /// An object names a ServiceAccount, but the program does not let objects bring an identity. Enable
    /// [object level workload identity](crate::AuthenticatorBuilder::object_level_workload_identity).
    ObjectLevelDisabled => Configuration,
    /// An object names no ServiceAccount, and the default one does not exist in its namespace. Make it there, or name another.
    DefaultServiceAccountMissing => Configuration,
    /// Flux does not support this identity for this [integration](crate::Integration). The message has why; the hint, what to
    /// use or how to [allow](crate::AuthenticatorBuilder::allow) it.
    IdentityNotAllowed => Configuration,
    /// Session policy and session tags are more than AWS packs into one session. Make them shorter.
    SessionTooLarge => Configuration,
    /// STS is switched off for this account in this region. Activate it, or use another region.
    RegionDisabled => Configuration,

    /// The proxy wants a user name and a password, or others than were given. Write them into `HTTPS_PROXY`, percent-encoded.
    ProxyAuthenticationRequired => Configuration,

    /// The token has expired. Check that the pod mounts it as a projected volume, which Kubernetes renews, and not as a
    /// copy.
    TokenExpired => InvalidToken,
    /// The token is for another audience. It must be issued for `sts.amazonaws.com`, or `pods.eks.amazonaws.com` for Pod
    /// Identity.
    WrongAudience => InvalidToken,
    /// The role's account has no IAM OIDC provider for the token's issuer. Create one, with `sts.amazonaws.com` among its
    /// client ids.
    UnknownIssuer => InvalidToken,
    /// AWS could not get the key that signed the token. Check that the issuer's keys are public and current.
    SigningKeyUnavailable => InvalidToken,
    /// The token was not accepted, for a reason that the other side does not make plain.
    TokenRejected => InvalidToken,
    /// The API server of Kubernetes does not know this program. Check the credentials of the client that asks it.
    ApiServerUnauthorized => InvalidToken,
    /// AWS does not accept the access key. Check that it is current.
    AccessKeyRejected => InvalidToken,
    /// This machine's clock is wrong by more than AWS tolerates, which explains the refusal. The hint has the measure. Set
    /// the node's clock right.
    ClockSkewed => InvalidToken,

    /// The role does not exist, or its trust policy does not name the token's subject. The hint has the subject that the
    /// role must trust.
    NotTrusted => AccessDenied,
    /// A further role may not be assumed: the caller's policies, the role's trust policy or its condition on the external id
    /// refuse it. The hint has what each must have.
    HopNotTrusted => AccessDenied,
    /// A further role may not be assumed with session tags. Allow `sts:TagSession` beside `sts:AssumeRole` in its trust policy;
    /// EKS Pod Identity's tags come along with every hop.
    TagSessionDenied => AccessDenied,
    /// No Pod Identity association names this pod's namespace and ServiceAccount. Make one, then restart the pod.
    AssociationMissing => AccessDenied,
    /// Kubernetes does not let this program read the ServiceAccount that an object names, or make tokens of it. Grant it `get`
    /// on `serviceaccounts` and `create` on `serviceaccounts/token` in that namespace.
    ServiceAccountForbidden => AccessDenied,
    /// The other side refused. Look up AWS's error code, and the call in CloudTrail.
    AccessDenied => AccessDenied,
    /// The credentials are good, but not those of the identity that was expected. Look for the source that gave them.
    UnexpectedIdentity => UnexpectedIdentity,

    /// AWS has too many requests. Try again later.
    Throttled => Throttled,
    /// The agent on this node has too many requests. Try again later.
    AgentThrottled => Throttled,
    /// The API server of Kubernetes has too many requests. Try again later.
    ApiServerThrottled => Throttled,

    /// Nobody answered, or with a server error. Try again later; if it lasts, look at what stands between.
    Unavailable => Unavailable,
    /// AWS could not reach the token's issuer. Try again later; if it lasts, check that the issuer is public.
    IssuerUnreachable => Unavailable,
    /// The Pod Identity agent, or that of ECS, cannot be reached. Check that the add-on runs on this node, and that no network
    /// policy keeps the pod from it.
    AgentUnreachable => Unavailable,
    /// The agent is there, but has an error of its own, or says nothing. Look at its logs on this node.
    AgentFailing => Unavailable,
    /// The node's metadata service is there, but fails. Try again later.
    MetadataFailing => Unavailable,
    /// The API server of Kubernetes cannot be reached, or says nothing. Check the address and the certificate authority of the
    /// client that asks it, and that network policies let this pod reach it.
    ApiServerUnreachable => Unavailable,
    /// The API server of Kubernetes is there, but has an error of its own. Try again later.
    ApiServerFailing => Unavailable,
    /// The ServiceAccount was changed, or deleted and made again, while its role was looked up or assumed. Try again.
    ServiceAccountReplaced => Unavailable,
    /// The source gave this chain credentials before, and now says that it has none. No other source is asked instead.
    SourceGone => Unavailable,
    /// There is no host of this name. Check the region and the endpoint that are set, and the cluster's DNS.
    NameNotFound => Unavailable,
    /// The host's name could not be looked up. Check the cluster's DNS, and that the pod may reach it.
    NameLookupFailed => Unavailable,
    /// The connection was refused. Check network policies, routes and the VPC endpoint, and whether a proxy is needed.
    ConnectionRefused => Unavailable,
    /// The connection was reset. If it lasts, look for a firewall, a service mesh or a proxy between.
    ConnectionReset => Unavailable,
    /// There is no route to the host. Check routes, the NAT gateway and the VPC endpoint, and whether a proxy is needed.
    HostUnreachable => Unavailable,
    /// No connection was made in time. Check network policies, security groups, the NAT gateway and the VPC endpoint, and whether
    /// a proxy is needed.
    ConnectTimeout => Unavailable,
    /// No answer came in time. If it lasts, look for a firewall or a proxy between.
    ReadTimeout => Unavailable,
    /// The server's certificate is from an authority that is not trusted here. Set `AWS_CA_BUNDLE`, if a proxy inspects TLS
    /// or the endpoint is private; else check that ca-certificates is installed.
    TlsUnknownIssuer => Unavailable,
    /// The server's certificate has expired, by this machine's clock. Check the clock first.
    TlsExpired => Unavailable,
    /// The server's certificate is not valid yet, by this machine's clock. Check the clock first.
    TlsNotYetValid => Unavailable,
    /// The server's certificate is for another host. Check the endpoint that is set.
    TlsWrongName => Unavailable,
    /// TLS failed otherwise. Check that what answers there speaks TLS 1.2 or later.
    TlsFailed => Unavailable,
    /// The proxy could not be reached. Check `HTTPS_PROXY`, or list the host in `NO_PROXY`.
    ProxyUnreachable => Unavailable,
    /// The proxy opened no tunnel to the host. Check that it allows `CONNECT` there, or list the host in `NO_PROXY`.
    ProxyRefused => Unavailable,
    /// The time that was set for the whole chain has passed. Try again later, or allow more.
    DeadlinePassed => TimedOut,

    /// An answer came that could not be read. Check that it is AWS that answers.
    MalformedAnswer => InvalidResponse,
    /// The agent's answer, or the metadata service's, is neither credentials nor a refusal in its own words. Look for a service
    /// mesh or a proxy between the pod and its node.
    AgentAnswerMalformed => InvalidResponse,
    /// The answer is not that of an API server of Kubernetes. Check the address of the client that asks it, and look for a proxy
    /// between.
    ApiServerAnswerMalformed => InvalidResponse,
    /// The credentials had expired when they came. Check this machine's clock; if it is right, try again in a minute.
    ExpiredOnArrival => InvalidResponse,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The reason of an error of which no more is known than its kind.
impl From<ErrorKind> for Reason {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NoIdentity => Self::NoIdentity,
            ErrorKind::Configuration => Self::InvalidConfiguration,
            ErrorKind::AccessDenied => Self::AccessDenied,
            ErrorKind::UnexpectedIdentity => Self::UnexpectedIdentity,
            ErrorKind::InvalidToken => Self::TokenRejected,
            ErrorKind::Throttled => Self::Throttled,
            ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::TimedOut => Self::DeadlinePassed,
            ErrorKind::InvalidResponse => Self::MalformedAnswer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_kind_s_reason_is_of_that_kind() {
        let kinds: BTreeSet<_> = Reason::ALL.iter().map(|reason| format!("{:?}", reason.kind())).collect();
        for reason in Reason::ALL {
            assert_eq!(Reason::from(reason.kind()).kind(), reason.kind(), "{reason}");
        }
        assert_eq!(kinds.len(), 9, "every kind has a reason: {kinds:?}");
    }

    /// What Kubernetes accepts as the reason of a condition.
    #[test]
    fn a_code_is_a_condition_s_reason() {
        for reason in Reason::ALL {
            let code = reason.as_str();
            assert!(code.starts_with(|c: char| c.is_ascii_uppercase()), "{code}");
            assert!(code.bytes().all(|b| b.is_ascii_alphanumeric()), "{code}");
        }
        let codes: BTreeSet<_> = Reason::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
    }
}
