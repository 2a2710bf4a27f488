//! A short number that both devices show after pairing, for people who want to compare.

use std::fmt;

use pimesh_crdt::DeviceId;

/// Four groups of five digits, the same on both devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u32; 4]);

const GROUP: u32 = 100_000;

/// The fingerprint of a pair of devices, whichever is named first.
pub fn fingerprint(one: &DeviceId, other: &DeviceId) -> Fingerprint {
    let (low, high) = if one < other {
        (one, other)
    } else {
        (other, one)
    };
    let mut hasher = blake3::Hasher::new_derive_key("pimesh pair fingerprint v1");
    hasher.update(&low.0).update(&high.0);
    let hash = hasher.finalize();
    let mut groups = [0; 4];
    for (group, bytes) in groups.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
        let wide = bytes
            .iter()
            .fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        // Always below GROUP, so it fits.
        *group = (wide % u64::from(GROUP)) as u32;
    }
    Fingerprint(groups)
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a:05} {b:05} {c:05} {d:05}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_devices_show_the_same_number_and_other_pairs_another() {
        let (a, b, c) = (DeviceId([1; 32]), DeviceId([2; 32]), DeviceId([3; 32]));
        assert_eq!(
            fingerprint(&a, &b).to_string(),
            fingerprint(&b, &a).to_string()
        );
        assert_ne!(fingerprint(&a, &b), fingerprint(&a, &c));
        assert_eq!(fingerprint(&a, &b).to_string().len(), 23);
    }
}
