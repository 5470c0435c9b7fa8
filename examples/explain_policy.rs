//! What would Flux pick from these tags, and why? Nothing but the two files is needed: no cluster, no registry.
//!
//! ```console
//! $ cargo run --example explain_policy -- examples/data/explain/podinfo.yaml examples/data/explain/podinfo.txt
//! $ crane ls ghcr.io/stefanprodan/podinfo | cargo run --example explain_policy -- policy.yaml
//! $ cargo run --example explain_policy -- examples/data/explain/minio.yaml examples/data/explain/minio.txt --json
//! ```
//!
//! Every ImagePolicy of the file is evaluated. An ImageRepository beside it that the policy refers to contributes its
//! exclusion list. Tags come one per line from a file or from standard input.
//!
//! Exit codes: 0 every policy matched, 1 one matched nothing, 2 bad input.

use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use flux_policy::manifest::{self, ImagePolicy, ImageRepository, Manifest};
use flux_policy::{Explanation, Policy};

/// Explains what a Flux ImagePolicy picks from a list of tags.
#[derive(Parser)]
struct Arguments {
    /// A YAML or JSON file with one or more ImagePolicy manifests.
    policy: PathBuf,
    /// A file with one tag per line; standard input if absent.
    tags: Option<PathBuf>,
    /// Prints JSON instead of text.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            let _ = write!(io::stderr(), "{failure}");
            ExitCode::from(2)
        }
    }
}

/// Whether every policy matched.
fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let policies =
        policies(&read(&arguments.policy)?).map_err(|error| Failure::new(&arguments.policy, error))?;
    let tags = match &arguments.tags {
        Some(path) => read(path)?,
        None => read_standard_input()?,
    };
    let tags: Vec<&str> = tags.lines().map(str::trim).filter(|tag| !tag.is_empty()).collect();
    let explanations: Vec<(String, Explanation)> =
        policies.into_iter().map(|(name, policy)| (name, policy.explain(&tags))).collect();
    let written = if arguments.json { write_json(&explanations) } else { write_text(&explanations) };
    match written {
        // Whoever reads the output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.map_err(|error| Failure::new(Path::new("standard output"), error))?,
    }
    for (name, explanation) in &explanations {
        if let Err(error) = explanation.decision() {
            return Err(Failure::new(Path::new(name), error.clone()));
        }
    }
    let matched = |(_, explanation): &(String, Explanation)| {
        explanation.decision().is_ok_and(|decision| decision.winner().is_some())
    };
    Ok(explanations.iter().all(matched))
}

/// The policies of a file by name, each with the exclusion list of the repository it refers to.
fn policies(text: &str) -> Result<Vec<(String, Policy)>, flux_policy::Error> {
    let (mut policies, mut repositories) = (Vec::new(), Vec::new());
    for manifest in manifest::read(text)? {
        match manifest {
            Manifest::ImagePolicy(policy) => policies.push(policy),
            Manifest::ImageRepository(repository) => repositories.push(repository),
            _ => {}
        }
    }
    if policies.is_empty() {
        // Says what is missing better than an empty answer would.
        policies.push(ImagePolicy::from_yaml(text)?);
    }
    let compile = |manifest: ImagePolicy| {
        let policy = manifest.policy()?;
        let repository = repositories.iter().find(|repository| is_of(&manifest, repository));
        let policy = match repository {
            Some(repository) => policy.with_exclusion_list(repository.exclusion_list()?),
            None => policy,
        };
        Ok((manifest.metadata.name, policy))
    };
    policies.into_iter().map(compile).collect()
}

/// Whether a policy refers to a repository, by name and by namespace where both give one.
fn is_of(policy: &ImagePolicy, repository: &ImageRepository) -> bool {
    let reference = &policy.spec.image_repository_ref;
    let namespace = reference.namespace.as_ref().or(policy.metadata.namespace.as_ref());
    let same_namespace = namespace.zip(repository.metadata.namespace.as_ref()).is_none_or(|(a, b)| a == b);
    reference.name == repository.metadata.name && same_namespace
}

fn write_text(explanations: &[(String, Explanation)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let table = out.is_terminal();
    for (index, (name, explanation)) in explanations.iter().enumerate() {
        writeln!(out, "{}ImagePolicy {name}", if index == 0 { "" } else { "\n" })?;
        if let Ok(decision) = explanation.decision() {
            writeln!(out, "{decision}")?;
        }
        writeln!(out)?;
        if table {
            writeln!(out, "{explanation}")?;
        } else {
            // Columns that `cut` can take apart.
            for verdict in explanation.verdicts() {
                writeln!(out, "{}\t{verdict}", verdict.tag())?;
            }
        }
    }
    Ok(())
}

fn write_json(explanations: &[(String, Explanation)]) -> io::Result<()> {
    let named = |(name, explanation): &(String, Explanation)| serde_json::json!({ "name": name, "explanation": explanation });
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &explanations.iter().map(named).collect::<Vec<_>>())?;
    writeln!(out)
}

#[allow(clippy::disallowed_methods, reason = "a program that reads the files it is given")]
fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::new(path, error))
}

fn read_standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().read_to_string(&mut text);
    read.map(|_| text).map_err(|error| Failure::new(Path::new("standard input"), error))
}

/// What went wrong with which input.
struct Failure {
    input: String,
    error: Box<dyn Error>,
}

impl Failure {
    fn new(input: &Path, error: impl Into<Box<dyn Error>>) -> Self {
        Self { input: input.display().to_string(), error: error.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.input, self.error)?;
        let mut source = self.error.source();
        while let Some(error) = source {
            writeln!(f, "  because {error}")?;
            source = error.source();
        }
        let hint = self.error.downcast_ref::<flux_policy::Error>().and_then(flux_policy::Error::hint);
        hint.map_or(Ok(()), |hint| writeln!(f, "  hint: {hint}"))
    }
}
