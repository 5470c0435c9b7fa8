//! What stands between the program and AWS.

use super::finding::{Area, Finding, Sheet};
use super::patient::Patient;
use crate::http_clients::{CA_BUNDLE, HttpClientBuilder};
use crate::text::one_line;

/// The proxies and certificates that the environment names, for the client that a chain makes for itself.
pub(super) fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let mut sheet = Sheet::of(Area::Network);
    let environment = patient.environment;
    let read = HttpClientBuilder::from_environment(environment);
    match read.https_proxy() {
        Ok(Some(proxy)) => {
            sheet.note("HTTPS_PROXY", format!("{proxy}; what is on the node is reached without it"));
        }
        Ok(None) => sheet.ok("HTTPS_PROXY", "not set: AWS is reached directly"),
        Err(error) => sheet.error("HTTPS_PROXY", error),
    }
    match read.http_proxy() {
        Ok(Some(proxy)) => sheet.note("HTTP_PROXY", format!("{proxy}; AWS itself is asked over https alone")),
        Ok(None) => {}
        Err(error) => sheet.error("HTTP_PROXY", error),
    }
    let no_proxy = ["NO_PROXY", "no_proxy"].into_iter().find_map(|name| environment.var(name));
    if let Some(list) = no_proxy {
        sheet.note("NO_PROXY", one_line(&list, 300));
    }
    match (environment.var(CA_BUNDLE), read.flaw_of_certificates()) {
        (Some(_), Some(error)) => sheet.error(CA_BUNDLE, error),
        (Some(path), None) => {
            sheet.note(CA_BUNDLE, format!("{}, in place of the system's certificates", one_line(&path, 200)));
        }
        (None, _) => {}
    }
    sheet.findings
}
