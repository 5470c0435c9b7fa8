//! What is watched: manifests, read and put together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use examples::failure::Failure;
use flux_ecr_reflect::{ImageName, ImageTask};
use flux_policy::ExclusionList;
use flux_policy::manifest::{self, CrossNamespaceRefs, ImagePolicy, ImageRepository, Manifest, Provider};

use crate::files;
use crate::object::{Kind, Object};

/// A text with manifests, and what it is called.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The repositories that are watched, each with its policies, and what there is to say of the rest.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    pub(crate) repositories: Vec<Watched>,
    pub(crate) notes: Vec<Note>,
}

/// A repository to be watched.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) object: Object,
    pub(crate) manifest: ImageRepository,
    pub(crate) image: ImageName,
    pub(crate) interval: Duration,
    pub(crate) exclusions: ExclusionList,
    pub(crate) policies: Vec<(Object, ImageTask)>,
}

/// What is not watched, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// A document of another kind: the file and what is in it.
    Skipped { file: String, what: String },
    /// Flux would leave it alone.
    Suspended(Object),
    /// Flux would report it as not ready; or this program cannot do what it asks for.
    NotWatched { object: Object, why: String },
}

/// The manifests of files, and of the files in folders.
///
/// # Errors
///
/// What cannot be read, by its path.
pub(crate) fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for path in paths {
        let cannot = |path: &Path, error| Failure::about(format!("{} cannot be read", path.display()), error);
        for path in manifests_at(path).map_err(|error| cannot(path, error))? {
            let text = files::read_to_string(&path).map_err(|error| cannot(&path, error))?;
            sources.push(Source { name: path.display().to_string(), text });
        }
    }
    Ok(sources)
}

impl Configuration {
    /// Puts repositories and policies together as Flux does: by reference, and if access is granted.
    ///
    /// # Errors
    ///
    /// A document that Flux's API server would refuse, by file and document; two objects of one name; and if there is nothing to
    /// watch.
    pub(crate) fn read(sources: &[Source], references: CrossNamespaceRefs) -> Result<Self, Failure> {
        let mut read = Read::default();
        for source in sources {
            read.add(source)?;
        }
        let mut configuration = Self { notes: std::mem::take(&mut read.notes), ..Self::default() };
        let Read { repositories, policies, labels, .. } = read;
        for (object, manifest) in repositories {
            configuration.add_repository(object, manifest);
        }
        for (object, policy) in policies {
            let labels = labels.get(&object.namespace).cloned().unwrap_or_default();
            configuration.add_policy(object, &policy, &labels, references);
        }
        if configuration.repositories.is_empty() {
            return Err(format!("there is no ImageRepository to watch in {}", names(sources)).into());
        }
        Ok(configuration)
    }

    fn add_repository(&mut self, object: Object, manifest: ImageRepository) {
        match usable(&manifest) {
            Ok((image, exclusions)) => {
                if manifest.is_suspended() {
                    self.notes.push(Note::Suspended(object.clone()));
                }
                let interval = manifest.spec.interval.duration().max(SHORTEST_INTERVAL);
                let policies = Vec::new();
                self.repositories.push(Watched { object, manifest, image, interval, exclusions, policies });
            }
            Err(why) => self.notes.push(Note::NotWatched { object, why }),
        }
    }

    fn add_policy(
        &mut self,
        object: Object,
        policy: &ImagePolicy,
        labels: &BTreeMap<String, String>,
        references: CrossNamespaceRefs,
    ) {
        if policy.is_suspended() {
            self.notes.push(Note::Suspended(object));
            return;
        }
        let namespace = policy.repository_namespace().unwrap_or_default();
        let name = &policy.spec.image_repository_ref.name;
        let referred =
            |watched: &&mut Watched| watched.object.namespace == namespace && watched.object.name == *name;
        let task = match self.repositories.iter_mut().find(referred) {
            None => Err(format!("ImageRepository {namespace}/{name} is not watched")),
            Some(watched) => match policy.check_access(&watched.manifest, labels, references) {
                Err(denied) => Err(denied.to_string()),
                Ok(()) => ImageTask::from_manifests(policy, &watched.manifest)
                    .map(|task| watched.policies.push((object.clone(), task)))
                    .map_err(|error| error.to_string()),
            },
        };
        if let Err(why) = task {
            self.notes.push(Note::NotWatched { object, why });
        }
    }
}

/// What the files have.
#[derive(Default)]
struct Read {
    repositories: BTreeMap<Object, ImageRepository>,
    policies: BTreeMap<Object, ImagePolicy>,
    /// Of namespaces, which `accessFrom` selects by them.
    labels: BTreeMap<String, BTreeMap<String, String>>,
    notes: Vec<Note>,
}

