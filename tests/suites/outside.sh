# a strict crate outside of the workspace that uses every public name

suite_outside() {
    say "outside: a strict user of the public names, in a separate workspace"
    # Same dependency versions and same build directory as the workspace.
    cp Cargo.lock tests/outside/Cargo.lock
    local manifest=tests/outside/Cargo.toml target status=0
    target=$(target_directory)
    counted "the outside crate" cargo test --manifest-path "$manifest" --target-dir "$target"
    cargo clippy --quiet --all-targets --manifest-path "$manifest" --target-dir "$target" || status=$?
    count_status "$status" "clippy in the outside crate"
}
