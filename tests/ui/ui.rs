//! Mistakes and their compile errors: one error for each mistake, at the token to change, with the fix.
//!
//! After an intended change of an error: run `TRYBUILD=overwrite cargo test -p events-ui-tests` and read the
//! difference as a user would.

#[test]
fn every_mistake_is_an_error_with_a_fix() {
    // One `TestCases` without `pass`, so that one call of cargo checks all cases.
    let cases = trybuild::TestCases::new();
    cases.compile_fail("*/*.rs");
    // Changes that break readers of a published schema; `contracts/allowed`, compiled by
    // `tests/tests/contracts`, has compatible ones.
    cases.compile_fail("contracts/breaking/*.rs");
}
