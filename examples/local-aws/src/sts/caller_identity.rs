//! `GetCallerIdentity`: who signed the request. It needs no permission.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>.

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;

use crate::cloud::Cloud;
use crate::sigv4::{self, AuthFault};
use crate::wire::{Rejection, action_response};

pub(super) fn describe(cloud: &Cloud, request: &Parts, body: &Bytes) -> Result<Response, Rejection> {
    let caller = sigv4::verify(cloud, &cloud.region, "sts", request, body).map_err(AuthFault::for_query)?;
    let answer = Answer { arn: &caller.arn, user_id: &caller.user_id, account: &caller.account };
    Ok(action_response("GetCallerIdentity", &answer))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    arn: &'a str,
    user_id: &'a str,
    account: &'a str,
}
