//! The program at the head of the crate's documentation, with nothing but an HTTP client and the environment put in.

use flux_aws_auth::{Chain, Environment};
use flux_ecr_reflect::{Reflector, Throttle};
use flux_policy::Policy;

use crate::fake::{self, page};

#[tokio::test]
async fn the_first_program_prints_what_it_says() {
    let program = include_str!("../../src/lib.rs").split_once("//! ```text\n").expect("what is printed").1;
    let shown = program.split_once("//! ```\n").expect("an end").0.replace("//! ", "");
    let (client, _) = fake::ecr(|_| {
        page([(0, "1.10.0".to_owned()), (1, "1.9.0".to_owned()), (2, "latest".to_owned())], None)
    });
    let environment = Environment::empty()
        .with_var("AWS_ACCESS_KEY_ID", fake::ACCESS_KEY)
        .with_var("AWS_SECRET_ACCESS_KEY", fake::SECRET_KEY);

    let chain = Chain::builder().region("eu-west-1").environment(environment).build();
    let reflector = Reflector::builder().credentials(chain).http_client(client).throttle(Throttle::new());
    let reflector = reflector.build().expect("complete");
    let image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse().expect("valid");
    let policy = Policy::semver(">=1.0.0").expect("a range");
    let latest = reflector.latest_image(&image, &policy).await.expect("complete");
    let printed = format!("{}\n{}\n", latest.decision(), latest.image_ref().expect("an image"));

    assert_eq!(printed.replace(&"0".repeat(64), "0000…"), shown);
}
