//! What each public type is, beside its own methods.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::str::FromStr;

use flux_ecr_reflect::scan::{Change, LastScan, ScanDue, ScanReason, ScanSpec};
use flux_ecr_reflect::test_util::{FakeRegistry, Fault};
use flux_ecr_reflect::{
    Access, Accessory, Caller, Cursor, Denial, Detail, Digest, DigestReflection, DigestStep, DockerConfig,
    EcrRegistry, Error, ErrorKind, ImageFacts, ImageName, ImageRef, ImageStatus, ImageTask, ImageUpdate,
    LatestImage, Listing, Login, LoginKind, LoginSource, OciRegistry, PageRequest, Permit, Preflight,
    Reflection, Reflector, RegistryApi, RegistryKind, RegistryLogin, RegistryTransport, Report, Scan, Tag,
    TagEntry, TagPage, TagSource, Tags, Throttle,
};
use flux_policy::Policy;

fn shared<T: Debug + Send + Sync + Unpin>() {}
fn value<T: Debug + Clone + Send + Sync + Unpin>() {}
fn compared<T: Debug + Clone + PartialEq + Send + Sync + Unpin>() {}
fn key<T: Debug + Clone + Eq + Hash + Send + Sync + Unpin>() {}
fn shown<T: Display>() {}
fn read<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>() {}
fn error<T: std::error::Error + Clone + Send + Sync + 'static>() {}
fn sent<T: Send>(_: T) {}

#[test]
fn what_is_handed_out_can_be_shared_and_kept() {
    let _: &[fn()] = &[
        value::<Reflector>,
        value::<OciRegistry>,
        value::<RegistryLogin>,
        value::<RegistryTransport>,
        value::<Throttle>,
        value::<DockerConfig>,
        value::<Login>,
        value::<Preflight>,
        value::<PageRequest<'_>>,
        value::<ImageTask>,
        value::<ImageUpdate>,
        value::<LatestImage>,
        value::<Reflection>,
        value::<TagPage>,
        value::<Tags<'_>>,
        value::<ScanSpec>,
        value::<LastScan>,
        shared::<Permit>,
        error::<Error>,
        value::<FakeRegistry>,
        value::<Fault>,
    ];
}

#[test]
fn values_can_be_compared() {
    let _: &[fn()] = &[
        compared::<Scan>,
        compared::<Listing>,
        compared::<Report>,
        compared::<ImageStatus>,
        compared::<ScanDue>,
        key::<ImageName>,
        key::<ImageRef>,
        key::<Tag>,
        key::<Digest>,
        key::<EcrRegistry>,
        key::<RegistryKind>,
        key::<TagEntry>,
        key::<ImageFacts>,
        key::<Cursor>,
        key::<Change>,
        key::<Access>,
        key::<Caller>,
        key::<ErrorKind>,
        key::<Denial>,
        key::<Accessory>,
        key::<Detail>,
        key::<LoginKind>,
        key::<RegistryApi>,
        key::<DigestReflection>,
        key::<DigestStep>,
        key::<ScanReason>,
    ];
}

#[test]
fn what_people_read_is_displayed_and_what_they_write_is_read() {
    let _: &[fn()] = &[
        shown::<ImageName>,
        shown::<ImageRef>,
        shown::<Scan>,
        shown::<Report>,
        shown::<Denial>,
        shown::<Access>,
        shown::<Change>,
        shown::<ScanReason>,
        shown::<EcrRegistry>,
        read::<ImageName>,
        read::<ImageRef>,
        read::<Tag>,
        read::<Digest>,
        read::<EcrRegistry>,
    ];
}

#[test]
fn sources_of_one_s_own_can_be_boxed() {
    let _: Option<(Box<dyn TagSource>, Box<dyn LoginSource>)> = None;
}

#[test]
fn futures_can_move_between_threads() {
    fn every_future(reflector: &Reflector, image: &ImageName, policy: &Policy, task: &ImageTask) {
        sent(reflector.scan(image));
        sent(reflector.latest_image(image, policy));
        sent(reflector.reflect(image, policy));
        sent(reflector.update(task));
        sent(reflector.preflight_for(image, policy));
        sent(async move { reflector.update_all(vec![task.clone()]).next().await });
        sent(async move { reflector.pages(image).next().await });
    }
    let _ = every_future;
}
