# Installing what the suites need. Sourced by tests/run.

# debian PACKAGE...: installs packages if that is possible without a prompt.
debian() {
    command -v apt-get >/dev/null || return 1
    local as=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
        as=(sudo -n)
    fi
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" ||
        { "${as[@]}" apt-get update -q && "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@"; }
}

# debian_server PACKAGE: installs a server without starting it. The tests start their own servers and
# never use the system's.
debian_server() {
    local policy=/usr/sbin/policy-rc.d as=()
    [ "$(id -u)" -eq 0 ] || as=(sudo -n)
    say "installing $1"
    (
        if [ ! -e "$policy" ] && printf '#!/bin/sh\nexit 101\n' | "${as[@]}" tee "$policy" >/dev/null; then
            trap '"${as[@]}" rm -f "$policy"' EXIT
            "${as[@]}" chmod +x "$policy"
        fi
        debian "$1"
    )
}

# install_openssl: installs what the transport kafka is built with: librdkafka needs make, and OpenSSL for TLS.
install_openssl() { has_openssl || { debian libssl-dev pkg-config make && has_openssl; }; }

has_redis() { command -v redis-server >/dev/null; }

# install_redis: installs redis-server if it is missing.
install_redis() { has_redis || { debian_server redis-server && has_redis; }; }

has_postgres() { compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null; }

# install_postgres: installs Postgres if it is missing.
install_postgres() { has_postgres || { debian_server postgresql && has_postgres; }; }

# has_venv PYTHON: whether a Python can create virtual environments.
has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# install_venv: creates .venv with exactly the packages of requirements.txt.
install_venv() {
    local wanted=tests/interop/requirements.txt
    cmp -s "$wanted" .venv/installed.txt && return
    say "preparing .venv"
    has_venv python3 || debian python3 python3-venv || return 1
    fill_venv python3 .venv "$wanted"
}

# install_newest_venv: creates .tests/python with exactly the packages of requirements-newest.txt, which ask for
# Python 3.12. An older Python 3.11 runs them too.
install_newest_venv() {
    local wanted=tests/interop/requirements-newest.txt python
    cmp -s "$wanted" .tests/python/installed.txt && return
    say "preparing .tests/python"
    while read -r python; do
        fill_venv "$python" .tests/python "$wanted" && return
    done < <(newer_pythons)
    has_venv python3 || debian python3 python3-venv || return 1
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || return 1
    fill_venv python3 .tests/python "$wanted" --ignore-requires-python
}

# newer_pythons: prints the commands of Python 3.12 and later that can create virtual environments.
newer_pythons() {
    local python
    for python in python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12.*/bin/python python3 python3.13 python3.14; do
        if "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
            printf '%s\n' "$python"
        fi
    done
}

# fill_venv PYTHON FOLDER REQUIREMENTS [OPTION...]: creates a virtual environment; the options are pip's.
fill_venv() {
    local python=$1 folder=$2 wanted=$3
    shift 3
    rm -rf "$folder"
    "$python" -m venv "$folder" || return 1
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@" -r "$wanted" || return 1
    cp "$wanted" "$folder/installed.txt"
}

# install_jars: copies the dependencies of pom.xml to .tests/java, and installs Java if it is missing.
install_jars() {
    local wanted=tests/interop/java/pom.xml
    command -v java >/dev/null && cmp -s "$wanted" .tests/java/installed.xml && return
    say "preparing .tests/java"
    if ! { command -v javac && command -v mvn; } >/dev/null; then
        debian default-jdk-headless maven || return 1
    fi
    rm -rf .tests/java
    mvn -q -f "$wanted" dependency:copy-dependencies "-DoutputDirectory=$PWD/.tests/java" || return 1
    cp "$wanted" .tests/java/installed.xml
}

# install_kafka: copies Kafka and the schema registry Apicurio to .tests/kafka and .tests/registry, and installs
# Java 17 or later and Maven if they are missing. The tests start both.
install_kafka() {
    local wanted=tests/servers/kafka/pom.xml registry=3.0.9 avro=1.11.4
    if ! { has_java 17 && cmp -s "$wanted" .tests/kafka/installed.xml && [ -e ".tests/registry/installed-$registry-$avro" ]; }; then
        say "preparing .tests/kafka and .tests/registry"
        has_java 17 || { debian default-jre-headless && has_java 17; } || return 1
        command -v mvn >/dev/null || debian maven || return 1
        copy_kafka "$wanted" && copy_registry "$registry" "$avro" || return 1
    fi
    command -v openssl >/dev/null || debian openssl
}

# has_java VERSION: whether this or a later version of Java is installed.
has_java() {
    local version
    version=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.specification.version = //p') || return 1
    [[ $version =~ ^[0-9]+$ ]] && [ "$version" -ge "$1" ]
}

# copy_kafka POM: copies Kafka and what it needs to .tests/kafka/libs.
copy_kafka() {
    rm -rf .tests/kafka
    mvn -q -B -f "$1" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$PWD/.tests/kafka/libs" || return 1
    cp "$1" .tests/kafka/installed.xml
}

# copy_registry VERSION AVRO: unpacks Apicurio Registry to .tests/registry, and copies this version of Avro beside it.
copy_registry() {
    local folder=.tests/registry
    rm -rf "$folder"
    mvn -q -B dependency:copy "-Dartifact=io.apicurio:apicurio-registry-app:$1:tar.gz:all" "-DoutputDirectory=$PWD/$folder" || return 1
    tar xzf "$folder/apicurio-registry-app-$1-all.tar.gz" -C "$folder" || return 1
    rm "$folder/apicurio-registry-app-$1-all.tar.gz"
    mvn -q -B dependency:copy "-Dartifact=org.apache.avro:avro:$2" "-DoutputDirectory=$PWD/$folder" || return 1
    touch "$folder/installed-$1-$2"
}

# faketime_library: prints the path of libfaketime, which sets the clock of one program. Installs it if
# it is missing.
faketime_library() {
    local library
    find_library() { find /usr/lib /usr/local/lib -name libfaketimeMT.so.1 2>/dev/null | head -n 1; }
    library=$(find_library)
    if [ -z "$library" ]; then
        debian faketime >&2 || return 1
        library=$(find_library)
    fi
    [ -n "$library" ] && printf '%s\n' "$library"
}

# small_disk FOLDER COMMAND...: runs the command while a disk of 32 MB is mounted at FOLDER.
small_disk() {
    local folder=$1 status=0 as=()
    shift
    if [ "$(id -u)" -ne 0 ]; then as=(sudo -n); fi
    if { [ ${#as[@]} -eq 0 ] || sudo -n true 2>/dev/null; } &&
        "${as[@]}" mount -t tmpfs -o "size=32m,mode=0777" tmpfs "$folder"; then
        "$@" || status=$?
        "${as[@]}" umount "$folder" || printf '!! %s could not be unmounted\n' "$folder"
        return "$status"
    fi
    # Without root: a private mount namespace, whose mounts end with the command.
    unshare --user --map-root-user --mount bash -c \
        'mount -t tmpfs -o size=32m tmpfs "$0" && exec "$@"' "$folder" "$@"
}

# has_small_disk FOLDER: whether small_disk works on this machine.
has_small_disk() { small_disk "$1" true 2>/dev/null; }
