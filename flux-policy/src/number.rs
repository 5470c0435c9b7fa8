//! A tag read as a number, the way Flux reads it.
//!
//! Flux's numerical rule calls Go's [`strconv.ParseFloat(s, 64)`](https://pkg.go.dev/strconv#ParseFloat): decimal and
//! hexadecimal floating-point literals with underscores between digits, infinities, and an unsigned NaN.

/// Reads a number as Go's `strconv.ParseFloat(text, 64)` does; `None` where Go reports an error.
///
/// An optional sign, then digits with at most one point and an optional decimal exponent; or `0x` and hexadecimal
/// digits with a mandatory binary exponent (`0x1p-2`); or `inf`, `infinity` or, without a sign, `nan` in any case. An
/// underscore may stand between digits. No blanks. What is too large is an error; what is too small becomes zero.
///
/// ```
/// use flux_policy::number::parse;
///
/// assert_eq!(parse("1_000.5"), Some(1000.5));
/// assert_eq!(parse("0x1p-2"), Some(0.25));
/// assert_eq!(parse("0x10"), None);
/// assert_eq!(parse("1e400"), None);
/// assert_eq!(parse(" 1"), None);
/// ```
#[inline]
pub fn parse(text: &str) -> Option<f64> {
    plain_integer(text.as_bytes()).or_else(|| general(text))
}

/// Up to 19 digits and nothing else: what almost every numerical tag is, and what cannot overflow 64 bits.
#[inline]
fn plain_integer(bytes: &[u8]) -> Option<f64> {
    if bytes.is_empty() || bytes.len() > 19 {
        return None;
    }
    let mut value = 0_u64;
    for &byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "the cast rounds to nearest, ties to even, as ParseFloat does"
    )]
    Some(value as f64)
}

fn general(text: &str) -> Option<f64> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'+' => (false, &text[1..]),
        b'-' => (true, &text[1..]),
        _ => (false, text),
    };
    let is = |word: &str| unsigned.eq_ignore_ascii_case(word);
    let magnitude = if is("inf") || is("infinity") {
        f64::INFINITY
    } else if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    } else if unsigned.len() > 2 && unsigned.as_bytes()[0] == b'0' && unsigned.as_bytes()[1] | 0x20 == b'x' {
        hexadecimal(unsigned.as_bytes())?
    } else {
        decimal(unsigned)?
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn decimal(text: &str) -> Option<f64> {
    let mut rest = Digits { bytes: text.as_bytes(), seen: 0 };
    rest.skip_mantissa(u8::is_ascii_digit)?;
    if !rest.at_end() {
        rest.exponent(b'e')?;
    }
    if !underscores_are_between_digits(text.as_bytes(), 0, u8::is_ascii_digit) {
        return None;
    }
    // Rust reads the same decimal literals, rounded the same way, once the underscores are gone.
    let value: f64 = if text.contains('_') { without_underscores(text)? } else { text.parse().ok()? };
    value.is_finite().then_some(value)
}

fn without_underscores(text: &str) -> Option<f64> {
    let kept = text.bytes().filter(|byte| *byte != b'_');
    // A tag has at most 128 characters, so the heap is for keys that no registry holds.
    let mut buffer = [0; 128];
    if text.len() > buffer.len() {
        return String::from_utf8(kept.collect()).ok()?.parse().ok();
    }
    let length = kept.zip(&mut buffer).map(|(byte, slot)| *slot = byte).count();
    std::str::from_utf8(&buffer[..length]).ok()?.parse().ok()
}

fn hexadecimal(text: &[u8]) -> Option<f64> {
    let mut rest = Digits { bytes: &text[2..], seen: 0 };
    let mantissa = rest.skip_mantissa(u8::is_ascii_hexdigit)?;
    let exponent = rest.exponent(b'p')?;
    if !underscores_are_between_digits(text, 2, u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bits = 0_u64;
    let mut scale = 0_i64;
    let mut after_point = false;
    let mut lost = false;
    for &byte in mantissa {
        match char::from(byte).to_digit(16) {
            None => after_point |= byte == b'.',
            Some(digit) => {
                if bits >> 60 == 0 {
                    bits = bits << 4 | u64::from(digit);
                    scale -= if after_point { 4 } else { 0 };
                } else {
                    lost |= digit != 0;
                    scale += if after_point { 0 } else { 4 };
                }
            }
        }
    }
    scale_to_f64(bits, lost, exponent.saturating_add(scale))
}

/// `bits * 2^exponent` rounded to nearest, ties to even; `lost` says that nonzero digits below `bits` were dropped.
fn scale_to_f64(bits: u64, lost: bool, exponent: i64) -> Option<f64> {
    if bits == 0 {
        return Some(0.0);
    }
    let leading = i64::from(bits.leading_zeros());
    let normal = bits << leading;
    // The value is `normal * 2^(exponent - leading)`, whose highest bit stands for 2^top.
    let top = exponent.saturating_sub(leading).saturating_add(63);
    if top > 1023 {
        return None;
    }
    // 53 significant bits, fewer below the smallest normal exponent, none far below it.
    let dropped = 11 + (-1022 - top).max(0);
    if dropped > 64 {
        return Some(0.0);
    }
    let wide = u128::from(normal) << 1 | u128::from(lost);
    let cut = u32::try_from(dropped).ok()? + 1;
    let kept = wide >> cut;
    let half = 1_u128 << (cut - 1);
    let below = wide & ((half << 1) - 1);
    let rounded = kept + u128::from(below > half || (below == half && kept & 1 == 1));
    // A carry out of the fraction moves into the exponent field, which is what rounding up means there.
    let biased = u64::try_from((top + 1022).max(0)).ok()?;
    let field = u64::try_from(rounded).ok()? + (biased << 52);
    let value = f64::from_bits(field);
    value.is_finite().then_some(value)
}

/// Reads over the parts of a literal; underscores pass here and are judged once the literal is known to be whole.
struct Digits<'a> {
    bytes: &'a [u8],
    seen: usize,
}

impl<'a> Digits<'a> {
    /// Digits and underscores with at most one point among them; at least one digit.
    fn skip_mantissa(&mut self, is_digit: fn(&u8) -> bool) -> Option<&'a [u8]> {
        let (mut digits, mut points) = (0, 0);
        let rest = &self.bytes[self.seen..];
        let length = rest
            .iter()
            .take_while(|byte| {
                digits += usize::from(is_digit(byte));
                points += usize::from(**byte == b'.');
                is_digit(byte) || **byte == b'_' || (**byte == b'.' && points == 1)
            })
            .count();
        self.seen += length;
        (digits > 0).then_some(&rest[..length])
    }

    fn at_end(&self) -> bool {
        self.seen == self.bytes.len()
    }

    /// The exponent behind `marker`, which has to be there and to reach to the end.
    fn exponent(&self, marker: u8) -> Option<i64> {
        let [first, rest @ ..] = &self.bytes[self.seen..] else { return None };
        let (negative, digits) = match rest {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] | digits => (false, digits),
        };
        let well_formed = first | 0x20 == marker
            && digits.first().is_some_and(u8::is_ascii_digit)
            && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'_');
        if !well_formed {
            return None;
        }
        let digits = digits.iter().filter(|byte| byte.is_ascii_digit());
        // Stops far beyond any exponent that matters and far from overflow.
        let value = digits.fold(0_i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(10_000_000));
        Some(if negative { -value } else { value })
    }
}

