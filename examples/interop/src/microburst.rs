//! microburst, which stands before an AWS and fails as AWS does.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::Error;
use crate::python::Python;
use crate::server::Server;

/// [microburst]: a proxy that throttles, delays, resets and cuts, and gives errors the form that the service has for them. Of
/// which service a request is it tells by the `Host`, which is AWS's own: whoever sends to it keeps that name.
///
/// [microburst]: https://pypi.org/project/microburst/
#[derive(Debug)]
pub struct Microburst {
    server: Server,
}

impl Microburst {
    /// Starts one before the server at `upstream`, after installing it if need be. `rules` are microburst's own, in a list: which
    /// requests they are for, what is done to them, and how often.
    ///
    /// # Errors
    ///
    /// What `pip` or the server say.
    pub fn start(upstream: &str, rules: &Value) -> Result<Self, Error> {
        let python = Python::with("microburst", &["microburst>=0.10,<0.11"])?;
        let configuration = json!({ "upstream": upstream, "rules": rules }).to_string();
        let command = |port: u16, directory: &Path| -> Result<Command, Error> {
            // All JSON is YAML.
            let file = directory.join("rules.yaml");
            fs::write(&file, &configuration)?;
            let mut command = python.command();
            command
                .args(["-c", include_str!("microburst.py"), "--port", &port.to_string(), "--config"])
                .arg(file);
            Ok(command)
        };
        Ok(Self { server: Server::start("microburst", "/_microburst/health", command)? })
    }

    /// Its address, as `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.server.host()
    }
}
