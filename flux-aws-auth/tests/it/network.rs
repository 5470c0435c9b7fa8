//! Where AWS is asked, by which way, and for how long at most. TLS and proxies are on real loopback sockets.

mod connections;
mod limits;
mod proxy;
mod servers;
mod sts_address;
mod tls;
