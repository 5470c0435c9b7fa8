//! IAM's wildcards: `*` for any number of characters, `?` for exactly one. Case matters.

/// Whether the ARN `text` is covered by `pattern`, as a `Resource` element has it ([Resource]).
///
/// A wildcard stays between the colons around it; `/` is a character like any other. Only a `*` that is the last character
/// before a colon, or of the pattern, may go on past colons.
///
/// [Resource]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
pub(super) fn covers(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on from when the rest does not fit: the last `*` of all, and the last one that may pass a colon. What an
    // earlier one could take, these can take too.
    let mut last: Option<Star> = None;
    let mut last_free: Option<Star> = None;
    loop {
        match (pattern.get(p), text.get(t)) {
            (None, None) => return true,
            (Some('*'), _) => {
                let free = matches!(pattern.get(p + 1), None | Some(':'));
                last = Some(Star { after: p + 1, taken: t, free });
                if free {
                    last_free = last;
                }
                p += 1;
            }
            (Some(wanted), Some(found)) if wanted == found || (*wanted == '?' && *found != ':') => {
                p += 1;
                t += 1;
            }
            _ => {
                let longer = |star: Option<Star>| star.and_then(|star| star.one_more(&text));
                let Some(star) = longer(last).or_else(|| longer(last_free)) else { return false };
                last = Some(star);
                if star.free {
                    last_free = last;
                }
                (p, t) = (star.after, star.taken);
            }
        }
    }
}

/// Whether the action `text` is covered by `pattern`: without regard to case ([Action]), and a colon is a character like
/// any other.
///
/// [Action]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
pub(super) fn covers_action(pattern: &str, text: &str) -> bool {
    // No character of an action's name is a control character.
    let without_colons = |name: &str| name.to_ascii_lowercase().replace(':', "\u{1}");
    covers(&without_colons(pattern), &without_colons(text))
}

/// A `*` of the pattern, and how far into the text what it stands for reaches.
#[derive(Clone, Copy)]
struct Star {
    after: usize,
    taken: usize,
    free: bool,
}

impl Star {
    /// The same `*` standing for one character more, if it may.
    fn one_more(self, text: &[char]) -> Option<Self> {
        let next = *text.get(self.taken)?;
        (self.free || next != ':').then_some(Self { taken: self.taken + 1, ..self })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_wildcard_passes_slashes_and_stays_between_colons() {
        let repository = "arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp";
        for pattern in [
            "*",
            "arn:*",
            "arn:aws:ecr:*",
            "arn:aws:ecr:*:repository/apps/mainapp",
            "arn:aws:ecr:*:*:repository/*",
            "arn:aws:ecr:eu-*-1:*:repository/*app",
            "arn:aws:ecr:eu-west-?:1111????3333:repository/apps/*",
            "arn:aws:ecr:eu-west-1:111122223333:*",
            repository,
        ] {
            assert!(covers(pattern, repository), "{pattern}");
        }
        for pattern in [
            "",
            "arn:aws:ecr:eu-*/apps/mainapp",
            "arn:aws:ecr?eu-west-1:111122223333:repository/apps/mainapp",
            "arn:aws:ecr:*:*:repository/apps",
            "arn:aws:ecr:*:*:repository/Apps/*",
            "arn:aws:ecr:*:*:repository/?/mainapp",
            "arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp/*",
        ] {
            assert!(!covers(pattern, repository), "{pattern}");
        }
    }

    #[test]
    fn an_action_is_matched_in_any_case() {
        assert!(
            covers_action("ecr:*", "ecr:ListImages") && covers_action("ECR:listimages", "ecr:ListImages")
        );
        assert!(covers_action("e*Images", "ecr:ListImages") && covers_action("*", "ecr:ListImages"));
        assert!(!covers_action("ecr:ListImage", "ecr:ListImages"));
    }

    #[test]
    fn a_hostile_pattern_is_done_in_no_time() {
        assert!(!covers(&"*a:*b".repeat(200), &"a:b".repeat(400)));
        assert!(covers(&"*a*".repeat(200), &"a".repeat(2000)));
    }

    /// Every way to read the pattern, followed at once: `reached[i]` says that the pattern so far can end at `text[i]`.
    fn reference(pattern: &str, text: &str) -> bool {
        let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
        let mut reached = vec![false; text.len() + 1];
        reached[0] = true;
        for (p, &wanted) in pattern.iter().enumerate() {
            let free = matches!(pattern.get(p + 1), None | Some(':'));
            let mut next = vec![false; text.len() + 1];
            next[0] = wanted == '*' && reached[0];
            for (t, &found) in text.iter().enumerate() {
                next[t + 1] = match wanted {
                    '*' => reached[t + 1] || (next[t] && (free || found != ':')),
                    '?' => reached[t] && found != ':',
                    literal => reached[t] && found == literal,
                };
            }
            reached = next;
        }
        reached[text.len()]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_matcher_agrees_with_the_reference(pattern in "[ab:*?]{0,12}", text in "[ab:é]{0,16}") {
            prop_assert_eq!(covers(&pattern, &text), reference(&pattern, &text));
        }
    }
}
