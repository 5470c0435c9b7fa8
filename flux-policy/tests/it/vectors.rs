//! Against the answers of Flux's own code; `tests/data/README.md` tells what the files hold.

use std::cmp::Ordering;

use flux_policy::range::Range;
use flux_policy::version::Version;
use flux_policy::{Decision, Error, ErrorKind, Order, Policy, TagFilter, number};

#[test]
fn ranges_are_accepted_and_refused() {
    let mut rows = 0;
    for line in include_str!("../data/range_syntax.txt").lines() {
        let (accepted, range) = line.split_once(' ').unwrap();
        let range = text(range);
        assert_eq!(Range::parse(&range).is_ok(), accepted == "+", "{range:?}");
        rows += 1;
    }
    assert_eq!(rows, 2794);
}

#[test]
fn ranges_match_versions() {
    let mut lines = include_str!("../data/range_matches.txt").lines();
    let versions = pool(lines.next(), "versions");
    let versions: Vec<Version> = versions.iter().map(|v| Version::parse_loose(v).unwrap()).collect();
    let mut rows = 0;
    for line in lines {
        let mut fields = line.split(' ');
        let range = Range::parse(&text(fields.next().unwrap())).unwrap();
        for field in fields {
            let version = &versions[field.trim_start_matches('!').parse::<usize>().unwrap()];
            assert_eq!(range.matches(version), !field.starts_with('!'), "{range} {version}");
            rows += 1;
        }
    }
    assert_eq!(rows, 52_340);
}

#[test]
fn tags_are_read_as_versions() {
    let mut rows = 0;
    for line in include_str!("../data/versions.txt").lines() {
        let (tag, canonical) = line.split_once(' ').unwrap();
        let tag = text(tag);
        match Version::parse(&tag) {
            Ok(version) => {
                assert_eq!(version.to_string(), canonical, "{tag:?}");
                assert_eq!(version.to_semver().to_string(), canonical, "{tag:?}");
                assert_eq!(version.original(), tag);
            }
            Err(fault) => assert_eq!(canonical, "-", "{tag:?} {fault}"),
        }
        rows += 1;
    }
    assert_eq!(rows, 1599);
}

#[test]
fn versions_are_ordered() {
    let mut lines = include_str!("../data/version_order.txt").lines();
    let versions = pool(lines.next(), "versions");
    let versions: Vec<Version> = versions.iter().map(|v| Version::parse_loose(v).unwrap()).collect();
    let mut rows = 0;
    for line in lines {
        let mut fields = line.split(' ');
        let a = &versions[fields.next().unwrap().parse::<usize>().unwrap()];
        for field in fields {
            let b = &versions[field[1..].parse::<usize>().unwrap()];
            let expected = match &field[..1] {
                "<" => Ordering::Less,
                "=" => Ordering::Equal,
                _ => Ordering::Greater,
            };
            assert_eq!(a.cmp_precedence(b), expected, "{a} {b}");
            rows += 1;
        }
    }
    assert_eq!(rows, 7971);
}

#[test]
fn numbers_are_read() {
    let mut rows = 0;
    for line in include_str!("../data/numbers.txt").lines() {
        let (input, bits) = line.split_once(' ').unwrap();
        let input = text(input);
        let read = number::parse(&input);
        match u64::from_str_radix(bits, 16).map(f64::from_bits) {
            Err(_) => assert_eq!(read, None, "{input:?}"),
            Ok(nan) if nan.is_nan() => assert!(read.is_some_and(f64::is_nan), "{input:?}"),
            Ok(number) => assert_eq!(read.map(f64::to_bits), Some(number.to_bits()), "{input:?}"),
        }
        rows += 1;
    }
    assert_eq!(rows, 700);
}

