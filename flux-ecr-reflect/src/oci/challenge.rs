//! What a registry asks for: the `WWW-Authenticate` header.

use super::fields::Scanner;

/// One challenge ([RFC 9110, 11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case.
    scheme: String,
    /// Names in lower case.
    params: Vec<(String, String)>,
}

impl Challenge {
    /// All that `fields` hold. What follows an error in a field is not read.
    pub(super) fn all<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Vec<Self> {
        let mut challenges = Vec::new();
        for field in fields {
            if let Ok(field) = std::str::from_utf8(field) {
                read(Scanner::new(field), &mut challenges);
            }
        }
        challenges
    }

    pub(super) fn is(&self, scheme: &str) -> bool {
        self.scheme == scheme
    }

    /// The first parameter of this name, in lower case, unless it is empty.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let value = self.params.iter().find_map(|(of, value)| (of == name).then_some(value.as_str()));
        value.filter(|value| !value.is_empty())
    }
}

fn read(mut rest: Scanner<'_>, challenges: &mut Vec<Challenge>) {
    let first = challenges.len();
    loop {
        rest.skip_separators();
        let word = rest.token();
        if word.is_empty() {
            return;
        }
        let before_space = rest;
        rest.skip_space();
        if rest.eat('=') {
            rest.skip_space();
            let Some(value) = rest.value() else { return };
            // A parameter belongs to the challenge before it in the same field; there is none before the first.
            if let Some(challenge) = challenges.get_mut(first..).and_then(<[_]>::last_mut) {
                challenge.params.push((word.to_ascii_lowercase(), value));
            }
            continue;
        }
        rest = before_space;
        challenges.push(Challenge { scheme: word.to_ascii_lowercase(), params: Vec::new() });
        skip_token68(&mut rest);
    }
}

/// `Negotiate YII=` has one word in place of parameters.
fn skip_token68(rest: &mut Scanner<'_>) {
    let mut ahead = *rest;
    ahead.skip_space();
    let word = ahead.take_while(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
    let padding = ahead.take_while(|c| c == '=');
    ahead.skip_space();
    let is_all = ahead.is_at_end() || ahead.is_at(',');
    if !word.is_empty() && is_all && (!padding.is_empty() || ahead.is_at_end()) {
        *rest = ahead;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(fields: &[&str]) -> Vec<String> {
        let challenges = Challenge::all(fields.iter().map(|field| field.as_bytes()));
        let shown = challenges.into_iter().map(|Challenge { scheme, params }| {
            let params: Vec<_> = params.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{scheme} {}", params.join("|")).trim_end().to_owned()
        });
        shown.collect()
    }

    #[test]
    fn challenges_are_read() {
        for (fields, expected) in [
            (&[][..], &[][..]),
            (&["", ","], &[]),
            (&["Basic"], &["basic"]),
            (&[r#"Basic realm="a registry""#], &["basic realm=a registry"]),
            (
                &[
                    r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push c""#,
                ],
                &[
                    "bearer realm=https://auth.docker.io/token|service=registry.docker.io|scope=repository:a/b:pull,push c",
                ],
            ),
            (&["bearer REALM=https://a/b , Service = c"], &["bearer realm=https://a/b|service=c"]),
            (
                &[r#"Basic realm="a\"b\\c", Bearer realm="d, e=f""#],
                &[r#"basic realm=a"b\c"#, "bearer realm=d, e=f"],
            ),
            (&["Basic realm=a", "Bearer realm=b"], &["basic realm=a", "bearer realm=b"]),
            (&["Negotiate, Basic realm=a"], &["negotiate", "basic realm=a"]),
            (&["Negotiate YII=, Basic realm=a"], &["negotiate", "basic realm=a"]),
            (&["Negotiate YII/a+b=="], &["negotiate"]),
            (
                &["Newauth realm=x, title=\"y, Basic realm=z\", Basic realm=a"],
                &["newauth realm=x|title=y, Basic realm=z", "basic realm=a"],
            ),
            (&["realm=a, Basic realm=b"], &["basic realm=b"]),
            (&["Basic realm=a", "realm=b"], &["basic realm=a"]),
            (&[r#"Bearer realm="a"#], &["bearer"]),
            (&[r#"Bearer realm="a\"#], &["bearer"]),
            (&["Basic realm=a, @, Bearer realm=b"], &["basic realm=a"]),
        ] {
            assert_eq!(read(fields), expected, "{fields:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(field in any::<Vec<u8>>(), text in "[ ,=\"\\\\a-cA-C;]{0,60}") {
            let _ = Challenge::all([field.as_slice(), text.as_bytes()]);
        }

        #[test]
        fn what_is_written_by_the_rules_is_read_back(
            params in prop::collection::vec(("[a-z]{1,5}", "[ -~]{0,12}"), 1..4),
        ) {
            let quoted = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
            let text: Vec<_> = params.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
            let field = format!("Scheme {}", text.join(", "));
            let challenges = Challenge::all([field.as_bytes()]);
            prop_assert_eq!(challenges, [Challenge { scheme: "scheme".to_owned(), params }]);
        }
    }
}
