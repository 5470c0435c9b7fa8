//! IAM's two wildcards.

/// Whether `text` matches `pattern`, where `*` stands for any number of characters and `?` for exactly one.
///
/// The rule of `StringLike` and of actions; case matters.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_String>.
pub(crate) fn string_like(pattern: &str, text: &str) -> bool {
    matches(pattern, text, Colon::Ordinary)
}

/// Whether the ARN `text` matches `pattern` as a `Resource` element does.
///
/// A wildcard stays within its colon-separated segment, except that a `*` at the end of a segment may go on past the
/// colon.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>.
pub(crate) fn resource_like(pattern: &str, text: &str) -> bool {
    matches(pattern, text, Colon::Divides)
}

/// Whether the ARN `text` matches `pattern` as `ArnLike` does: six parts, each compared on its own.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>.
pub(crate) fn arn_like(pattern: &str, text: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.splitn(6, ':'), text.splitn(6, ':'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if string_like(pattern, part) => {}
            _ => return false,
        }
    }
}

/// What a colon is to a wildcard.
#[derive(Clone, Copy, PartialEq)]
enum Colon {
    /// A character like any other.
    Ordinary,
    /// The end of a segment: only a `*` that ends its own segment goes past it.
    Divides,
}

/// Follows every way the pattern can be read at once: `reached[i]` says that the pattern so far can end at `text[i]`.
fn matches(pattern: &str, text: &str, colon: Colon) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;

    let mut pattern = pattern.chars().peekable();
    while let Some(expected) = pattern.next() {
        let at_segment_end = matches!(pattern.peek(), None | Some(':'));
        let takes = |found: char| match expected {
            '*' => found != ':' || colon == Colon::Ordinary || at_segment_end,
            '?' => found != ':' || colon == Colon::Ordinary,
            literal => found == literal,
        };
        let mut next = vec![false; text.len() + 1];
        next[0] = expected == '*' && reached[0];
        for (i, &found) in text.iter().enumerate() {
            next[i + 1] = if expected == '*' {
                reached[i + 1] || (next[i] && takes(found))
            } else {
                reached[i] && takes(found)
            };
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: fn(&str, &str) -> bool, cases: &[(&str, &str, bool)]) {
        for &(pattern, text, expected) in cases {
            assert_eq!(rule(pattern, text), expected, "`{pattern}` against `{text}`");
        }
    }

    #[test]
    fn strings() {
        check(
            string_like,
            &[
                ("", "", true),
                ("", "a", false),
                ("*", "", true),
                ("?", "", false),
                ("?", "é", true),
                ("abc", "abc", true),
                ("abc", "Abc", false),
                ("a*c", "abbbc", true),
                ("a*c", "abbbd", false),
                ("a**c", "ac", true),
                ("*a*b*", "xxaxxbxx", true),
                (
                    "system:serviceaccount:flux-*:*",
                    "system:serviceaccount:flux-system:source-controller",
                    true,
                ),
                ("system:serviceaccount:flux-*:*", "system:serviceaccount:default:source-controller", false),
                ("system:serviceaccount:?:x", "system:serviceaccount:a:x", true),
                ("*:x", "a:b:x", true),
            ],
        );
    }

    #[test]
    fn resources() {
        check(
            resource_like,
            &[
                ("*", "arn:aws:ecr:eu-west-1:111122223333:repository/a", true),
                ("arn:aws:ecr:*:*:repository/*", "arn:aws:ecr:eu-west-1:111122223333:repository/a/b", true),
                (
                    "arn:aws:ecr:*:111122223333:repository/a",
                    "arn:aws:ecr:eu-west-1:111122223333:repository/a",
                    true,
                ),
                (
                    "arn:aws:ecr:eu-?est-1:111122223333:repository/a",
                    "arn:aws:ecr:eu-west-1:111122223333:repository/a",
                    true,
                ),
                (
                    "arn:aws:ecr:eu-*-1:111122223333:repository/a",
                    "arn:aws:ecr:eu-west-1:111122223333:repository/a",
                    true,
                ),
                ("arn:aws:ecr:eu-*/a", "arn:aws:ecr:eu-west-1:111122223333:repository/a", false),
                ("arn:aws:ecr:*", "arn:aws:ecr:eu-west-1:111122223333:repository/a", true),
                ("arn:aws:ecr:*:repository/a", "arn:aws:ecr:eu-west-1:111122223333:repository/a", true),
                ("arn:aws:ecr?eu-west-1:*", "arn:aws:ecr:eu-west-1:111122223333:repository/a", false),
                (
                    "arn:aws:ecr:*:*:repository/apps/*",
                    "arn:aws:ecr:eu-west-1:111122223333:repository/apps",
                    false,
                ),
                (
                    "arn:aws:ecr:*:*:repository/App",
                    "arn:aws:ecr:eu-west-1:111122223333:repository/app",
                    false,
                ),
            ],
        );
    }

    #[test]
    fn arns() {
        check(
            arn_like,
            &[
                ("arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:role/a/b", true),
                ("arn:aws:*:role/*", "arn:aws:iam::111122223333:role/a", false),
                ("arn:*:*:*:*:*", "arn:aws:iam::111122223333:role/a", true),
                ("*", "arn:aws:iam::111122223333:role/a", false),
                ("arn:aws:iam::*:user/bob:x", "arn:aws:iam::1:user/bob:x", true),
            ],
        );
    }

    #[test]
    fn a_hostile_pattern_takes_no_longer_than_its_length_times_the_text() {
        let pattern = "*a".repeat(200);
        assert!(!string_like(&pattern, &"a".repeat(199)));
        assert!(string_like(&pattern, &"a".repeat(200)));
    }
}
