//! Docker's registry, with a password file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::Error;
use crate::debian;
use crate::python::{Python, run};
use crate::server::{Server, isolated};

/// The [registry] of the CNCF's distribution project in Debian's package, where one user may push and pull with a password. It
/// knows no pages of tags: whatever is asked for, it answers with all.
///
/// Images are pushed with [skopeo].
///
/// [registry]: https://github.com/distribution/distribution
/// [skopeo]: https://github.com/containers/skopeo
#[derive(Debug)]
pub struct DockerRegistry {
    server: Server,
    python: Python,
    images: TempDir,
}

/// In whose media types an image is pushed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Format {
    /// The Open Container Initiative's.
    Oci,
    /// Docker's own.
    Docker,
}

impl Format {
    /// As skopeo calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Oci => "oci",
            Self::Docker => "v2s2",
        }
    }
}

/// What an artifact is made of.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ArtifactFiles<'a> {
    /// The files by their paths, below `files`.
    pub files: BTreeMap<&'a str, &'a str>,
    /// The annotations of the manifest.
    pub annotations: BTreeMap<&'a str, &'a str>,
    /// The media type of the config.
    pub config_type: &'a str,
    /// The media type of the layer.
    pub layer_type: &'a str,
}

impl DockerRegistry {
    /// The user's name.
    pub const USER: &str = "flux";
    /// The user's password.
    pub const PASSWORD: &str = "pass-phrase";

    /// Starts one, after installing it if need be.
    ///
    /// # Errors
    ///
    /// What `apt-get` or the server say.
    pub fn start() -> Result<Self, Error> {
        let program = debian::program("docker-registry")?;
        let command = |port: u16, directory: &Path| -> Result<Command, Error> {
            let (passwords, configuration) = (directory.join("htpasswd"), directory.join("config.yml"));
            fs::write(&passwords, format!("{}:{BCRYPT}\n", Self::USER))?;
            fs::write(
                &configuration,
                format!(
                    "version: 0.1\nlog: {{ level: warn }}\nhttp: {{ addr: '127.0.0.1:{port}' }}\n\
                     storage: {{ inmemory: {{}} }}\n\
                     auth: {{ htpasswd: {{ realm: registry, path: '{}' }} }}\n",
                    passwords.display()
                ),
            )?;
            let mut command = Command::new(&program);
            command.arg("serve").arg(configuration);
            Ok(command)
        };
        let server = Server::start("docker-registry", "/", command)?;
        Ok(Self { server, python: Python::with("plain", &[])?, images: TempDir::new()? })
    }

    /// `127.0.0.1:PORT`, the registry in the name of an image.
    pub fn host(&self) -> String {
        self.server.host()
    }

    /// Pushes an image of its own for this tag, with as many platforms; `content` decides its digest. Gives that, as skopeo says
    /// it.
    ///
    /// # Errors
    ///
    /// What `skopeo` says.
    pub fn push(
        &self,
        repository: &str,
        tag: &str,
        content: &str,
        platforms: u8,
        format: Format,
    ) -> Result<String, Error> {
        let layout = TempDir::new_in(self.images.path())?;
        let variables = [
            ("LAYOUT", layout.path().display().to_string()),
            ("CONTENT", content.to_owned()),
            ("PLATFORMS", platforms.to_string()),
        ];
        self.python.run(include_str!("oci_layout.py"), variables)?;
        let image = self.address(repository, tag);
        let source = format!("oci:{}:image", layout.path().display());
        let credentials = format!("{}:{}", Self::USER, Self::PASSWORD);
        self.skopeo(&[
            "copy",
            "--all",
            "--format",
            format.name(),
            "--dest-tls-verify=false",
            "--dest-creds",
            &credentials,
            &source,
            &image,
        ])?;
        let told = self.inspect(&["inspect", "--format", "{{.Digest}}"], &image)?;
        Ok(told.trim().to_owned())
    }

    /// Pushes files as an OCI artifact of one layer, a compressed tar archive, by the client of [ORAS]. Gives the digest that the
    /// registry says.
    ///
    /// [ORAS]: https://github.com/oras-project/oras-py
    ///
    /// # Errors
    ///
    /// What the client says.
    pub fn push_artifact(
        &self,
        repository: &str,
        tag: &str,
        artifact: &ArtifactFiles<'_>,
    ) -> Result<String, Error> {
        let variables = [
            ("TARGET", format!("{}/{repository}:{tag}", self.host())),
            ("CREDENTIALS", format!("{}:{}", Self::USER, Self::PASSWORD)),
            ("FILES", serde_json::to_string(&artifact.files)?),
            ("ANNOTATIONS", serde_json::to_string(&artifact.annotations)?),
            ("CONFIG_TYPE", artifact.config_type.to_owned()),
            ("LAYER_TYPE", artifact.layer_type.to_owned()),
        ];
        let python = Python::with("oras", &["oras>=0.2.43,<0.3"])?;
        Ok(python.run(include_str!("push_artifact.py"), variables)?.trim().to_owned())
    }

    /// Gives more tags to what has this one, by docker's own protocol.
    ///
    /// # Errors
    ///
    /// What the registry answers.
    pub fn tag(&self, repository: &str, tag: &str, others: &[String]) -> Result<(), Error> {
        let variables = [
            ("HOST", self.host()),
            ("CREDENTIALS", format!("{}:{}", Self::USER, Self::PASSWORD)),
            ("REPOSITORY", repository.to_owned()),
            ("TAG", tag.to_owned()),
            ("OTHERS", others.join(" ")),
        ];
        self.python.run(include_str!("tag_image.py"), variables).map(drop)
    }

    /// The tags, as skopeo lists them.
    ///
    /// # Errors
    ///
    /// What `skopeo` says.
    pub fn tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        let image = format!("docker://{}/{repository}", self.host());
        let mut told: Value = serde_json::from_str(&self.inspect(&["list-tags"], &image)?)?;
        Ok(serde_json::from_value(told["Tags"].take())?)
    }

    fn inspect(&self, command: &[&str], image: &str) -> Result<String, Error> {
        let credentials = format!("{}:{}", Self::USER, Self::PASSWORD);
        let arguments = ["--tls-verify=false", "--creds", &credentials, image];
        self.skopeo(&[command, &arguments].concat())
    }

    fn address(&self, repository: &str, tag: &str) -> String {
        format!("docker://{}/{repository}:{tag}", self.host())
    }

    fn skopeo(&self, arguments: &[&str]) -> Result<String, Error> {
        let mut command = Command::new(debian::program("skopeo")?);
        command.arg("--insecure-policy").args(arguments);
        run(&mut isolated(command, self.images.path()))
    }
}

/// Of the password.
const BCRYPT: &str = "$2y$05$abcdefghijklmnopqrstuuRiFYqTqAqZHUxG.316kD8lLp8Z1bnhO";
