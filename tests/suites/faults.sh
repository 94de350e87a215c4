# the whole bus under 200 killed processes, failing receivers, clock changes and a full disk; some minutes

faults_tests=(cargo test -p events-tests --test faults)
faults_run=(env FAULTS_FULL=1 RUST_BACKTRACE=0 "${faults_tests[@]}" --)

suite_faults() {
    say "faults: kills, failing receivers, clock changes, a full disk"
    local library disk=$logs/disk status=0
    "${faults_tests[@]}" --no-run --quiet || status=$?
    if [ "$status" -ne 0 ]; then
        count_status "$status" "building the fault tests"
        return
    fi
    counted "kills, sharing and receivers" "${faults_run[@]}" --nocapture --test-threads=1 kills:: sharing:: receivers::
    if library=$(faketime_library); then
        counted "clock changes" env "FAULTS_FAKETIME=$library" "${faults_run[@]}" --nocapture --ignored prepared::clock::
    else
        skip "clock changes lose nothing and block nothing" "Debian's faketime could not be installed"
    fi
    mkdir -p "$disk"
    if has_small_disk "$disk"; then
        counted "a full disk" small_disk "$disk" \
            env "FAULTS_SMALL_DISK=$disk" "${faults_run[@]}" --nocapture --test-threads=1 --ignored prepared::full_disk::
    else
        skip "a full disk loses nothing acknowledged" "no small disk (tmpfs) could be mounted"
    fi
}
