//! Where a registry may send its clients for a token.

use flux_aws_auth::Endpoint;

use super::origin::Origin;

/// Registries whose token service has another host than they have themselves: the one that go-containerregistry, which Flux asks
/// registries with, accepts as being of the same domain.
const WELL_KNOWN: [(&str, &str); 4] = [
    ("index.docker.io", "auth.docker.io"),
    ("registry-1.docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
    ("registry.digitalocean.com", "api.digitalocean.com"),
];

/// Which hosts a registry may name, beside its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Realms(Vec<(String, String)>);

impl Realms {
    pub(super) fn allow(&mut self, registry: String, host: String) {
        let plain = |host: String| Origin::of_host(&host, true).map_or(host, |origin| origin.authority());
        self.0.push((plain(registry), plain(host)));
    }

    /// The first that was allowed and is not a host.
    pub(super) fn mistaken(&self) -> Option<&str> {
        let names = self.0.iter().flat_map(|(registry, host)| [registry, host]);
        names.map(String::as_str).find(|name| Origin::of_host(name, true).is_none())
    }

    /// Checks a realm before anything is sent to it, by the rules of [`Endpoint::token_service`]. A registry on this machine may
    /// name a realm on this machine, without TLS too.
    pub(super) fn check(&self, registry: &Origin, realm: &str) -> Result<Endpoint, flux_aws_auth::Error> {
        let server = registry.authority();
        if registry.is_loopback() {
            let is_loopback = |endpoint: &Endpoint| {
                Origin::of_url(&endpoint.to_string()).is_some_and(|(origin, _)| origin.is_loopback())
            };
            if let Ok(endpoint) = Endpoint::aws_api("realm", realm)
                && is_loopback(&endpoint)
            {
                return Ok(endpoint);
            }
        }
        let own = self.0.iter().map(|(of, host)| (of.as_str(), host.as_str()));
        let allowed: Vec<_> = own
            .chain(WELL_KNOWN)
            .filter(|(of, _)| of.eq_ignore_ascii_case(&server))
            .map(|(_, host)| host)
            .collect();
        Endpoint::token_service("realm", realm, &server, &allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_may_name_its_own_host_its_known_one_and_those_allowed() {
        let mut realms = Realms::default();
        realms.allow("registry.example.com".to_owned(), "gitlab.example.com".to_owned());
        let accepts = |registry: &str, realm: &str| {
            realms.check(&Origin::of_host(registry, true).expect("a host"), realm).is_ok()
        };
        for (registry, realm) in [
            ("ghcr.io", "https://ghcr.io/token"),
            ("public.ecr.aws", "https://public.ecr.aws/token/"),
            ("index.docker.io", "https://auth.docker.io/token"),
            ("registry-1.docker.io", "https://auth.docker.io/token"),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
            ("registry.example.com", "https://gitlab.example.com/jwt/auth"),
            ("registry.example.com:5000", "https://registry.example.com:5000/token"),
            ("localhost:5000", "http://127.0.0.1:5001/token"),
            ("127.0.0.1:5000", "http://localhost:5001/token"),
        ] {
            assert!(accepts(registry, realm), "{registry} {realm}");
        }
        for (registry, realm) in [
            ("ghcr.io", "http://ghcr.io/token"),
            ("ghcr.io", "https://ghcr.io.evil.example/token"),
            ("ghcr.io", "https://ghcr.io@evil.example/token"),
            ("ghcr.io", "https://auth.docker.io/token"),
            ("ghcr.io", "https://gitlab.example.com/jwt/auth"),
            ("ghcr.io", "https://169.254.169.254/latest"),
            ("ghcr.io", "http://localhost/token"),
            ("ghcr.io", "/token"),
            ("registry.example.com:5000", "https://registry.example.com/token"),
            ("registry.example.com:5000", "https://gitlab.example.com/jwt/auth"),
            ("10.0.0.1", "https://10.0.0.1/token"),
            ("localhost:5000", "http://evil.example/token"),
            ("localhost:5000", "https://evil.example/token"),
            ("127.0.0.1:5000", "https://127.0.0.1.evil.example/token"),
            ("127.0.0.1:5000", "https://10.0.0.1/token"),
            ("[::ffff:127.0.0.1]:5000", "https://[::ffff:127.0.0.1]:5000/token"),
            ("localhost:5000", "http://169.254.169.254/token"),
            ("localhost.evil.example", "http://127.0.0.1/token"),
        ] {
            assert!(!accepts(registry, realm), "{registry} {realm}");
        }
    }
}
