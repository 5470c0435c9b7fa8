//! The `extract` template of a filter, expanded as Go's
//! [`Regexp.Expand`](https://pkg.go.dev/regexp#Regexp.Expand) does.

use crate::pattern::{Matcher, Pattern};

/// A template with its references resolved against one pattern.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    text: Box<str>,
    parts: Vec<Part>,
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
                let groups: Box<[usize]> = match reference {
                    Reference::Index(index) => (index..pattern.group_count().min(index + 1)).collect(),
                    Reference::Name(name) => pattern.groups_named(name).into(),
                };
                if !groups.is_empty() {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal).into()));
                    }
                    parts.push(Part::Group(groups));
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
        Self { text: text.into(), parts }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
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

enum Reference<'a> {
    Index(usize),
    Name(&'a str),
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
    let all_digits = name.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = name.len() > 1 && name.starts_with('0');
    // Go stops counting at 1e8 before the last digit and takes the whole for a name then.
    let index = (all_digits && !leading_zero && name.len() <= 9).then(|| name.parse().ok()).flatten();
    Some((index.map_or(Reference::Name(name), Reference::Index), behind))
}

fn split_name(text: &str) -> (&str, &str) {
    let belongs = |char: char| char == '_' || char.is_alphanumeric();
    text.split_at(text.find(|char| !belongs(char)).unwrap_or(text.len()))
}
