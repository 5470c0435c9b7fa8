//! What is in the Secrets of a proxy and of certificates.

use flux_aws_auth::{HttpClientBuilder, Proxy};

use crate::error::{Error, ErrorKind};

/// The keys that are read, and their values. Never shown.
pub(super) struct Data<'a> {
    secret: &'a str,
    values: Vec<(&'static str, Vec<u8>)>,
}

impl<'a> Data<'a> {
    pub(super) fn new<K: AsRef<str>, V: AsRef<[u8]>>(
        secret: &'a str,
        data: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let known = data.into_iter().filter_map(|(key, value)| {
            let key = KEYS.into_iter().find(|known| *known == key.as_ref())?;
            Some((key, value.as_ref().to_vec()))
        });
        Self { secret, values: known.collect() }
    }

    /// As Flux reads [a proxy's][1]: a name without a password is a name alone, and a password without a name is left out.
    ///
    /// [1]: https://pkg.go.dev/github.com/fluxcd/pkg/runtime/secrets#ProxyURLFromSecret
    pub(super) fn proxy(&self) -> Result<Proxy, Error> {
        let Some(address) = self.text(ADDRESS)?.filter(|address| !address.trim().is_empty()) else {
            return Err(self.wrong("the key 'address' is missing or empty", "Set it to http://HOST:PORT."));
        };
        let proxy = Proxy::new(address).map_err(|error| {
            let hint = error.hint().unwrap_or_default().to_owned();
            self.wrong(&format!("'address': {error}"), &hint)
        })?;
        let password = self.one_line(PASSWORD)?.unwrap_or_default();
        Ok(match self.one_line(USERNAME)? {
            Some(user) => proxy.with_basic_auth(user, password),
            None => proxy,
        })
    }

    /// As Flux reads [those of TLS][1].
    ///
    /// [1]: https://pkg.go.dev/github.com/fluxcd/pkg/runtime/secrets#TLSConfigFromSecret
    pub(super) fn certificates(&self) -> Result<Certificates, Error> {
        let authority = self.first_of(CA_CRT, CA_FILE).map(|(key, pem)| (self.named(key), pem.to_vec()));
        let own = match (self.first_of(TLS_CRT, CERT_FILE), self.first_of(TLS_KEY, KEY_FILE)) {
            (Some((name, certificate)), Some((_, key))) => {
                Ok(Some((self.named(name), certificate.to_vec(), key.to_vec())))
            }
            (None, None) if authority.is_some() => Ok(None),
            (None, None) => Err(self.wrong(
                "there is neither an authority's certificate nor one of our own",
                "Set 'ca.crt', or 'tls.crt' and 'tls.key', or all three.",
            )),
            (Some((found, _)), None) => Err(self.wrong(
                &format!("'{found}' has no private key beside it"),
                "Set 'tls.key', or take the certificate away.",
            )),
            (None, Some((found, _))) => Err(self.wrong(
                &format!("'{found}' has no certificate beside it"),
                "Set 'tls.crt', or take the key away.",
            )),
        }?;
        Ok(Certificates { authority, own })
    }

    /// What stands under a key or, where it is not there, under the one that it replaced. What is empty is not there.
    fn first_of(&self, key: &'static str, deprecated: &'static str) -> Option<(&'static str, &[u8])> {
        let own = self.value(key).map(|value| (key, value));
        let (found, value) = own.or_else(|| Some((deprecated, self.value(deprecated)?)))?;
        if found == deprecated {
            tracing::warn!(
                secret = self.secret,
                key = deprecated,
                preferred = key,
                "a deprecated key is used"
            );
        }
        (!value.is_empty()).then_some((found, value))
    }

    fn value(&self, key: &str) -> Option<&[u8]> {
        // Of a key that is given twice, the last counts.
        self.values.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| value.as_slice())
    }

    fn text(&self, key: &'static str) -> Result<Option<&str>, Error> {
        let value = self.value(key).map(std::str::from_utf8);
        value.transpose().map_err(|_| self.wrong(&format!("'{key}' is not text"), "Set it to text in UTF-8."))
    }

    fn one_line(&self, key: &'static str) -> Result<Option<&str>, Error> {
        match self.text(key)? {
            Some(text) if text.contains(['\n', '\r']) => Err(self.wrong(
                &format!("'{key}' has a line break"),
                "Make the Secret again from the bare values; a file made with an editor or echo ends with a line break.",
            )),
            text => Ok(text),
        }
    }

    fn named(&self, key: &str) -> String {
        format!("Secret '{}': '{key}'", self.secret)
    }

    fn wrong(&self, what: &str, hint: &str) -> Error {
        let error = Error::new(ErrorKind::Configuration, format!("Secret '{}': {what}", self.secret));
        if hint.is_empty() { error } else { error.with_hint(hint) }
    }
}

/// PEM texts, each with the name to tell it by. Never shown.
pub(super) struct Certificates {
    authority: Option<(String, Vec<u8>)>,
    /// A certificate, and its private key.
    own: Option<(String, Vec<u8>, Vec<u8>)>,
}

impl Certificates {
    pub(super) fn add_to(self, client: HttpClientBuilder) -> HttpClientBuilder {
        let client = match self.authority {
            Some((named, pem)) => client.extra_certificates(&named, pem),
            None => client,
        };
        match self.own {
            Some((named, certificate, key)) => client.client_certificate(&named, certificate, key),
            None => client,
        }
    }
}

const ADDRESS: &str = "address";
const USERNAME: &str = "username";
const PASSWORD: &str = "password";
const CA_CRT: &str = "ca.crt";
const TLS_CRT: &str = "tls.crt";
const TLS_KEY: &str = "tls.key";
const CA_FILE: &str = "caFile";
const CERT_FILE: &str = "certFile";
const KEY_FILE: &str = "keyFile";
const KEYS: [&str; 9] = [ADDRESS, USERNAME, PASSWORD, CA_CRT, TLS_CRT, TLS_KEY, CA_FILE, CERT_FILE, KEY_FILE];

/// What `flux-aws-auth` says of a setting, as an error of this crate.
pub(super) fn told(error: &flux_aws_auth::Error) -> Error {
    let told = Error::new(ErrorKind::Configuration, error.to_string());
    match error.hint() {
        Some(hint) => told.with_hint(hint),
        None => told,
    }
}
