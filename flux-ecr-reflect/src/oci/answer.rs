//! What a registry's answers say: a page of tags, the digest of a manifest.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256, Sha512};

use super::failure::Subject;
use super::link::{self, Malformed, Place};
use super::start::Start;
use super::wire::Answer;
use crate::error::Error;
use crate::image::{Digest, Tag};
use crate::tags::{Cursor, TagEntry, TagPage};

/// The path under which the tags of a repository are listed.
pub(super) fn list_path(subject: Subject<'_>) -> String {
    format!("/v2/{}/tags/list", subject.image.repository())
}

/// Reads the page that begins at `start`, which is whole or an error.
pub(super) fn page(subject: Subject<'_>, start: &Start, answer: &Answer) -> Result<TagPage, Error> {
    let list: TagList = serde_json::from_slice(&answer.body).map_err(|error| {
        subject.senseless(answer, "something other than a list of tags").with_source(error)
    })?;
    if let Some(name) = list.name.as_deref().filter(|name| !is_same(name, subject.image.repository())) {
        return Err(subject.senseless(answer, format!("the tags of {:?}", shown(name))));
    }
    // Without the key it is no empty list but none at all, and the listing would seem complete.
    let tags = list.tags.ok_or_else(|| subject.senseless(answer, "an object without \"tags\""))?;
    let malformed = |error| subject.senseless(answer, "a malformed tag").with_source(error);
    let entries = tags.0.map_err(malformed)?;
    let next = link::next(answer.headers.get_all_bytes("link"))
        .map_err(|Malformed| subject.senseless(answer, "a Link that cannot be read"))?;
    let next = next.map(|target| next_cursor(subject, answer, target)).transpose()?;
    Ok(start.page(subject, entries, next))
}

fn next_cursor(subject: Subject<'_>, answer: &Answer, target: &str) -> Result<Cursor, Error> {
    let path = list_path(subject);
    let senseless = |what: String| {
        subject.senseless(answer, what).with_hint(
            "The next page must have the scheme, host, port and path of the first. A proxy before the registry must tell it how it is \
             called from outside, as with X-Forwarded-Proto and X-Forwarded-Host.",
        )
    };
    match link::resolve(subject.origin, &path, target) {
        Place::Here(place) if path_of(&place) == path => Ok(Cursor::new(place)),
        Place::Here(place) => Err(senseless(format!("a Link to another path, {:?}", shown(path_of(&place))))),
        Place::Elsewhere(origin) => Err(senseless(format!("a Link to {origin}, which is not followed"))),
        Place::Nowhere => Err(senseless("a Link without a usable address".to_owned())),
    }
}

pub(super) fn path_of(place: &str) -> &str {
    place.split('?').next().unwrap_or_default()
}

/// The digest in the header of an answer, which must be the one that was asked for; `None` where there is no such header.
pub(super) fn digest_in_header(subject: Subject<'_>, answer: &Answer) -> Result<Option<Digest>, Error> {
    let header = answer.header("docker-content-digest").map(str::trim).filter(|digest| !digest.is_empty());
    let Some(header) = header else { return Ok(None) };
    let digest: Digest =
        header.parse().map_err(|error| subject.senseless(answer, "a malformed digest").with_source(error))?;
    if asked_digest(subject).is_some_and(|asked| asked != digest) {
        return Err(subject.senseless(answer, format!("another digest, {digest}")));
    }
    Ok(Some(digest))
}

fn asked_digest(subject: Subject<'_>) -> Option<Digest> {
    subject.reference?.parse().ok()
}

/// The digest of the manifest itself, which must be what the header or the request says of it.
pub(super) fn digest_of_body(subject: Subject<'_>, answer: &Answer) -> Result<Digest, Error> {
    let expected = digest_in_header(subject, answer)?.or_else(|| asked_digest(subject));
    let is_sha512 = expected.as_ref().is_some_and(|digest| digest.as_str().starts_with("sha512:"));
    let text = if is_sha512 {
        written("sha512:", &Sha512::digest(&answer.body))
    } else {
        written("sha256:", &Sha256::digest(&answer.body))
    };
    let digest: Digest = text.parse()?;
    if expected.is_some_and(|expected| expected != digest) {
        return Err(subject.senseless(answer, format!("a manifest whose digest is {digest}")));
    }
    Ok(digest)
}

/// The answer to a request for tags. `tags` is `null` where Go has an empty list.
#[derive(Deserialize)]
struct TagList {
    name: Option<String>,
    #[serde(default, deserialize_with = "list_or_null")]
    tags: Option<Entries>,
}

fn list_or_null<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Entries>, D::Error> {
    let list: Option<Entries> = Deserialize::deserialize(value)?;
    Ok(Some(list.unwrap_or_else(|| Entries(Ok(Vec::new())))))
}

/// Made while the list is read, so that a tag is one string from the beginning; or why one of them is not a tag.
struct Entries(Result<Vec<TagEntry>, Error>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(list: D) -> Result<Self, D::Error> {
        list.deserialize_seq(ReadEntries)
    }
}

struct ReadEntries;

impl<'de> Visitor<'de> for ReadEntries {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tags")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
        let mut entries = Ok(Vec::with_capacity(PER_PAGE));
        while let Some(Text(text)) = list.next_element()? {
            let Ok(found) = &mut entries else { continue };
            match Tag::of(&text) {
                Some(tag) => found.push(TagEntry::new(tag)),
                None => entries = Tag::try_from(text.into_owned()).map(|tag| vec![TagEntry::new(tag)]),
            }
        }
        Ok(Entries(entries))
    }
}

/// What is asked for at once unless another number is set.
const PER_PAGE: usize = 1000;

/// A string that is borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Whether a registry that calls the repository `name` means the one that was asked for. What stands before the registry may put a
/// prefix before the name or take one away.
fn is_same(name: &str, repository: &str) -> bool {
    let is_end =
        |end: &str, of: &str| of.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    is_end(name, repository) || is_end(repository, name)
}

/// The start of a text from outside.
fn shown(text: &str) -> String {
    text.chars().take(200).collect()
}

fn written(algorithm: &str, digest: &[u8]) -> String {
    digest.iter().fold(algorithm.to_owned(), |mut text, byte| {
        // To a string, writing does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
