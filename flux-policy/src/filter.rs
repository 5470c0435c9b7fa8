//! `spec.filterTags`: which tags count, and which part of a tag the rule looks at.

use std::sync::Arc;

use crate::error::Error;
use crate::pattern::{Matcher, Pattern};
use crate::template::Template;

/// A pattern that tags must match, and a template for the part that is compared.
///
/// The pattern is searched anywhere in the tag: without `^` and `$` it need not match the whole. An empty template
/// means the tag itself. See Flux's
/// [filterTags](https://fluxcd.io/flux/components/image/imagepolicies/#filter-tags).
///
/// ```
/// use flux_policy::{Order, Policy, TagFilter};
///
/// let filter = TagFilter::new("^main-[a-f0-9]+-(?P<ts>[0-9]+)$", "$ts")?;
/// let decision = Policy::numerical(Order::Asc)
///     .with_filter(filter)
///     .latest(["main-1a2b3c4-1606364286", "main-9f8e7d6-1606280000", "latest"])?;
/// let winner = decision.winner().unwrap();
/// assert_eq!((winner.tag(), winner.key()), ("main-1a2b3c4-1606364286", "1606364286"));
/// # Ok::<(), flux_policy::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TagFilter {
    pattern: Pattern,
    extract: Arc<Template>,
}

impl TagFilter {
    /// Compiles a pattern in Go's [RE2 dialect](https://pkg.go.dev/regexp/syntax) and a template in the language of
    /// Go's [`Regexp.Expand`](https://pkg.go.dev/regexp#Regexp.Expand): `$1`, `${1}`, `$name`, `${name}`, `$$`.
    ///
    /// A reference takes as many letters, digits and underscores as follow it, so `$major_$minor` asks for a group
    /// called `major_`; a group that does not exist expands to nothing. Neither is an error, here or in Flux.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`](crate::ErrorKind::InvalidPolicy) if Go does not accept the pattern,
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if it does and the same answers cannot be promised.
    pub fn new(pattern: &str, extract: &str) -> Result<Self, Error> {
        let pattern = Pattern::new(pattern)?;
        let extract = Arc::new(Template::new(extract, &pattern));
        Ok(Self { pattern, extract })
    }

    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// The template as it was written.
    pub fn extract(&self) -> &str {
        self.extract.as_str()
    }

    /// What the rule would compare for this tag: the expanded template, or the tag if the template is empty; `None`
    /// if the pattern does not match.
    ///
    /// For single questions; a [`Policy`](crate::Policy) reuses its scratch space between tags.
    pub fn key(&self, tag: &str) -> Option<String> {
        let (mut matcher, mut buffer) = (self.matcher(0), String::new());
        self.key_in(tag, &mut matcher, &mut buffer).map(str::to_owned)
    }

    /// Whether the pattern can only match a whole tag.
    pub(crate) fn is_anchored(&self) -> bool {
        self.pattern.is_anchored()
    }

    /// What the template refers to and the pattern does not have.
    pub(crate) fn unknown_groups(&self) -> impl Iterator<Item = &str> {
        self.extract.unknown_groups()
    }

    /// Whether the key of this tag is a part of it that ends between two digits.
    pub(crate) fn cuts_a_number(&self, tag: &str) -> bool {
        let Some(group) = self.extract.single_group() else { return false };
        let mut matcher = self.matcher(0);
        let found = self.pattern.find(tag, &mut matcher);
        let Some((start, end)) = matcher.group(group).filter(|(start, end)| found && start < end) else {
            return false;
        };
        let digit = |at: usize| tag.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        start < end && digit(end - 1) && digit(end)
    }

    /// Scratch space for searches that report at least the first `groups` groups.
    pub(crate) fn matcher(&self, groups: usize) -> Matcher {
        self.pattern.matcher(self.extract.groups_needed().max(groups))
    }

    pub(crate) fn groups_named(&self, name: &str) -> Vec<usize> {
        self.pattern.groups_named(name)
    }

    /// The key, borrowed from the tag where possible and from `buffer` where not.
    #[inline]
    pub(crate) fn key_in<'t>(
        &self,
        tag: &'t str,
        matcher: &mut Matcher,
        buffer: &'t mut String,
    ) -> Option<&'t str> {
        if !self.pattern.find(tag, matcher) {
            return None;
        }
        Some(if self.extract.as_str().is_empty() { tag } else { self.extract.expand(tag, matcher, buffer) })
    }
}
