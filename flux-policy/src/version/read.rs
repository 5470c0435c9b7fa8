//! How a text is read as a version, in full.

use super::{Fault, NotAVersion, Version};

/// The version and how many numbers it was written with.
#[inline(always)]
pub(super) fn read(text: &str) -> Result<(Version<'_>, usize), NotAVersion> {
    let bytes = text.as_bytes();
    let start = usize::from(bytes.first() == Some(&b'v'));
    let (major, mut at) = short_number(bytes, start);
    check_number(bytes, start, at)?;
    let (mut minor, mut patch, mut segments) = (0, 0, 1);
    if bytes.get(at) == Some(&b'.') {
        let start = at + 1;
        (minor, at) = short_number(bytes, start);
        check_number(bytes, start, at)?;
        segments = 2;
        if bytes.get(at) == Some(&b'.') {
            let start = at + 1;
            (patch, at) = number(bytes, start);
            check_number(bytes, start, at)?;
            segments = 3;
        }
    }
    let (prerelease, build) = if at < bytes.len() { read_suffix(text, at)? } else { ("", "") };
    Ok((Version { original: text, numbers: [major, minor, patch], prerelease, build }, segments))
}

/// The prerelease and the metadata, which make up everything from `at` on.
fn read_suffix(text: &str, mut at: usize) -> Result<(&str, &str), NotAVersion> {
    let bytes = text.as_bytes();
    let (mut prerelease, mut build) = ("", "");
    if bytes[at] == b'-' {
        let end = read_identifiers(bytes, at + 1, Identifiers::Prerelease)?;
        prerelease = &text[at + 1..end];
        at = end;
    }
    if bytes.get(at) == Some(&b'+') {
        let end = read_identifiers(bytes, at + 1, Identifiers::Build)?;
        build = &text[at + 1..end];
        at = end;
    }
    if at < bytes.len() { Err(NotAVersion { at, fault: Fault::Unexpected }) } else { Ok((prerelease, build)) }
}

/// The eight bytes at `start`, the first lowest, with zeros behind the end; `None` if the text is shorter than eight.
#[inline(always)]
fn eight_bytes(bytes: &[u8], start: usize) -> Option<u64> {
    if let Some(eight) = bytes.get(start..start + 8) {
        return eight.try_into().ok().map(u64::from_le_bytes);
    }
    let last = bytes.last_chunk()?;
    let missing = start + 8 - bytes.len();
    (missing < 8).then(|| u64::from_le_bytes(*last) >> (8 * missing))
}

/// The number made of the digits at `start`, and their end. Whether there are any, and whether they fit, is for
/// [`check_number`] to say: keeping that out of here is what makes it quick.
#[inline(always)]
fn number(bytes: &[u8], start: usize) -> (u64, usize) {
    // Eight bytes at once where there are as many and the digits end among them.
    if let Some(eight) = eight_bytes(bytes, start) {
        let text = eight ^ 0x3030_3030_3030_3030;
        // The highest bit of each byte that is no digit; a carry only reaches bytes behind the first of them.
        let others = (text.wrapping_add(0x7676_7676_7676_7676) | text) & 0x8080_8080_8080_8080;
        let count = others.trailing_zeros() as usize / 8;
        if count < 8 {
            let digits = if count == 0 { 0 } else { text << (64 - 8 * count) };
            let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00FF_00FF_00FF_00FF;
            let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
            let eight = (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xFFFF_FFFF;
            return (eight, start + count);
        }
    }
    short_number(bytes, start)
}

/// The same, digit by digit, which is quicker where there are one or two.
#[inline(always)]
fn short_number(bytes: &[u8], start: usize) -> (u64, usize) {
    let mut value = 0_u64;
    let mut at = start;
    for byte in bytes.get(start..).unwrap_or_default() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (value, at)
}

#[inline(always)]
fn check_number(bytes: &[u8], start: usize, end: usize) -> Result<(), NotAVersion> {
    match end - start {
        0 => Err(NotAVersion { at: end, fault: Fault::ExpectedNumber }),
        // Nineteen digits always fit.
        1..=19 => Ok(()),
        _ if fits(&bytes[start..end]) => Ok(()),
        _ => Err(NotAVersion { at: start, fault: Fault::NumberTooLarge }),
    }
}

#[cold]
fn fits(digits: &[u8]) -> bool {
    std::str::from_utf8(digits).is_ok_and(|digits| digits.parse::<u64>().is_ok())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Identifiers {
    Prerelease,
    Build,
}

/// The end of the dot-separated identifiers that begin at `start`.
#[inline]
fn read_identifiers(bytes: &[u8], start: usize, which: Identifiers) -> Result<usize, NotAVersion> {
    let mut part = start;
    loop {
        let length =
            bytes[part..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
        let end = part + length;
        if length == 0 {
            return Err(NotAVersion { at: part, fault: Fault::EmptyPart });
        }
        if which == Identifiers::Prerelease
            && length > 1
            && bytes[part] == b'0'
            && bytes[part..end].iter().all(u8::is_ascii_digit)
        {
            return Err(NotAVersion { at: part, fault: Fault::LeadingZero });
        }
        if bytes.get(end) != Some(&b'.') {
            return Ok(end);
        }
        part = end + 1;
    }
}
