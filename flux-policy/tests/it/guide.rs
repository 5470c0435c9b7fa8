//! The guide to the range language: each row of its tables is tried.

use flux_policy::range::Range;
use flux_policy::version::Version;
use flux_policy::{ErrorKind, Policy};

use crate::vectors::text;

const GUIDE: &str = include_str!("../../src/guide/range_language.md");

const ADMITS: &str = "operator | admits | leaves out";
const ADMITS_PRERELEASES: &str = "range | admits | leaves out";
const IS_THE_SAME: &str = "range | is the same as";
const READ_AS: &str = "tag | is read as";
const ERRORS: &str = "range | error";
const HINTS: &str = "range | hint";
const PICKS: &str = "range | tags | picks | because";
const OTHERS: &str = "range | version | here | npm | Cargo | because";

#[test]
fn every_table_is_tried() {
    let known = [ADMITS, ADMITS_PRERELEASES, IS_THE_SAME, READ_AS, ERRORS, HINTS, PICKS, OTHERS];
    for (header, row) in tables() {
        assert!(known.contains(&header.as_str()), "{row:?} is below {header:?}");
    }
}

#[test]
fn a_range_admits_and_leaves_out_what_its_row_says() {
    for [range, admitted, left_out] in rows(ADMITS).into_iter().chain(rows(ADMITS_PRERELEASES)) {
        let range = parse(&code(&range));
        for (versions, expected) in [(codes(&admitted), true), (codes(&left_out), false)] {
            for version in versions {
                assert_eq!(range.matches(&version_of(&version)), expected, "{range}: {version}");
            }
        }
    }
}

#[test]
fn ranges_in_a_row_are_the_same() {
    let versions: Vec<String> = (0..7)
        .flat_map(|major| (0..6).map(move |minor| (major, minor)))
        .flat_map(|(major, minor)| (0..10).map(move |patch| format!("{major}.{minor}.{patch}")))
        .flat_map(|release| [release.clone(), format!("{release}-0"), format!("{release}-rc.1")])
        .collect();
    for [ranges, same] in rows(IS_THE_SAME) {
        let same = parse(&code(&same));
        for range in codes(&ranges) {
            for version in &versions {
                let version = version_of(version);
                assert_eq!(
                    parse(&range).matches(&version),
                    same.matches(&version),
                    "{range} and {same}: {version}"
                );
            }
        }
    }
}

#[test]
fn precedence_rises_from_line_to_line() {
    let (_, list) = GUIDE.split_once("From the lowest to the highest:\n\n```text\n").unwrap();
    let lines: Vec<&str> = list.lines().take_while(|line| *line != "```").collect();
    assert!(lines.len() > 10);
    for pair in lines.windows(2) {
        assert!(version_of(pair[0]).cmp_precedence(&version_of(pair[1])).is_lt(), "{pair:?}");
    }
}

#[test]
fn a_tag_is_read_as_its_row_says() {
    for [tag, read] in rows(READ_AS) {
        let found = match Version::parse(&code(&tag)) {
            Ok(version) => format!("`{version}`"),
            Err(fault) => format!("not: {fault}"),
        };
        assert_eq!(found, read, "{tag}");
    }
}

#[test]
fn an_error_has_the_words_and_the_hint_of_its_rows() {
    let hints = rows(HINTS);
    for [range, words] in rows(ERRORS) {
        let range = code(&range);
        let error = Range::parse(&range).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPolicy);
        assert_eq!(error.to_string(), format!("semver range \"{range}\": {}", code(&words)));
        let hint =
            hints.iter().find(|[ranges, _]| codes(ranges).contains(&range)).map(|[_, hint]| code(hint));
        assert_eq!(error.hint(), hint.as_deref(), "{range}");
    }
    let wrong: Vec<String> = rows(ERRORS).iter().map(|[range, _]| code(range)).collect();
    assert!(hints.iter().all(|[ranges, _]| codes(ranges).iter().all(|range| wrong.contains(range))));
}

#[test]
fn a_range_picks_what_its_row_says() {
    for [range, tags, picked, _] in rows(PICKS) {
        let tags = codes(&tags);
        for tags in [tags.clone(), tags.into_iter().rev().collect()] {
            let decision = Policy::semver(&code(&range)).unwrap().latest(&tags).unwrap();
            let winner = decision.winner().map(|winner| format!("`{}`", winner.tag()));
            assert_eq!(winner.as_deref().unwrap_or("nothing"), picked, "{range} of {tags:?}");
        }
    }
}

#[test]
fn others_admit_what_their_rows_say() {
    let npm: Vec<[String; 3]> = include_str!("../data/npm_ranges.txt").lines().map(fields).collect();
    let rows = rows(OTHERS);
    assert_eq!(rows.len(), npm.len());
    for ([range, version, here, by_npm, by_cargo, _], recorded) in rows.into_iter().zip(npm) {
        let (range, version) =
            (if range == "(nothing)" { String::new() } else { code(&range) }, code(&version));
        assert_eq!(recorded, [range.clone(), version.clone(), by_npm]);
        let ours = Range::parse(&range).map(|range| range.matches(&version_of(&version)));
        assert_eq!(answer(&ours), here, "{range:?}: {version}");
        let cargo_s = semver::VersionReq::parse(&range)
            .map(|range| range.matches(&semver::Version::parse(&version).unwrap()));
        assert_eq!(answer(&cargo_s), by_cargo, "{range:?} of Cargo: {version}");
    }
}

fn answer<E>(admits: &Result<bool, E>) -> &'static str {
    match admits {
        Ok(true) => "yes",
        Ok(false) => "no",
        Err(_) => "error",
    }
}

fn fields(line: &str) -> [String; 3] {
    let fields: Vec<String> = line.split(' ').map(text).collect();
    fields.try_into().unwrap()
}

#[track_caller]
fn parse(range: &str) -> Range {
    Range::parse(range).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn version_of(version: &str) -> Version<'_> {
    Version::parse(version).unwrap_or_else(|fault| panic!("{version}: {fault}"))
}

/// The rows of every table with this header.
fn rows<const N: usize>(header: &str) -> Vec<[String; N]> {
    let of_header = tables().into_iter().filter(|(of, _)| of == header);
    let rows: Vec<_> = of_header.map(|(_, row)| row.try_into().unwrap()).collect();
    assert!(!rows.is_empty(), "no table has the header {header:?}");
    rows
}

/// Each row, with the header above it.
fn tables() -> Vec<(String, Vec<String>)> {
    let mut rows = Vec::new();
    let mut header = None;
    for line in GUIDE.lines() {
        if !line.starts_with('|') {
            header = None;
        } else if !line.starts_with("|---") {
            match &header {
                Some(header) => rows.push((String::clone(header), cells(line))),
                None => header = Some(cells(line).join(" | ")),
            }
        }
    }
    rows
}

/// A bar within a cell is written `\|`.
fn cells(line: &str) -> Vec<String> {
    let line = line.replace("\\|", "\0");
    let inner = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).unwrap();
    inner.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
}

/// What stands in backquotes.
fn codes(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[track_caller]
fn code(cell: &str) -> String {
    let [code] = <[String; 1]>::try_from(codes(cell)).unwrap();
    code
}
