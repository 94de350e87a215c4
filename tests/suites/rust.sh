# every test of the workspace with all features, except those of the other suites

suite_rust() {
    say "rust: cargo test, all features"
    # The tests that need a prepared machine (`prepared::`) run and count in the suite `faults`.
    counted "cargo test" workspace_tests --no-fail-fast -- --skip prepared::
    promises workspace_tests --test conformance
}
