//! A registry nobody here wrote, with images that a client nobody here wrote has pushed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use flux_aws_auth::http_client;
use flux_ecr_reflect::artifact::{Artifact, ArtifactRef, FLUX_CONFIG_MEDIA_TYPE, FLUX_CONTENT_MEDIA_TYPE};
use flux_ecr_reflect::{
    DockerConfig, ErrorKind, ImageName, ImageRef, Login, OciRegistry, OciRegistryBuilder, Reflector,
};
use flux_policy::Policy;
use interop::{ArtifactFiles, DockerRegistry, Format};

const APP: &str = "team/app";

fn asked_by(registry: &DockerRegistry, password: &str) -> OciRegistryBuilder {
    let login = Login::basic(DockerRegistry::USER, password);
    let login = DockerConfig::default().with_login(&registry.host(), login).unwrap();
    OciRegistry::builder().http_client(http_client()).insecure().login(login)
}

fn image(registry: &DockerRegistry) -> ImageName {
    format!("{}/{APP}", registry.host()).parse().unwrap()
}

fn tagged(registry: &DockerRegistry, tag: &str) -> ImageRef {
    format!("{}:{tag}", image(registry)).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tags_are_listed_and_the_digest_is_the_one_that_was_pushed() {
    let registry = DockerRegistry::start().unwrap();
    let first = registry.push(APP, "1.0.0", "first", 1, Format::Oci).unwrap();
    let newest = registry.push(APP, "2.10.0", "newest", 3, Format::Oci).unwrap();
    let dockers_list = registry.push(APP, "0.2.0", "of docker", 2, Format::Docker).unwrap();
    let dockers = registry.push(APP, "0.1.0", "of docker", 1, Format::Docker).unwrap();
    let more: Vec<_> = (1..=1200).map(|build| format!("main-{build:04}")).collect();
    registry.tag(APP, "1.0.0", &more).unwrap();

    let source = asked_by(&registry, DockerRegistry::PASSWORD).build().unwrap();
    let reflector = Reflector::builder().tag_source(source.clone()).build().unwrap();
    let reflection = reflector.reflect(&image(&registry), &Policy::semver(">=1.0.0").unwrap()).await.unwrap();
    let mut listed = BTreeSet::new();
    reflection.scan.for_each_tag(|tag| assert!(listed.insert(tag.to_owned()), "{tag} is there twice"));
    assert_eq!(listed, registry.tags(APP).unwrap().into_iter().collect());
    assert_eq!(listed.len(), 1204);

    // Of an index or a list of platforms its own, as docker pulls it.
    assert_eq!(BTreeSet::from([&first, &newest, &dockers, &dockers_list]).len(), 4);
    for (tag, pushed) in [
        ("1.0.0", &first),
        ("2.10.0", &newest),
        ("0.1.0", &dockers),
        ("0.2.0", &dockers_list),
        ("main-0700", &first),
    ] {
        let digest = source.digest(&tagged(&registry, tag)).await.unwrap();
        assert_eq!(digest.unwrap().as_str(), pushed, "{tag}");
    }
    assert_eq!(source.digest(&tagged(&registry, "3.0.0")).await.unwrap(), None);
    let chosen =
        reflector.latest_image(&image(&registry), &Policy::semver(">=1.0.0").unwrap()).await.unwrap();
    let chosen = chosen.image_ref().unwrap().clone();
    assert_eq!(chosen.tag().unwrap().as_str(), "2.10.0");

    // What a tag pointed to before is still there by its digest.
    let moved = registry.push(APP, "2.10.0", "newer still", 1, Format::Oci).unwrap();
    assert_ne!(moved, newest);
    let digest = source.digest(&tagged(&registry, "2.10.0")).await.unwrap();
    assert_eq!(digest.unwrap().as_str(), moved);
    let by_digest: ImageRef = format!("{}@{newest}", image(&registry)).parse().unwrap();
    assert_eq!(source.digest(&by_digest).await.unwrap().unwrap().as_str(), newest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_none_are_refused_and_a_repository_that_is_missing_is_said_to_be() {
    let registry = DockerRegistry::start().unwrap();
    registry.push(APP, "1.0.0", "first", 1, Format::Oci).unwrap();
    let nobody = OciRegistry::builder().http_client(http_client()).insecure();
    for (who, asked_by) in [("another", asked_by(&registry, "guessed")), ("nobody", nobody)] {
        let source = asked_by.build().unwrap();
        let of_digest = source.digest(&tagged(&registry, "1.0.0")).await.unwrap_err();
        let reflector = Reflector::builder().tag_source(source).build().unwrap();
        let of_tags = reflector.scan(&image(&registry)).await.unwrap_err();
        for error in [of_digest, of_tags] {
            assert_eq!(
                (error.kind(), error.http_status()),
                (ErrorKind::Credentials, Some(401)),
                "{who}: {error:?}"
            );
            assert!(!format!("{error:?} {error}").contains("guessed"), "{error:?}");
            assert!(error.hint().is_some(), "{who}: {error:?}");
        }
    }
    let source = asked_by(&registry, DockerRegistry::PASSWORD).build().unwrap();
    let reflector = Reflector::builder().tag_source(source).build().unwrap();
    let missing = format!("{}/team/missing", registry.host()).parse().unwrap();
    assert_eq!(reflector.scan(&missing).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_is_pulled_as_it_was_pushed() {
    let registry = DockerRegistry::start().unwrap();
    let push = |tag: &str, revision: &str| {
        let mut artifact = ArtifactFiles::default();
        artifact.files =
            BTreeMap::from([("apps/app.yaml", revision), ("kustomization.yaml", "resources: [apps]\n")]);
        artifact.annotations = BTreeMap::from([
            ("org.opencontainers.image.source", "https://git.example/team/app"),
            ("org.opencontainers.image.revision", revision),
        ]);
        artifact.config_type = FLUX_CONFIG_MEDIA_TYPE;
        artifact.layer_type = FLUX_CONTENT_MEDIA_TYPE;
        registry.push_artifact("team/manifests", tag, &artifact).unwrap()
    };
    push("6.0.0", "main@sha1:1");
    let pushed = push("6.1.0", "main@sha1:2");
    push("7.0.0-rc.1", "main@sha1:3");

    let source = asked_by(&registry, DockerRegistry::PASSWORD).build().unwrap();
    let name = format!("{}/team/manifests", registry.host()).parse().unwrap();
    let artifact = Artifact::resolve(&source, &name, &ArtifactRef::semver(">=6.0.0").unwrap()).await.unwrap();
    assert_eq!(artifact.revision(), format!("6.1.0@{pushed}"));
    assert_eq!(artifact.source(), Some("https://git.example/team/app"));
    assert_eq!(artifact.source_revision(), Some("main@sha1:2"));
    assert!(artifact.is_of_flux());

    let directory = tempfile::tempdir().unwrap();
    let layer = artifact.layer(Some(FLUX_CONTENT_MEDIA_TYPE)).unwrap();
    artifact.extract_to(layer, directory.path().join("pulled")).await.unwrap();
    let pulled = directory.path().join("pulled/files");
    #[expect(clippy::disallowed_methods, reason = "what was pulled")]
    let read = |name: &str| fs::read_to_string(pulled.join(name)).unwrap();
    assert_eq!(
        (read("apps/app.yaml").as_str(), read("kustomization.yaml").as_str()),
        ("main@sha1:2", "resources: [apps]\n")
    );

    let by_digest = ArtifactRef::digest(pushed.parse().unwrap());
    let artifact = Artifact::resolve(&source, &name, &by_digest).await.unwrap();
    assert_eq!(artifact.revision(), pushed);
}
