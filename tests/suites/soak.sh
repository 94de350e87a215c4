# repeats the fault runs with new seeds for SOAK_MINUTES (default 30), and more random key orders

suite_soak() {
    local minutes=${SOAK_MINUTES:-30} round=0 status=0
    local end=$((SECONDS + minutes * 60))
    say "soak: $minutes minutes"
    # shellcheck source=/dev/null
    source tests/suites/faults.sh
    { workspace_tests --no-run --quiet && "${faults_tests[@]}" --no-run --quiet; } || status=$?
    if [ "$status" -ne 0 ]; then
        count_status "$status" "building the soak tests"
        return
    fi
    CONFORMANCE_SEEDS=400 counted "random key orders" \
        workspace_tests --test conformance -- keys::random
    CONFORMANCE_HISTORIES=160 CONFORMANCE_SEED=$RANDOM counted "random histories" \
        workspace_tests --test conformance -- match_the_model
    status=0
    cargo check --quiet -p events-runtime --no-default-features --features kafka-ssl-vendored || status=$?
    count_status "$status" "a build with the vendored OpenSSL"
    if install_kafka; then
        counted "the conformance suite on Kafka, every fault" cargo test -p events-server-tests --no-fail-fast \
            --test kafka_conformance --test kafka_cluster_conformance -- --test-threads=12
        counted "100 kills of producers, consumers and brokers of Kafka, and 50 with transactions" env FAULTS_FULL=1 \
            cargo test -p events-server-tests --test kafka_kills --test kafka_transactions \
            -- --nocapture --test-threads=1
    else
        skip "the fault runs on Kafka" "Kafka, or Java for it, could not be installed"
    fi
    # Each round takes some minutes; the last one runs to its end. A failing test prints its seed.
    while [ "$SECONDS" -lt "$end" ]; do
        round=$((round + 1))
        say "soak: round $round, $(((end - SECONDS) / 60)) minutes left"
        counted "round $round: kills, sharing and receivers" "${faults_run[@]}" --nocapture --test-threads=1 \
            kills:: sharing:: receivers::
    done
}
