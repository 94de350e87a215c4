# the transport redis: on real servers and clusters, and against Open edX's edx-event-bus-redis

suite_redis() {
    say "redis: servers and clusters that are restarted, killed, paused, cut off, failed over and resharded"
    if ! install_redis; then
        skip "all tests of the transport redis:" "redis-server could not be installed"
        return
    fi
    local peer=() tests=(cargo test -p events-server-tests --no-fail-fast)
    install_venv || peer=(--skip open_edx)
    counted "the conformance suite on redis-server" "${tests[@]}" --test redis_conformance -- --show-output
    cat "$logs/log" >>"$logs/promises"
    # A cluster takes seconds to form, in which its test is idle: more threads than cores.
    counted "the conformance suite on clusters" "${tests[@]}" --test redis_cluster_conformance \
        -- --show-output --test-threads=8
    cat "$logs/log" >>"$logs/promises"
    counted "the tests on clusters" "${tests[@]}" --test redis_cluster -- --show-output
    counted "the tests on redis-server" "${tests[@]}" --test 'redis_[!c]*' -- "${peer[@]}"
    if [ ${#peer[@]} -gt 0 ]; then
        skip "Open edX's bus and ours read each other's messages over Redis, and share a group" \
            "no Python venv with its packages could be created"
        return
    fi
    counted "groups with members of both buses" "${tests[@]}" --test mixed_group -- --nocapture
}
