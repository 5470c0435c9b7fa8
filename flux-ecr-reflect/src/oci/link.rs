//! Which page comes next: the `Link` header.

use super::fields::Scanner;
use super::origin::Origin;

/// A `Link` header that cannot be read. It may have named another page, so the listing must not seem complete.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The target of the link to the next page, exactly as the registry wrote it; `None` on the last page
/// ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288#section-3), [listing tags]).
///
/// A link without any `rel` counts as one to the next page where no other does: most clients follow it.
///
/// [listing tags]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
pub(super) fn next<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<&'a str>, Malformed> {
    let (mut next, mut unnamed) = (None, None);
    for field in fields {
        let mut rest = Scanner::new(std::str::from_utf8(field).map_err(|_| Malformed)?);
        rest.skip_separators();
        while !rest.is_at_end() {
            let (target, rel) = link(&mut rest)?;
            let place = match rel {
                None => &mut unnamed,
                Some(rel) if rel.split_whitespace().any(|rel| rel.eq_ignore_ascii_case("next")) => &mut next,
                Some(_) => continue,
            };
            if place.replace(target).is_some_and(|before| before != target) {
                return Err(Malformed);
            }
        }
    }
    Ok(next.or(unnamed))
}

/// One link, with what separates it from the next: its target and its first `rel`.
fn link<'a>(rest: &mut Scanner<'a>) -> Result<(&'a str, Option<String>), Malformed> {
    if !rest.eat('<') {
        return Err(Malformed);
    }
    let target = rest.take_while(|c| c != '>');
    if !rest.eat('>') {
        return Err(Malformed);
    }
    let mut rel = None;
    loop {
        rest.skip_space();
        if !rest.eat(';') {
            break;
        }
        rest.skip_space();
        let name = rest.token();
        rest.skip_space();
        let value = if rest.eat('=') {
            rest.skip_space();
            rest.value().ok_or(Malformed)?
        } else {
            String::new()
        };
        if name.eq_ignore_ascii_case("rel") {
            rel.get_or_insert(value);
        }
    }
    if !rest.is_at_end() && !rest.is_at(',') {
        return Err(Malformed);
    }
    rest.skip_separators();
    Ok((target.trim(), rel))
}

/// Where a target leads, seen from `path` on `origin`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Path and query on the same origin.
    Here(String),
    /// Another scheme, host or port.
    Elsewhere(Origin),
    /// Nowhere that is certain.
    Nowhere,
}

