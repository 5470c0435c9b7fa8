//! Which root certificates AWS's are held against.

use std::fmt;
use std::sync::LazyLock;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::text::quoted_path;

/// Root certificates: the operating system's, those of PEM files, or both.
#[derive(Clone)]
pub(super) struct Certificates {
    system: bool,
    /// Looked at already: TLS would panic on what is no certificate.
    pem: Vec<Vec<u8>>,
}

impl Default for Certificates {
    fn default() -> Self {
        Self { system: true, pem: Vec::new() }
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("system", &self.system).field("files", &self.pem.len()).finish()
    }
}

impl Certificates {
    /// Those in the file at `path`, which `setting` named, and no others.
    pub(super) fn only_from_file(
        environment: &Environment,
        setting: &str,
        path: &str,
    ) -> Result<Self, Error> {
        let named = match quoted_path(path) {
            Some(path) => format!("{setting}: {path}"),
            None => format!("{setting}: the file, whose path is not shown since it may be a key,"),
        };
        let pem = environment.read_file(path).map_err(|cause| {
            let message = format!("{named} cannot be read: {cause}");
            Error::new(ErrorKind::Configuration, message).with_hint(format!(
                "Check that the file is mounted in this container and that this user may read it, or remove {setting}."
            ))
        })?;
        let mut certificates = Self { system: false, pem: Vec::new() };
        certificates.add(&named, pem)?;
        Ok(certificates)
    }

    /// Adds those in a PEM text that is `named` so.
    pub(super) fn add(&mut self, named: &str, pem: Vec<u8>) -> Result<(), Error> {
        let unusable = |why: String| {
            Error::new(ErrorKind::Configuration, format!("{named} {why}")).with_hint(
                "Give the certificates of the authority, each between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----.",
            )
        };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            // Without the cause, which has bytes of the file in it.
            let certificate =
                certificate.map_err(|_| unusable("is not PEM from one end to the other".to_owned()))?;
            let added = roots.add(certificate);
            added.map_err(|cause| unusable(format!("has a certificate that is not acceptable: {cause}")))?;
        }
        if roots.is_empty() {
            return Err(unusable("has no certificate in it".to_owned()));
        }
        self.pem.push(pem);
        Ok(())
    }

    /// For TLS. Never with the operating system's certificates if there are none: that panics in a debug build.
    pub(super) fn tls_context(&self) -> Result<TlsContext, Error> {
        let system = self.system && *SYSTEM_HAS_CERTIFICATES;
        if !system && self.pem.is_empty() {
            return Err(Error::new(
                ErrorKind::Configuration,
                "this machine has no root certificates for TLS",
            )
            .with_hint("Install ca-certificates in the image, or set SSL_CERT_FILE or AWS_CA_BUNDLE."));
        }
        let mut store = TrustStore::empty().with_native_roots(system);
        for pem in &self.pem {
            store.add_pem_certificate(pem.as_slice());
        }
        context(store)
    }

    /// For connections without TLS: no certificate is loaded.
    pub(super) fn none() -> Result<TlsContext, Error> {
        context(TrustStore::empty())
    }
}

fn context(store: TrustStore) -> Result<TlsContext, Error> {
    TlsContext::builder()
        .with_trust_store(store)
        .build()
        .map_err(|cause| Error::new(ErrorKind::Configuration, "TLS cannot be set up").with_source(cause))
}

static SYSTEM_HAS_CERTIFICATES: LazyLock<bool> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs().certs;
    RootCertStore::empty().add_parsable_certificates(found).0 > 0
});

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    use super::*;

    fn authority() -> String {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn a_bundle_is_in_place_of_the_system_s_certificates_and_more_can_be_added() {
        let two = authority() + &authority();
        let environment = Environment::empty().with_file("/ca.pem", two);
        let mut bundle = Certificates::only_from_file(&environment, "AWS_CA_BUNDLE", "/ca.pem").unwrap();
        bundle.add("another", authority().into_bytes()).unwrap();
        assert_eq!(format!("{bundle:?}"), "Certificates { system: false, files: 2 }");
        let mut system = Certificates::default();
        system.add("another", authority().into_bytes()).unwrap();
        assert_eq!(format!("{system:?}"), "Certificates { system: true, files: 1 }");
    }

    #[test]
    fn tls_without_any_certificate_is_an_error_and_no_panic() {
        let none = Certificates { system: false, pem: Vec::new() };
        let error = none.tls_context().unwrap_err();
        assert_eq!(error.to_string(), "this machine has no root certificates for TLS");
        assert!(error.hint().unwrap().contains("ca-certificates"), "{error:?}");
        assert!(Certificates::none().is_ok());
    }

    #[test]
    fn a_file_that_is_no_help_is_an_error_that_names_it() {
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let environment = Environment::empty()
            .with_file("/ca/empty.pem", "")
            .with_file("/ca/text.pem", "certificates go here")
            .with_file("/ca/garbage.pem", garbage)
            .with_file("/ca/cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n")
            .with_file("/ca/base64.pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
        for (path, what) in [
            ("/ca/missing.pem", "cannot be read"),
            ("/ca/empty.pem", "has no certificate in it"),
            ("/ca/text.pem", "has no certificate in it"),
            ("/ca/garbage.pem", "has a certificate that is not acceptable"),
            ("/ca/cut.pem", "is not PEM"),
            ("/ca/base64.pem", "is not PEM"),
        ] {
            let error = Certificates::only_from_file(&environment, "AWS_CA_BUNDLE", path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            let message = error.to_string();
            assert!(message.starts_with(&format!("AWS_CA_BUNDLE: {path:?} {what}")), "{message}");
            assert!(error.hint().is_some(), "{error:?}");
        }
    }
}
