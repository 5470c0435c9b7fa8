//! The metrics over HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::metrics::{CONTENT_TYPE, Metrics};

/// Serves `GET /metrics` for as long as the process lives, and tells the URL.
///
/// # Errors
///
/// Why nobody can connect to the address.
pub(crate) async fn serve(address: SocketAddr, metrics: Arc<Metrics>) -> io::Result<String> {
    let listener = TcpListener::bind(address).await?;
    let url = format!("http://{}/metrics", listener.local_addr()?);
    let answer = async move || match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let service = Router::new().route("/metrics", get(answer));
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(url)
}
