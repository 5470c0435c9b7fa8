//! Which source would be used, by this chain's order and by the AWS SDKs' own.

use std::fmt;

use super::finding::{Area, Finding, Severity, Sheet};
use super::patient::Patient;
use crate::chain::{SetUp, SourceOrder};
use crate::environment::Environment;
use crate::integration::{Integration, Level, Support};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::source::{Notes, SourceKind, instance_metadata, pod_identity};

/// Which source a chain would use, which it would not reach, and what an AWS SDK's own chain would do in the same environment.
///
/// The SDKs' order is access keys, web identity, container (Pod Identity, ECS), node ([credential provider chain]); their
/// profiles, which stand in between, are not looked at. They differ in what they take for set up, too: half an access key, or
/// a role without a token file, they pass over in silence, where a [`Chain`](crate::Chain) fails. `Display` is for people,
/// several lines long.
///
/// [credential provider chain]: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderExplanation {
    chain: Vec<OrderStep>,
    sdk: Vec<OrderStep>,
}

/// One source's place in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderStep {
    kind: SourceKind,
    standing: Standing,
    principal: Option<Principal>,
}

/// What becomes of a source in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Standing {
    /// Not set up, so the next one is asked.
    NotSetUp,
    /// Set up in part, and passed over in silence.
    Ignored,
    /// The first that is set up: it gives the credentials, or its failure is the outcome.
    Used,
    /// Set up, but one before it is used.
    Shadowed,
    /// Not asked, since one before it is used.
    NotReached,
    /// The last resort: asked, since none before it is set up. Whether it answers cannot be told without asking.
    LastResort,
}

impl OrderExplanation {
    pub(super) fn of(patient: &Patient<'_>) -> Self {
        let environment = patient.environment;
        let mut chain: Vec<_> = patient
            .chain
            .sources()
            .map(|source| {
                let is_set_up = source.is_configured(environment);
                OrderStep {
                    kind: source.kind_in(environment),
                    standing: if is_set_up { Standing::Used } else { Standing::NotSetUp },
                    principal: source.principal_in(environment).filter(|_| is_set_up),
                }
            })
            .collect();
        settle(&mut chain, environment);
        let principals = |kind| chain.iter().find(|step| step.kind == kind)?.principal.clone();
        let mut sdk: Vec<_> = SourceOrder::AwsSdk
            .kinds()
            .into_iter()
            .map(|kind| {
                let standing = in_sdk(environment, kind);
                let kind = if kind == SourceKind::PodIdentity && is_ecs(environment) {
                    SourceKind::Ecs
                } else {
                    kind
                };
                OrderStep { kind, standing, principal: principals(kind) }
            })
            .collect();
        settle(&mut sdk, environment);
        Self { chain, sdk }
    }

    /// The chain's sources, in its order.
    pub fn chain(&self) -> &[OrderStep] {
        &self.chain
    }

    /// The sources in the AWS SDKs' own order.
    pub fn sdk(&self) -> &[OrderStep] {
        &self.sdk
    }

    /// The source that the chain would use; the node's where that is the last resort.
    pub fn used(&self) -> Option<&OrderStep> {
        used(&self.chain)
    }

    /// The source that an AWS SDK's own chain would use.
    pub fn used_by_sdk(&self) -> Option<&OrderStep> {
        used(&self.sdk)
    }

    /// Whether the two are different sources. Never for an object's identity: no SDK knows of one.
    pub fn differs(&self) -> bool {
        let kind = |step: Option<&OrderStep>| step.map(|step| step.kind);
        let of_object = self.used().is_some_and(|step| Level::of(step.kind) == Some(Level::Object));
        !of_object && kind(self.used()) != kind(self.used_by_sdk())
    }
}

impl OrderStep {
    /// Which source.
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// What becomes of it.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Whose credentials it would give, where the environment says so.
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }
}

fn used(steps: &[OrderStep]) -> Option<&OrderStep> {
    steps.iter().find(|step| matches!(step.standing, Standing::Used | Standing::LastResort))
}

/// Lets the first that is set up shadow the others, and the node be the last resort.
fn settle(steps: &mut [OrderStep], environment: &Environment) {
    let mut is_settled = false;
    for step in steps {
        step.standing = match step.standing {
            Standing::Used if is_settled => Standing::Shadowed,
            Standing::NotSetUp if step.kind == SourceKind::InstanceMetadata => {
                let is_off = matches!(node(environment), Ok(None));
                match (is_off, is_settled) {
                    (true, _) => Standing::NotSetUp,
                    (false, true) => Standing::NotReached,
                    (false, false) => Standing::LastResort,
                }
            }
            other => other,
        };
        is_settled |= matches!(step.standing, Standing::Used | Standing::LastResort);
    }
}

