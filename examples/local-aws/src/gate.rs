//! What every request passes on its way to a service: it is named and counted, and may meet a fault.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::clock;
use crate::cloud::Cloud;
use crate::connection::Connection;
use crate::fault;
use crate::service::Service;

/// The operation a request asks for; `None` for what is no request of the service.
pub(crate) type Operation = fn(&Parts, &Bytes) -> Option<Cow<'static, str>>;

/// No service here takes more: a layer that is pushed in one piece is the largest.
const MAX_BODY: usize = 64 * 1024 * 1024;

#[derive(Clone)]
struct Gate {
    service: Service,
    operation: Operation,
    cloud: Arc<Cloud>,
}

/// Puts the gate of `service` before `router`.
pub(crate) fn before(router: Router, service: Service, operation: Operation, cloud: Arc<Cloud>) -> Router {
    router.layer(middleware::from_fn_with_state(Gate { service, operation, cloud }, pass))
}

async fn pass(State(gate): State<Gate>, request: Request<Body>, next: Next) -> Response {
    let Gate { service, operation, cloud } = gate;
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let operation = operation(&parts, &body);
    if let Some(operation) = &operation {
        cloud.meter.count(service.name(), operation);
    }
    let met = cloud.faults.meet(service, operation.as_deref(), &parts, &body);
    let connection = parts.extensions.get::<ConnectInfo<Connection>>().map(|info| info.0.clone());
    let running = cloud.running.clone();
    let request = Request::from_parts(parts, Body::from(body));
    clock::off_by(met.clock, async {
        let mut response = fault::answer(&met, service, connection.as_ref(), running, request, next).await;
        let date = httpdate::fmt_http_date(cloud.now());
        if let Ok(date) = HeaderValue::from_str(&date) {
            response.headers_mut().insert(header::DATE, date);
        }
        response
    })
    .await
}
