//! Answers to `ListImages`, read in one pass.
//!
//! Nearly all of what a long listing costs is reading its pages. The SDK's reader makes two strings of its own of every image,
//! whose alphabets would then be checked. This one knows what such an answer looks like; what looks different in any way, and
//! every error, is left to the SDK's.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecr::config::interceptors::BeforeSerializationInterceptorContextMut;
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_sdk_ecr::operation::list_images::{ListImages, ListImagesOutput};
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::config_bag::Layer;

use crate::image::{Digest, Tag};
use crate::tags::TagEntry;

/// Reads the answer of one call. The SDK is told of an empty list with the right token.
#[derive(Debug, Clone, Default)]
pub(super) struct ListReader(Arc<Mutex<Option<Vec<TagEntry>>>>);

impl ListReader {
    /// What was read; `None` if the SDK's reader did it.
    pub(super) fn take(&self) -> Option<Vec<TagEntry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for ListReader {
    fn name(&self) -> &'static str {
        "ListReader"
    }

    fn modify_before_serialization(
        &self,
        _: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(SharedResponseDeserializer::new(self.clone()));
        Ok(())
    }
}

impl DeserializeResponse for ListReader {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        config: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let body = response.body().bytes().filter(|_| response.status().as_u16() == 200);
        let Some(list) = body.and_then(List::read) else { return read_by_sdk(response, config) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(list.entries);
        let output = ListImagesOutput::builder().set_image_ids(Some(Vec::new()));
        Ok(Output::erase(output.set_next_token(list.next_token).build()))
    }
}

fn read_by_sdk(response: &HttpResponse, config: &ConfigBag) -> Result<Output, OrchestratorError<Error>> {
    let operation = ListImages::new().config();
    let reader = operation.as_deref().and_then(Layer::load::<SharedResponseDeserializer>);
    match reader {
        Some(reader) => reader.deserialize_nonstreaming_with_config(response, config),
        None => Err(OrchestratorError::other("the AWS SDK has no reader for ListImages")),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct List {
    entries: Vec<TagEntry>,
    next_token: Option<String>,
}

impl List {
    /// `{"imageIds":[{"imageDigest":"…","imageTag":"…"},…],"nextToken":"…"}`, the members in any order and each once, tag and
    /// digest both there, and blanks anywhere; nothing escaped, and nothing else.
    fn read(body: &[u8]) -> Option<Self> {
        let mut text = Text { rest: body };
        let (mut ids, mut next_token) = (None, None);
        text.take(b'{')?;
        loop {
            match text.name()? {
                b"imageIds" if ids.is_none() => ids = Some(text.ids()?),
                b"nextToken" if next_token.is_none() => next_token = Some(text.string()?),
                _ => return None,
            }
            if !text.another(b'}')? {
                break;
            }
        }
        text.skip_blanks();
        let next_token = match next_token {
            Some(token) => Some(std::str::from_utf8(token).ok()?.to_owned()),
            None => None,
        };
        text.rest.is_empty().then_some(Self { entries: ids?, next_token })
    }
}

/// What is yet to be read.
struct Text<'a> {
    rest: &'a [u8],
}

impl<'a> Text<'a> {
    fn ids(&mut self) -> Option<Vec<TagEntry>> {
        self.take(b'[')?;
        let mut entries = Vec::with_capacity(self.rest.len() / BYTES_OF_AN_ID);
        self.skip_blanks();
        if self.rest.first() == Some(&b']') {
            self.take(b']')?;
            return Some(entries);
        }
        loop {
            entries.push(self.id()?);
            if !self.another(b']')? {
                return Some(entries);
            }
        }
    }

    fn id(&mut self) -> Option<TagEntry> {
        let (mut tag, mut digest) = (None, None);
        self.take(b'{')?;
        loop {
            match self.name()? {
                b"imageTag" if tag.is_none() => tag = Some(self.string()?),
                b"imageDigest" if digest.is_none() => digest = Some(self.string()?),
                _ => return None,
            }
            if !self.another(b'}')? {
                break;
            }
        }
        Some(TagEntry::new(Tag::read(tag?)?).with_digest(Digest::read(digest?)?))
    }

    /// The name of a member, and the colon behind it.
    fn name(&mut self) -> Option<&'a [u8]> {
        let name = self.string()?;
        self.take(b':')?;
        Some(name)
    }

    /// A string in which nothing is escaped.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let end = self.rest.iter().position(|&byte| ENDS_A_STRING[byte as usize])?;
        let (string, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix(b"\"")?;
        Some(string)
    }

    /// Whether a comma stands here, and not the end.
    fn another(&mut self, end: u8) -> Option<bool> {
        self.skip_blanks();
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        match byte {
            b',' => Some(true),
            byte if byte == end => Some(false),
            _ => None,
        }
    }

    fn take(&mut self, expected: u8) -> Option<()> {
        self.skip_blanks();
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        (byte == expected).then_some(())
    }

    fn skip_blanks(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }
}

