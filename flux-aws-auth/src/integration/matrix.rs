//! The data of the matrix.
//!
//! That Flux supports a combination stands on its page ([Flux on AWS]); since when, in the controllers' changelogs:
//!
//! * 0.40: image-reflector-controller 0.25 takes `.spec.provider: aws`, as source-controller 0.26 (Flux 0.32) did before.
//! * 0.1: the first Bucket had `provider: aws` and a Secret, and the first decryption with SOPS used the AWS SDK's chain.
//! * 0.31: kustomize-controller 0.26 takes `sops.aws-kms`.
//! * 2.2: source-controller 1.2.2, kustomize-controller 1.2 and image-reflector-controller 0.31.1 have an AWS SDK that knows
//!   Pod Identity. 2.3: so has the S3 client of source-controller 1.3.
//! * 2.6: object level workload identity, with source-controller 1.6, kustomize-controller 1.6 and image-reflector-controller
//!   0.35; and logins to public ECR, with the patch releases 1.6.1 and 0.35.2.
//! * 2.7: source-controller 1.7 has object level workload identity for Bucket, and takes credentials from the AWS SDK's chain,
//!   environment variables included, where its S3 client knew only roles before.
//!
//! [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/

use super::{FluxVersion, Integration, Level, Support};
use crate::source::SourceKind;

/// A row of the table.
pub(super) struct Row {
    pub(super) source: SourceKind,
    pub(super) level: Level,
    pub(super) page: &'static str,
}

pub(super) const ROWS: &[Row] = &[
    Row {
        source: SourceKind::PodIdentity,
        level: Level::Controller,
        page: "https://fluxcd.io/flux/integrations/aws/#with-eks-pod-identity",
    },
    Row {
        source: SourceKind::WebIdentity,
        level: Level::Controller,
        page: "https://fluxcd.io/flux/integrations/aws/#for-oidc-federation-1",
    },
    Row {
        source: SourceKind::AccessKeys,
        level: Level::Controller,
        page: "https://fluxcd.io/flux/integrations/aws/#for-iam-user-access-keys-1",
    },
    Row {
        source: SourceKind::InstanceMetadata,
        level: Level::Node,
        page: "https://fluxcd.io/flux/integrations/aws/#at-the-node-level",
    },
    Row {
        source: SourceKind::PodIdentity,
        level: Level::Object,
        page: "https://fluxcd.io/flux/integrations/aws/#with-eks-pod-identity",
    },
    Row {
        source: SourceKind::ServiceAccount,
        level: Level::Object,
        page: "https://fluxcd.io/flux/integrations/aws/#for-oidc-federation",
    },
    Row {
        source: SourceKind::AccessKeySecret,
        level: Level::Object,
        page: "https://fluxcd.io/flux/integrations/aws/#for-iam-user-access-keys",
    },
];

pub(super) fn support(integration: Integration, level: Level, source: SourceKind) -> Support {
    use Integration::{Ecr, EcrPublic, Kms, S3};
    match (level, source) {
        (Level::Controller, SourceKind::PodIdentity) => match integration {
            Ecr | Kms => since(2, 2),
            S3 => since(2, 3),
            EcrPublic => since(2, 6),
        },
        (Level::Controller, SourceKind::WebIdentity) => match integration {
            Ecr => since(0, 40),
            EcrPublic => since(2, 6),
            S3 | Kms => since(0, 1),
        },
        (Level::Controller, SourceKind::AccessKeys) => match integration {
            Ecr | EcrPublic => KEY_FOR_ECR,
            S3 => since(2, 7),
            Kms => since(0, 1),
        },
        (Level::Node, SourceKind::InstanceMetadata) => match integration {
            Ecr => since(0, 40),
            EcrPublic => since(2, 6),
            S3 | Kms => NODE_BEYOND_ECR,
        },
        (Level::Object, SourceKind::ServiceAccount) => match integration {
            Ecr | EcrPublic | Kms => since(2, 6),
            S3 => since(2, 7),
        },
        (Level::Object, SourceKind::AccessKeySecret) => match integration {
            Ecr | EcrPublic => KEY_FOR_ECR,
            S3 => since(0, 1),
            Kms => since(0, 31),
        },
        (Level::Controller, SourceKind::Ecs) => OUTSIDE_KUBERNETES,
        (Level::Controller, SourceKind::Custom(_)) => NOT_FLUX_S,
        (_, SourceKind::RoleHop) => HOP_OF_ANOTHER,
        (Level::Object, SourceKind::PodIdentity) => POD_OF_AN_OBJECT,
        (Level::Object, _) => NOT_THE_OBJECT_S,
        (Level::Controller, _) => NOT_THE_CONTROLLER_S,
        (Level::Node, _) => NOT_THE_NODE_S,
    }
}

const fn since(major: u8, minor: u8) -> Support {
    Support::Supported { since: FluxVersion::new(major, minor) }
}

const KEY_FOR_ECR: Support = Support::OptIn {
    why: "Flux supports access keys for every integration with AWS but ECR and public ECR: a registry is read without a \
          stored secret",
};

const NODE_BEYOND_ECR: Support = Support::OptIn {
    why: "Flux supports the node's role for ECR alone, where nodes need it to pull images; every pod on the node shares it",
};

const NOT_FLUX_S: Support =
    Support::OptIn { why: "Flux has no such source: the program added it, and answers for it" };

const HOP_OF_ANOTHER: Support =
    Support::OptIn { why: "a role hop is as good as the source that it starts from: ask for that one" };

const OUTSIDE_KUBERNETES: Support =
    Support::OptIn { why: "Flux runs in Kubernetes, and has no word on the roles of ECS tasks" };

const POD_OF_AN_OBJECT: Support = Support::Impossible {
    why: "EKS Pod Identity accepts only a token that is bound to a pod with that ServiceAccount, and an object has no pod",
    alternative: "Use OIDC federation: annotate the object's ServiceAccount with the ARN of its role.",
};

const NOT_THE_OBJECT_S: Support = Support::Impossible {
    why: "the source gives one identity to the whole program, and an object must never get it in place of its own",
    alternative: "Name a ServiceAccount in the object's spec or, for S3 and KMS, a Secret with an access key.",
};

const NOT_THE_CONTROLLER_S: Support = Support::Impossible {
    why: "the source gives another level's identity: that of an object, or of the node",
    alternative: "Give the program an identity of its own, by EKS Pod Identity or by OIDC federation.",
};

const NOT_THE_NODE_S: Support = Support::Impossible {
    why: "the node has one identity, that of its role, which the instance metadata service gives",
    alternative: "Use the source at its own level: the controller's or the object's.",
};
