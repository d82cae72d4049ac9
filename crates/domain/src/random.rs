//! The only place where randomness comes from: the operating system.

/// `N` random bytes.
///
/// # Panics
/// When the operating system has no randomness to give; nothing safe can be done without it.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// A random number of 128 bits.
pub fn u128() -> u128 {
    u128::from_le_bytes(bytes())
}

/// `N` random bytes as lower-case hexadecimal digits.
pub fn hex<const N: usize>() -> String {
    ::hex::encode(bytes::<N>())
}

/// A number from 0 (included) to 1 (excluded), for jitter.
pub fn fraction() -> f64 {
    f64::from(u32::from_le_bytes(bytes())) / (f64::from(u32::MAX) + 1.0)
}