/// The quotation mark, and what has no place in a string as it is.
const ENDS_A_STRING: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte < b' ' || byte == b'"' || byte == b'\\';
        byte += 1;
    }
    table
};

/// The shortest that an image takes: names, punctuation, a digest, and a tag of one byte.
const BYTES_OF_AN_ID: usize = 105;

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:00000000000000000000000000000000000000000000000000000000000000aa";

    #[track_caller]
    fn read(body: &str) -> Option<(Vec<String>, Option<String>)> {
        let body = body.replace('#', DIGEST);
        let list = List::read(body.as_bytes())?;
        assert!(
            list.entries.iter().all(|entry| entry.digest().is_some_and(|digest| digest.as_str() == DIGEST))
        );
        Some((list.entries.iter().map(|entry| entry.tag().to_string()).collect(), list.next_token))
    }

    #[test]
    fn what_looks_like_ecr_s_answer_is_read() {
        let found = |tags: &[&str], token: Option<&str>| {
            Some((tags.iter().map(|&tag| tag.to_owned()).collect(), token.map(str::to_owned)))
        };
        let one = r##"{"imageIds":[{"imageDigest":"#","imageTag":"1.0"}]}"##;
        assert_eq!(read(one), found(&["1.0"], None));
        let two = r##"{"imageIds":[{"imageTag":"a","imageDigest":"#"},{"imageDigest":"#","imageTag":"B_1.x-y"}],"nextToken":"é/+="}"##;
        assert_eq!(read(two), found(&["a", "B_1.x-y"], Some("é/+=")));
        let blanks = "\n{ \"nextToken\" : \"t\" ,\t\"imageIds\" : [ { \"imageTag\" : \"a\" , \"imageDigest\" : \"#\" } ] }\r\n";
        assert_eq!(read(blanks), found(&["a"], Some("t")));
        assert_eq!(read(r#"{"imageIds":[]}"#), found(&[], None));
        assert_eq!(read(r#"{"imageIds":[ ],"nextToken":""}"#), found(&[], Some("")));
    }

    #[test]
    fn what_looks_different_is_left_to_the_sdk() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"nextToken":"t"}"#,
            r#"{"imageIds":null}"#,
            r#"{"imageIds":[],"imageIds":[]}"#,
            r#"{"imageIds":[]"#,
            r#"{"imageIds":[]}}"#,
            r#"{"imageIds":[],}"#,
            r#"{"imageIds":[],"more":1}"#,
            r#"{"imageIds":[,]}"#,
            r#"{"imageIds":[],"nextToken":null}"#,
            r#"{"imageIds":[],"nextToken":"a\u0062"}"#,
            "{\"imageIds\":[],\"nextToken\":\"a\nb\"}",
            r##"{"imageIds":[{"imageTag":"a","imageDigest":"#"},]}"##,
            r##"{"imageIds":[{"imageTag":"a","imageDigest":"#"}{}]}"##,
            r##"{"imageIds":[{"imageTag":"a","imageTag":"b","imageDigest":"#"}]}"##,
            r##"{"imageIds":[{"imageTag":"a","imageDigest":"#",}]}"##,
            r##"{"imageIds":[{"imageTag":"a","imageDigest":"#","more":1}]}"##,
            r##"{"imageIds":[{"imageTag":"a b","imageDigest":"#"}]}"##,
            r##"{"imageIds":[{"imageTag":"","imageDigest":"#"}]}"##,
            r##"{"imageIds":[{"imageTag":"-a","imageDigest":"#"}]}"##,
            r##"{"imageIds":[{"imageTag":"a\/b","imageDigest":"#"}]}"##,
            r##"{"imageIds":[{"imageTag":null,"imageDigest":"#"}]}"##,
            r##"{"imageIds":[{"imageDigest":"#"}]}"##,
            r#"{"imageIds":[{"imageTag":"a"}]}"#,
            r##"{"imageIds":[{"imageTag":"a","imageDigest":"#0"}]}"##,
            r#"{"imageIds":[{"imageTag":"a","imageDigest":"sha256:0"}]}"#,
        ] {
            assert_eq!(read(body), None, "{body}");
        }
        let mut body = br#"{"imageIds":[],"nextToken":"a"}"#.to_vec();
        body[27] = 0xff;
        assert_eq!(List::read(&body), None);
    }

    #[test]
    fn nothing_that_is_cut_is_read() {
        let body =
            r##"{"imageIds":[{"imageTag":"a","imageDigest":"#"}],"nextToken":"t"}"##.replace('#', DIGEST);
        for end in 0..body.len() {
            assert_eq!(List::read(&body.as_bytes()[..end]), None, "{end}");
        }
    }
}
