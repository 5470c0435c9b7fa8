//! A compiled pattern and the scratch space of its searches.

mod class;
mod parse;
mod shape;
mod unicode_names;

use std::fmt;
use std::sync::Arc;

use regex_automata::Input;
use regex_automata::meta::{Cache, Regex};
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::util::primitives::PatternID;
use regex_syntax::hir::Look;

use crate::error::{Error, ErrorKind, quoted};

pub(crate) use class::is_letter_or_digit;
use shape::Shape;

/// A pattern in Go's dialect, compiled once and shared by clones.
#[derive(Clone)]
pub(crate) struct Pattern {
    text: Arc<str>,
    groups: Arc<[Option<Box<str>>]>,
    regex: Regex,
    shape: Option<Arc<Shape>>,
    anchored: bool,
}

/// What a compiled pattern may take. Go's limit on patterns lets programs grow a little larger.
const SIZE_LIMIT: usize = 64 << 20;

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        let parsed = parse::parse(text).map_err(|fault| refused(text, &fault))?;
        let config = Regex::config().nfa_size_limit(Some(SIZE_LIMIT));
        let regex = Regex::builder().configure(config).build_from_hir(&parsed.hir).map_err(|error| {
            let line = format!(
                "pattern {} is too large to be compiled here: use smaller repeat counts",
                quoted(text)
            );
            Error::new(ErrorKind::Unsupported, line).with_source(error)
        })?;
        let shape = Shape::of(&parsed.hir).map(Arc::new);
        let properties = parsed.hir.properties();
        let anchored = (properties.look_set_prefix().contains(Look::Start) || text.starts_with(".*"))
            && (properties.look_set_suffix().contains(Look::End) || text.ends_with(".*"));
        Ok(Self { text: text.into(), groups: parsed.groups.into(), regex, shape, anchored })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it can only match a whole text, or says openly that it does not.
    pub(crate) fn is_anchored(&self) -> bool {
        self.anchored
    }

    /// The numbers of the groups with this name; several may share one.
    pub(crate) fn groups_named(&self, name: &str) -> Vec<usize> {
        let named =
            |(index, group): (usize, &Option<Box<str>>)| (group.as_deref() == Some(name)).then_some(index);
        self.groups.iter().enumerate().filter_map(named).collect()
    }

    /// How many groups there are, the whole match included.
    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Scratch space for searches that look at the groups below `groups`; none at all if only the match matters.
    pub(crate) fn matcher(&self, groups: usize) -> Matcher {
        // The engine leaves out the groups of what is repeated zero times, and writes beyond its own groups at its peril.
        let engine_groups = self.regex.group_info().group_len(PatternID::ZERO);
        Matcher { cache: self.regex.create_cache(), slots: vec![None; 2 * groups.min(engine_groups)] }
    }

    /// Whether it matches anywhere in `text`, with scratch space that the engine keeps for whoever comes.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        match &self.shape {
            Some(shape) if text.is_ascii() => shape.find(text.as_bytes(), &mut []),
            _ => self.regex.is_match(text),
        }
    }

    /// Searches anywhere in `text`; on a match the groups are in `matcher` until the next search.
    #[inline]
    pub(crate) fn find(&self, text: &str, matcher: &mut Matcher) -> bool {
        match &self.shape {
            Some(shape) if text.is_ascii() => shape.find(text.as_bytes(), &mut matcher.slots),
            _ => self.find_by_engine(text, matcher),
        }
    }

    fn find_by_engine(&self, text: &str, matcher: &mut Matcher) -> bool {
        self.regex.search_slots_with(&mut matcher.cache, &Input::new(text), &mut matcher.slots).is_some()
    }
}

fn refused(pattern: &str, fault: &parse::Fault) -> Error {
    let kind = if fault.ours { ErrorKind::Unsupported } else { ErrorKind::InvalidPolicy };
    let problem = fault.problem;
    let text = if fault.part.is_empty() || fault.part == pattern {
        format!("pattern {} {problem}", quoted(pattern))
    } else {
        format!("pattern {}: {} {problem}", quoted(pattern), quoted(&fault.part))
    };
    Error::new(kind, text)
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

/// What searches with one pattern write into; kept between searches so that they allocate nothing.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    cache: Cache,
    slots: Vec<Option<NonMaxUsize>>,
}

