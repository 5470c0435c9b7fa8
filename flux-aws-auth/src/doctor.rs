//! What is set up here, what is wrong with it, and what to do: a checklist, gone through by code.
//!
//! A [`Doctor`] looks at a [`Chain`] and at the environment that it works in: which variables are set, which token files
//! are mounted and what the tokens say, which source would be used and which would not, whether region, role and
//! partition fit together, which endpoints, proxies and certificates are named. That takes no request and no
//! credentials. Only [`examine_live`](Doctor::examine_live) asks AWS.
//!
//! ```
//! use flux_aws_auth::doctor::{Doctor, Severity};
//! use flux_aws_auth::{Chain, Environment, Reason};
//!
//! let environment = Environment::empty()
//!     .with_var("AWS_REGION", "eu-west-1")
//!     .with_var("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/flux");
//! let chain = Chain::builder().environment(environment).build();
//!
//! let examination = Doctor::new(&chain).examine();
//! assert_eq!(examination.severity(), Severity::Problem);
//! let problem = examination.problems().next().unwrap();
//! assert_eq!(problem.reason(), Some(Reason::IncompleteConfiguration));
//! assert_eq!(problem.to_string(), "AWS_ROLE_ARN is set, but AWS_WEB_IDENTITY_TOKEN_FILE is not");
//! println!("{examination}"); // for people
//! ```
//!
//! Each finding that can be wrong is explained in [Troubleshooting](crate::guide::troubleshooting#what-doctor-finds).
//!
//! What a chain cannot do, such as logging in to a registry, others can add to the same examination:
//! [`Examination::add`].
//!
//! Nothing secret is in a finding: no token, no secret key, no password of a proxy, no query of a URL. Role ARNs, ids of
//! access keys, subjects and issuers are.

use crate::chain::Chain;
use crate::iam::PolicyDocument;
use crate::integration::Integration;
use crate::report::ChainReport;
use crate::service_account::{ServiceAccount, ServiceAccountRef};
use crate::source::SourceKind;
use crate::sts::CallerIdentity;

mod access_keys;
mod finding;
mod live;
mod network;
mod node;
mod order;
mod patient;
mod pod;
mod pod_identity;
mod region;
mod text;
mod token;
mod web_identity;

pub use finding::{Area, Finding, Severity};
pub use order::{OrderExplanation, OrderStep, Standing};

use patient::Patient;

/// Looks a chain and its environment through.
#[derive(Clone, Debug)]
#[must_use]
pub struct Doctor {
    chain: Chain,
    integration: Option<Integration>,
    service_account: Option<(ServiceAccountRef, ServiceAccount)>,
}

impl Doctor {
    /// For this chain: its sources, its environment, its region, its clock.
    pub fn new(chain: &Chain) -> Self {
        Self { chain: chain.clone(), integration: None, service_account: None }
    }

    /// Says too whether Flux supports the identity that is used for this.
    pub fn with_integration(mut self, integration: Integration) -> Self {
        self.integration = Some(integration);
        self
    }

    /// The pod's ServiceAccount as Kubernetes has it, for instance by
    /// [`ServiceAccountTokens::service_account`](crate::ServiceAccountTokens::service_account). It tells a ServiceAccount that
    /// was never annotated from a pod that started too early, which look the same from inside.
    pub fn with_service_account(
        mut self,
        reference: ServiceAccountRef,
        service_account: ServiceAccount,
    ) -> Self {
        self.service_account = Some((reference, service_account));
        self
    }

    /// Looks without asking anybody. Reads token files and the certificates' file on the calling thread.
    #[must_use]
    pub fn examine(&self) -> Examination {
        let patient = Patient::new(&self.chain, self.service_account.as_ref());
        let order = OrderExplanation::of(&patient);
        let used = order.used().map(OrderStep::kind);
        let mut findings = pod::examine(&patient);
        let mut trust_policy = None;
        if patient.has(SourceKind::PodIdentity) {
            let (found, trust) = pod_identity::examine(&patient);
            findings.extend(found);
            trust_policy = trust.filter(|_| used == Some(SourceKind::PodIdentity));
        }
        if patient.has(SourceKind::WebIdentity) {
            let (found, trust) = web_identity::examine(&patient);
            findings.extend(found);
            trust_policy = trust_policy.or(trust.filter(|_| used == Some(SourceKind::WebIdentity)));
        }
        if patient.has(SourceKind::AccessKeys) {
            findings.extend(access_keys::examine(&patient));
        }
        if patient.has(SourceKind::InstanceMetadata) {
            findings.extend(node::examine(&patient));
        }
        findings.extend(order::examine(&order, self.integration));
        findings.extend(region::examine(&patient));
        findings.extend(network::examine(&patient));
        Examination { findings, order, trust_policy, report: None, caller: None }
    }

    /// Looks, then has the chain find credentials, and asks AWS whose they are (`GetCallerIdentity`, which takes no
    /// permission).
    ///
    /// A failure is a finding of [`Area::Live`]; [`Examination::report`] has what each source said.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the question; what the chain has found by then, it holds.
    pub async fn examine_live(&self) -> Examination {
        let mut examination = self.examine();
        examination.take(live::ask(self).await);
        examination
    }
}

/// What a doctor found. `Display` is for people: the problems and warnings with their remedies first, then everything that was
/// looked at, by area, then the trust policy that the role needs.
#[derive(Clone, Debug)]
pub struct Examination {
    findings: Vec<Finding>,
    order: OrderExplanation,
    trust_policy: Option<PolicyDocument>,
    report: Option<ChainReport>,
    caller: Option<CallerIdentity>,
}

impl Examination {
    /// Everything, area by area.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter()
    }

    /// What does not work.
    pub fn problems(&self) -> impl Iterator<Item = &Finding> {
        self.findings().filter(|finding| finding.severity() == Severity::Problem)
    }

    /// The gravest of all.
    pub fn severity(&self) -> Severity {
        self.findings().map(Finding::severity).max().unwrap_or(Severity::Ok)
    }

    /// Which source is used, and why; and what the AWS SDKs would do.
    pub fn order(&self) -> &OrderExplanation {
        &self.order
    }

    /// The trust policy that the role needs, where its source and its token tell: the least that lets this ServiceAccount
    /// in.
    pub fn trust_policy(&self) -> Option<&PolicyDocument> {
        self.trust_policy.as_ref()
    }

    /// What each source said, after [`Doctor::examine_live`].
    pub fn report(&self) -> Option<&ChainReport> {
        self.report.as_ref()
    }

    /// Who AWS says the caller is, after [`Doctor::examine_live`].
    pub fn caller(&self) -> Option<&CallerIdentity> {
        self.caller.as_ref()
    }

    /// Adds what a program found by itself.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}
