//! A scan that was saved comes back as it was, or not at all.

use flux_ecr_reflect::scan::Change;
use flux_ecr_reflect::{ErrorKind, Scan};
use proptest::prelude::*;

use crate::fake;

const CASES: u32 = if cfg!(debug_assertions) { 200 } else { 5000 };

fn written(scan: &Scan) -> Vec<u8> {
    let mut bytes = Vec::new();
    scan.write_to(&mut bytes).expect("memory takes everything");
    bytes
}

fn small(track_moves: bool) -> Scan {
    let tags: Vec<String> = (0..100).map(|i| format!("1.{i}.0")).collect();
    fake::scan(&tags, track_moves)
}

#[test]
fn what_was_written_is_read_back_with_its_listing_and_digests() {
    for scan in [small(false), small(true), fake::scan(&[""; 0], false), fake::scan(&["latest"], true)] {
        let back = Scan::read_from(&*written(&scan)).expect("whole");
        assert_eq!(
            (&back, back.listing(), back.tracks_moves()),
            (&scan, scan.listing(), scan.tracks_moves())
        );
        assert_eq!(back.revision(), scan.revision());
        assert_eq!(back.changes_since(&scan).count(), 0);
    }
    let tags: Vec<String> = (0..100).map(|i| format!("1.{i}.0")).collect();
    let moved = fake::builder(tags, Some(1)).track_moves().build().expect("complete");
    let moved = Scan::read_from(&*written(&fake::scan_by(&moved))).expect("whole");
    let changes: Vec<Change> = moved.changes_since(&small(true)).collect();
    assert_eq!(changes.len(), 100);
    assert!(changes.iter().all(|change| matches!(change, Change::Moved(_))));
}

#[test]
fn no_byte_can_change_unnoticed() {
    for scan in [small(false), small(true)] {
        let whole = written(&scan);
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                let error = Scan::read_from(&*damaged).expect_err("damaged");
                assert_eq!(error.kind(), ErrorKind::Damaged, "bit {bit} of byte {at}: {error}");
            }
        }
    }
}

#[test]
fn no_part_is_taken_for_the_whole_and_nothing_may_follow() {
    for scan in [small(false), small(true)] {
        let whole = written(&scan);
        for length in 0..whole.len() {
            let error = Scan::read_from(&whole[..length]).expect_err("cut");
            assert_eq!(error.kind(), ErrorKind::Damaged, "{length} bytes: {error}");
        }
        let longer = [whole, vec![0]].concat();
        assert_eq!(Scan::read_from(&*longer).expect_err("longer").kind(), ErrorKind::Damaged);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn noise_is_no_scan(head in 0..80usize, noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let whole = written(&small(true));
        let bytes = [&whole[..head], &noise].concat();
        prop_assert_eq!(Scan::read_from(&*bytes).expect_err("noise").kind(), ErrorKind::Damaged);
    }

    // Whoever writes a checksum that fits has still to write a scan.
    #[test]
    fn what_a_fitting_checksum_vouches_for_is_not_believed(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let scan = small(true);
        let whole = written(&scan);
        let mut body = whole[..whole.len() - 32].to_vec();
        for (at, byte) in edits {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let checksum = checksum(&body);
        let bytes = [body, checksum].concat();
        match Scan::read_from(&*bytes) {
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Damaged),
            // Another valid scan: sorted, of tags, and the same when written again.
            Ok(other) => {
                let tags: Vec<_> = other.tags().collect();
                prop_assert!(tags.is_sorted_by(|a, b| a < b));
                prop_assert!(tags.iter().all(|tag| tag.as_str().parse::<flux_ecr_reflect::Tag>().is_ok()));
                prop_assert_eq!(Scan::read_from(&*written(&other)).expect("whole"), other);
            }
        }
    }
}

#[test]
fn tags_out_of_order_are_no_scan_whatever_the_checksum() {
    let whole = written(&fake::scan(&["1.0", "2.0"], false));
    let body = &whole[..whole.len() - 32];
    let second = body.windows(3).rposition(|bytes| bytes == b"2.0").expect("the second tag");
    for (tag, is_scan) in [(b"2.0", true), (b"3.0", true), (b"1.0", false), (b"0.0", false), (b"-.0", false)]
    {
        let mut body = body.to_vec();
        body[second..second + 3].copy_from_slice(tag);
        let checksum = checksum(&body);
        let read = Scan::read_from(&*[body, checksum].concat());
        assert_eq!(read.is_ok(), is_scan, "{tag:?}: {read:?}");
    }
}

fn checksum(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).to_vec()
}