/// Whether each underscore follows a digit (or the base prefix) and precedes one.
fn underscores_are_between_digits(text: &[u8], prefix: usize, is_digit: fn(&u8) -> bool) -> bool {
    let mut after_digit = prefix > 0;
    let mut after_underscore = false;
    for byte in &text[prefix..] {
        let digit = is_digit(byte);
        if *byte == b'_' {
            if !after_digit {
                return false;
            }
        } else if after_underscore && !digit {
            return false;
        }
        after_digit = digit;
        after_underscore = *byte == b'_';
    }
    !after_underscore
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_literals_round_to_nearest_even() {
        assert_eq!(parse("0x1.fffffffffffff8p0"), Some(2.0));
        assert_eq!(parse("0x1.00000000000008p0"), Some(1.0));
        assert_eq!(parse("0x1.000000000000080000000000001p0"), Some(1.000_000_000_000_000_2));
        assert_eq!(parse("-0x_1.8p+1"), Some(-3.0));
        assert_eq!(parse("0x1p-1074"), Some(5e-324));
        assert_eq!(parse("0x1p-1075"), Some(0.0));
        assert_eq!(parse("0x1.8p-1075"), Some(5e-324));
        assert_eq!(parse("0x.fffffffffffffp-1022"), Some(f64::MIN_POSITIVE - 5e-324));
        assert_eq!(parse("0x1p1024"), None);
        assert_eq!(parse("0x0p99999"), Some(0.0));
    }

    #[test]
    fn rejects_what_go_rejects() {
        for text in [
            "", "+", ".", "e5", "1e", "1e+", "_1", "1_", "1__0", "1_.0", "1._0", "1_e5", "+nan", "0x", "0x1",
            "１",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("1_0e1_0"), Some(1e11));
        assert!(parse("NaN").is_some_and(f64::is_nan));
    }
}
