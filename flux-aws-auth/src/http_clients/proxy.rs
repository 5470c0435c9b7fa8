//! A proxy's address, and what may be shown of it.

use std::fmt;

use aws_smithy_types::base64;
use http::uri::Authority;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use crate::error::{Error, ErrorKind};
use crate::text::{is_port, quoted, shown_host};

/// An HTTP proxy: calls to AWS go through it in a tunnel that it opens (`CONNECT`), so it sees no more of them than the
/// host's name. Of a call to a plain `http` address, which only an endpoint of your own can have, it sees everything.
///
/// `Display` and `Debug` show the scheme, host and port; never the user name and the password.
///
/// ```
/// use flux_aws_auth::Proxy;
///
/// let proxy = Proxy::new("http://proxy.example.com:3128")?.with_basic_auth("flux", "p@ss/word");
/// assert_eq!(proxy.to_string(), "http://proxy.example.com:3128");
/// assert!(Proxy::new("socks5://proxy.example.com:1080").is_err());
/// # Ok::<(), flux_aws_auth::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    scheme: &'static str,
    host_and_port: String,
    auth: Option<(String, String)>,
}

impl Proxy {
    /// The proxy at this address: `http` or `https`, a host, and the port if it is not the scheme's own. A user name and a
    /// password may stand before the host, percent-encoded. An address without a scheme is taken for `http`, and a path is
    /// left out of account, as Go has it.
    ///
    /// With an `https` proxy the way to it is encrypted, too. Its certificate is checked like that of AWS, and it must speak
    /// HTTP/1.1.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for a SOCKS proxy, which is not supported, any other scheme, and what is not an address.
    pub fn new(address: &str) -> Result<Self, Error> {
        Self::parse("proxy", address)
    }

    /// Identifies itself to the proxy by this name and password. Here they are given as they are, without any encoding.
    #[must_use]
    pub fn with_basic_auth(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.auth = Some((user.into(), password.into()));
        self
    }

    /// Reads `address`, which `setting` named.
    pub(crate) fn parse(setting: &str, address: &str) -> Result<Self, Error> {
        let address = address.trim();
        let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user_info, host_and_port) = match authority.rsplit_once('@') {
            Some((user_info, host)) => (Some(user_info), host),
            None => (None, authority),
        };
        let shown = match (user_info, shown_host(host_and_port)) {
            (_, None) => "…".to_owned(),
            (Some(_), Some(host)) => format!("…@{host}"),
            (None, Some(host)) => host.to_owned(),
        };
        let refuse = |shown: &str, why: &str, hint: &str| {
            let message = format!("{setting}: {} is not accepted as a proxy: {why}", quoted(shown));
            Err(Error::new(ErrorKind::Configuration, message).with_hint(hint))
        };
        if rest.rsplit_once('@').is_some_and(|(before, _)| before.len() >= authority.len()) {
            // Cut at a character of the password, of which nothing may be shown.
            return refuse("…", "its password has a character that ends the host", ENCODE);
        }
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => "http",
            "https" => "https",
            socks if socks.starts_with("socks") => {
                return refuse(
                    &shown,
                    "SOCKS proxies are not supported",
                    "Use a proxy that speaks HTTP CONNECT.",
                );
            }
            _ => return refuse(&shown, "its scheme is neither http nor https", FORM),
        };
        let Ok(parsed) = host_and_port.parse::<Authority>() else {
            return refuse(&shown, "it is not a host and a port", FORM);
        };
        let port = host_and_port.strip_prefix(parsed.host());
        if parsed.host().is_empty() || port != Some("") && !port.is_some_and(is_port) {
            return refuse(&shown, "it is not a host and a port", FORM);
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let auth = user_info.map(|user_info| {
            let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
            (decoded(user), decoded(password))
        });
        Ok(Self { scheme, host_and_port: host_and_port.to_owned(), auth })
    }

    /// Where it is, without the user name and the password.
    pub(super) fn uri(&self) -> Result<Uri, Error> {
        let unusable = |_| Error::new(ErrorKind::Configuration, format!("{self} is not accepted as a proxy"));
        self.to_string().parse().map_err(unusable)
    }

    /// The header that identifies us to it ([RFC 7617], in UTF-8).
    ///
    /// [RFC 7617]: https://www.rfc-editor.org/rfc/rfc7617
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.auth.as_ref()?;
        let encoded = base64::encode(format!("{user}:{password}"));
        // Base64 has nothing that a header could not hold.
        let mut header = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host_and_port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

