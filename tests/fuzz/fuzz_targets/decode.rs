//! Any bytes for any specimen give a typed error, or a value that can be encoded and decoded again.
//!
//! ```text
//! cargo install cargo-fuzz
//! cd tests && cargo +nightly fuzz run decode -- -rss_limit_mb=512 -max_len=4096
//! ```
//!
//! The first byte selects the type. `sample_types corpus tests/fuzz/corpus/decode` writes the specimens' datums as an
//! initial corpus.
#![no_main]

use std::sync::LazyLock;

use events_tests::sample_types::{Specimen, specimens};
use libfuzzer_sys::fuzz_target;

static SPECIMENS: LazyLock<Vec<Specimen>> = LazyLock::new(specimens);

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, datum)) = bytes.split_first() else { return };
    let Some(specimen) = SPECIMENS.get(usize::from(*choice) % SPECIMENS.len()) else { return };
    match specimen.again(datum) {
        Ok(again) => assert!(specimen.again(&again).is_ok(), "{}: written, and not read", specimen.name),
        Err(fault) => assert!(fault.offset() <= datum.len(), "{fault}"),
    }
});
