use flux_aws_auth::iam::{
    BucketArn, ClusterArn, KeyArn, ManagedPolicy, OidcProvider, OidcTrust, PermissionPolicy,
    PodIdentityTrust, PolicyDocument, PrincipalArn, RepositoryArn, RepositoryPattern, ResourcePolicy,
    RoleTrust,
};
use flux_aws_auth::{Error, ErrorKind, RoleArn, ServiceAccountRef};
use serde_json::{Value, json};

const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE";

fn role() -> RoleArn {
    "arn:aws:iam::111122223333:role/tenant-reader".parse().unwrap()
}

fn provider() -> OidcProvider {
    OidcProvider::for_role(&role(), ISSUER).unwrap()
}

fn account(namespace: &str, name: &str) -> ServiceAccountRef {
    ServiceAccountRef::new(namespace, name)
}

#[track_caller]
fn is_json(document: &PolicyDocument, expected: &Value) {
    assert_eq!(serde_json::from_str::<Value>(&document.to_json()).unwrap(), *expected, "{document}");
    assert_eq!(serde_json::from_str::<Value>(&document.to_string()).unwrap(), *expected, "{document}");
}

#[track_caller]
fn statement_is(document: &PolicyDocument, expected: &Value) {
    is_json(document, &json!({"Version": "2012-10-17", "Statement": [expected]}));
}

#[test]
fn a_document_is_printed_as_aws_s_pages_write_it() {
    let trust = OidcTrust::new(&provider(), &account("tenant", "reader")).unwrap().document();
    let expected = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {
        "Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
      },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:aud": "sts.amazonaws.com",
          "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:sub": "system:serviceaccount:tenant:reader"
        }
      }
    }
  ]
}"#;
    assert_eq!(trust.to_string(), expected);
    let one_line: String = expected.lines().map(str::trim_start).collect();
    assert_eq!(trust.to_json(), one_line.replace("\": ", "\":"));
}

#[test]
fn a_role_may_trust_several_service_accounts() {
    let trust = OidcTrust::new(&provider(), &account("flux-system", "image-reflector-controller"))
        .and_then(|trust| trust.with_service_account(&account("flux-system", "image-automation-controller")))
        .and_then(|trust| trust.with_service_account(&account("flux-system", "image-automation-controller")))
        .unwrap();
    let document: Value = serde_json::from_str(&trust.document().to_json()).unwrap();
    let conditions = &document["Statement"][0]["Condition"]["StringEquals"];
    assert_eq!(
        conditions["oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:sub"],
        json!([
            "system:serviceaccount:flux-system:image-reflector-controller",
            "system:serviceaccount:flux-system:image-automation-controller",
        ])
    );
}

#[test]
fn the_provider_is_in_the_account_and_the_partition_of_the_role() {
    let role = "arn:aws-cn:iam::444455556666:role/x".parse().unwrap();
    let provider = OidcProvider::for_role(&role, "https://issuer.example.com").unwrap();
    assert_eq!(provider.as_str(), "arn:aws-cn:iam::444455556666:oidc-provider/issuer.example.com");
    assert_eq!(provider.issuer(), "issuer.example.com");
}

/// AKS's issuers have one, and so have the tokens' `iss`, which AWS holds against the provider's whole address.
#[test]
fn a_slash_at_the_end_of_an_issuer_is_kept() {
    let provider =
        OidcProvider::for_role(&role(), "https://eastus.oic.prod-aks.azure.com/tenant/cluster/").unwrap();
    let issuer = "eastus.oic.prod-aks.azure.com/tenant/cluster/";
    assert_eq!(provider.as_str(), format!("arn:aws:iam::111122223333:oidc-provider/{issuer}"));
    let trust = OidcTrust::new(&provider, &account("tenant", "reader")).unwrap().document().to_json();
    assert!(trust.contains(&format!("\"{issuer}:sub\":\"system:serviceaccount:tenant:reader\"")), "{trust}");
}

#[test]
fn pod_identity_trusts_eks_to_assume_and_to_tag() {
    statement_is(
        &PodIdentityTrust::new().document(),
        &json!({
            "Sid": "AllowEksAuthToAssumeRoleForPodIdentity",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }),
    );
}