#[test]
fn a_file_that_claims_a_world_of_tags_takes_no_memory_for_it() {
    let whole = written(&small(false));
    let count_at = 22 + 2 + 2 + fake::image().to_string().len() + 32;
    assert_eq!(whole[count_at..count_at + 8], 100u64.to_le_bytes());
    let mut claims = whole;
    claims[count_at..count_at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    let used = allocation_counter::measure(|| {
        let error = Scan::read_from(&*claims).expect_err("a lie");
        assert_eq!(error.kind(), ErrorKind::Damaged);
    });
    assert!(used.bytes_max < 100_000, "{} bytes", used.bytes_max);
}

/// A folder that goes away with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_is_written_replaced_and_read_back() {
    let folder = Folder::new("replaced");
    let path = folder.0.join("app.scan");
    assert_eq!(Scan::load(&path).expect("no file is no error"), None);
    for scan in [small(false), small(true), fake::scan(&["2.0.0"], false)] {
        scan.save(&path).expect("saved");
        assert_eq!(Scan::load(&path).expect("readable").as_ref(), Some(&scan));
        assert_eq!(folder.names(), ["app.scan"], "nothing else is left");
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_and_what_it_points_to_stays() {
    let folder = Folder::new("linked");
    let (path, another) = (folder.0.join("app.scan"), folder.0.join("another-s.scan"));
    fake::scan(&["another-s"], false).save(&another).expect("saved");
    std::os::unix::fs::symlink(&another, &path).expect("a link");
    small(false).save(&path).expect("saved");
    let load = |path| Scan::load(path).expect("readable").expect("there");
    assert_eq!((load(&path), load(&another)), (small(false), fake::scan(&["another-s"], false)));
}

#[test]
fn a_scan_that_cannot_be_saved_leaves_the_folder_as_it_was() {
    let folder = Folder::new("unchanged");
    let scan = small(false);
    let nowhere = scan.save(folder.0.join("missing/app.scan")).expect_err("no such folder");
    assert_eq!(nowhere.kind(), ErrorKind::Storage);
    assert!(nowhere.to_string().starts_with("the scan of ghcr.io/org/app cannot be saved to "), "{nowhere}");
    assert!(nowhere.to_string().contains("missing/app.scan"), "{nowhere}");

    // A folder that is not empty cannot be replaced by a file.
    let taken = folder.0.join("app.scan");
    std::fs::create_dir_all(taken.join("inside")).expect("a folder");
    assert_eq!(scan.save(&taken).expect_err("a folder").kind(), ErrorKind::Storage);
    assert_eq!(folder.names(), ["app.scan"], "the draft is gone");
    assert_eq!(Scan::load(&taken).expect_err("a folder").kind(), ErrorKind::Storage);
    assert_eq!(scan.save("/").expect_err("no name").kind(), ErrorKind::Storage);
}

#[test]
fn a_foreign_file_is_told_by_name() {
    let folder = Folder::new("foreign");
    let path = folder.0.join("tags.txt");
    small(false).save(&path).expect("saved");
    let whole = written(&small(false));
    for (bytes, how) in [
        (b"v3.0.0\nv2.0.0\nv1.0.0\nv0.1.0\n".to_vec(), "it does not begin like one"),
        (b"".to_vec(), "it ends too early"),
        (whole[..whole.len() - 1].to_vec(), "it ends too early"),
        ([&whole[..22], &[2], &whole[23..]].concat(), "it is of another version"),
        ([&whole[..whole.len() - 1], &[!whole[whole.len() - 1]]].concat(), "its checksum is wrong"),
        ([&*whole, b"\n"].concat(), "something follows it"),
    ] {
        #[expect(clippy::disallowed_methods, reason = "a file of this test")]
        std::fs::write(&path, bytes).expect("written");
        let error = Scan::load(&path).expect_err(how);
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert_eq!(error.to_string(), format!("{path:?} is not a saved scan: {how}"));
        assert_eq!(error.hint(), Some("Scan again, and save that in its place."));
        assert!(!error.is_retryable());
    }
}
