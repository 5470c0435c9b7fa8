//! A further role, assumed with credentials that are already there.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::arn::RoleArn;
use crate::error::Error;
use crate::reason::Reason;
use crate::session_name::SessionName;
use crate::text::quoted;

/// A role to assume with credentials that are already there: STS's [AssumeRole], most often for a role of another account.
///
/// [`Chain::assume_role`](crate::Chain::assume_role) makes the hop after any source, and
/// [`IdentityCredentials::assume_role`](crate::IdentityCredentials::assume_role) after any identity; several follow one
/// another. Everything is checked against AWS's limits where it is set, so that a request which AWS must refuse is never
/// sent. `Debug` shows what is set, and of the external id, the policy and the tags no value.
///
/// ```
/// use std::time::Duration;
///
/// use flux_aws_auth::RoleHop;
///
/// let hop = RoleHop::new("arn:aws:iam::444455556666:role/registry-reader".parse()?)
///     .with_external_id("flux-production")?
///     .with_tag("team", "payments")?
///     .with_duration(Duration::from_mins(30))?;
/// # let _ = hop;
/// # Ok::<(), flux_aws_auth::Error>(())
/// ```
///
/// [AssumeRole]: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RoleHop {
    role: RoleArn,
    external_id: Option<String>,
    session_name: Option<SessionName>,
    /// In the order of their keys, so that hops are the same whatever the order in which they were given theirs.
    tags: Vec<Tag>,
    duration: Option<Duration>,
    policy: Option<String>,
}

/// A session tag, and whether the next hop inherits it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Tag {
    key: String,
    value: String,
    transitive: bool,
}

impl RoleHop {
    /// The longest session that AWS gives where a role assumes a role ([role chaining]).
    ///
    /// [role chaining]: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
    pub const MAX_CHAINED_DURATION: Duration = Duration::from_hours(1);

    /// A session of `role`, for the hour that STS gives unasked, with the name `<role>.<region>.fluxcd.io`.
    pub fn new(role: RoleArn) -> Self {
        Self { role, external_id: None, session_name: None, tags: Vec::new(), duration: None, policy: None }
    }

    /// Gives the external id that the role's trust policy asks for as `sts:ExternalId` ([external id]).
    ///
    /// [external id]: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) unless it is 2 to 1,224 letters, digits or
    /// `_+=,.@:/-`.
    pub fn with_external_id(mut self, id: impl Into<String>) -> Result<Self, Error> {
        let id = id.into();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
        if !(2..=1224).contains(&id.len()) || !id.bytes().all(allowed) {
            return Err(refused(
                "the external id is not one that STS accepts",
                "Use 2 to 1224 of letters, digits and `_+=,.@:/-`.",
            ));
        }
        self.external_id = Some(id);
        Ok(self)
    }

    /// Names the session, as it then stands in CloudTrail.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) unless it is 2 to 64 letters, digits or `_+=,.@-`.
    pub fn with_session_name(mut self, name: &str) -> Result<Self, Error> {
        self.session_name = Some(SessionName::new("the session name", name)?);
        Ok(self)
    }

    /// Adds a session tag ([session tags]). To set one, both the caller's policies and the role's trust policy must allow
    /// `sts:TagSession`.
    ///
    /// [session tags]: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for the 51st, for one that is there already (upper and
    /// lower case do not tell keys apart), for a key of more than 128 characters or none, or that begins with `aws:`, for a
    /// value of more than 256, and for characters other than letters, digits, blanks and `_.:/=+-@`.
    pub fn with_tag(self, key: impl Into<String>, value: impl Into<String>) -> Result<Self, Error> {
        self.insert_tag(Tag { key: key.into(), value: value.into(), transitive: false })
    }