#[test]
fn pod_identity_may_be_held_to_a_cluster_and_service_accounts() {
    let cluster: ClusterArn = "arn:aws:eks:eu-west-1:111122223333:cluster/production".parse().unwrap();
    let statement = |keys: Value| {
        json!({
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"StringEquals": keys},
        })
    };
    let trust = PodIdentityTrust::new().with_cluster(cluster.clone());
    statement_is(&trust.document(), &statement(json!({"aws:RequestTag/eks-cluster-arn": cluster.as_str()})));

    // One with lists would trust a/y and b/x as well.
    let trust = trust.with_service_account(&account("a", "x")).unwrap();
    let trust = trust.with_service_account(&account("b", "y")).unwrap();
    let of = |namespace, name| {
        statement(json!({
            "aws:RequestTag/eks-cluster-arn": cluster.as_str(),
            "aws:RequestTag/kubernetes-namespace": namespace,
            "aws:RequestTag/kubernetes-service-account": name,
        }))
    };
    is_json(&trust.document(), &json!({"Version": "2012-10-17", "Statement": [of("a", "x"), of("b", "y")]}));
}

#[test]
fn a_hop_may_be_made_and_its_session_tagged() {
    let target: RoleArn = "arn:aws:iam::444455556666:role/target".parse().unwrap();
    let both = json!(["sts:AssumeRole", "sts:TagSession"]);
    statement_is(
        &PermissionPolicy::assume_roles([target.clone()]).unwrap(),
        &json!({"Effect": "Allow", "Action": both, "Resource": target.as_str()}),
    );
    let principal = json!({"AWS": role().as_str()});
    let trust = RoleTrust::new(role().into());
    statement_is(&trust.document(), &json!({"Effect": "Allow", "Principal": principal, "Action": both}));
    is_json(
        &trust.with_external_id("eu-west-1/111122223333/production/tenant/reader").unwrap().document(),
        &json!({"Version": "2012-10-17", "Statement": [
            {
                "Effect": "Allow",
                "Principal": principal,
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"sts:ExternalId": "eu-west-1/111122223333/production/tenant/reader"},
                },
            },
            {"Effect": "Allow", "Principal": principal, "Action": "sts:TagSession"},
        ]}),
    );
    for id in ["", "x", "a b", "a*", &"x".repeat(1225)] {
        let error = RoleTrust::new(role().into()).with_external_id(id).unwrap_err();
        assert!(error.to_string().contains("is not an external id"), "{error}");
    }
}

#[test]
fn the_login_to_ecr_is_granted_on_everything_and_reading_on_the_repositories() {
    let apps: RepositoryPattern =
        "arn:aws-us-gov:ecr:us-gov-west-1:111122223333:repository/apps/*".parse().unwrap();
    let base: RepositoryArn =
        "arn:aws-us-gov:ecr:us-gov-west-1:111122223333:repository/base".parse().unwrap();
    let policy = PermissionPolicy::ecr([apps.clone(), base.clone().into()]).unwrap();
    let login = json!({"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"});
    is_json(&PermissionPolicy::ecr_login(), &json!({"Version": "2012-10-17", "Statement": [login]}));
    let document = |actions: Value| {
        let resources = json!([apps.as_str(), base.as_str()]);
        let reading = json!({"Effect": "Allow", "Action": actions, "Resource": resources});
        json!({"Version": "2012-10-17", "Statement": [login, reading]})
    };
    is_json(
        policy.minimal(),
        &document(json!([
            "ecr:ListImages",
            "ecr:DescribeImages",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        ])),
    );
    is_json(
        policy.flux_documented(),
        &document(json!([
            "ecr:BatchCheckLayerAvailability",
            "ecr:GetDownloadUrlForLayer",
            "ecr:GetRepositoryPolicy",
            "ecr:DescribeRepositories",
            "ecr:ListImages",
            "ecr:DescribeImages",
            "ecr:BatchGetImage",
            "ecr:GetLifecyclePolicy",
            "ecr:GetLifecyclePolicyPreview",
            "ecr:ListTagsForResource",
            "ecr:DescribeImageScanFindings",
        ])),
    );
}