impl Read {
    fn add(&mut self, source: &Source) -> Result<(), Failure> {
        let Source { name: file, text } = source;
        let manifests = manifest::read(text).map_err(|error| Failure::about(file, error))?;
        for manifest in manifests {
            let (object, is_new) = match manifest {
                Manifest::ImageRepository(repository) => {
                    let object = Object::new(Kind::ImageRepository, &repository.metadata);
                    (object.clone(), self.repositories.insert(object, repository).is_none())
                }
                Manifest::ImagePolicy(policy) => {
                    let object = Object::new(Kind::ImagePolicy, &policy.metadata);
                    (object.clone(), self.policies.insert(object, policy).is_none())
                }
                _ => continue,
            };
            if !is_new {
                let what = format!("there is more than one {} {}", object.kind.as_str(), object.qualified());
                return Err(Failure::about(file, what));
            }
        }
        for other in others::read(text) {
            if other.is_namespace() {
                self.labels.insert(other.metadata.name, other.metadata.labels);
            } else {
                let what = format!("{} {}", other.kind, other.qualified());
                self.notes.push(Note::Skipped { file: file.clone(), what });
            }
        }
        Ok(())
    }
}

/// Image and exclusion list, or why the repository cannot be watched.
fn usable(repository: &ImageRepository) -> Result<(ImageName, ExclusionList), String> {
    if let Some(why) = unsupported(repository) {
        return Err(why.to_owned());
    }
    let image = repository.spec.image.parse().map_err(|error: flux_ecr_reflect::Error| error.to_string())?;
    Ok((image, repository.exclusion_list().map_err(|error| error.to_string())?))
}

/// What would take a cluster's Secrets, or another cloud.
fn unsupported(repository: &ImageRepository) -> Option<&'static str> {
    let spec = &repository.spec;
    let asks = [
        (spec.secret_ref.is_some(), "spec.secretRef names a Secret, and this program reads none"),
        (spec.cert_secret_ref.is_some(), "spec.certSecretRef names a Secret, and this program reads none"),
        (spec.proxy_secret_ref.is_some(), "spec.proxySecretRef names a Secret, and this program reads none"),
        (
            !spec.service_account_name.is_empty(),
            "spec.serviceAccountName names a ServiceAccount, and this program asks no Kubernetes",
        ),
        (
            matches!(spec.provider, Provider::Azure | Provider::Gcp),
            "spec.provider is neither aws nor generic",
        ),
    ];
    asks.into_iter().find_map(|(is_asked, why)| is_asked.then_some(why))
}

/// The path, or in a folder every file that is called as manifests are, in order.
fn manifests_at(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && path.is_file() {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn names(sources: &[Source]) -> String {
    match sources {
        [] => "the folders that were given".to_owned(),
        _ => sources.iter().map(|source| &*source.name).collect::<Vec<_>>().join(", "),
    }
}

/// An interval of zero, which Flux's API admits, would leave no time for anything else.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Documents of other kinds.
mod others {
    use flux_policy::manifest::Metadata;
    use serde::Deserialize;
    use yaml_serde::{Deserializer, Value};

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Other {
        #[serde(default)]
        api_version: String,
        #[serde(default)]
        pub(super) kind: String,
        #[serde(default)]
        pub(super) metadata: Metadata,
        #[serde(default)]
        items: Vec<Value>,
    }

    impl Other {
        pub(super) fn is_namespace(&self) -> bool {
            (&*self.api_version, &*self.kind) == ("v1", "Namespace")
        }

        pub(super) fn qualified(&self) -> String {
            match &self.metadata.namespace {
                Some(namespace) => format!("{namespace}/{}", self.metadata.name),
                None => self.metadata.name.clone(),
            }
        }

        fn is_read(&self) -> bool {
            self.api_version.starts_with("image.toolkit.fluxcd.io/")
                && matches!(&*self.kind, "ImageRepository" | "ImagePolicy")
        }
    }

    /// Those of a text that the manifests were read from. What is no object at all is nothing to name.
    pub(super) fn read(text: &str) -> Vec<Other> {
        let documents = Deserializer::from_str(text.trim_start_matches('\u{feff}'));
        let documents = documents.filter_map(|document| Other::deserialize(document).ok());
        let objects = documents.flat_map(|document| {
            if document.kind.ends_with("List") {
                document.items.into_iter().filter_map(|item| yaml_serde::from_value(item).ok()).collect()
            } else {
                vec![document]
            }
        });
        objects.filter(|object: &Other| !object.is_read() && !object.kind.is_empty()).collect()
    }
}
