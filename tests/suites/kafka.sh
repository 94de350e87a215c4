# the transport kafka: on real brokers and a real schema registry, and against Open edX's edx-event-bus-kafka

suite_kafka() {
    say "kafka: brokers that are restarted, killed, paused and cut off, and a schema registry"
    if ! install_kafka; then
        skip "all tests of the transport kafka:" "Kafka or the schema registry, or Java for them, could not be installed"
        return
    fi
    local tests=(cargo test -p events-server-tests --no-fail-fast)
    # A test waits for a broker most of the time: more threads than cores.
    counted "the conformance suite on Kafka" "${tests[@]}" --test kafka_conformance \
        -- --show-output --test-threads=12
    cat "$logs/log" >>"$logs/promises"
    counted "the conformance suite on three brokers" "${tests[@]}" --test kafka_cluster_conformance \
        -- --show-output --test-threads=12
    cat "$logs/log" >>"$logs/promises"
    local file others=()
    for file in tests/servers/tests/kafka_*.rs; do
        [[ $file == *conformance.rs ]] || others+=(--test "$(basename "$file" .rs)")
    done
    counted "the tests on Kafka" "${tests[@]}" "${others[@]}" -- --test-threads=4
}