#[test]
fn the_login_to_public_ecr_takes_a_token_of_sts_too() {
    let policy = PermissionPolicy::ecr_public();
    let login = ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"];
    statement_is(policy.minimal(), &json!({"Effect": "Allow", "Action": login, "Resource": "*"}));
    let documented: Value = serde_json::from_str(&policy.flux_documented().to_json()).unwrap();
    let actions = documented["Statement"][0]["Action"].as_array().unwrap();
    assert_eq!(actions.len(), 10);
    assert!(login.iter().all(|action| actions.contains(&json!(action))));
}

#[test]
fn a_bucket_s_policies_name_the_bucket_and_its_objects() {
    let bucket: BucketArn = "arn:aws:s3:::flux-bucket".parse().unwrap();
    let resources = json!(["arn:aws:s3:::flux-bucket", "arn:aws:s3:::flux-bucket/*"]);
    let policy = PermissionPolicy::s3(&bucket);
    let allow = |actions: Value| json!({"Effect": "Allow", "Action": actions, "Resource": resources});
    statement_is(policy.minimal(), &allow(json!(["s3:GetObject", "s3:ListBucket"])));
    statement_is(
        policy.flux_documented(),
        &allow(json!([
            "s3:Get*",
            "s3:List*",
            "s3:Describe*",
            "s3-object-lambda:Get*",
            "s3-object-lambda:List*"
        ])),
    );

    let user: PrincipalArn = "arn:aws:iam::111122223333:user/flux/reader".parse().unwrap();
    let policy = ResourcePolicy::s3_bucket(&bucket, [role().into(), user.clone()]).unwrap();
    let allow = |actions: Value| {
        json!({
            "Effect": "Allow",
            "Principal": {"AWS": [role().as_str(), user.as_str()]},
            "Action": actions,
            "Resource": resources,
        })
    };
    statement_is(policy.minimal(), &allow(json!(["s3:GetObject", "s3:ListBucket"])));
    statement_is(policy.flux_documented(), &allow(json!(["s3:Get*", "s3:List*"])));
}

#[test]
fn a_repository_s_policy_has_no_resource_and_no_login() {
    let policy = ResourcePolicy::ecr_repository([role().into()]).unwrap();
    statement_is(
        policy.minimal(),
        &json!({
            "Effect": "Allow",
            "Principal": {"AWS": role().as_str()},
            "Action": ["ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        }),
    );
    let documented = policy.flux_documented().to_json();
    assert!(
        !documented.contains("\"Resource\"") && !documented.contains("GetAuthorizationToken"),
        "{documented}"
    );
}

#[test]
fn a_key_s_policy_keeps_the_account_s_own_statement() {
    let key: KeyArn = "arn:aws-cn:kms:cn-north-1:444455556666:key/mrk-1234abcd".parse().unwrap();
    let policy = ResourcePolicy::kms_key(&key, [role().into()]).unwrap();
    let document = |actions: Value| {
        json!({"Version": "2012-10-17", "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws-cn:iam::444455556666:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {"Effect": "Allow", "Principal": {"AWS": role().as_str()}, "Action": actions, "Resource": "*"},
        ]})
    };
    is_json(policy.minimal(), &document(json!("kms:Decrypt")));
    is_json(policy.flux_documented(), &document(json!(["kms:Decrypt", "kms:DescribeKey"])));

    let policy = PermissionPolicy::kms([key.clone()]).unwrap();
    statement_is(
        policy.minimal(),
        &json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key.as_str()}),
    );
    assert_eq!(key.region(), "cn-north-1");
}

#[test]
fn a_policy_for_nobody_or_nothing_is_refused() {
    let refused = [
        PermissionPolicy::ecr([]).map(|_| ()),
        PermissionPolicy::kms([]).map(|_| ()),
        PermissionPolicy::assume_roles([]).map(|_| ()),
        ResourcePolicy::ecr_repository([]).map(|_| ()),
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("grants nothing") && error.hint().is_some(), "{error}");
    }
}

