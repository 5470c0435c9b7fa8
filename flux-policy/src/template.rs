//! The `extract` template of a filter, expanded as Go's
//! [`Regexp.Expand`](https://pkg.go.dev/regexp#Regexp.Expand) does.

use crate::pattern::{Matcher, Pattern, is_letter_or_digit};

/// A template with its references resolved against one pattern.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    text: Box<str>,
    parts: Vec<Part>,
    /// References to groups that the pattern does not have; they expand to nothing.
    unknown: Vec<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    /// The first of these groups that took part in the match.
    Group(Box<[usize]>),
}

impl Template {
    pub(crate) fn new(text: &str, pattern: &Pattern) -> Self {
        let mut parts = Vec::new();
        let mut unknown = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            literal.push_str(&rest[..at]);
            let behind = &rest[at + 1..];
            if let Some(behind) = behind.strip_prefix('$') {
                literal.push('$');
                rest = behind;
            } else if let Some((reference, behind)) = reference(behind) {
                rest = behind;
                let groups = match reference.index() {
                    Some(index) => (index..pattern.group_count().min(index + 1)).collect(),
                    None => pattern.groups_named(reference.name),
                };
                if groups.is_empty() {
                    unknown.push(reference.name.into());
                } else {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal).into()));
                    }
                    parts.push(Part::Group(groups.into()));
                }
            } else {
                literal.push('$');
                rest = behind;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        Self { text: text.into(), parts, unknown }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn unknown_groups(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(AsRef::as_ref)
    }

    /// How many groups a search has to report for this template, the whole match included.
    pub(crate) fn groups_needed(&self) -> usize {
        let groups = self.parts.iter().flat_map(|part| match part {
            Part::Group(groups) => groups.iter(),
            Part::Literal(_) => [].iter(),
        });
        groups.max().map_or(0, |index| index + 1)
    }

    /// The one group the template consists of, if that is all there is to it.
    pub(crate) fn single_group(&self) -> Option<usize> {
        match &self.parts[..] {
            [Part::Group(groups)] if groups.len() == 1 => Some(groups[0]),
            _ => None,
        }
    }

    /// The expansion for the last match, borrowed from the tag where the template is one group of it.
    pub(crate) fn expand<'t>(&self, tag: &'t str, matcher: &Matcher, buffer: &'t mut String) -> &'t str {
        if let Some(group) = self.single_group() {
            return matcher.group(group).map_or("", |(start, end)| &tag[start..end]);
        }
        buffer.clear();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => buffer.push_str(literal),
                Part::Group(groups) => {
                    if let Some((start, end)) = groups.iter().find_map(|&group| matcher.group(group)) {
                        buffer.push_str(&tag[start..end]);
                    }
                }
            }
        }
        buffer
    }
}

struct Reference<'a> {
    name: &'a str,
}

impl Reference<'_> {
    /// The number of the group, if the name is one. A number with a leading zero is a name; so is one of more than
    /// nine digits, where Go stops counting.
    fn index(&self) -> Option<usize> {
        let digits = self.name.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = self.name.len() > 1 && self.name.starts_with('0');
        if digits && !leading_zero && self.name.len() <= 9 { self.name.parse().ok() } else { None }
    }
}

/// Reads what follows a dollar sign: `name` or `{name}`, and the text behind it.
fn reference(text: &str) -> Option<(Reference<'_>, &str)> {
    let (name, behind) = match text.strip_prefix('{') {
        Some(braced) => {
            let (name, behind) = split_name(braced);
            (name, behind.strip_prefix('}')?)
        }
        None => split_name(text),
    };
    if name.is_empty() {
        return None;
    }
    Some((Reference { name }, behind))
}

fn split_name(text: &str) -> (&str, &str) {
    let belongs = |char: char| char == '_' || char.is_ascii_alphanumeric() || is_letter_or_digit(char);
    text.split_at(text.find(|char| !belongs(char)).unwrap_or(text.len()))
}
