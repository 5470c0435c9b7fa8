//! Versions of the usual size, read at a glance.
//!
//! Nearly every version there is has a major and a minor of at most four digits and a patch of at most eight. Sixteen bytes
//! hold them, each digit in its place, and order like the numbers they stand for: what is only compared need not be
//! turned into numbers at all. A text of another size, or with anything unusual about it, is left to the reader of everything.

#![expect(clippy::inline_always, reason = "what is read stays in registers, or nothing is gained")]

use std::num::NonZero;

/// What is seen of a version at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) rank: Rank,
    pub(crate) is_prerelease: bool,
}

impl Plain {
    /// `None` says no more of a text than that one has to look closer.
    #[inline(always)]
    pub(crate) fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let bytes = &bytes[usize::from(*bytes.first()? == b'v')..];
        let (head, tail) = ends(bytes)?;
        // A prerelease of up to seven characters. Whether there is one is asked first, for it is hard to predict, and what
        // was begun before would be in vain.
        let dashes = zero_bytes(tail ^ DASHES);
        if dashes == 0 {
            let rank = Rank::read(head, tail, bytes.len())?;
            return Some(Self { rank, is_prerelease: false });
        }
        if !is_plain_suffix(tail, dashes) {
            return None;
        }
        let numbers = bytes.get(..bytes.len() + position(dashes) as usize / 8 - 8)?;
        let (head, tail) = ends(numbers)?;
        Some(Self { rank: Rank::read(head, tail, numbers.len())?, is_prerelease: true })
    }
}

/// The three numbers of a version in one that orders like them: sixteen bytes of one digit each, four for the major, four
/// for the minor, eight for the patch.
///
/// Between a [`Plain`] version and any other, the ranks compare as the numbers do. Two versions of which neither is plain
/// can have the same rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(u128);

impl Rank {
    pub(crate) const LOWEST: Self = Self(0);

    /// A number too large for its place is above all that a plain version can have there.
    pub(crate) fn of([major, minor, patch]: [u64; 3]) -> Self {
        Self::new(digits(major, 4) << 32 | digits(minor, 4), digits(patch, 8))
    }

    #[inline(always)]
    fn new(major_minor: u64, patch: u64) -> Self {
        Self(u128::from(major_minor) << 64 | u128::from(patch))
    }

    /// Reads `N.N.N` by its first eight bytes, its last eight, and its length.
    #[inline(always)]
    fn read(head: u64, tail: u64, length: usize) -> Option<Self> {
        let (head, tail) = (head ^ ZEROS, tail ^ ZEROS);
        // Places and lengths are in bits.
        let dots = non_digits(head);
        let first_dot = position(dots);
        let second_dot = NonZero::new(dots & dots.wrapping_sub(1))?.trailing_zeros();
        let minor = second_dot.wrapping_sub(first_dot + 8);
        // Counted from behind, so as not to wait until it is known where they begin.
        let patch = position(non_digits(tail).swap_bytes());

        let in_place = (8..=32).contains(&first_dot)
            && (8..=32).contains(&minor)
            && patch > 0
            && (second_dot + 8 + patch) as usize == 8 * length;
        if !in_place || byte(head, first_dot) != DOT || byte(head, second_dot) != DOT {
            return None;
        }
        let major_digits = head << (64 - first_dot) >> 32;
        let minor_digits = head >> (first_dot + 8) << (64 - minor);
        let patch_digits = tail >> (64 - patch) << (64 - patch);
        Some(Self::new((major_digits | minor_digits).swap_bytes(), patch_digits.swap_bytes()))
    }
}

/// The last `places` decimal digits of a number, one in each byte; all above 9 if it has more than these.
fn digits(mut number: u64, places: u32) -> u64 {
    let mut digits = 0;
    for place in 0..places {
        digits |= (number % 10) << (8 * place);
        number /= 10;
    }
    if number == 0 { digits } else { 0x0A0A_0A0A_0A0A_0A0A >> (64 - 8 * places) }
}

/// The first and the last eight bytes, with zeros in place of those that are missing; `None` if there are fewer than four.
#[inline(always)]
fn ends(bytes: &[u8]) -> Option<(u64, u64)> {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return Some((u64::from_le_bytes(*first), u64::from_le_bytes(*last)));
    }
    // Two halves, which overlap.
    let (first, last) = (bytes.first_chunk()?, bytes.last_chunk()?);
    let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
    let all = u64::from(first) | u64::from(last) << (8 * (bytes.len() - 4));
    Some((all, all << (8 * (8 - bytes.len()))))
}

