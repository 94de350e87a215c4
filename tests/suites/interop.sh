# our schemas, datums and messages against fastavro, Avro for Java and Open edX's packages

suite_interop() {
    say "interop: schemas and datums against fastavro and openedx-events"
    if ! install_venv; then
        skip "our schemas, fingerprints and datums agree with Python's fastavro and openedx-events" \
            "no Python venv with these packages could be created"
        return
    fi
    local status=0 target exchange
    workspace_tests --no-run --quiet || status=$?
    if [ "$status" -ne 0 ]; then
        count_status "$status" "building the sample types"
        return
    fi
    target=$(target_directory)
    exchange=$target/interop
    mkdir -p "$exchange"
    interop_samples "$target" "$exchange"
    interop_catalogue "$target" "$exchange"
    interop_redis "$target" "$exchange"
    interop_agreement "$target" "$exchange"
    interop_imported "$target"
}

venv_python() { .venv/bin/python "$@"; }

# interop_samples TARGET EXCHANGE: specimens of every payload type against fastavro, Open edX's examples
# against openedx-events.
interop_samples() {
    counted "the export of the sample types" "$1/debug/sample_types" export "$2/rust.jsonl"
    counted "fastavro on our schemas and datums" venv_python tests/interop/judge.py "$2/rust.jsonl" "$2/python.jsonl"
    counted "our decoder on fastavro's datums" "$1/debug/sample_types" verify "$2/python.jsonl"
    counted "the export of Open edX's events" "$1/debug/openedx" export "$2/openedx-rust.jsonl"
    counted "openedx-events on our schemas and datums" venv_python tests/interop/openedx.py \
        "$2/openedx-rust.jsonl" "$2/openedx-python.jsonl"
    counted "our decoder on openedx-events' datums" "$1/debug/openedx" verify "$2/openedx-python.jsonl"
}

# interop_catalogue TARGET EXCHANGE: every event of examples/openedx against openedx-events, and its keys
# against opaque-keys.
interop_catalogue() {
    say "interop: the catalogue of Open edX against openedx-events and opaque-keys"
    counted "the export of the catalogue" "$1/debug/catalogue" export "$2/catalogue-rust.jsonl"
    counted "openedx-events on the catalogue" venv_python tests/interop/catalogue.py \
        "$2/catalogue-rust.jsonl" "$2/catalogue-python.jsonl" examples/openedx/schemas
    counted "our decoder on openedx-events' payloads" "$1/debug/catalogue" verify "$2/catalogue-python.jsonl"
    counted "opaque-keys on our keys" venv_python tests/interop/catalogue_keys.py "$2/catalogue-keys.jsonl"
    counted "our parser on keys of opaque-keys" "$1/debug/catalogue" keys "$2/catalogue-keys.jsonl"
}

# interop_redis TARGET EXCHANGE: every event of examples/openedx over Redis, from and to edx-event-bus-redis.
interop_redis() {
    say "interop: the catalogue of Open edX over Redis, from and to edx-event-bus-redis"
    if ! install_redis; then
        skip "all events of Open edX go over Redis in both directions" "redis-server could not be installed"
        return
    fi
    counted "the catalogue over Redis" venv_python tests/interop/redis_catalogue.py "$1/debug/redis_catalogue" "$2"
}

# interop_agreement TARGET EXCHANGE: the verdicts of the const compatibility check against Python and Java.
interop_agreement() {
    counted "the export of schema pairs" "$1/debug/agreement" export "$2/pairs.jsonl"
    counted "the agreement with fastavro" venv_python tests/interop/agreement.py "$2/pairs.jsonl"
    if ! install_jars; then
        skip "our verdicts agree with Java's SchemaCompatibility" "no JDK with Apache Avro could be installed"
        return
    fi
    counted "the agreement with Java" java -cp '.tests/java/*' tests/interop/java/Agreement.java "$2/pairs.jsonl"
}

# interop_imported TARGET: foreign schemas through `schema import`, compiled in a separate crate.
interop_imported() {
    say "interop: import of schemas of Open edX, apache-avro and fastavro"
    local target=$1 work=$1/interop/imported sdist=$1/interop/sdist manifest=tests/interop/imported/Cargo.toml
    local fastavro avro status=0 sources=("samples=$1/interop/rust.jsonl")
    rm -rf "$work"
    mkdir -p "$work/schemas/openedx" "$work/schemas/peers" "$work/modules"
    avro=$(cargo metadata --format-version 1 --filter-platform "$(rustc -vV | sed -n 's/^host: //p')" |
        grep -o '"manifest_path":"[^"]*/apache-avro-[0-9][^"/]*/Cargo.toml"')
    avro=${avro#*:\"} sources+=("apache_avro=${avro%/Cargo.toml\"}")
    fastavro=$(grep '^fastavro==' tests/interop/requirements.txt)
    # The source distribution: wheels have no tests.
    if [ -e "$sdist/${fastavro/==/-}.tar.gz" ] ||
        venv_python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
            --dest "$sdist" "$fastavro"; then
        sources+=("fastavro=$sdist/${fastavro/==/-}.tar.gz")
    else
        skip "the schemas of fastavro's tests are imported" "its source distribution could not be downloaded"
    fi
    counted "the schemas of Open edX" venv_python tests/interop/openedx_schemas.py "$work/schemas/openedx"
    counted "the schemas of Avro's libraries" venv_python tests/interop/peer_schemas.py "$work/schemas/peers" "${sources[@]}"
    counted "the import" venv_python tests/interop/imported.py write "$target/debug/shop_cli" "$work/schemas" "$work/modules"
    # Same dependency versions and same build directory as the workspace.
    cp Cargo.lock tests/interop/imported/Cargo.lock
    IMPORTED=$work/modules cargo run --quiet --manifest-path "$manifest" --target-dir "$target" >"$work/canonical.jsonl" || status=$?
    if [ "$status" -ne 0 ]; then
        count_status "$status" "compiling the imported modules"
        return
    fi
    counted "the imported schemas" venv_python tests/interop/imported.py judge "$work/schemas" "$work/canonical.jsonl"
}