#[test]
fn aws_s_own_policies_are_in_the_role_s_partition() {
    let china = "arn:aws-cn:iam::111122223333:role/x".parse().unwrap();
    assert_eq!(
        ManagedPolicy::EcrReadOnly.arn_for(&role()).unwrap(),
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
    );
    assert_eq!(
        ManagedPolicy::EcrPullOnly.arn_for(&china).unwrap(),
        "arn:aws-cn:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    );
    assert!(ManagedPolicy::EcrPublicReadOnly.arn_for(&role()).is_ok());
    let error = ManagedPolicy::EcrPublicReadOnly.arn_for(&china).unwrap_err();
    assert!(error.to_string().contains("public ECR is in the partition aws alone"), "{error}");
}

#[test]
fn what_no_arn_or_name_can_be_is_refused_by_name() {
    fn refusal<T: std::str::FromStr<Err = Error>>(text: &str) -> String {
        let Err(error) = text.parse::<T>() else { panic!("{text} is accepted") };
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.hint().is_some_and(|hint| hint.starts_with("Write it as")), "{error:?}");
        error.to_string()
    }
    let long = format!("arn:aws:ecr:eu-west-1:111122223333:repository/{}", "a".repeat(257));
    let cases = [
        (refusal::<RepositoryArn>("apps/mainapp"), "six parts"),
        (refusal::<RepositoryArn>("arn:gcp:ecr:eu-west-1:111122223333:repository/app"), "partition"),
        (refusal::<RepositoryArn>("arn:aws:ecs:eu-west-1:111122223333:repository/app"), "\"ecs\", not `ecr`"),
        (refusal::<RepositoryArn>("arn:aws:ecr:europe:111122223333:repository/app"), "not an AWS region"),
        (refusal::<RepositoryArn>("arn:aws:ecr:eu-west-1:1:repository/app"), "twelve digits"),
        (refusal::<RepositoryArn>("arn:aws:ecr:eu-west-1:111122223333:app"), "`repository/`"),
        (refusal::<RepositoryArn>("arn:aws:ecr:eu-west-1:111122223333:repository/app:1.0"), "a tag"),
        (refusal::<RepositoryArn>("arn:aws:ecr:eu-west-1:111122223333:repository/App"), "\"App\""),
        (refusal::<RepositoryArn>("arn:aws:ecr:eu-west-1:111122223333:repository/a/"), "\"a/\""),
        (refusal::<RepositoryArn>("arn:aws:ecr:eu-west-1:111122223333:repository/a//b"), "\"a//b\""),
        (refusal::<RepositoryArn>("arn:aws:ecr:eu-west-1:111122223333:repository/a..b"), "\"a..b\""),
        (refusal::<RepositoryArn>("arn:aws:ecr:eu-west-1:111122223333:repository/a._b"), "\"a._b\""),
        (refusal::<RepositoryArn>("arn:aws:ecr:eu-west-1:111122223333:repository/-a"), "\"-a\""),
        (refusal::<RepositoryArn>("arn:aws:ecr:eu-west-1:111122223333:repository/a"), "\"a\""),
        (refusal::<RepositoryArn>("arn:aws:ecr:eu-west-1:111122223333:repository/a/*"), "pattern"),
        (refusal::<RepositoryArn>(&long), "not a repository's name"),
        (refusal::<RepositoryPattern>("*"), "six parts"),
        (refusal::<RepositoryPattern>("arn:aws:*:eu-west-1:111122223333:repository/app"), "not `ecr`"),
        (
            refusal::<RepositoryPattern>("arn:aws:ecr:eu west:111122223333:repository/app"),
            "not an AWS region",
        ),
        (refusal::<RepositoryPattern>("arn:aws:ecr:*:1234:repository/app"), "twelve digits"),
        (refusal::<RepositoryPattern>("arn:aws:ecr:*:*:apps/*"), "`repository/`"),
        (refusal::<RepositoryPattern>("arn:aws:ecr:*:*:repository/app:*"), "a tag"),
        (refusal::<BucketArn>("flux-bucket"), "six parts"),
        (refusal::<BucketArn>("arn:aws:s3:eu-west-1::flux-bucket"), "no region"),
        (refusal::<BucketArn>("arn:aws:s3:::flux-bucket/path"), "path"),
        (refusal::<BucketArn>("arn:aws:s3:::Flux"), "\"Flux\""),
        (refusal::<BucketArn>("arn:aws:s3:::192.168.5.4"), "not a bucket's name"),
        (refusal::<BucketArn>("arn:aws:s3:::a..b"), "not a bucket's name"),
        (refusal::<BucketArn>("arn:aws:s3:::ab"), "not a bucket's name"),
        (refusal::<KeyArn>("arn:aws:kms:eu-west-1:111122223333:alias/flux"), "alias"),
        (refusal::<KeyArn>("arn:aws:kms:eu-west-1:111122223333:key/"), "key's id"),
        (refusal::<KeyArn>("1234abcd-12ab-34cd-56ef-1234567890ab"), "six parts"),
        (refusal::<ClusterArn>("arn:aws:eks:eu-west-1:111122223333:cluster/-a"), "cluster's name"),
        (refusal::<ClusterArn>("production"), "six parts"),
        (refusal::<PrincipalArn>("arn:aws:iam::111122223333:root"), "neither `role/` nor `user/`"),
        (refusal::<PrincipalArn>("arn:aws:iam::111122223333:role/*"), "role's name"),
        (refusal::<PrincipalArn>("arn:aws:sts::111122223333:assumed-role/a/b"), "not `iam`"),
    ];
    for (message, mentions) in cases {
        assert!(message.contains(mentions), "{mentions}: {message}");
    }
}

