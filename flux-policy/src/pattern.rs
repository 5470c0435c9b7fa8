//! A compiled pattern and the scratch space of its searches.

use std::fmt;
use std::sync::Arc;

use regex_automata::Input;
use regex_automata::meta::{Cache, Regex};
use regex_automata::util::primitives::NonMaxUsize;

use crate::error::{Error, ErrorKind};

/// A pattern in Go's dialect, compiled once and shared by clones.
#[derive(Clone)]
pub(crate) struct Pattern {
    text: Arc<str>,
    regex: Regex,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        let regex = Regex::new(text).map_err(|error| {
            Error::new(ErrorKind::InvalidPolicy, format!("pattern {text:?} cannot be read"))
                .with_source(error)
        })?;
        Ok(Self { text: text.into(), regex })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The numbers of the groups with this name; several may share one.
    pub(crate) fn groups_named(&self, name: &str) -> Vec<usize> {
        let names = self.regex.group_info().pattern_names(regex_automata::PatternID::ZERO);
        names.enumerate().filter(|(_, group)| *group == Some(name)).map(|(index, _)| index).collect()
    }

    /// How many groups there are, the whole match included.
    pub(crate) fn group_count(&self) -> usize {
        self.regex.group_info().group_len(regex_automata::PatternID::ZERO)
    }

    /// Scratch space for searches that look at the groups below `groups`; none at all if only the match matters.
    pub(crate) fn matcher(&self, groups: usize) -> Matcher {
        Matcher { cache: self.regex.create_cache(), slots: vec![None; 2 * groups.min(self.group_count())] }
    }

    /// Searches anywhere in `text`; on a match the groups are in `matcher` until the next search.
    pub(crate) fn find(&self, text: &str, matcher: &mut Matcher) -> bool {
        self.regex.search_slots_with(&mut matcher.cache, &Input::new(text), &mut matcher.slots).is_some()
    }
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
