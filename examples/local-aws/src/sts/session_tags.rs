//! The tags a session is asked to have, and those it inherits.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>.

use super::parameters::{Constraints, Parameters};
use crate::iam::{Caller, SessionTag};
use crate::wire::Rejection;

const PATTERN: &str = "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+";
const MOST: usize = 50;

/// What a request says of tags.
pub(super) struct TagRequest<'a> {
    tags: Vec<(&'a str, &'a str)>,
    transitive_keys: Vec<&'a str>,
}

impl<'a> TagRequest<'a> {
    pub(super) fn read(parameters: &'a Parameters, constraints: &mut Constraints) -> Self {
        let members = parameters.members("Tags");
        constraints.count("tags", members.len(), MOST);
        let tags = members.iter().enumerate().map(|(i, member)| {
            let name = |part: &str| format!("tags.{}.member.{part}", i + 1);
            let value = |part: &str| parameters.get(&format!("{member}.{part}"));
            (
                constraints.text(&name("key"), value("Key"), (1, 128), PATTERN, is_of_tag),
                constraints.text(&name("value"), value("Value"), (0, 256), PATTERN, is_of_tag),
            )
        });
        let tags = tags.collect();
        let members = parameters.members("TransitiveTagKeys");
        constraints.count("transitiveTagKeys", members.len(), MOST);
        let keys = members.iter().map(|member| {
            constraints.text("transitiveTagKeys", parameters.get(member), (1, 128), PATTERN, is_of_tag)
        });
        Self { tags, transitive_keys: keys.collect() }
    }

    /// The tags asked for, each with whether it is to be transitive; none of them may be among those that `caller` hands
    /// on. Keys are the same if they differ in case only.
    pub(super) fn requested(&self, caller: &Caller) -> Result<Vec<SessionTag>, Rejection> {
        let invalid = |message: &'static str| Err(Rejection::bad_request("InvalidParameterValue", message));
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        for (i, (key, _)) in self.tags.iter().enumerate() {
            if key.to_lowercase().starts_with("aws:") {
                return invalid("Tag keys that begin with aws: are reserved");
            }
            if self.tags[..i].iter().any(|(other, _)| same(other, key)) {
                return invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
            }
            if inherited(caller).any(|tag| same(&tag.key, key)) {
                return invalid(
                    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag \
                     key from the calling session.",
                );
            }
        }
        if !self.transitive_keys.iter().all(|key| self.tags.iter().any(|(tag, _)| same(tag, key))) {
            return invalid("The specified transitive tag key must be included in the requested tags.");
        }
        let tags = self.tags.iter().map(|&(key, value)| SessionTag {
            key: key.to_owned(),
            value: value.to_owned(),
            transitive: self.transitive_keys.iter().any(|transitive| same(transitive, key)),
        });
        Ok(tags.collect())
    }
}

/// The tags that `caller` hands on to every session it begins.
pub(super) fn inherited(caller: &Caller) -> impl Iterator<Item = &SessionTag> {
    caller.session.tags.iter().filter(|tag| tag.transitive)
}

fn is_of_tag(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c)
}
