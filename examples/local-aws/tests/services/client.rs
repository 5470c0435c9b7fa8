//! A client of registries that stays where it is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_aws::LocalAws;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, Method, redirect};
use serde_json::{Value, json};

use crate::signed::Signer;

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// A header's value; empty without it.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The tags of a page, in order of the alphabet.
    #[track_caller]
    pub(crate) fn tags(&self) -> Vec<String> {
        let body = self.json();
        let tags = body["tags"].as_array().unwrap_or_else(|| panic!("no tags in {self:?}"));
        let mut tags: Vec<_> = tags.iter().map(|tag| tag.as_str().expect("text").to_owned()).collect();
        tags.sort();
        tags
    }

    #[track_caller]
    pub(crate) fn is_fault(&self, status: u16, code: &str) {
        assert_eq!((self.status, &self.json()["errors"][0]["code"]), (status, &json!(code)), "{self:?}");
    }
}

/// What a client is known by, as an `Authorization` header; empty for nobody.
#[derive(Clone, Debug)]
pub(crate) struct Login(pub(crate) String);

impl Login {
    pub(crate) fn none() -> Self {
        Self(String::new())
    }

    pub(crate) fn basic(user: &str, password: &str) -> Self {
        Self(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    pub(crate) fn bearer(token: &str) -> Self {
        Self(format!("Bearer {token}"))
    }

    /// The login at the ECR registry of whose keys these are.
    pub(crate) async fn ecr(aws: &LocalAws, signer: &Signer) -> Self {
        let answer = signer.ecr(aws.ecr_url(), "GetAuthorizationToken", &json!({})).await.json();
        let token = answer["authorizationData"][0]["authorizationToken"].as_str().expect("a token");
        Self(format!("Basic {token}"))
    }

    pub(crate) async fn get(&self, url: &str) -> Reply {
        self.send(Method::GET, url, &[], "").await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Reply {
        let client = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        let mut request = client.request(method, url).body(body.into());
        if !self.0.is_empty() {
            request = request.header(AUTHORIZATION, &self.0);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply { status, headers, body: response.bytes().await.expect("a body").to_vec() }
    }
}