fn node(environment: &Environment) -> Result<Option<crate::endpoint::Endpoint>, crate::error::Error> {
    instance_metadata::address(environment, &mut Notes::default())
}

fn is_ecs(environment: &Environment) -> bool {
    environment.var(pod_identity::RELATIVE_URI).is_some()
}

/// What an SDK's chain takes for set up.
fn in_sdk(environment: &Environment, kind: SourceKind) -> Standing {
    match SetUp::of(kind, environment) {
        SetUp::Whole => Standing::Used,
        SetUp::InPart => Standing::Ignored,
        SetUp::Not => Standing::NotSetUp,
    }
}

impl fmt::Display for OrderExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "This program's order")?;
        write_steps(f, &self.chain)?;
        writeln!(f, "The AWS SDKs' own order")?;
        write_steps(f, &self.sdk)?;
        match (self.used(), self.used_by_sdk()) {
            (Some(used), Some(by_sdk)) if self.differs() => {
                writeln!(f, "They differ: this program uses {}, an AWS SDK {}.", used.kind, by_sdk.kind)
            }
            _ if self.differs() => writeln!(f, "They differ."),
            _ => writeln!(f, "Both come to the same source."),
        }
    }
}

fn write_steps(f: &mut fmt::Formatter<'_>, steps: &[OrderStep]) -> fmt::Result {
    for (index, step) in steps.iter().enumerate() {
        write!(f, "  {}. {:<24}{}", index + 1, step.kind, step.standing)?;
        match &step.principal {
            Some(principal) => writeln!(f, ": {principal}")?,
            None => writeln!(f)?,
        }
    }
    Ok(())
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotSetUp => "not set up",
            Self::Ignored => "set up in part, and passed over in silence",
            Self::Used => "used",
            Self::Shadowed => "set up too, but shadowed",
            Self::NotReached => "not reached",
            Self::LastResort => "asked as the last resort",
        })
    }
}

/// What the order makes of the settings, and whether the outcome may be used for what it is meant for.
pub(super) fn examine(order: &OrderExplanation, integration: Option<Integration>) -> Vec<Finding> {
    let mut sheet = Sheet::of(Area::Order);
    match order.used() {
        Some(step) if step.standing == Standing::LastResort => {
            let finding = Finding::new(
                Severity::Warning,
                Area::Order,
                "used",
                "nothing is set up for this pod, so the node is asked for the role that everything on it shares",
            );
            sheet.push(finding.with_reason(Reason::NoIdentity).with_hint(GIVE_AN_IDENTITY));
        }
        Some(step) => match &step.principal {
            Some(principal) => sheet.ok("used", format!("{}: {principal}", step.kind)),
            None => sheet.ok("used", step.kind.to_string()),
        },
        None => sheet.problem(Reason::NoIdentity, "used", "none: no source is set up", GIVE_AN_IDENTITY),
    }
    for shadowed in order.chain().iter().filter(|step| step.standing == Standing::Shadowed) {
        let whose = shadowed.principal.as_ref().map(|principal| format!(": {principal}")).unwrap_or_default();
        sheet.warn(
            "shadowed",
            format!("{} is set up too, and not used{whose}", shadowed.kind),
            "Remove the one that is not meant: two identities in one pod are one too many.",
        );
    }
    if let (true, Some(by_sdk)) = (order.differs(), order.used_by_sdk()) {
        sheet.warn(
            "AWS SDKs' order",
            format!("an AWS SDK's own chain would use {} here", by_sdk.kind),
            "Remove the settings of the source that is not meant, so that every program in this container is the same one.",
        );
    }
    if let (Some(step), Some(integration)) = (order.used(), integration) {
        supported(&mut sheet, step.kind, integration);
    }
    sheet.findings
}

const GIVE_AN_IDENTITY: &str =
    "Give the pod an identity of its own: by IRSA or EKS Pod Identity, as the notes on these say.";

fn supported(sheet: &mut Sheet, kind: SourceKind, integration: Integration) {
    let Some(level) = Level::of(kind) else { return };
    let subject = format!("{kind} for {integration}");
    match integration.support(level, kind) {
        Support::Supported { since } => sheet.ok(subject, format!("supported by Flux since {since}")),
        Support::OptIn { why } => {
            sheet.warn(subject, format!("not supported by Flux: {why}"), "Prefer EKS Pod Identity or IRSA.");
        }
        Support::Impossible { why, alternative } => {
            sheet.problem(Reason::InvalidConfiguration, subject, format!("cannot work: {why}"), alternative);
        }
    }
}
