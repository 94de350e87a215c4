//! CRC-64-AVRO, the fingerprint of a schema's Parsing Canonical Form
//! ([specification](https://avro.apache.org/docs/1.12.0/specification/#schema-fingerprints)).
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

const TABLE: [u64; 256] = {
    let mut table = [0_u64; 256];
    let mut index = 0;
    while index < 256 {
        let mut entry = index as u64;
        let mut bit = 0;
        while bit < 8 {
            entry = (entry >> 1) ^ (EMPTY & (entry & 1).wrapping_neg());
            bit += 1;
        }
        table[index] = entry;
        index += 1;
    }
    table
};

/// CRC-64-AVRO of some text.
///
/// ```
/// // The value that the specification's algorithm and apache-avro give for `"int"`.
/// assert_eq!(events_schema::fingerprint("\"int\""), 0x7275_d51a_3f39_5c8f);
/// ```
#[must_use]
pub const fn fingerprint(canonical: &str) -> u64 {
    let bytes = canonical.as_bytes();
    let mut crc = EMPTY;
    let mut index = 0;
    while index < bytes.len() {
        crc = (crc >> 8) ^ TABLE[((crc ^ bytes[index] as u64) & 0xff) as usize];
        index += 1;
    }
    crc
}
