//! The guide "Set up identity on EKS and elsewhere", as its blocks of code.

use serde_json::Value;

const GUIDE: &str = concat!(
    include_str!("../../../../flux-aws-auth/src/guide/identity/start.md"),
    include_str!("../../../../flux-aws-auth/src/guide/identity/pod_identity.md"),
    include_str!("../../../../flux-aws-auth/src/guide/identity/oidc.md"),
    include_str!("../../../../flux-aws-auth/src/guide/identity/objects.md"),
    include_str!("../../../../flux-aws-auth/src/guide/identity/other_account.md"),
    include_str!("../../../../flux-aws-auth/src/guide/identity/keys_and_node.md"),
    include_str!("../../../../flux-aws-auth/src/guide/identity/check.md"),
);

/// What stands below a heading of the guide.
pub(crate) struct Section(&'static str);

impl Section {
    pub(crate) fn of(heading: &str) -> Self {
        let mut sections = headings().skip_while(|(_, of)| *of != heading).map(|(at, _)| at);
        let start = sections.next().expect(heading);
        Self(&GUIDE[start..sections.next().unwrap_or(GUIDE.len())])
    }

    /// The blocks in this language, in their order.
    pub(crate) fn blocks(&self, language: &str) -> Vec<&'static str> {
        blocks(self.0, language).map(|(_, block)| block).collect()
    }

    /// The commands that a reader types.
    pub(crate) fn commands(&self) -> String {
        self.blocks("console").join("\n")
    }
}

/// Where each chapter begins, and its heading. In a block of code, a line that begins so is Rust that the reader does not see.
fn headings() -> impl Iterator<Item = (usize, &'static str)> {
    let mut is_code = false;
    let mut at = 0;
    GUIDE.split_inclusive('\n').filter_map(move |line| {
        let begins = at;
        at += line.len();
        is_code ^= line.starts_with("```");
        let heading = line.strip_prefix("# ").filter(|_| !is_code)?;
        Some((begins, heading.trim_end()))
    })
}

/// The JSON that the guide's programs print, with the name of the file that its commands read it from.
pub(crate) fn documents() -> Vec<(&'static str, &'static str)> {
    let name = |before: &'static str| before.trim_end().strip_suffix("`:")?.rsplit('`').next();
    blocks(GUIDE, "json").map(|(before, block)| (name(before).expect("a file's name"), block)).collect()
}

pub(crate) fn document(name: &str) -> Value {
    let (_, text) = documents().into_iter().find(|(of, _)| *of == name).expect(name);
    serde_json::from_str(text).unwrap()
}

/// All blocks in this language, and what stands before each.
pub(crate) fn blocks(
    text: &'static str,
    language: &str,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let fence = format!("```{language}\n");
    text.match_indices(&fence).map(|(at, fence)| at..at + fence.len()).collect::<Vec<_>>().into_iter().map(
        move |fence| {
            let block = text[fence.end..].split("\n```").next().unwrap_or_default();
            (&text[..fence.start], block)
        },
    )
}

pub(crate) fn all(language: &str) -> Vec<&'static str> {
    blocks(GUIDE, language).map(|(_, block)| block).collect()
}
