//! Identifiers and secrets in the shapes AWS gives them.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use uuid::Uuid;

/// `N` unpredictable bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    // The generator fails only where the operating system has no entropy to give; without it nothing here is worth
    // serving.
    #[expect(clippy::expect_used, reason = "not outside data; there is no service without randomness")]
    rand::fill(&mut buffer).expect("the system has random bytes");
    buffer
}

/// A request id, or any other unique name in the form of a UUID.
pub(crate) fn uuid() -> Uuid {
    uuid::Builder::from_random_bytes(bytes()).into_uuid()
}

/// An access key id: `AKIA…` for a user's key, `ASIA…` for a session's, twenty characters in all.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>.
pub(crate) fn unique_id(prefix: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let tail = bytes::<16>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    prefix.chars().chain(tail).collect()
}

/// A secret access key: forty characters.
pub(crate) fn secret_access_key() -> String {
    STANDARD.encode(bytes::<30>())
}

/// A session token; AWS promises no length, only that it is long.
///
/// Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html>.
pub(crate) fn session_token() -> String {
    STANDARD.encode(bytes::<384>())
}

/// A registry password: ECR's is a little under two thousand characters.
pub(crate) fn registry_password() -> String {
    STANDARD.encode(bytes::<1200>())
}

/// A token of the instance metadata service: fifty-six characters, ending in the padding AWS's have.
pub(crate) fn metadata_token() -> String {
    let mut token = URL_SAFE_NO_PAD.encode(bytes::<40>());
    token.push_str("==");
    token
}
