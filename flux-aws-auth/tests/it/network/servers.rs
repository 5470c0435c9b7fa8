//! Servers on loopback: an authority with its certificates, STS behind TLS, and a proxy that does as it is told.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::{WantsServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::{ConfigBuilder, RootCertStore, ServerConfig};

use crate::support::*;

/// A certificate authority that nobody knows.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// The years in which a certificate is good.
pub(super) const GOOD: (i32, i32) = (2020, 4000);

impl Authority {
    pub(super) fn new() -> Self {
        Self::named("Authority")
    }

    pub(super) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, as a file has it.
    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// What a server of this host needs to speak TLS.
    pub(super) fn server_of(&self, host: &str, years: (i32, i32)) -> TlsAcceptor {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        self.acceptor(
            config.with_safe_default_protocol_versions().unwrap().with_no_client_auth(),
            host,
            years,
        )
    }

    /// The same, for a server that asks whoever comes for a certificate of this authority.
    pub(super) fn server_that_asks(&self, host: &str) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_client_cert_verifier(verifier.build().unwrap());
        self.acceptor(config, host, GOOD)
    }

    /// A client's certificate and its key.
    pub(super) fn client(&self) -> (String, String) {
        let params = CertificateParams::new(vec!["client".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn acceptor(
        &self,
        config: ConfigBuilder<ServerConfig, WantsServerCert>,
        host: &str,
        (from, to): (i32, i32),
    ) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let config = config.with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        );
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }
}

/// STS on loopback behind TLS. Its port.
pub(super) async fn sts(tls: TlsAcceptor) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                if let Ok(mut connection) = tls.accept(connection).await {
                    give_credentials(&mut connection).await;
                }
            });
        }
    });
    port
}

/// What a proxy does when it is asked for a tunnel.
#[derive(Clone)]
pub(super) enum Proxying {
    /// Says no, with this status line.
    Refuse(&'static str),
    /// Opens the tunnel, and is STS itself at its end.
    Sts(TlsAcceptor),
}

/// A proxy that keeps the head of each request.
#[derive(Clone)]
pub(super) struct ScriptedProxy {
    pub(super) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl ScriptedProxy {
    pub(super) async fn start(proxying: Proxying) -> Self {
        Self::listen(None, proxying).await
    }

    /// Which is itself reached by TLS.
    pub(super) async fn start_behind(tls: TlsAcceptor, proxying: Proxying) -> Self {
        Self::listen(Some(tls), proxying).await
    }

    async fn listen(tls: Option<TlsAcceptor>, proxying: Proxying) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), heads: Arc::default() };
        let heads = proxy.heads.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (tls, proxying, heads) = (tls.clone(), proxying.clone(), heads.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(connection, proxying, heads).await,
                        Some(tls) => serve(tls.accept(connection).await.unwrap(), proxying, heads).await,
                    }
                });
            }
        });
        proxy
    }

    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(
    mut connection: impl AsyncRead + AsyncWrite + Unpin,
    proxying: Proxying,
    heads: Arc<Mutex<Vec<String>>>,
) {
    let head = read_request(&mut connection).await;
    heads.lock().unwrap().push(head);
    match proxying {
        Proxying::Refuse(status) => {
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
        Proxying::Sts(tls) => {
            connection.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
            if let Ok(mut connection) = tls.accept(connection).await {
                give_credentials(&mut connection).await;
            }
        }
    }
}

async fn give_credentials(connection: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let request = read_request(connection).await;
    assert!(request.contains("Action=AssumeRoleWithWebIdentity"), "{request}");
    // What is a proxy's.
    assert!(!request.to_ascii_lowercase().contains("\r\nproxy-"), "{request}");
    let body = sts_credentials(&TestClock::new(), 4_000_000_000);
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    connection.write_all(answer.as_bytes()).await.unwrap();
    let _ = connection.shutdown().await;
}

/// Head and body of one request, as far as there is one.
pub(super) async fn read_request(connection: &mut (impl AsyncRead + Unpin)) -> String {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return request;
            }
        }
        match connection.read(&mut buffer).await {
            Ok(read) if read > 0 => request.push_str(std::str::from_utf8(&buffer[..read]).unwrap()),
            _ => return request,
        }
    }
}
