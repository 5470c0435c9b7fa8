//! What a request asks for, as the API server's authorizers see it.
//!
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb>.

use axum::http::{Method, Uri};

/// A verb on a resource, or on a path that is none.
#[derive(Debug, PartialEq)]
pub(super) enum Attributes<'a> {
    Resource {
        verb: &'static str,
        group: &'a str,
        resource: &'a str,
        subresource: Option<&'a str>,
        namespace: Option<&'a str>,
        name: Option<&'a str>,
    },
    Path {
        verb: String,
        path: &'a str,
    },
}

/// What is served here.
pub(super) enum Wanted<'a> {
    ServiceAccount { namespace: &'a str, name: &'a str },
    Token { namespace: &'a str, name: &'a str },
}

impl<'a> Attributes<'a> {
    pub(super) fn of(method: &Method, uri: &'a Uri) -> Self {
        let path = uri.path();
        let other = || Self::Path { verb: method.as_str().to_lowercase(), path };
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, rest) = match parts[..] {
            ["api", "v1", ref rest @ ..] => ("", rest),
            ["apis", group, _, ref rest @ ..] => (group, rest),
            _ => return other(),
        };
        let (namespace, rest) = match *rest {
            ["namespaces", namespace, ref rest @ ..] if !rest.is_empty() => (Some(namespace), rest),
            _ => (None, rest),
        };
        let Some((&resource, rest)) = rest.split_first() else { return other() };
        let name = rest.first().copied();
        let verb = match *method {
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if name.is_some() => "delete",
            Method::DELETE => "deletecollection",
            _ if name.is_some() => "get",
            _ => "list",
        };
        Self::Resource { verb, group, resource, subresource: rest.get(1).copied(), namespace, name }
    }

    /// The thing served here that this asks for.
    pub(super) fn wanted(&self) -> Option<Wanted<'a>> {
        match *self {
            Self::Resource {
                verb,
                group: "",
                resource: "serviceaccounts",
                subresource,
                namespace: Some(namespace),
                name: Some(name),
            } => match (verb, subresource) {
                ("get", None) => Some(Wanted::ServiceAccount { namespace, name }),
                ("create", Some("token")) => Some(Wanted::Token { namespace, name }),
                _ => None,
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let resource = |verb, group, resource, subresource, namespace, name| Attributes::Resource {
            verb,
            group,
            resource,
            subresource,
            namespace,
            name,
        };
        let accounts = "serviceaccounts";
        let cases = [
            (
                Method::GET,
                "/api/v1/namespaces/a/serviceaccounts/b",
                resource("get", "", accounts, None, Some("a"), Some("b")),
            ),
            (
                Method::POST,
                "/api/v1/namespaces/a/serviceaccounts/b/token?fieldManager=x",
                resource("create", "", accounts, Some("token"), Some("a"), Some("b")),
            ),
            (
                Method::GET,
                "/api/v1/namespaces/a/serviceaccounts",
                resource("list", "", accounts, None, Some("a"), None),
            ),
            (Method::GET, "/api/v1/serviceaccounts", resource("list", "", accounts, None, None, None)),
            (Method::GET, "/api/v1/namespaces/a", resource("get", "", "namespaces", None, None, Some("a"))),
            (
                Method::DELETE,
                "/apis/apps/v1/namespaces/a/deployments/b",
                resource("delete", "apps", "deployments", None, Some("a"), Some("b")),
            ),
            (Method::GET, "/version", Attributes::Path { verb: "get".to_owned(), path: "/version" }),
            (Method::POST, "/apis", Attributes::Path { verb: "post".to_owned(), path: "/apis" }),
        ];
        for (method, uri, expected) in cases {
            let uri: Uri = uri.parse().expect("a path");
            assert_eq!(Attributes::of(&method, &uri), expected, "{method} {uri}");
        }
    }
}
