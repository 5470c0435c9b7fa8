//! moto, an AWS that lets everybody in.

use std::path::Path;
use std::process::Command;

use aws_credential_types::Credentials;

use crate::Error;
use crate::boto3::Boto3;
use crate::python::Python;
use crate::server::Server;

/// [moto]'s server. It checks no signature and no policy; of ECR and STS it knows the forms of their answers. It has no pages
/// of images: whatever is asked for, it answers with all.
///
/// [moto]: https://docs.getmoto.org/en/latest/docs/server_mode.html
#[derive(Debug)]
pub struct Moto {
    // Before the server, so that it ends first.
    boto3: Boto3,
    server: Server,
}

impl Moto {
    /// Starts one, after installing it if need be.
    ///
    /// # Errors
    ///
    /// What `pip` or the server say.
    pub fn start() -> Result<Self, Error> {
        let python = Python::with("moto", &["moto[server]>=5.1,<6"])?;
        let command = |port: u16, _: &Path| -> Result<Command, Error> {
            let mut command = python.command();
            command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
            Ok(command)
        };
        let server = Server::start("moto", "/moto-api/", command)?;
        let anybody = Credentials::new("testing", "testing", None, None, "anybody");
        let boto3 = Boto3::start(&python, &server.url(), "eu-west-1", &anybody)?;
        Ok(Self { boto3, server })
    }

    /// The address of every service.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What sets the account up, which is `123456789012`.
    pub fn boto3(&self) -> &Boto3 {
        &self.boto3
    }
}
