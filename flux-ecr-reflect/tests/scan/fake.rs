//! A registry in memory.

use async_trait::async_trait;
use flux_ecr_reflect::{
    Cursor, Error, ImageName, PageRequest, Reflector, ReflectorBuilder, Scan, TagEntry, TagPage, TagSource,
};

/// Lists tags a thousand at a time, tag `i` with the digest of image `i + shift`, or all without digests.
#[derive(Debug)]
struct Listed {
    tags: Vec<String>,
    shift: Option<usize>,
}

#[async_trait]
impl TagSource for Listed {
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
        let start = request.cursor().map_or(0, |cursor| cursor.as_str().parse().expect("a cursor of ours"));
        let end = (start + 1000).min(self.tags.len());
        let entry = |i: usize| {
            let entry = TagEntry::new(self.tags[i].parse()?);
            Ok(match self.shift {
                Some(shift) => entry.with_digest(digest((i + shift) as u64).parse()?),
                None => entry,
            })
        };
        let page = TagPage::new((start..end).map(entry).collect::<Result<_, Error>>()?);
        Ok(if end < self.tags.len() { page.with_next(Cursor::new(end.to_string())) } else { page })
    }
}

fn digest(image: u64) -> String {
    format!("sha256:{:016x}{image:048x}", image.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
}

pub(crate) fn image() -> ImageName {
    "ghcr.io/org/app".parse().expect("valid")
}

pub(crate) fn builder(tags: Vec<String>, shift: Option<usize>) -> ReflectorBuilder {
    let everything = flux_policy::ExclusionList::new([""; 0]).expect("no pattern");
    Reflector::builder().tag_source(Listed { tags, shift }).exclusion_list(everything)
}

pub(crate) fn scan_by(reflector: &Reflector) -> Scan {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(reflector.scan(&image())).expect("complete")
}

pub(crate) fn scan(tags: &[impl ToString], track_moves: bool) -> Scan {
    let builder = builder(tags.iter().map(ToString::to_string).collect(), Some(0));
    let builder = if track_moves { builder.track_moves() } else { builder };
    scan_by(&builder.build().expect("complete"))
}