#[test]
fn what_names_look_like_is_accepted() {
    for name in ["ab", "apps/mainapp", "a.b/c_d/e__f/g--h-i", "0/1", "team-1/api.v2"] {
        let arn = format!("arn:aws:ecr:eu-west-1:111122223333:repository/{name}");
        assert_eq!(arn.parse::<RepositoryArn>().unwrap().name(), name);
    }
    for pattern in [
        "arn:aws:ecr:*:*:repository/*",
        "arn:aws-us-gov:ecr:us-gov-*-1:111122223333:repository/a?p/*-api",
        "arn:aws-iso-b:ecr:us-isob-east-1:1111????3333:repository/app",
    ] {
        assert_eq!(pattern.parse::<RepositoryPattern>().unwrap().as_str(), pattern);
    }
    assert!("arn:aws:s3:::my.bucket-1".parse::<BucketArn>().is_ok());
    assert!(
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
            .parse::<KeyArn>()
            .is_ok()
    );
    assert!("arn:aws:iam::111122223333:role/aws-reserved/a_b+c=d,e.f@g-h".parse::<PrincipalArn>().is_ok());
}

#[test]
fn an_issuer_that_no_provider_can_have_is_refused() {
    let long = format!("https://issuer.example.com/{}", "a".repeat(240));
    for (issuer, mentions) in [
        ("http://issuer.example.com", "https"),
        ("issuer.example.com", "https"),
        ("https://", "no host"),
        ("https://issuer.example.com:8443/id", "port"),
        ("https://user:canary@issuer.example.com", "user name"),
        ("https://issuer.example.com?token=canary", "query"),
        ("https://issuer.example.com/#canary", "fragment"),
        ("https://issuer.example.com/a b", "path"),
        ("https://issuer.example.com/${aws:username}", "path"),
        (&long, "255"),
    ] {
        let error = OidcProvider::for_role(&role(), issuer).unwrap_err();
        assert!(error.to_string().contains(mentions), "{mentions}: {error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn a_trust_policy_takes_no_wildcard_for_a_service_account() {
    for (namespace, name) in
        [("*", "reader"), ("tenant", "*"), ("Tenant", "reader"), ("tenant", ""), ("a.b", "c")]
    {
        let one = account(namespace, name);
        assert!(OidcTrust::new(&provider(), &one).is_err(), "{one}");
        assert!(PodIdentityTrust::new().with_service_account(&one).is_err(), "{one}");
    }
    assert!(OidcTrust::new(&provider(), &account("tenant-1", "team.reader-2")).is_ok());
}