/// The lowest bit of each byte that is more than nine. Behind one beyond ASCII, a nine can seem to be more, too.
#[inline(always)]
fn non_digits(text: u64) -> u64 {
    (text.wrapping_add(0x76 * ONES) | text) >> 7 & ONES
}

/// The highest bit of each byte that is zero, exact up to the first.
#[inline(always)]
fn zero_bytes(text: u64) -> u64 {
    text.wrapping_sub(ONES) & !text & HIGH_BITS
}

/// Where the lowest bit is, 64 if there is none.
#[inline(always)]
fn position(bits: u64) -> u32 {
    bits.trailing_zeros()
}

#[inline(always)]
fn byte(text: u64, position: u32) -> u64 {
    text >> position & 0xFF
}

/// Whether what follows the first of the dashes is beyond doubt a prerelease: lower case, digits and dots, no part of it
/// empty or beginning with a zero.
#[inline(always)]
fn is_plain_suffix(tail: u64, dashes: u64) -> bool {
    let at_least = |byte: u8| (tail & !HIGH_BITS) + u64::from(0x80 - byte) * ONES;
    let among = |first: u8, last: u8| at_least(first) & !at_least(last + 1);
    let dash = dashes & dashes.wrapping_neg();
    // All bits behind the first dash.
    let behind = !(dashes ^ dashes.wrapping_sub(1));
    let dots = among(b'.', b'.');
    let separators = dots & behind & HIGH_BITS | dash;
    let others = !(dots | among(b'0', b'9') | among(b'a', b'z')) | tail;
    let doubtful = others & behind | separators << 8 & among(b'.', b'0') | separators & 1 << 63;
    doubtful & HIGH_BITS == 0
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x80 * ONES;
const ZEROS: u64 = b'0' as u64 * ONES;
const DASHES: u64 = b'-' as u64 * ONES;
const DOT: u64 = (b'.' ^ b'0') as u64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::version::Version;

    /// Holds what is seen at a glance against what is read in full.
    fn agrees(text: &str) {
        let Some(plain) = Plain::read(text) else { return };
        let version = Version::parse(text).unwrap();
        assert_eq!(plain.rank, Rank::of(version.numbers()), "{text}");
        assert_eq!(plain.is_prerelease, !version.prerelease().is_empty(), "{text}");
        assert_eq!(version.build(), "");
    }

    #[test]
    fn everyday_versions_are_plain() {
        for text in
            ["1.2.3", "v1.2.3", "0.0.0", "1.12.345", "v2024.10.20241031", "01.02.03", "9999.99.99999999"]
        {
            assert!(Plain::read(text).is_some_and(|plain| !plain.is_prerelease), "{text}");
            agrees(text);
        }
        for text in ["1.2.3-rc", "v1.2.3-rc.1", "1.12.1048576-rc.12", "1.2.3-alpha.1", "1.2.3-0a", "1.2.3-10"]
        {
            let seen = Plain::read(text);
            assert_eq!(seen.is_some(), !text.contains("-0"), "{text}");
            assert!(seen.is_none_or(|plain| plain.is_prerelease), "{text}");
            agrees(text);
        }
    }

    fn numbers() -> impl Strategy<Value = [u64; 3]> {
        let number = || prop_oneof![0..12_u64, 9990..10_010_u64, 99_999_990..100_000_010_u64, any::<u64>()];
        [number(), number(), number()]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(debug_assertions) { 10_000 } else { 300_000 }, ..ProptestConfig::default() })]

        #[test]
        fn a_glance_sees_what_reading_finds(
            likely in "v?[0-9]{1,5}\\.[0-9]{1,5}\\.[0-9]{1,9}(-[0-9a-z]{1,3}(\\.[0-9a-z]{1,3})?)?",
            doubtful in "v?[0-9]{0,2}[./][0-9]{0,2}[.:][0-9]{0,3}([-+._/][0-9a-zA-Z./:`{\u{0}é-]{0,8})?",
            unlikely in "[v019.\u{0}é-]{0,18}",
        ) {
            agrees(&likely);
            agrees(&doubtful);
            agrees(&unlikely);
        }

        #[test]
        fn ranks_order_like_numbers(plain in numbers(), other in numbers()) {
            let text = plain.map(|number| number.to_string()).join(".");
            if let Some(seen) = Plain::read(&text) {
                prop_assert_eq!(seen.rank.cmp(&Rank::of(other)), plain.cmp(&other));
            }
        }
    }
}
