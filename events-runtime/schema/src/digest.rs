//! Digests of schemas, by which an unchanged schema is recognized at once.
//!
//! Comparing two schemas node by node takes thousands of steps of constant evaluation, usually to find that
//! nothing has changed. So every record and field has a digest: in a definition's tree, computed once for each
//! type; in packed bytes, computed by the macro. Equal digests mean equal schemas (64 bits, and no one gains by
//! a collision). If digests differ, the schemas are compared node by node.
//!
//! A name is digested without a namespace if it inherits that of the enclosing definition. If the two sides
//! write the same namespace differently, the digests differ and the full comparison decides.

/// The digests of the primitives, by their tags.
pub(crate) const PRIMITIVES: [u64; 8] = [
    0x9e37_79b9_7f4a_7c15,
    0xbf58_476d_1ce4_e5b9,
    0x94d0_49bb_1331_11eb,
    0xd6e8_feb8_6659_fd93,
    0xa076_1d64_78bd_642f,
    0xe703_7ed1_a0b4_28db,
    0x8ebc_6af0_9c88_c6e3,
    0x5899_65cc_7537_4cc3,
];

pub(crate) const LOGICAL: u64 = 0x1d8e_4e27_c47d_124f;
pub(crate) const ARRAY: u64 = 0xeb44_acca_b455_d165;
pub(crate) const MAP: u64 = 0x2d35_8dcc_aa6c_78a5;
pub(crate) const UNION: u64 = 0x4b33_a62e_d433_d4a3;
/// The end of a union that takes branches which the reader does not know.
pub(crate) const OTHER: u64 = 0x5c0b_7e21_96d4_3af9;
/// The start of a record's digest.
pub const RECORD: u64 = 0x4d5a_2da5_1de1_aa47;
/// The start of an enumeration's digest.
pub const ENUM: u64 = 0x7812_f3b9_9fe8_9f4b;
pub(crate) const FIELD: u64 = 0x2f1a_9d3c_5b8e_7045;
/// The end of a list of texts.
pub(crate) const END: u64 = 0x7c3e_15a9_d0b2_68f4;
/// A reference to an enclosing definition.
const REFERENCE: u64 = 0x63c9_2d1f_8a47_be5d;
/// A name whose meaning depends on its position: only the full comparison can resolve it.
pub(crate) const AMBIGUOUS: u64 = 0x0f3d_64a1_c52e_97b3;

/// Adds a word to a digest. Only operators: in a constant, a call costs as much as fifty of them.
#[allow(
    clippy::cast_possible_truncation,
    clippy::manual_rotate,
    reason = "the methods that do this are calls"
)]
pub const fn add(digest: u64, word: u64) -> u64 {
    let product = (digest ^ word) as u128 * 0x9e37_79b9_7f4a_7c15;
    let mixed = product as u64;
    mixed << 29 | mixed >> 35
}

/// The digest of a reference to an enclosing definition, without its namespace: a reference in a tree does not
/// know the namespace that it inherits.
pub const fn reference(base: &str) -> u64 {
    add(REFERENCE, text(base.as_bytes()))
}

/// The digest of a text: FNV-1a.
pub const fn text(text: &[u8]) -> u64 {
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        digest = (digest ^ *byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
        rest = tail;
    }
    digest
}

/// The digest of a name with its own namespace (empty if inherited) and its aliases.
pub fn name(
    kind: u64,
    base: &str,
    namespace: &str,
    aliases: impl IntoIterator<Item = impl AsRef<str>>,
) -> u64 {
    list(add(add(kind, text(base.as_bytes())), text(namespace.as_bytes())), aliases)
}

/// Adds a list of texts with a terminator, so that no text is taken for part of the next list.
fn list(digest: u64, texts: impl IntoIterator<Item = impl AsRef<str>>) -> u64 {
    let digest = texts.into_iter().fold(digest, |digest, item| add(digest, text(item.as_ref().as_bytes())));
    add(digest, END)
}

/// The digest of an enumeration.
pub fn symbols<'a>(name: u64, symbols: impl IntoIterator<Item = &'a str>, default: Option<&str>) -> u64 {
    let symbols = list(name, symbols);
    default.map_or(symbols, |default| add(symbols, text(default.as_bytes()).rotate_left(1)))
}

/// The digest of a field's name and aliases; its default and its schema are added to it.
pub fn field(name: &str, aliases: impl IntoIterator<Item = impl AsRef<str>>) -> u64 {
    list(add(FIELD, text(name.as_bytes())), aliases)
}

/// Adds a default, in normalized JSON, to the digest of a field.
pub const fn default(field: u64, default: &str) -> u64 {
    add(field, text(default.as_bytes()).rotate_left(1))
}

/// The word that a logical type adds to the digest of its base.
pub const fn logical(name: &str, precision: u32, scale: u32) -> u64 {
    add(add(LOGICAL, text(name.as_bytes())), (precision as u64) << 32 | scale as u64)
}
