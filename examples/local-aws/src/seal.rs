//! Opaque tokens: a number, sealed for one purpose.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::random;

/// Makes tokens and reads them back.
///
/// A token is a number sealed, with a key of this process, together with the purpose it is for. A token that was altered,
/// made up or carried elsewhere is told apart without any being stored.
pub(crate) struct Seal(hmac::Key);

const NUMBER: usize = size_of::<u64>();

impl Seal {
    pub(crate) fn new() -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &random::bytes::<32>()))
    }

    /// The token that stands for `number`, for this purpose only.
    pub(crate) fn close(&self, purpose: &str, number: u64) -> String {
        let mut token = number.to_be_bytes().to_vec();
        token.extend_from_slice(hmac::sign(&self.0, &sealed(purpose, number)).as_ref());
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The number a token of this purpose stands for; `None` for any other token.
    pub(crate) fn open(&self, purpose: &str, token: &str) -> Option<u64> {
        let token = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (number, seal) = token.split_at_checked(NUMBER)?;
        let number = u64::from_be_bytes(number.try_into().ok()?);
        hmac::verify(&self.0, &sealed(purpose, number), seal).ok()?;
        Some(number)
    }
}

fn sealed(purpose: &str, number: u64) -> Vec<u8> {
    [&number.to_be_bytes(), purpose.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_purpose_only() {
        let seal = Seal::new();
        let token = seal.close("ListImages a", 1000);
        assert_eq!(seal.open("ListImages a", &token), Some(1000));
        assert_eq!(seal.open("ListImages b", &token), None);
        assert_eq!(Seal::new().open("ListImages a", &token), None);
        assert_eq!(seal.open("ListImages a", ""), None);
        assert_eq!(seal.open("ListImages a", "AAAA"), None);
        for i in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[i] = if altered[i] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).expect("ASCII");
            assert_eq!(seal.open("ListImages a", &altered), None, "altered at {i}");
        }
    }
}
