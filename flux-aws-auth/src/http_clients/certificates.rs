//! Which root certificates AWS's are held against, and the certificate that is shown to a server that asks for one.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};

use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::text::quoted_path;

/// Root certificates: the operating system's, those of PEM files, or both.
#[derive(Clone)]
pub(super) struct Certificates {
    system: bool,
    roots: RootCertStore,
    own: Option<Arc<SingleCertAndKey>>,
}

impl Default for Certificates {
    fn default() -> Self {
        Self { system: true, roots: RootCertStore::empty(), own: None }
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("system", &self.system)
            .field("roots", &self.roots.len())
            .field("own", &self.own.is_some())
            .finish()
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
        let mut certificates = Self { system: false, ..Self::default() };
        certificates.add(&named, &pem)?;
        Ok(certificates)
    }

    /// Adds those in a PEM text that is `named` so.
    pub(super) fn add(&mut self, named: &str, pem: &[u8]) -> Result<(), Error> {
        let unusable = |why: String| {
            Error::new(ErrorKind::Configuration, format!("{named} {why}")).with_hint(
                "Give the certificates of the authority, each between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----.",
            )
        };
        for certificate in certificates_in(pem).map_err(|why| unusable(why.to_owned()))? {
            let added = self.roots.add(certificate);
            added.map_err(|cause| unusable(format!("has a certificate that is not acceptable: {cause}")))?;
        }
        Ok(())
    }

    /// Shows this certificate, whose key this is, to a server that asks for one.
    pub(super) fn show(&mut self, named: &str, certificate: &[u8], key: &[u8]) -> Result<(), Error> {
        let unusable = |why: &str| {
            Error::new(ErrorKind::Configuration, format!("{named} {why}")).with_hint(
                "Give the certificate, and those up to its authority after it, as PEM; and its private key as PEM, unencrypted.",
            )
        };
        let chain = certificates_in(certificate).map_err(unusable)?;
        // Without the causes, which have bytes of the key in them.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| unusable("has no private key in it"))?;
        let own = CertifiedKey::from_der(chain, key, &provider()).map_err(|cause| match cause {
            rustls::Error::InconsistentKeys(_) => unusable("has a key that is not the certificate's"),
            _ => unusable("has a certificate or a key that is not acceptable"),
        })?;
        self.own = Some(Arc::new(own.into()));
        Ok(())
    }

    /// For TLS, which then is 1.2 or later.
    pub(super) fn config(&self) -> Result<ClientConfig, Error> {
        let mut roots = self.roots.clone();
        if self.system {
            // What cannot be read there is passed over, as everybody does.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        if roots.is_empty() {
            return Err(Error::new(
                ErrorKind::Configuration,
                "this machine has no root certificates for TLS",
            )
            .with_hint("Install ca-certificates in the image, or set SSL_CERT_FILE or AWS_CA_BUNDLE."));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .map_err(|cause| Error::new(ErrorKind::Configuration, "TLS cannot be set up").with_source(cause))?
            .with_root_certificates(roots);
        let mut config = match &self.own {
            Some(own) => config.with_client_cert_resolver(own.clone()),
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Named, so that nothing need be installed for the process, and nothing panics if nothing is.
fn provider() -> CryptoProvider {
    ring::default_provider()
}

/// At least one; else why not, as a clause that follows a name. Without the cause, which has bytes of the text in it.
fn certificates_in(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|_| "is not PEM from one end to the other")?;
    if found.is_empty() { Err("has no certificate in it") } else { Ok(found) }
}

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
        bundle.add("another", authority().as_bytes()).unwrap();
        assert_eq!(format!("{bundle:?}"), "Certificates { system: false, roots: 3, own: false }");
        let mut system = Certificates::default();
        system.add("another", authority().as_bytes()).unwrap();
        assert_eq!(format!("{system:?}"), "Certificates { system: true, roots: 1, own: false }");
    }

    #[test]
    fn tls_without_any_certificate_is_an_error_and_no_panic() {
        let none = Certificates { system: false, ..Certificates::default() };
        let error = none.config().unwrap_err();
        assert_eq!(error.to_string(), "this machine has no root certificates for TLS");
        assert!(error.hint().unwrap().contains("ca-certificates"), "{error:?}");
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