const FORM: &str = "Write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT.";
const ENCODE: &str =
    "Percent-encode what is special in the password: / as %2F, ? as %3F, # as %23, @ as %40, % as %25.";

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_read_as_go_reads_it() {
        for (address, shown, auth) in [
            ("http://proxy.example:3128", "http://proxy.example:3128", None),
            ("https://proxy.example", "https://proxy.example", None),
            ("HTTP://proxy.example:3128/", "http://proxy.example:3128", None),
            ("proxy.example:3128", "http://proxy.example:3128", None),
            ("10.0.0.1:3128", "http://10.0.0.1:3128", None),
            ("[2001:db8::1]:3128", "http://[2001:db8::1]:3128", None),
            (" http://proxy.example:3128/path?q\n", "http://proxy.example:3128", None),
            ("http://me:secret@proxy.example:3128", "http://proxy.example:3128", Some(("me", "secret"))),
            ("me:s%40cr%2Fet@proxy.example:3128", "http://proxy.example:3128", Some(("me", "s@cr/et"))),
            ("http://me@proxy.example", "http://proxy.example", Some(("me", ""))),
            ("http://me:a:b@proxy.example", "http://proxy.example", Some(("me", "a:b"))),
        ] {
            let proxy = Proxy::new(address).unwrap();
            assert_eq!(proxy.to_string(), shown, "{address}");
            let expected = auth.map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(proxy.auth, expected, "{address}");
            assert!(proxy.uri().is_ok(), "{address}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        for (address, why) in [
            ("", "not a host"),
            ("http://", "not a host"),
            ("http://:3128", "not a host"),
            ("http://proxy.example:http", "not a host"),
            ("http://proxy.example:0", "not a host"),
            ("http://proxy.example:+3128", "not a host"),
            ("http://proxy.example:03128", "not a host"),
            ("http://proxy.example:99999", "not a host"),
            ("http://proxy example:3128", "not a host"),
            ("socks5://me:canary@proxy.example:1080", "SOCKS"),
            ("SOCKS5h://proxy.example:1080", "SOCKS"),
            ("ftp://proxy.example", "neither http nor https"),
            ("http://me:canary/x@proxy.example:3128", "its password"),
            ("http://me:canary#x@proxy.example:3128", "its password"),
            ("me:?canary@proxy.example:3128", "its password"),
            // Encoded, the `@` with it.
            ("http://me:canary%40proxy.example:3128", "not a host"),
            ("me%3Acanary%40proxy.example:3128", "not a host"),
            ("http://proxy.example:canary", "not a host"),
            ("http://[2001:db8::1]:canary", "not a host"),
            ("socks5:canary://me@proxy.example:1080", "SOCKS"),
        ] {
            let error = Proxy::parse("HTTPS_PROXY", address).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            let text = format!("{error:?}");
            assert!(text.contains("HTTPS_PROXY: ") && text.contains(why), "{address}: {text}");
            assert!(error.hint().is_some() && !text.contains("canary"), "{text}");
        }
    }

    proptest! {
        /// Whatever the password: it is never shown, and it never breaks the address.
        #[test]
        fn a_password_is_taken_as_it_is(user in "[a-z]{1,8}", password in "\\PC{4,20}") {
            let proxy = Proxy::new("http://proxy.example:3128").unwrap().with_basic_auth(&user, &password);
            prop_assert!(proxy.uri().is_ok() && proxy.authorization().is_some_and(|header| header.is_sensitive()));
            prop_assert_eq!(format!("{proxy} {proxy:?}"), "http://proxy.example:3128 Proxy(http://proxy.example:3128)");
            let encoded = utf8_percent_encode(&password, NON_ALPHANUMERIC);
            let written = Proxy::new(&format!("http://{user}:{encoded}@proxy.example:3128")).unwrap();
            prop_assert_eq!(written, proxy);
        }

        #[test]
        fn no_error_shows_a_password(scheme in "(http|https|socks5|ftp)", before in "[ -~]{0,6}", after in "[ -~]{0,6}") {
            if let Err(error) = Proxy::new(&format!("{scheme}://me:{before}canary{after}@proxy.example:3128")) {
                prop_assert!(!format!("{error:?}").contains("canary"), "{:?}", error);
            }
        }
    }
}