/// Resolves a reference ([RFC 3986, 5.2](https://www.rfc-editor.org/rfc/rfc3986#section-5.2)). What two readers could read in two
/// ways leads nowhere.
pub(super) fn resolve(origin: &Origin, path: &str, target: &str) -> Place {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'<' | b'>' | b'"');
    if target.is_empty() || !target.bytes().all(is_plain) {
        return Place::Nowhere;
    }
    let target = target.split('#').next().unwrap_or_default();
    let before_query = target.split('?').next().unwrap_or_default();
    let absolute = if target.starts_with("//") {
        Some(format!("{}:{target}", origin.scheme()))
    } else {
        let has_scheme = before_query.split('/').next().is_some_and(|first| first.contains(':'));
        has_scheme.then(|| target.to_owned())
    };
    if let Some(url) = absolute {
        return match Origin::of_url(&url) {
            None => Place::Nowhere,
            Some((at, _)) if at != *origin => Place::Elsewhere(at),
            Some((_, rest)) if rest.starts_with('/') => Place::Here(rest.to_owned()),
            Some((_, rest)) => Place::Here(format!("/{rest}")),
        };
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    Place::Here(match target {
        _ if target.starts_with('/') => target.to_owned(),
        _ if before_query.is_empty() => format!("{path}{target}"),
        _ => format!("{folder}/{}", target.trim_start_matches("./")),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(fields: &[&'static str]) -> Result<Option<&'static str>, Malformed> {
        next(fields.iter().map(|field| field.as_bytes()))
    }

    #[test]
    fn the_link_to_the_next_page_is_found() {
        for (fields, target) in [
            (&[][..], None),
            (&[""], None),
            (&[" , ,"], None),
            (&[r#"</a?last=b>; rel="next""#], Some("/a?last=b")),
            (&["</a>;rel=next"], Some("/a")),
            (&["< /a >\t; rel = NEXT"], Some("/a")),
            (&[r#"</a>; REL="Next""#], Some("/a")),
            (&[r#"</a?x=1,2;3>; title="a, b; <c>; rel=\"prev\""; rel="next""#], Some("/a?x=1,2;3")),
            (&[r#"</p>; rel="prev", </n>; rel="next", </l>; rel=last"#], Some("/n")),
            (&["</p>; rel=prev", "</n>; rel=next"], Some("/n")),
            (&[r#"</n>; rel="prefetch next""#], Some("/n")),
            (&["</p>; rel=prev; rel=next"], None),
            (&[r#"</n>; rel="next"; title=x;"#], Some("/n")),
            (&["</n>; rel=next; crossorigin"], Some("/n")),
            (&["</n>; rel=next, </n>; rel=next"], Some("/n")),
            (&["</n>"], Some("/n")),
            (&["</x>, </n>; rel=next"], Some("/n")),
            (&["</x>; rel=nextish"], None),
            (&["</x>; rel"], None),
        ] {
            assert_eq!(of(fields), Ok(target), "{fields:?}");
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_is_no_last_page() {
        for fields in [
            &["/a; rel=next"][..],
            &["</a; rel=next"],
            &[r#"</a>; rel="next"#],
            &[r#"</a>; rel="next\"#],
            &["</a> rel=next"],
            &["</a>; rel=next </b>; rel=next"],
            &["</a>; rel=next, </b>; rel=next"],
            &["</a>; rel=next", "</b>; rel=next"],
            &["</a>, </b>"],
        ] {
            assert_eq!(of(fields), Err(Malformed), "{fields:?}");
        }
        assert_eq!(next([&b"</\xff>; rel=next"[..]]), Err(Malformed));
    }

    #[test]
    fn a_target_is_resolved_on_its_page() {
        let origin = Origin::of_host("registry.example.com:5000", true).expect("a host");
        let at = |target| resolve(&origin, "/v2/apps/app/tags/list", target);
        for target in [
            "/v2/apps/app/tags/list?n=1&last=a%2Fb",
            "?n=1&last=a%2Fb",
            "list?n=1&last=a%2Fb",
            "./list?n=1&last=a%2Fb",
            "//registry.example.com:5000/v2/apps/app/tags/list?n=1&last=a%2Fb",
            "https://registry.example.com:5000/v2/apps/app/tags/list?n=1&last=a%2Fb",
            "HTTPS://Registry.Example.Com:5000/v2/apps/app/tags/list?n=1&last=a%2Fb#top",
        ] {
            let here = Place::Here("/v2/apps/app/tags/list?n=1&last=a%2Fb".to_owned());
            assert_eq!(at(target), here, "{target}");
        }
        assert_eq!(at("https://registry.example.com:5000?n=1"), Place::Here("/?n=1".to_owned()));
        assert_eq!(at("//registry.example.com:5000"), Place::Here("/".to_owned()));
        let time = Place::Here("/v2/apps/app/tags/list?last=12:30://x".to_owned());
        assert_eq!(at("?last=12:30://x"), time);
        for target in [
            "http://registry.example.com:5000/v2/apps/app/tags/list",
            "https://registry.example.com/v2/apps/app/tags/list",
            "https://registry.example.com:5001/",
            "https://registry.example.com.evil.example:5000/",
            "https://evil.example?https://registry.example.com:5000/",
            "//evil.example?a",
            "//evil.example/v2/apps/app/tags/list",
        ] {
            assert!(matches!(at(target), Place::Elsewhere(_)), "{target}");
        }
        for target in [
            "",
            "https:/v2/",
            "javascript:alert(1)",
            "ftp://registry.example.com:5000/",
            "https://user@registry.example.com:5000/",
            "https://user:password@registry.example.com:5000/v2/apps/app/tags/list",
            "https://evil.example\\@registry.example.com:5000/",
            "https://registry.example.com:5000@evil.example/",
            "https://registry.example.com:+5000/",
            "https://registry.example.com:99999/",
            "https://:5000/",
            "/a b",
            "/\u{e4}",
            "/a\r\nHost: evil.example",
        ] {
            assert_eq!(at(target), Place::Nowhere, "{target}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_whatever_is_followed_is_here(field in any::<Vec<u8>>(), target in "\\PC{0,40}") {
            let _ = next([field.as_slice()]);
            let origin = Origin::of_host("registry.example.com", true).expect("a host");
            if let Place::Here(place) = resolve(&origin, "/v2/a/tags/list", &target) {
                prop_assert!(place.starts_with('/'));
            }
        }

        #[test]
        fn what_is_written_by_the_rules_is_read_back(
            targets in prop::collection::vec("/[a-z,;=\"?&]{0,10}", 1..4),
            title in "[ -~]{0,10}",
            at in any::<prop::sample::Index>(),
        ) {
            let chosen = at.index(targets.len());
            let title = title.replace('\\', "\\\\").replace('"', "\\\"");
            let links = targets.iter().enumerate().map(|(i, target)| {
                let rel = if i == chosen { "next" } else { "other" };
                format!("<{target}>; title=\"{title}\"; rel=\"{rel}\"")
            });
            let field = links.collect::<Vec<_>>().join(", ");
            let expected = targets.get(chosen).map(String::as_str);
            prop_assert_eq!(next([field.as_bytes()]), Ok(expected));
        }
    }
}