    /// As [`with_tag`](Self::with_tag), and the sessions of later hops inherit it ([transitive tags]). They must not set it again.
    ///
    /// [transitive tags]: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining
    ///
    /// # Errors
    ///
    /// As [`with_tag`](Self::with_tag).
    pub fn with_transitive_tag(
        self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, Error> {
        self.insert_tag(Tag { key: key.into(), value: value.into(), transitive: true })
    }

    /// How long a session lasts, in whole seconds.
    ///
    /// Not longer than the role's own maximum, which AWS knows. Where a role assumes this one, AWS gives
    /// [an hour](Self::MAX_CHAINED_DURATION) at most: then a longer one is refused, before any request, rather than
    /// shortened in silence.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) unless it is between 15 minutes and 12 hours.
    pub fn with_duration(mut self, duration: Duration) -> Result<Self, Error> {
        if !(900..=43_200).contains(&duration.as_secs()) {
            return Err(refused(
                format!("STS gives no session of {} s", duration.as_secs()),
                "Ask for 900 to 43200 seconds.",
            ));
        }
        self.duration = Some(Duration::from_secs(duration.as_secs()));
        Ok(self)
    }

    /// Narrows the session down: it may do what both the role's policies and this document allow ([session policies]).
    ///
    /// [session policies]: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for what is not a JSON object, is longer than 2,048
    /// characters, or has characters beyond Latin-1.
    pub fn with_policy(mut self, json: impl Into<String>) -> Result<Self, Error> {
        let json = json.into();
        let length = json.chars().count();
        if length > 2048 {
            return Err(refused(
                format!("the session policy has {length} characters, and STS takes 2048"),
                "Write it without blanks, or put the permissions into the role's own policies.",
            ));
        }
        let writable = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        if !json.chars().all(writable) || !matches!(serde_json::from_str(&json), Ok(Value::Object(_))) {
            return Err(refused(
                "the session policy is not a JSON object that IAM can read",
                "Give one policy document in IAM's JSON.",
            ));
        }
        self.policy = Some(json);
        Ok(self)
    }

    /// The role.
    pub fn role(&self) -> &RoleArn {
        &self.role
    }

    fn insert_tag(mut self, tag: Tag) -> Result<Self, Error> {
        const MAX_TAGS: usize = 50;
        let key = &tag.key;
        let flaw = if key.is_empty() || key.chars().count() > 128 || !key.chars().all(is_of_tag) {
            Some("its key is not 1 to 128 letters, digits, blanks or _.:/=+-@".to_owned())
        } else if tag.value.chars().count() > 256 || !tag.value.chars().all(is_of_tag) {
            Some("its value is not at most 256 letters, digits, blanks or _.:/=+-@".to_owned())
        } else if key.to_lowercase().starts_with("aws:") {
            Some("keys that begin with aws: are AWS's own".to_owned())
        } else if self.tags.iter().any(|other| other.key.to_lowercase() == key.to_lowercase()) {
            Some("there is one of this key, whatever its case".to_owned())
        } else if self.tags.len() == MAX_TAGS {
            Some(format!("STS takes {MAX_TAGS}"))
        } else {
            None
        };
        if let Some(flaw) = flaw {
            return Err(refused(
                format!("session tag {}: {flaw}", quoted(key)),
                "Leave it out, or write it so that STS accepts it.",
            ));
        }
        let place = self.tags.partition_point(|other| other.key < tag.key);
        self.tags.insert(place, tag);
        Ok(self)
    }

    pub(crate) fn given_external_id(&self) -> Option<&str> {
        self.external_id.as_deref()
    }

    pub(crate) fn session_name_in(&self, region: &str) -> SessionName {
        self.session_name.clone().unwrap_or_else(|| SessionName::for_hop(self.role.name(), region))
    }

    /// Key, value, and whether the next hop inherits it.
    pub(crate) fn tags(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        self.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str(), tag.transitive))
    }

    pub(crate) fn asked_duration(&self) -> Option<Duration> {
        self.duration
    }

    pub(crate) fn session_policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }
}

impl fmt::Debug for RoleHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleHop")
            .field("role", &self.role)
            .field("has_external_id", &self.external_id.is_some())
            .field("session_name", &self.session_name)
            .field("tags", &self.tags.iter().map(|tag| &tag.key).collect::<Vec<_>>())
            .field("duration", &self.duration)
            .field("has_policy", &self.policy.is_some())
            .finish()
    }
}

/// STS's own pattern has Unicode's letters, numbers and blanks.
fn is_of_tag(c: char) -> bool {
    let blank = c.is_whitespace() && !c.is_control();
    c.is_alphabetic() || c.is_numeric() || blank || "_.:/=+-@".contains(c)
}

fn refused(message: impl Into<String>, hint: &str) -> Error {
    Error::because(Reason::InvalidConfiguration, message).with_hint(hint)
}
