use std::sync::LazyLock;

use proptest::prelude::*;
use regex::Regex;

use super::*;

static COMPONENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\A[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*\z").expect("a pattern"));

#[track_caller]
fn name(image: &str, registry: &str, repository: &str) {
    let name: ImageName = image.parse().expect(image);
    assert_eq!((name.registry(), name.repository()), (registry, repository));
    assert_eq!(name.to_string().parse::<ImageName>().expect("canonical"), name);
}

#[track_caller]
fn refuses(image: &str, text: &str) {
    let error = image.parse::<ImageName>().expect_err(image);
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn names_are_completed_as_flux_completes_them() {
    name("alpine", "index.docker.io", "library/alpine");
    name("docker.io/alpine", "index.docker.io", "library/alpine");
    name("fluxcd/image-reflector-controller", "index.docker.io", "fluxcd/image-reflector-controller");
    name("localhost/app", "index.docker.io", "localhost/app");
    name("localhost:5000/app", "localhost:5000", "app");
    name("ghcr.io/stefanprodan/podinfo", "ghcr.io", "stefanprodan/podinfo");
    name("GHCR.io/a__b/c--d/e.f", "GHCR.io", "a__b/c--d/e.f");
    name("my_registry:5000/app", "my_registry:5000", "app");
    name("[::1]:5000/app", "[::1]:5000", "app");
    name("[2001:db8::1]/app", "[2001:db8::1]", "app");
    name("123456789012.dkr-ecr.us-west-2.on.aws/app", "123456789012.dkr-ecr.us-west-2.on.aws", "app");
}

#[test]
fn what_does_not_belong_in_a_name_is_named() {
    refuses("https://ghcr.io/org/app", "includes a URL scheme; remove \"https://\"");
    refuses("ghcr.io/org/app:1.0", "includes a tag; remove \":1.0\"");
    refuses("app:1.0", "includes a tag; remove \":1.0\"");
    refuses("localhost:5000/app:latest", "remove \":latest\"");
    refuses("ghcr.io/org/app@sha256:00", "remove \"@sha256:00\"");
    refuses("alpine@sha256:00", "includes a digest; remove \"@sha256:00\"");
}

#[test]
fn a_user_is_told_from_a_digest_and_a_password_is_not_repeated() {
    for image in [
        "user@ghcr.io/org/app",
        "user:secret@123456789012.dkr.ecr.eu-west-1.amazonaws.com/app",
        "user:secret@localhost:5000/app",
        "user:se/cret@ghcr.io/app",
        "user:se@cret@ghcr.io/app:1.0",
        "user:secret@ghcr.io",
        "https://user:secret@ghcr.io/app",
        "https://user:secret@ghcr.io:443",
        "user:secret@ghcr.io/org/app@sha256:00",
    ] {
        refuses(image, "remove everything up to the @");
        for error in
            [image.parse::<ImageName>().expect_err(image), image.parse::<ImageRef>().expect_err(image)]
        {
            let text = format!("{error} {error:?}");
            assert!(!text.contains("cret") && !text.contains("user:"), "{text}");
        }
    }
}

#[test]
fn malformed_names() {
    for image in [
        "",
        "/",
        "a",
        "ghcr.io/",
        "ghcr.io/App",
        "ghcr.io//app",
        "ghcr.io/a/../b",
        "ghcr.io/a/.",
        "ghcr.io/-a",
    ] {
        refuses(image, "names no valid repository");
    }
    for image in [
        "ghcr.io/a_",
        "ghcr.io/a___b",
        "ghcr.io/a._b",
        "ghcr.io/a/",
        "ghcr.io/a b",
        "ghcr.io/ä",
        "ghcr.io/a?b",
    ] {
        refuses(image, "names no valid repository");
    }
    refuses(&format!("ghcr.io/{}", "a".repeat(256)), "names no valid repository");
    for image in
        ["ghcr.io:/app", "ghcr.io:0/app", "ghcr.io:70000/app", "ghcr.io:+1/app", "ghcr.io./app", ".io/app"]
    {
        refuses(image, "names no valid registry host");
    }
    // The longest that a name can be in DNS.
    let longest = format!("{}{}", "a.".repeat(126), "b");
    assert!(format!("{longest}:5000/app").parse::<ImageName>().is_ok());
    refuses(&format!("a{longest}/app"), "names no valid registry host");
    refuses(&format!("a{longest}:5000/app"), "names no valid registry host");
    for image in ["[::1/app", "[::g]:1/app", "a:1:2/app", "-a.io/app", "gh\u{441}r.io/app", "ghcr.io%2f/app"]
    {
        refuses(image, "names no valid registry host");
    }
}

#[test]
fn references() {
    let digest = format!("sha256:{}", "0f".repeat(32));
    for reference in [
        "ghcr.io/org/app:1.0".to_owned(),
        format!("ghcr.io/org/app:v1@{digest}"),
        format!("ghcr.io/app@{digest}"),
    ] {
        assert_eq!(reference.parse::<ImageRef>().expect("valid").to_string(), reference);
    }
    let image: ImageRef = format!("localhost:5000/app@{digest}").parse().expect("valid");
    assert_eq!((image.tag(), image.digest().map(Digest::as_str)), (None, Some(digest.as_str())));
    for reference in [
        "ghcr.io/org/app",
        "localhost:5000/app",
        "ghcr.io/org/app:",
        "ghcr.io/org/app:.1",
        "ghcr.io/a@sha256:0",
    ] {
        reference.parse::<ImageRef>().expect_err(reference);
    }
}

#[test]
fn tags_and_digests() {
    for tag in ["1", "_x", "v1.2.3-rc.1_build", &"a".repeat(128)] {
        assert_eq!(tag.parse::<Tag>().expect(tag).as_str(), tag);
    }
    for tag in ["", ".1", "-1", "a b", "a+b", "a/b", "a\n", "ä", &"a".repeat(129)] {
        tag.parse::<Tag>().expect_err(tag);
    }
    let hex = "0123456789abcdef".repeat(4);
    assert!(format!("sha256:{hex}").parse::<Digest>().is_ok());
    assert!(format!("sha512:{hex}{hex}").parse::<Digest>().is_ok());
    for digest in
        [hex.clone(), format!("sha256:{}", hex.to_uppercase()), format!("md5:{hex}"), format!("sha512:{hex}")]
    {
        digest.parse::<Digest>().expect_err(&digest);
    }
}

/// Registry and repository as Flux's own check reads them: go-containerregistry's [`NewRepository`], which looks at characters
/// and lengths only, and takes for a host whatever a URL may have there.
///
/// [`NewRepository`]: https://pkg.go.dev/github.com/google/go-containerregistry/pkg/name#NewRepository
fn as_flux_reads(image: &str) -> Option<(String, String)> {
    let (registry, repository) = match image.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) => (first, rest),
        _ => ("index.docker.io", image),
    };
    let fits = |text: &str| (2..=255).contains(&text.len());
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-./".contains(&byte);
    let registry = if registry == "docker.io" { "index.docker.io" } else { registry };
    let has_no_namespace = registry == "index.docker.io" && !repository.contains('/');
    let full = if has_no_namespace { format!("library/{repository}") } else { repository.to_owned() };
    (fits(repository) && fits(&full) && repository.bytes().all(is_allowed))
        .then(|| (registry.to_owned(), full))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    // What is accepted, Flux accepts and reads the same way; what Flux accepts is refused only for a host or a part of a repository
    // that no registry has.
    #[test]
    fn names_are_read_as_flux_reads_them(
        image in "([a-zA-Z0-9_.-]{1,12}(:[0-9]{1,5})?/)?[a-z0-9]{1,4}([._/-]{1,2}[a-z0-9]{1,4}){0,4}|[a-zA-Z0-9._:/-]{0,16}",
    ) {
        let read = as_flux_reads(&image);
        match image.parse::<ImageName>() {
            Ok(name) => prop_assert_eq!(Some((name.registry().to_owned(), name.repository().to_owned())), read),
            Err(_) => if let Some((registry, repository)) = read {
                let fits = is_authority(&registry) && repository.split('/').all(|part| COMPONENT.is_match(part));
                prop_assert!(!fits, "{}", image);
            },
        }
    }

    #[test]
    fn parsing_never_panics_and_accepts_its_own_output(text in "\\PC{0,40}|[a-z0-9:/@.\\[\\]_-]{0,40}") {
        if let Ok(name) = text.parse::<ImageName>() {
            prop_assert_eq!(name.to_string().parse::<ImageName>().ok(), Some(name));
        }
        if let Ok(reference) = text.parse::<ImageRef>() {
            prop_assert_eq!(reference.to_string().parse::<ImageRef>().ok(), Some(reference));
        }
    }

    // The grammar as a regular expression, against the hand-written matcher, both ways.
    #[test]
    fn components_by_the_grammar(
        component in "[a-z0-9]{1,3}((\\.|_|__|-{1,3})[a-z0-9]{1,3}){0,3}|[a0._-]{0,8}|[aA/ ._-]{0,6}|\\PC{0,4}",
    ) {
        prop_assert_eq!(is_component(&component), COMPONENT.is_match(&component), "{:?}", component);
    }
}
