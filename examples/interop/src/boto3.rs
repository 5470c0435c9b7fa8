//! AWS's SDK for Python, as the hand that sets an account up.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError};

use aws_credential_types::Credentials;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Error;
use crate::python::Python;
use crate::server::isolated;

/// A process that makes calls to one endpoint. Dropping it ends the process.
pub struct Boto3 {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    endpoint: String,
    region: String,
    root: Value,
    _home: TempDir,
}

/// Who makes a call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Caller {
    /// The account's root.
    Root,
    /// Who has these credentials.
    With(Credentials),
}

/// An error that the service answered with.
#[derive(Clone, Debug)]
pub struct Refusal {
    code: String,
    message: String,
}

impl Boto3 {
    /// Starts the process, for an endpoint where the account's root has this access key.
    ///
    /// # Errors
    ///
    /// Those of starting a process.
    pub fn start(python: &Python, endpoint: &str, region: &str, root: &Credentials) -> Result<Self, Error> {
        let home = TempDir::new()?;
        let mut command = python.command();
        command.args(["-c", include_str!("boto3.py")]).env("AWS_EC2_METADATA_DISABLED", "true");
        let mut child =
            isolated(command, home.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take().map(BufReader::new));
        Ok(Self {
            pipes: Mutex::new(pipes.ok_or("a process without pipes")?),
            child,
            endpoint: endpoint.to_owned(),
            region: region.to_owned(),
            root: keys(root),
            _home: home,
        })
    }

    /// Makes a call as the account's root; otherwise as [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// Those of [`call`](Self::call).
    pub fn root(&self, service: &str, operation: &str, parameters: &Value) -> Result<Value, Error> {
        self.call(&Caller::Root, service, operation, parameters)
    }

    /// Makes a call, such as `create_role` of `iam`, with parameters in AWS's spelling. Bytes are a text in a parameter, and an
    /// array of numbers in an answer.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], if that is what the service answers.
    pub fn call(
        &self,
        caller: &Caller,
        service: &str,
        operation: &str,
        parameters: &Value,
    ) -> Result<Value, Error> {
        let keys = match caller {
            Caller::Root => self.root.clone(),
            Caller::With(credentials) => keys(credentials),
        };
        let call = json!({
            "service": service, "operation": operation, "parameters": parameters, "keys": keys,
            "endpoint": self.endpoint, "region": self.region,
        });
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let (stdin, stdout) = &mut *pipes;
        writeln!(stdin, "{call}")?;
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        drop(pipes);
        let mut outcome: Value =
            serde_json::from_str(&line).map_err(|_| format!("boto3 ended at {service}:{operation}"))?;
        if let Some(refusal) = outcome.get("refusal") {
            let text = |name| refusal.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            return Err(Box::new(Refusal { code: text("Code"), message: text("Message") }));
        }
        match outcome.get_mut("answer") {
            Some(answer) => Ok(answer.take()),
            None => Err(format!("{service}:{operation}: {outcome}").into()),
        }
    }
}

fn keys(credentials: &Credentials) -> Value {
    json!({
        "aws_access_key_id": credentials.access_key_id(),
        "aws_secret_access_key": credentials.secret_access_key(),
        "aws_session_token": credentials.session_token(),
    })
}

impl Drop for Boto3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Debug for Boto3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Boto3").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Refusal {
    /// The code, such as `AccessDenied`.
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}
