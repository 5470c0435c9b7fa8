//! ECR on loopback sockets, behind TLS, and a proxy before it.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoClientAuth, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A certificate authority that nobody knows.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A client's certificate and key, in PEM.
    pub(crate) fn client(&self) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["client.example.com".to_owned()]).expect("a name");
        (params.signed_by(&key, &self.0).expect("signed").pem(), key.serialize_pem())
    }

    /// What a server of this host needs to speak TLS: with anybody, or with those who have a certificate of `clients`.
    pub(crate) fn server(&self, host: &str, clients: Option<&Self>) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let clients: Arc<dyn ClientCertVerifier> = match clients {
            None => Arc::new(NoClientAuth),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.0.der().clone()).expect("a root");
                let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
                builder.build().expect("a verifier")
            }
        };
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("signed");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(clients)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            );
        TlsAcceptor::from(Arc::new(config.expect("a configuration")))
    }
}

/// Answers every request behind TLS with an empty page. Its port.
pub(crate) async fn ecr(tls: TlsAcceptor) -> u16 {
    listen(move |connection| {
        let tls = tls.clone();
        async move { answer_behind(tls, connection).await }
    })
    .await
}

/// Opens each tunnel to such a server. Its port, and the heads of the requests for a tunnel.
pub(crate) async fn proxy(tls: TlsAcceptor) -> (u16, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = heads.clone();
    let port = listen(move |mut connection| {
        let (tls, kept) = (tls.clone(), kept.clone());
        async move {
            let head = head(&mut connection).await;
            kept.lock().expect("not poisoned").push(head);
            connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("written");
            answer_behind(tls, connection).await;
        }
    })
    .await;
    (port, heads)
}

async fn listen<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection));
        }
    });
    port
}

async fn answer_behind(tls: TlsAcceptor, connection: TcpStream) {
    let Ok(mut connection) = tls.accept(connection).await else { return };
    if head(&mut connection).await.is_empty() {
        return;
    }
    answer(&mut connection).await;
}

async fn answer(connection: &mut (impl AsyncWrite + Unpin)) {
    let body = r#"{"imageIds":[]}"#;
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    connection.write_all(answer.as_bytes()).await.expect("written");
    let _ = connection.shutdown().await;
}

async fn head(connection: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).expect("text")
}
