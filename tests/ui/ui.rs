//! Wrong uses, and what the compiler says to them: one message per mistake, at the token to
//! change, with the way out.
//!
//! After a wanted change of a message: `TRYBUILD=overwrite cargo test -p events-ui-tests`, and
//! read the difference as a user would.

#[test]
fn every_mistake_is_answered_with_its_way_out() {
    // One `TestCases`, no `pass`: so all cases are checked by one call of cargo.
    let cases = trybuild::TestCases::new();
    cases.compile_fail("*/*.rs");
    // What would break the readers of a published schema; `contracts/allowed`, compiled by
    // `tests/tests/contracts`, has what would not.
    cases.compile_fail("contracts/breaking/*.rs");
}
