//! An hour of a cluster's life on an embedded AWS: releases, a tag that moves, a permission that is taken away and given back, a
//! registry that has enough, a release that is withdrawn.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flux_aws_auth::Environment;
use flux_ecr_reflect::{RegistryApi, Throttle};
use local_aws::{Fault, Injection, LocalAws, Repository, Role, Service};
use tokio::sync::mpsc::UnboundedSender;

use crate::clock::{Clock, Turn};
use crate::configuration::Source;
use crate::event::{Event, What};
use crate::stop::Stopper;
use crate::world::ECR_ENDPOINT;

/// The account that the story happens in.
pub(crate) struct Story {
    aws: Arc<LocalAws>,
    pub(crate) clock: Clock,
}

impl Story {
    /// The account on the morning of the story, of which an hour takes so much less time, or none but that of its work.
    pub(crate) async fn begin(speed: Option<u32>) -> Result<Self, local_aws::Error> {
        let clock = local_aws::Clock::fixed(SystemTime::UNIX_EPOCH + MORNING);
        let role = Role::new(ROLE)
            .assumed_by_service_account(NAMESPACE, CONTROLLER)
            .allowed(["ecr:ListImages", "ecr:DescribeImages"], "arn:aws:ecr:*:*:repository/apps/*");
        let web = ["6.1.0", "6.1.1", "6.2.0", "build-811", "build-812"];
        let api = ["main-1f0c2aa-1767600000", "main-77ab01c-1767603600", "pr-41"];
        let base = Repository::with_tags("apps/base", ["3.22.1", "3.22.2"]).also_tagged("3.22.1", "stable");
        let aws = LocalAws::builder()
            .clock(clock.clone())
            .role(role)
            .repository(Repository::with_tags("apps/web", web))
            .repository(Repository::with_tags("apps/api", api))
            .repository(base)
            .start()
            .await?;
        Ok(Self { aws: Arc::new(aws), clock: Clock::story(clock, speed) })
    }

    /// What EKS puts into the pod: IRSA.
    pub(crate) fn environment(&self) -> Environment {
        let Self { aws, .. } = self;
        let token = aws.issuer().token(NAMESPACE, CONTROLLER, "sts.amazonaws.com", DAY);
        Environment::empty()
            .with_var("AWS_REGION", aws.region())
            .with_var("AWS_ROLE_ARN", aws.role_arn(ROLE))
            .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE)
            .with_file(TOKEN_FILE, token)
            .with_var("AWS_ENDPOINT_URL_STS", aws.sts_url())
            .with_var(ECR_ENDPOINT, aws.ecr_url())
    }

    /// The manifests of the story.
    pub(crate) fn manifests() -> Vec<Source> {
        let file = |name: &str, text: &str| Source {
            name: format!("examples/data/watch/{name}"),
            text: text.to_owned(),
        };
        vec![
            file("apps.yaml", include_str!("../data/watch/apps.yaml")),
            file("tenants.yaml", include_str!("../data/watch/tenants.yaml")),
        ]
    }

    /// Lets happen what happens, each thing at its time, and tells it; then it is over.
    pub(crate) async fn play(
        self,
        throttle: Throttle,
        told: UnboundedSender<Event>,
        stopper: Stopper,
        turn: Turn,
    ) {
        let start = self.clock.now();
        let mut turn = turn;
        let mut fault = None;
        for (minute, deed, text) in SCRIPT {
            drop(turn);
            turn = self.clock.sleep_until(start + Duration::from_mins(minute)).await;
            self.happens(deed, &throttle, &mut fault).await;
            let what = What::Story { text: text.to_owned() };
            // Whoever does not listen any more has stopped.
            let _ = told.send(Event { at: self.clock.now(), what });
        }
        drop(turn);
        let turn = self.clock.sleep_until(start + END).await;
        stopper.stop("the story is over");
        drop(turn);
    }

    async fn happens(&self, deed: Deed, throttle: &Throttle, fault: &mut Option<Injection>) {
        let listing = |fault: Fault, repository: &str| {
            self.aws.inject(Service::Ecr, fault.on("ListImages").mentioning(repository))
        };
        match deed {
            Deed::Tag { repository, tag, image } => {
                self.aws.retag(Service::Registry, repository, tag, image);
            }
            Deed::Untag { repository, tag } => {
                self.aws.untag(Service::Registry, repository, tag);
            }
            Deed::Deny(repository) => {
                let denial = Fault::error(400, "AccessDeniedException", self.denial(repository));
                *fault = Some(listing(denial, repository));
            }
            Deed::Throttle(repository) => *fault = Some(listing(Fault::throttle(), repository)),
            Deed::Mend => {
                if let Some(fault) = fault.take() {
                    fault.remove();
                }
                // A pause that the registry has asked for is one of the machine's time.
                let host = format!("{}.dkr.ecr.{}.amazonaws.com", self.aws.account(), self.aws.region());
                let patient = throttle.clone().with_max_wait(Duration::from_mins(1));
                let _ = patient.acquire(&host, RegistryApi::Ecr).await;
            }
        }
    }

    fn denial(&self, repository: &str) -> String {
        let (account, region) = (self.aws.account(), self.aws.region());
        format!(
            "User: arn:aws:sts::{account}:assumed-role/{ROLE}/{CONTROLLER} is not authorized to perform: ecr:ListImages on \
             resource: arn:aws:ecr:{region}:{account}:repository/{repository} because no identity-based policy allows the \
             ecr:ListImages action"
        )
    }
}

/// Something that somebody does.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Tag {
        repository: &'static str,
        tag: &'static str,
        image: &'static str,
    },
    Untag {
        repository: &'static str,
        tag: &'static str,
    },
    Deny(&'static str),
    Throttle(&'static str),
    /// Undoes the last denial or throttling.
    Mend,
}

/// What happens in which minute.
const SCRIPT: [(u64, Deed, &str); 8] = [
    (
        7,
        Deed::Tag { repository: "apps/web", tag: "6.2.1", image: "build-811" },
        "somebody releases build-811 of apps/web as 6.2.1",
    ),
    (12, Deed::Deny("apps/api"), "somebody takes away the permission to list apps/api"),
    (
        17,
        Deed::Tag { repository: "apps/web", tag: "6.3.0-rc.1", image: "build-812" },
        "somebody tags build-812 of apps/web as 6.3.0-rc.1",
    ),
    (
        22,
        Deed::Tag { repository: "apps/base", tag: "stable", image: "3.22.2" },
        "somebody moves the tag stable of apps/base to 3.22.2",
    ),
    (34, Deed::Mend, "somebody gives the permission back"),
    (38, Deed::Throttle("apps/web"), "ECR throttles whoever lists apps/web"),
    (43, Deed::Mend, "ECR throttles no more"),
    (47, Deed::Untag { repository: "apps/web", tag: "6.2.1" }, "somebody withdraws 6.2.1 of apps/web"),
];

/// 2026-01-05T09:00:00Z
const MORNING: Duration = Duration::from_secs(1_767_603_600);
const END: Duration = Duration::from_mins(55);
const DAY: Duration = Duration::from_hours(24);
const NAMESPACE: &str = "flux-system";
const CONTROLLER: &str = "image-reflector-controller";
const ROLE: &str = "flux-image-reflector";
const TOKEN_FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