impl Matcher {
    /// The span of a group in the last match, `None` if it took no part.
    pub(crate) fn group(&self, index: usize) -> Option<(usize, usize)> {
        let start = (*self.slots.get(2 * index)?)?;
        let end = (*self.slots.get(2 * index + 1)?)?;
        Some((start.get(), end.get()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[track_caller]
    fn refuses(pattern: &str, kind: ErrorKind, expected: &str) {
        let error = Pattern::new(pattern).map(|_| ()).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, expected));
    }

    #[test]
    fn groups_that_are_repeated_zero_times_take_no_part() {
        for pattern in ["(a){0}(b){0}", "((a)(b)){0}", "(?:(a)(b)(c)){0}", "(a){0}(b)", "(a){0}"] {
            let pattern = Pattern::new(pattern).unwrap();
            let mut matcher = pattern.matcher(usize::MAX);
            assert!(pattern.find("b", &mut matcher), "{pattern:?}");
            assert_eq!(matcher.group(1), None, "{pattern:?}");
            assert_eq!(matcher.group(3), None, "{pattern:?}");
        }
        let pattern = Pattern::new("(a){0}(b)").unwrap();
        let mut matcher = pattern.matcher(usize::MAX);
        assert!(pattern.find("ab", &mut matcher));
        assert_eq!(matcher.group(2), Some((1, 2)));
    }

    #[test]
    fn everyday_patterns_have_a_shape() {
        for pattern in [
            r"^v?(?P<v>[0-9]+\.[0-9]+\.[0-9]+)-alpine[0-9.]+$",
            r"^RELEASE\.(?P<timestamp>.*)Z$",
            "^main-[a-f0-9]+-(?P<ts>[0-9]+)",
            r"^.*\.sig$",
            r"^(\d{4}-\d{2}-\d{2})\.\w{7}$",
        ] {
            assert!(Pattern::new(pattern).unwrap().shape.is_some(), "{pattern}");
        }
    }

    fn step() -> impl Strategy<Value = String> {
        let class = select(vec![
            "a", "v", "-", r"\.", "[a-f0-9]", "[0-9.]", r"\d", r"\w", ".", "[^-]", "(?i)k", "(?s).", "ab",
        ]);
        let times = select(vec!["", "", "+", "*", "?", "{2}", "{1,2}", "{0,3}"]);
        (class, times, prop::bool::weighted(0.3)).prop_map(|(class, times, group)| {
            match (class.len(), group) {
                (2, false) if class == "ab" => format!("(?:ab){times}"),
                (_, true) => format!("({class}{times})"),
                _ => format!("{class}{times}"),
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(debug_assertions) { 3000 } else { 100_000 }, ..ProptestConfig::default() })]

        #[test]
        fn a_shape_finds_what_the_engine_finds(
            steps in vec(step(), 1..6),
            end in select(vec!["", "$"]),
            texts in vec("[av0-3kK.\n-]{0,9}", 24),
        ) {
            let pattern = Pattern::new(&format!("^{}{end}", steps.concat())).unwrap();
            if let Some(shape) = &pattern.shape {
                for text in &texts {
                    let (mut quick, mut engine) = (pattern.matcher(usize::MAX), pattern.matcher(usize::MAX));
                    let found = shape.find(text.as_bytes(), &mut quick.slots);
                    prop_assert_eq!(found, pattern.find_by_engine(text, &mut engine), "{:?} {:?}", pattern, text);
                    if found {
                        prop_assert_eq!(quick.slots, engine.slots, "{:?} {:?}", pattern, text);
                    }
                }
            }
        }
    }

    #[test]
    fn refusals_name_the_part_at_fault() {
        let invalid = ErrorKind::InvalidPolicy;
        refuses("v(1", invalid, r#"pattern "v(1" has a group without its closing parenthesis"#);
        refuses("[a-", invalid, r#"pattern "[a-" lacks its closing bracket"#);
        refuses(r"\d**", invalid, r#"pattern "\d**": "*" repeats a repetition"#);
        refuses(
            "(?<=v)1",
            invalid,
            r#"pattern "(?<=v)1" is not a group name of ASCII letters, digits and underscores"#,
        );
        refuses(r"v\K", invalid, r#"pattern "v\K": "\K" is not an escape that Go has"#);
        refuses(
            "a{1001}",
            invalid,
            r#"pattern "a{1001}": "{1001}" repeats more than 1000 times, or backwards"#,
        );
    }

    #[test]
    fn what_go_takes_and_this_crate_cannot_is_unsupported() {
        for pattern in [r"\p{Sidetic}".to_owned(), r"[\pL\pN]{1000}".repeat(20)] {
            let error = Pattern::new(&pattern).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        }
    }

    #[test]
    fn nesting_is_limited_as_in_go() {
        let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        let kind = |depth| Pattern::new(&nested(depth)).map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind(249), Ok(()));
        assert_eq!(kind(250), Err(ErrorKind::Unsupported));
        assert!(Pattern::new(&format!("{}a{}", "(?:".repeat(5000), ")".repeat(5000))).is_ok());
        assert!(Pattern::new(&format!("{}a{}", "(?:x".repeat(2000), ")*".repeat(2000))).is_err());
    }

    #[test]
    fn every_name_is_known_or_newer_than_the_tables() {
        let newer = ["Beria_Erfe", "Sidetic", "Tai_Yo", "Tolong_Siki"];
        for name in unicode_names::UNICODE_NAMES.split_whitespace() {
            let read = Pattern::new(&format!(r"\p{{{name}}}"));
            assert_eq!(read.is_err(), newer.contains(&name), "{name}");
        }
    }
}
