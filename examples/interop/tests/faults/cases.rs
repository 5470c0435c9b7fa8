//! Which call meets which fault.

use std::fmt;

use serde_json::{Value, json};

/// What is asked of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    AssumeRoleWithWebIdentity,
    GetCallerIdentity,
    /// The second of three pages.
    ListImages,
    GetAuthorizationToken,
}

impl Call {
    pub(crate) const ALL: [Self; 4] = [
        Self::AssumeRoleWithWebIdentity,
        Self::GetCallerIdentity,
        Self::ListImages,
        Self::GetAuthorizationToken,
    ];

    pub(crate) fn is_of_sts(self) -> bool {
        matches!(self, Self::AssumeRoleWithWebIdentity | Self::GetCallerIdentity)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Once,
    Lasting,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Once { "once" } else { "lasting" })
    }
}

/// A fault as microburst plays it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// The same in memory, by its name there.
    pub(crate) like: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A code of AWS, with a status where microburst's own is not the one meant.
    Error(&'static str, Option<u16>),
    Reset,
    /// An answer that comes when nobody waits for it any more.
    Late,
    /// A gateway that gives up.
    Gateway,
    Truncated,
    Cut,
}

impl Fault {
    const fn error(name: &'static str, code: &'static str, like: &'static str) -> Self {
        Self { name, like, kind: Kind::Error(code, None) }
    }

    const fn with_status(self, status: u16) -> Self {
        let Kind::Error(code, _) = self.kind else { return self };
        Self { kind: Kind::Error(code, Some(status)), ..self }
    }

    /// Whether waiting for the answer is to be short.
    pub(crate) fn is_late(self) -> bool {
        matches!(self.kind, Kind::Late)
    }

    /// What a rule of microburst does.
    fn effect(self) -> (&'static str, Value) {
        match self.kind {
            Kind::Error(code, status) => {
                ("error", json!({ "code": code, "status": status, "message": "as told" }))
            }
            Kind::Reset => ("reset", json!(true)),
            Kind::Late => ("latency", json!(30_000)),
            Kind::Gateway => ("timeout_ms", json!(200)),
            Kind::Truncated => ("response", json!({ "truncate_frac": 0.5 })),
            Kind::Cut => ("response", json!({ "abort_frac": 0.5 })),
        }
    }
}

const STS: [Fault; 13] = [
    Fault::error("400 `Throttling`", "Throttling", "429"),
    Fault::error("503 `RequestLimitExceeded`", "RequestLimitExceeded", "429"),
    Fault::error("500 `InternalFailure`", "InternalFailure", "500"),
    Fault::error("503 `ServiceUnavailable`", "ServiceUnavailable", "503"),
    Fault::error("403 `AccessDenied`", "AccessDenied", "403"),
    Fault::error("400 `ValidationError`", "ValidationError", "400"),
    Fault::error("403 `InvalidClientTokenId`", "InvalidClientTokenId", "401"),
    Fault::error("403 `RequestTimeTooSkewed`", "RequestTimeTooSkewed", "clock ahead by an hour")
        .with_status(403),
    RESET,
    LATE,
    GATEWAY,
    TRUNCATED,
    CUT,
];

const ECR: [Fault; 14] = [
    Fault::error("400 `ThrottlingException`", "ThrottlingException", "429"),
    Fault::error("429 `TooManyRequestsException`", "TooManyRequestsException", "429"),
    Fault::error("500 `ServerException`", "ServerException", "500").with_status(500),
    Fault::error("503 `ServiceUnavailableException`", "ServiceUnavailableException", "503"),
    Fault::error("400 `AccessDeniedException`", "AccessDeniedException", "403"),
    Fault::error("400 `InvalidParameterException`", "InvalidParameterException", "400"),
    Fault::error("400 `UnrecognizedClientException`", "UnrecognizedClientException", "401"),
    Fault::error("400 `ExpiredTokenException`", "ExpiredTokenException", "expired"),
    Fault::error("400 `RepositoryNotFoundException`", "RepositoryNotFoundException", "404"),
    RESET,
    LATE,
    GATEWAY,
    TRUNCATED,
    CUT,
];

const RESET: Fault = Fault { name: "reset", like: "reset", kind: Kind::Reset };
const LATE: Fault = Fault { name: "latency", like: "slow headers", kind: Kind::Late };
const GATEWAY: Fault = Fault { name: "504 after a while", like: "503", kind: Kind::Gateway };
const TRUNCATED: Fault = Fault { name: "half a body", like: "truncated body", kind: Kind::Truncated };
const CUT: Fault = Fault { name: "reset amid the body", like: "cut body", kind: Kind::Cut };

#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) call: Call,
    pub(crate) fault: Fault,
    pub(crate) span: Span,
}

impl Case {
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for call in Call::ALL {
            let faults: &[Fault] = if call.is_of_sts() { &STS } else { &ECR };
            for &fault in faults {
                // Who asks for a login names no repository.
                if (call, fault.like) != (Call::GetAuthorizationToken, "404") {
                    all.extend([Span::Once, Span::Lasting].map(|span| Self { call, fault, span }));
                }
            }
        }
        all
    }

    /// The rule that plays the fault, for the requests that [`mark`] marks.
    pub(crate) fn rule(self, number: usize) -> Value {
        let (effect, value) = self.fault.effect();
        let mut rule = json!({ "operation": self.call.to_string(), "headers": { MARK: mark(number) } });
        rule[effect] = value;
        if self.span == Span::Once {
            rule["times"] = json!(1);
        }
        if self.call == Call::ListImages {
            rule["body"] = json!("nextToken");
        }
        rule
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}", self.call, self.fault.name, self.span)
    }
}

/// The header that says whose request it is. It is not signed, and means nothing to AWS.
pub(crate) const MARK: &str = "x-case";

/// Its value. None is part of another.
pub(crate) fn mark(number: usize) -> String {
    format!("case {number}.")
}
