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
    interop_openedx "$target" "$exchange" .venv 10.5.0 10 63
    local newest=.venv
    if install_newest_venv; then
        newest=.tests/python
        interop_openedx "$target" "$exchange" .tests/python 11.2.0 11 72
    else
        skip "the 72 events of openedx-events 11.2.0 agree with Python's, also over Redis" \
            "no Python 3.11 or later with its packages could be set up"
    fi
    interop_agreement "$target" "$exchange"
    interop_imported "$target" "$newest/bin/python"
}

venv_python() { .venv/bin/python "$@"; }

# interop_samples TARGET EXCHANGE: specimens of every payload type against fastavro.
interop_samples() {
    counted "the export of the sample types" "$1/debug/sample_types" export "$2/rust.jsonl"
    counted "fastavro on our schemas and datums" venv_python tests/interop/judge.py "$2/rust.jsonl" "$2/python.jsonl"
    counted "our decoder on fastavro's datums" "$1/debug/sample_types" verify "$2/python.jsonl"
}

# interop_openedx TARGET EXCHANGE VENV VERSION TYPES EVENTS: everything of Open edX with one version of
# openedx-events, which has so many of our types and of the events of examples/openedx.
interop_openedx() {
    local target=$1 exchange=$2/openedx-$4 python=$3/bin/python version=$4 started=$SECONDS
    mkdir -p "$exchange"
    say "interop: openedx-events $version on Python $("$python" -c 'import platform; print(platform.python_version())')"
    interop_profile "$target" "$exchange" "$python" "$5"
    interop_catalogue "$target" "$exchange" "$python" "$6"
    interop_redis "$target" "$exchange" "$python" "$6"
    say "interop: openedx-events $version: $((SECONDS - started)) s"
}

# interop_profile TARGET EXCHANGE PYTHON TYPES: what the profile accepts, refuses and warns of.
interop_profile() {
    counted "the export of Open edX's types" "$1/debug/openedx" export "$2/rust.jsonl"
    counted "openedx-events on our schemas and datums" "$3" tests/interop/openedx.py "$2/rust.jsonl" "$2/python.jsonl"
    counted "our decoder on openedx-events' datums" "$1/debug/openedx" verify "$2/python.jsonl" "$4"
}

# interop_catalogue TARGET EXCHANGE PYTHON EVENTS: every event of examples/openedx against openedx-events, and
# its keys against opaque-keys.
interop_catalogue() {
    say "interop: the catalogue of Open edX, $4 events, against openedx-events and opaque-keys"
    counted "the export of the catalogue" "$1/debug/catalogue" export "$2/catalogue-rust.jsonl"
    counted "openedx-events on the catalogue" "$3" tests/interop/catalogue.py \
        "$2/catalogue-rust.jsonl" "$2/catalogue-python.jsonl" examples/openedx/schemas
    counted "our decoder on openedx-events' payloads" "$1/debug/catalogue" verify "$2/catalogue-python.jsonl" "$4"
    counted "opaque-keys on our keys" "$3" tests/interop/catalogue_keys.py "$2/catalogue-keys.jsonl"
    counted "our parser on keys of opaque-keys" "$1/debug/catalogue" keys "$2/catalogue-keys.jsonl"
}

# interop_redis TARGET EXCHANGE PYTHON EVENTS: every event of examples/openedx over Redis, from and to
# edx-event-bus-redis.
interop_redis() {
    say "interop: the catalogue of Open edX over Redis, $4 events, from and to edx-event-bus-redis"
    if ! install_redis; then
        skip "all $4 events of Open edX go over Redis in both directions" "redis-server could not be installed"
        return
    fi
    counted "the catalogue over Redis" "$3" tests/interop/redis_catalogue.py "$1/debug/redis_catalogue" "$2"
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

# interop_imported TARGET PYTHON: foreign schemas through `schema import`, compiled in a separate crate.
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
    counted "the schemas of Open edX" "$2" tests/interop/openedx_schemas.py "$work/schemas/openedx"
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
