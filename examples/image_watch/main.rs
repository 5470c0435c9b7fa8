//! A long-running program: it watches the images that Flux manifests name, each at its interval, and prints what changes as it
//! comes. No AWS account and no cluster needed: an embedded AWS plays both, and somebody pushes to it.
//!
//! ```console
//! $ cargo run -p image_watch
//! 09:00:00  skipped    ImageUpdateAutomation apps/apps in examples/data/watch/apps.yaml
//! 09:00:00  suspended  repository apps/old-web      left as it is: spec.suspend is true
//! 09:00:00  not ready  policy visitors/web          access denied: 'apps/web' can't be accessed due to ACL labels mismatc…
//! 09:00:00  ready      repository apps/api          successful scan: found 2 tags with checksum 2107903357
//! 09:00:00  changed    policy apps/api-builds       nothing → main-77ab01c-1767603600: greatest number among tags matchin…
//! 09:00:00  ready      repository apps/base         successful scan: found 3 tags with checksum 1817577121
//! 09:00:00  changed    policy apps/base-stable      nothing → stable@sha256:aa52f4389d97…: last in alphabetical order amo…
//! 09:00:00  ready      repository apps/web          successful scan: found 5 tags with checksum 992217927
//! 09:00:00  changed    policy apps/web              nothing → 6.2.0: highest version in "6.x"
//! 09:00:00  changed    policy tests/web-candidates  nothing → 6.2.0@sha256:94581c3d064e…: highest version in ">=6.0.0-0"
//! 09:07:00  story      somebody releases build-811 of apps/web as 6.2.1
//! 09:10:17  changed    policy apps/web              6.2.0 → 6.2.1: 6.2.1 is new
//! 09:10:17  changed    policy tests/web-candidates  6.2.0@sha256:94581c3d064e… → 6.2.1@sha256:90873a8a433a…: 6.2.1 is new
//! 09:12:00  story      somebody takes away the permission to list apps/api
//! 09:17:00  story      somebody tags build-812 of apps/web as 6.3.0-rc.1
//! 09:20:27  failing    repository apps/api          ecr:ListImages on arn:aws:ecr:eu-west-1:111122223333:repository/apps/…
//!                      Cause: AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/flux-image-reflector/im…
//!                      What to do: Allow ecr:ListImages …
//!                      Next try: in 10m
//! 09:20:29  changed    policy tests/web-candidates  6.2.1@sha256:90873a8a433a… → 6.3.0-rc.1@sha256:1d0187257356…: 6.3.0-r…
//! 09:22:00  story      somebody moves the tag stable of apps/base to 3.22.2
//! 09:30:00  changed    policy apps/base-stable      stable@sha256:aa52f4389d97… → stable@sha256:36f7101bece2…: the tag wa…
//! 09:34:00  story      somebody gives the permission back
//! 09:38:00  story      ECR throttles whoever lists apps/web
//! 09:40:29  ready      repository apps/api          successful scan: found 2 tags with checksum 2107903357, after 2 failu…
//! 09:41:03  failing    repository apps/web          ECR throttled ListImages of 111122223333.dkr.ecr.eu-west-1.amazonaws.…
//!                      Cause: ThrottlingException: Rate exceeded (request …
//!                      What to do: Scan less often…
//!                      Next try: in 10s
//! 09:43:00  story      ECR throttles no more
//! 09:43:35  ready      repository apps/web          successful scan: found 7 tags with checksum 1609437042, after 4 failu…
//! 09:47:00  story      somebody withdraws 6.2.1 of apps/web
//! 09:48:41  changed    policy apps/web              6.2.1 → 6.2.0: 6.2.1 is gone
//! 09:55:00  stopped    the story is over
//!                      23 scans, 6 failed; 9 changes
//!                      policy apps/api-builds: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/api:main-77ab01c-1767603…
//!                      policy apps/base-stable: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/base:stable@sha256:36f7…
//!                      policy apps/web: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/web:6.2.0
//!                      policy tests/web-candidates: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/web:6.3.0-rc.1@sha2…
//! $ cargo run -p image_watch -- --rounds 1 --json
//! $ cargo run -p image_watch -- --live --metrics 9090 --state /var/lib/image_watch manifests/
//! ```
//!
//! That is an hour of the story's own time, and some five seconds of others'.
//!
//! * The configuration is Flux's: ImageRepository and ImagePolicy with their `interval`, `timeout`, `suspend`, `exclusionList`,
//!   `accessFrom` (namespaces are known by the manifests of Namespaces), `digestReflectionPolicy`, and the annotation
//!   `reconcile.fluxcd.io/requestedAt`. Who asks ECR is the process's own identity; a repository that names a Secret or a
//!   ServiceAccount is not watched, and that is said.
//! * One listing serves all policies of a repository. Each policy's choice, and whether a repository fails, is told when it changes
//!   and not every time.
//! * What may pass by itself, such as throttling, is tried again after ten seconds and ever later up to the interval; what somebody
//!   has to mend, at the interval.
//! * With `--state` a restart goes on where the last run ended: it scans when the interval is over, and repeats no line.
//! * With `--live` it goes on until ctrl-c or SIGTERM: no scan is begun any more, those under way have `--grace` to end, and the
//!   rest is abandoned, which leaves nothing behind. `AWS_ENDPOINT_URL_ECR` is a private endpoint of the ECR API.
//! * With `--metrics` it serves [OpenMetrics] to Prometheus: scans by outcome and how long they took, tags, the age of the last
//!   success, changes, what became of credentials, and answers by which a registry asked to slow down.
//!
//! Exit codes: 0 ended or stopped, whatever was watched; 2 bad input, or nobody to write to; 130 a second ctrl-c.
//!
//! [OpenMetrics]: https://prometheus.io/docs/specs/om/open_metrics_spec/

mod args;
mod clock;
mod configuration;
mod event;
mod files;
mod health;
mod json;
mod metrics;
mod object;
mod policy;
mod printer;
mod program;
mod repository;
mod serve;
mod state;
mod stop;
mod story;
mod text;
mod times;
mod watch;
mod world;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use examples::terminal::Screen;

use crate::args::Args;
use crate::program::Setting;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let (stopper, stop) = stop::stop();
    tokio::spawn(stop::at_signals(stopper.clone()));
    let setting = if args.live { Setting::Live } else { Setting::Story { speed: Some(SPEED) } };
    match program::run(&args, setting, Screen::stdout(), (stopper, stop)).await {
        Ok(_) => ExitCode::SUCCESS,
        // One line, as everything else.
        Err(failure) if args.json => {
            let _ = writeln!(Screen::stdout(), "{}", failure.to_json());
            ExitCode::from(BAD_INPUT)
        }
        Err(failure) => failure.tell(false),
    }
}

const BAD_INPUT: u8 = 2;

/// So much faster goes the time of the story: its hour takes five seconds.
const SPEED: u32 = 660;
