# unit tests and the conformance suite of memory and SQLite; under two minutes after a build

suite_quick() {
    say "quick: unit tests, the workspace's arrows, and the conformance suite of memory and SQLite"
    # The suite `rust` runs the rest: SQLite without fsync, the simulator, the slowest unit test.
    counted "the quick tests" workspace_tests --no-fail-fast --lib --test workspace --test conformance -- \
        --skip sqlite_without_fsync:: --skip simulated:: \
        --skip every_changed_attribute_is_reported
}
