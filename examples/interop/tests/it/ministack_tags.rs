//! Tags from a registry that cuts the list at the number that was asked for, and links to no rest.

use std::collections::BTreeSet;

use flux_aws_auth::http_client;
use flux_aws_auth::iam::PermissionPolicy;
use flux_ecr_reflect::{OciRegistry, Reflector, RegistryLogin};

use crate::account::{Account, image};

const TAGS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_cut_without_a_link_is_read_to_its_end() {
    let account = Account::start().await;
    let tags: Vec<String> = (0..TAGS).map(|minor| format!("1.{minor}.0")).collect();
    account.repository("apps/mainapp", &tags.iter().map(String::as_str).collect::<Vec<_>>());
    let repository = "arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp".parse().unwrap();
    let minimal = PermissionPolicy::ecr([repository]).unwrap().minimal().to_json();
    let chain = account.reader("reader", &[&minimal]);
    let login = RegistryLogin::builder().credentials(chain).http_client(http_client());
    let login = login.endpoint_url(account.aws.url()).build().unwrap();
    for (page_size, pages) in [(1, 11), (3, 4), (5, 3), (9, 2), (10, 2), (11, 1), (1000, 1)] {
        let registry = OciRegistry::builder().http_client(http_client()).login(login.clone());
        let registry = registry.endpoint_url(account.aws.url()).page_size(page_size).build().unwrap();
        let reflector = Reflector::builder().tag_source(registry).build().unwrap();
        let scan = reflector.scan(&image("apps/mainapp")).await.unwrap();
        let listed: BTreeSet<_> = scan.tags().map(|tag| tag.to_string()).collect();
        assert_eq!(listed, tags.iter().cloned().collect(), "{page_size}");
        let listing = scan.listing();
        assert_eq!((listing.pages(), listing.tags()), (pages, TAGS as u64), "{page_size}");
    }
}
