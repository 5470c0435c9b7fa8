//! That an answer was read to its end.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Refuses a good answer whose document is not closed.
///
/// The SDK reads XML as far as it goes: of an answer that a proxy cut, or that ended with its connection, it takes the first half
/// of an access key's id for the whole.
#[derive(Debug)]
pub(super) struct WholeAnswer;

#[dyn_dispatch_hint]
impl Intercept for WholeAnswer {
    fn name(&self) -> &'static str {
        "WholeAnswer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        if context.output_or_error().is_ok() && !is_closed(body) {
            return Err("the answer is cut short".into());
        }
        Ok(())
    }
}

/// Whether the document ends with the end of the element that it begins with.
fn is_closed(document: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(document) else { return false };
    // A declaration and comments may stand before it.
    let root = text.split('<').skip(1).find(|tag| !tag.starts_with(['?', '!']));
    let name = root.and_then(|tag| tag.split(|c: char| c == '>' || c.is_ascii_whitespace()).next());
    let rest = text.trim_end().strip_suffix('>').map(str::trim_end);
    let end = rest.zip(name).and_then(|(rest, name)| rest.strip_suffix(name));
    end.is_some_and(|before| before.ends_with("</"))
}

#[cfg(test)]
mod tests {
    use super::is_closed;

    #[test]
    fn a_document_is_closed_by_the_end_of_its_first_element() {
        for (document, expected) in [
            ("<A/>", false),
            ("<A></A>", true),
            ("<A xmlns=\"b\"><B></B></A>\n", true),
            ("<A\nxmlns=\"b\"></A >", true),
            ("<?xml version=\"1.0\"?>\n<!-- a note --><A></A>", true),
            ("", false),
            ("<", false),
            ("<A>", false),
            ("<A><B></B>", false),
            ("<A><B></A", false),
            ("<A></BA>", false),
            ("{}", false),
        ] {
            assert_eq!(is_closed(document.as_bytes()), expected, "{document}");
        }
        assert!(!is_closed(b"<A>\xff</A>"));
    }
}
