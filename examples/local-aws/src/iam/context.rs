//! The circumstances of a request, which conditions ask about.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>.

use super::caller::SessionTag;

/// Condition keys with their values; a key that stands here more than once has several.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestContext(Vec<(String, String)>);

impl RequestContext {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// With one more value of `key`.
    #[must_use]
    pub(crate) fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push((key.into(), value.into()));
        self
    }

    /// With what is there of `value`.
    #[must_use]
    pub(crate) fn with_some(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// With several values of one key.
    #[must_use]
    pub(crate) fn with_all<'a>(self, key: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        values.into_iter().fold(self, |context, value| context.with(key, value))
    }

    /// With each tag's value under the prefix and its key.
    #[must_use]
    pub(crate) fn with_tags<'a>(self, prefix: &str, tags: impl IntoIterator<Item = &'a SessionTag>) -> Self {
        tags.into_iter().fold(self, |context, tag| context.with(format!("{prefix}/{}", tag.key), &tag.value))
    }

    /// The values of `key`; keys are compared without regard to case.
    pub(super) fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(found, _)| found.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }
}
