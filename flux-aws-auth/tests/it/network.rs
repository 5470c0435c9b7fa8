//! The default HTTP client for AWS on real loopback sockets: TLS, proxies, and what is said when they fail.
//!
//! `0.0.0.0` is this machine too, and no loopback address: so it is a host that a proxy is asked for.

mod proxy;
mod servers;
mod tls;
