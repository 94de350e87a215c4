# the transport kafka: on real brokers and a real schema registry, and against Open edX's edx-event-bus-kafka

suite_kafka() {
    say "kafka: brokers that are restarted, killed, paused and cut off, and a schema registry"
    if ! install_kafka; then
        skip "all tests of the transport kafka:" "Kafka or the schema registry, or Java for them, could not be installed"
        return
    fi
    local tests=(cargo test -p events-server-tests --no-fail-fast)
    # A test waits for a broker most of the time: more threads than cores. `tests/run soak` adds the other faults, and
    # both groups of tests over `group_protocol=consumer`, which kafka_members uses here.
    counted "the conformance suite on Kafka" "${tests[@]}" --test kafka_conformance \
        -- --show-output --test-threads=12 kafka:: kafka_partitions:: kafka_killed::
    cat "$logs/log" >>"$logs/promises"
    counted "the conformance suite on three brokers" "${tests[@]}" --test kafka_cluster_conformance \
        -- --show-output --test-threads=12 kafka_cluster::
    cat "$logs/log" >>"$logs/promises"
    local file others=() peers=() runs=()
    for file in tests/servers/tests/kafka_*.rs; do
        case $file in
        *conformance.rs) ;;
        *openedx.rs | *mixed_group.rs) peers+=(--test "$(basename "$file" .rs)") ;;
        *kills.rs | *transactions.rs) runs+=(--test "$(basename "$file" .rs)") ;;
        *) others+=(--test "$(basename "$file" .rs)") ;;
        esac
    done
    counted "the tests on Kafka" "${tests[@]}" "${others[@]}" -- --test-threads=4
    # Each has three brokers and some processes, and prints its counts. `tests/run soak` has the long forms.
    counted "kills of producers, consumers and brokers of Kafka" "${tests[@]}" "${runs[@]}" \
        -- --nocapture --test-threads=2
    if install_venv; then
        counted "records and groups of both buses" "${tests[@]}" "${peers[@]}" -- --nocapture --test-threads=2
        kafka_catalogue .venv 10.5.0 63
    else
        skip "Open edX's bus and ours read each other's records over Kafka, and share a group" \
            "no Python venv with its packages could be created"
    fi
    if install_newest_venv; then
        kafka_catalogue .tests/python 11.2.0 72
    else
        skip "the 72 events of openedx-events 11.2.0 go over Kafka in both directions" \
            "no Python 3.11 or later with its packages could be set up"
    fi
}

# kafka_catalogue VENV VERSION EVENTS: every event of examples/openedx over Kafka and a schema registry, from and to
# edx-event-bus-kafka with a version of openedx-events.
kafka_catalogue() {
    local started=$SECONDS status=0 target exchange
    say "kafka: the catalogue of Open edX, $3 events of openedx-events $2, from and to edx-event-bus-kafka"
    cargo build --quiet -p events-server-tests -p events-catalogue-tests --features events-catalogue-tests/kafka \
        --bins || status=$?
    if [ "$status" -ne 0 ]; then
        count_status "$status" "building the programs of the catalogue"
        return
    fi
    target=$(target_directory)
    exchange=$target/interop/kafka-$2
    mkdir -p "$exchange"
    counted "the catalogue over Kafka" "$target/debug/with_kafka" "$1/bin/python" tests/interop/kafka_catalogue.py \
        "$target/debug/kafka_catalogue" "$exchange" "$3"
    say "kafka: openedx-events $2: $((SECONDS - started)) s"
}
