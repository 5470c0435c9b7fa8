//! A request to STS, read as far as the fake needs it.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use percent_encoding::percent_decode_str;

/// Parameters of a form, and who signed it.
pub(super) struct Request {
    parameters: BTreeMap<String, String>,
    pub(super) access_key_id: Option<String>,
}

impl Request {
    pub(super) fn read(request: &HttpRequest) -> Self {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let decode =
            |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let parameters = body.split('&').filter_map(|pair| pair.split_once('='));
        let parameters = parameters.map(|(name, value)| (decode(name), decode(value))).collect();
        let signed_by = request.headers().get("authorization").and_then(|header| {
            let credential = header.split_once("Credential=")?.1;
            credential.split('/').next().map(str::to_owned)
        });
        Self { parameters, access_key_id: signed_by }
    }

    pub(super) fn operation(&self) -> &str {
        self.parameter("Action")
    }

    /// Empty where there is none.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }
}
