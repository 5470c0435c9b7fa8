//! The order of a listing.

/// A permutation of `0..count`: steps of a fixed length around the circle reach every place once when the length and
/// the count have no common divisor.
pub(super) fn scrambled(position: u64, count: u64) -> u64 {
    if count < 2 {
        return position;
    }
    // About the golden ratio of the count, so that neighbours of the listing are far apart.
    let near = count / 1000 * 618 + count % 1000 * 618 / 1000;
    let step = (near.max(1)..count).find(|&step| greatest_common_divisor(step, count) == 1).unwrap_or(1);
    let place = u128::from(position) * u128::from(step) + u128::from(count / 2);
    u64::try_from(place % u128::from(count)).unwrap_or_default()
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