#[test]
fn patterns_and_templates_give_the_same_keys() {
    let mut lines = include_str!("../data/patterns.txt").lines();
    let (tags, templates) = (pool(lines.next(), "tags"), pool(lines.next(), "templates"));
    let (mut pattern, mut patterns, mut matches) = (String::new(), 0, 0);
    let mut filters: Vec<Option<TagFilter>> = Vec::new();
    for line in lines {
        let mut fields = line.split(' ');
        let kind = fields.next().unwrap();
        if kind == "=" {
            let tag = &tags[fields.next().unwrap().parse::<usize>().unwrap()];
            let index = fields.next().unwrap().parse::<usize>().unwrap();
            let key = text(fields.next().unwrap());
            let filter =
                filters[index].get_or_insert_with(|| TagFilter::new(&pattern, &templates[index]).unwrap());
            assert_eq!(filter.key(tag), Some(key), "{pattern:?} {:?} {tag:?}", templates[index]);
            matches += 1;
            continue;
        }
        pattern = text(fields.next().unwrap());
        patterns += 1;
        filters = vec![None; templates.len()];
        let filter = TagFilter::new(&pattern, "");
        if kind == "-" {
            assert_eq!(
                filter.map(|_| ()).map_err(|error| error.kind()),
                Err(ErrorKind::InvalidPolicy),
                "{pattern:?}"
            );
            continue;
        }
        let filter = filter.unwrap_or_else(|error| panic!("{error}"));
        for field in fields {
            let tag = &tags[field.parse::<usize>().unwrap()];
            assert_eq!(filter.key(tag), None, "{pattern:?} {tag:?}");
        }
    }
    assert_eq!((patterns, matches), (749, 7842));
}

#[test]
fn evaluations_have_the_same_outcome() {
    let mut rows = 0;
    for line in include_str!("../data/evaluations.txt").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, rule, filter, answers, ours, acceptable, error, tags] = fields[..] else {
            panic!("{line}")
        };
        let tags: Vec<String> = tags.split(' ').filter(|tag| !tag.is_empty()).map(text).collect();
        let decision = evaluate(rule, filter, &tags);
        rows += 1;
        if ours == "-" {
            // Flux compiles the filter only once there are tags; here it is compiled with the policy.
            let nothing_matched = ["version\\slist", "unable"].iter().any(|no| error.starts_with(no));
            match decision {
                Ok(decision) => assert!(decision.winner().is_none() && error != "-", "{name}: {error}"),
                Err(ours) => assert!(!nothing_matched, "{name}: {error} is {ours}"),
            }
            continue;
        }
        let decision = decision.unwrap_or_else(|error| panic!("{name}: {error}"));
        let winner = decision.winner().map(|winner| winner.tag().to_owned());
        assert_eq!(winner, Some(text(ours)), "{name}");
        if answers == "det" {
            assert!(acceptable.split(' ').any(|tag| tag == ours), "{name}");
        }
    }
    assert_eq!(rows, 1166);
}

fn evaluate(rule: &str, filter: &str, tags: &[String]) -> Result<Decision, Error> {
    let (rule, argument) = rule.split_once(' ').unwrap();
    let policy = match rule {
        "semver" => Policy::semver(&text(argument))?,
        "alphabetical" => Policy::alphabetical(text(argument).parse::<Order>()?),
        "numerical" => Policy::numerical(text(argument).parse::<Order>()?),
        // A manifest without a rule, whose refusal is tested with the manifests.
        _ => return Policy::semver("").and_then(|policy| policy.latest(tags)),
    };
    let policy = match filter.split_once(' ').unwrap() {
        ("-", _) => policy,
        (pattern, extract) => policy.with_filter(TagFilter::new(&text(pattern), &text(extract))?),
    };
    policy.latest(tags)
}

fn pool(line: Option<&str>, name: &str) -> Vec<String> {
    line.unwrap().strip_prefix(name).unwrap().trim_start().split(' ').map(text).collect()
}

/// Undoes the escapes of the data files.
pub(crate) fn text(field: &str) -> String {
    let mut out = String::new();
    let mut parts = field.split('\\');
    out.push_str(parts.next().unwrap_or_default());
    while let Some(part) = parts.next() {
        let mut chars = part.chars();
        match chars.next() {
            // Two backslashes in a row: the part between them is empty.
            None => {
                out.push('\\');
                out.push_str(parts.next().unwrap_or_default());
                continue;
            }
            Some('e') => {}
            Some('s') => out.push(' '),
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('u') => {
                let (code, rest) = chars.as_str()[1..].split_once('}').unwrap();
                out.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
                chars = rest.chars();
            }
            Some(other) => panic!("escape {other:?}"),
        }
        out.push_str(chars.as_str());
    }
    out
}
