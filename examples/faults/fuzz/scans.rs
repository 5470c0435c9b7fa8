//! Saved scans.

use async_trait::async_trait;
use flux_ecr_reflect::{Error, ErrorKind, PageRequest, Reflector, Scan, TagEntry, TagPage, TagSource};
use proptest::prelude::*;

use crate::mutant::mutants;
use crate::runs::Runs;
use crate::world::in_virtual_time;

#[derive(Debug)]
struct Listed(Vec<String>);

#[async_trait]
impl TagSource for Listed {
    async fn page(&self, _: &PageRequest<'_>) -> Result<TagPage, Error> {
        let digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let entry = |tag: &String| Ok(TagEntry::new(tag.parse()?).with_digest(digest.parse()?));
        Ok(TagPage::new(self.0.iter().map(entry).collect::<Result<_, Error>>()?))
    }
}

fn saved(tags: Vec<String>, track_moves: bool) -> Vec<u8> {
    let builder = Reflector::builder().tag_source(Listed(tags));
    let builder = if track_moves { builder.track_moves() } else { builder };
    let reflector = builder.build().expect("complete");
    let scan = in_virtual_time(reflector.scan(&"ghcr.io/org/app".parse().expect("valid"))).expect("complete");
    let mut bytes = Vec::new();
    scan.write_to(&mut bytes).expect("memory takes everything");
    bytes
}

/// What is not what was written, to the byte, is damaged: never other tags.
pub(crate) fn saved_scans(runs: Runs) -> Result<(), String> {
    let versions: Vec<String> = (0..300).map(|i| format!("1.{i}.0")).collect();
    let samples = [
        saved(vec![], false),
        saved(vec!["latest".to_owned()], true),
        saved(versions.clone(), false),
        saved(versions, true),
    ];
    runs.check(&mutants(&samples, &["flux", "sha256:", "ghcr.io/org/app"]), {
        let samples = samples.clone();
        move |mutant| {
            match Scan::read_from(&*mutant.0) {
                Ok(_) => prop_assert!(samples.contains(&mutant.0), "damaged, and taken"),
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Damaged),
            }
            Ok(())
        }
    })
}
