//! Two tenants with a role each, one that may not, and a hop to another account, set up without a document.

use local_aws::{LocalAws, Rbac, Repository, Role, ServiceAccount};
use serde_json::json;

use crate::scenario::{HOUR, PODS, STS, clock, now};
use crate::signed::{Keys, Signer};

const CONTROLLER: (&str, &str) = ("flux-system", "image-reflector-controller");

async fn tenants() -> LocalAws {
    let mut aws = LocalAws::builder().clock(clock());
    let mut controller =
        ServiceAccount::new(CONTROLLER.0, CONTROLLER.1).granted_everywhere([Rbac::GetServiceAccounts]);
    for team in ["team-a", "team-b"] {
        let images = format!("arn:aws:ecr:*:*:repository/{team}/*");
        aws = aws
            .role(
                Role::new(team)
                    .assumed_by_service_account(team, "image-reader")
                    .allowed(["ecr:ListImages"], &images),
            )
            .service_account(ServiceAccount::new(team, "image-reader").role(team))
            .repository(Repository::with_tags(format!("{team}/app"), ["1.0.0"]));
        controller = controller.granted_in(team, [Rbac::CreateServiceAccountTokens]);
    }
    aws.service_account(controller)
        .service_account(ServiceAccount::new("team-c", "image-reader").role("team-a"))
        .role(Role::new("controller").assumed_by_pods().assumed_by_node().allowed(["sts:*"], "*"))
        .role(
            Role::new("shared")
                .account("444455556666")
                .assumed_by("arn:aws:iam::111122223333:role/controller")
                .allowed(["ecr:*"], "*"),
        )
        .pod_identity_association(CONTROLLER.0, CONTROLLER.1, "controller")
        .node_role("controller")
        .start()
        .await
        .expect("a valid set-up")
}

/// What the controller gets from the cluster and STS on behalf of a namespace: credentials, or the status of the refusal.
async fn on_behalf_of(aws: &LocalAws, namespace: &str) -> Result<Keys, u16> {
    let account =
        format!("{}/api/v1/namespaces/{namespace}/serviceaccounts/image-reader", aws.kubernetes_url());
    let bearer = format!("Bearer {}", aws.kubernetes().token(CONTROLLER.0, CONTROLLER.1));
    let client = reqwest::Client::new();
    let shown = crate::signed::answer(client.get(&account).header("authorization", &bearer)).await.json();
    let role =
        shown["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].as_str().expect("a role").to_owned();
    let request = client
        .post(format!("{account}/token"))
        .header("authorization", &bearer)
        .header("content-type", "application/json")
        .body(json!({ "spec": { "audiences": [STS] } }).to_string());
    let created = crate::signed::answer(request).await;
    if created.status != 201 {
        return Err(created.status);
    }
    let token = created.json()["status"]["token"].as_str().expect("a token").to_owned();
    let answer = crate::sts::assume(aws, &[("WebIdentityToken", &token), ("RoleArn", &role)]).await;
    if answer.status != 200 {
        return Err(answer.status);
    }
    Ok(Keys {
        access_key_id: answer.element("AccessKeyId").to_owned(),
        secret_access_key: answer.element("SecretAccessKey").to_owned(),
        session_token: Some(answer.element("SessionToken").to_owned()),
    })
}

#[tokio::test]
async fn each_tenant_sees_its_own() {
    let aws = tenants().await;
    for (team, other) in [("team-a", "team-b"), ("team-b", "team-a")] {
        let keys = on_behalf_of(&aws, team).await.expect("a tenant's credentials");
        let ecr = Signer::new(&keys, "ecr", now());
        let list = async |name: String| {
            ecr.ecr(aws.ecr_url(), "ListImages", &json!({ "repositoryName": name })).await.status
        };
        assert_eq!((list(format!("{team}/app")).await, list(format!("{other}/app")).await), (200, 400));
    }
    assert_eq!(on_behalf_of(&aws, "team-c").await.err(), Some(403), "no token without a grant");

    let both = ServiceAccount::new(CONTROLLER.0, CONTROLLER.1)
        .granted_everywhere([Rbac::GetServiceAccounts, Rbac::CreateServiceAccountTokens]);
    aws.kubernetes().apply(both).expect("a valid name");
    assert_eq!(
        on_behalf_of(&aws, "team-c").await.err(),
        Some(403),
        "a token, and a role that does not trust it"
    );
    assert_eq!(aws.requests()["sts:AssumeRoleWithWebIdentity"], 3);
}

#[tokio::test]
async fn the_controller_hops_to_another_account() {
    let aws = tenants().await;
    let pod = aws.issuer().token(CONTROLLER.0, CONTROLLER.1, PODS, HOUR);
    let keys = crate::pod_identity::keys(&aws, &pod).await;
    let form = "Action=AssumeRole&Version=2011-06-15&RoleSessionName=hop&RoleArn=arn:aws:iam::444455556666:role/shared";
    let answer = Signer::new(&keys, "sts", now()).sts(aws.sts_url(), form).await;
    assert_eq!(answer.element("Arn"), "arn:aws:sts::444455556666:assumed-role/shared/hop");
}

#[tokio::test]
async fn a_document_and_what_is_added_to_it_both_count() {
    let nobody = crate::scenario::document(&json!([]));
    let role = Role::new("both").assumed_by_service_account("a", "b").trust(nobody.clone()).trust(nobody);
    let issuer = "https://oidc.example.com/id/1";
    let aws =
        LocalAws::builder().clock(clock()).issuer(issuer).role(role).start().await.expect("a valid set-up");
    for (name, status) in [("b", 200), ("c", 403)] {
        let token = aws.issuer().token("a", name, STS, HOUR);
        let answer =
            crate::sts::assume(&aws, &[("WebIdentityToken", &token), ("RoleArn", &aws.role_arn("both"))])
                .await;
        assert_eq!(answer.status, status);
    }
}
