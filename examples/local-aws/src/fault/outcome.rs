//! What becomes of a request that meets a fault.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;

use super::{Effect, Met};
use crate::connection::Connection;
use crate::service::Service;

/// Begins like no document, and is not UTF-8.
const GARBAGE: &[u8] = b"\x00\xff\xfe\x80 not what was asked for \xc3\x28";
const CHUNK: &[u8] = &[b' '; 64 * 1024];
/// More than any right answer has.
const MAX_BODY: usize = 256 * 1024 * 1024;

/// The service's answer, or what the fault makes of it.
pub(crate) async fn answer(
    met: &Met,
    service: Service,
    connection: Option<&Connection>,
    mut running: watch::Receiver<()>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let Some(injected) = &met.fault else { return next.run(request).await };
    let fault = &injected.fault;
    let mut response = match &fault.effect {
        Effect::Status(status) => service.error_of_status(*status),
        Effect::Error { status, code, message } => service.error(*status, code, message),
        Effect::Throttle => service.throttled(),
        Effect::Redirect(location) => redirect(location),
        Effect::Garbage => with_content_type(service, Body::from(GARBAGE)),
        Effect::Huge(bytes) => with_content_type(service, huge(*bytes)),
        Effect::Reset => {
            if let Some(connection) = connection {
                connection.reset();
            }
            // Its first byte finds the connection reset.
            StatusCode::OK.into_response()
        }
        Effect::Delay(time) => {
            tokio::select! {
                () = sleep(*time) => {}
                _ = running.changed() => {}
            }
            next.run(request).await
        }
        Effect::Hold => {
            tokio::select! {
                () = injected.until_removed() => {}
                _ = running.changed() => {}
            }
            next.run(request).await
        }
        Effect::CutBody => cut(next.run(request).await).await,
        Effect::ContentType(value) => {
            let mut response = next.run(request).await;
            insert(&mut response, header::CONTENT_TYPE, value);
            response
        }
        Effect::Clock(_) => next.run(request).await,
    };
    if let Some(time) = fault.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, time.as_secs().into());
    }
    response
}

fn redirect(location: &str) -> Response {
    let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
    insert(&mut response, header::LOCATION, location);
    response
}

fn with_content_type(service: Service, body: Body) -> Response {
    ([(header::CONTENT_TYPE, service.content_type())], body).into_response()
}

/// Spaces, which a reader of JSON or XML takes for more to come.
fn huge(bytes: u64) -> Body {
    Body::from_stream(stream::unfold(bytes, |left| async move {
        let next = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK.len());
        let chunk = Ok::<_, io::Error>(Bytes::from_static(&CHUNK[..next]));
        (next > 0).then(|| (chunk, left - next as u64))
    }))
}

/// The answer with its whole length announced and half of its body.
async fn cut(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, whole.len().into());
    let half = whole.slice(..whole.len() / 2);
    let body = stream::unfold(Some(half), |half| async {
        if let Some(half) = half {
            return Some((Ok(half), None));
        }
        // What was written so far leaves before the connection ends.
        tokio::task::yield_now().await;
        Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
    });
    Response::from_parts(parts, Body::from_stream(body))
}

fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a service that is slow by the machine's clock is what was asked for"
)]
async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}
