# the inbox in Postgres; each test starts its own server

suite_postgres() {
    say "postgres: the inbox on a real Postgres"
    if ! install_postgres; then
        skip "all tests of the inbox in Postgres" "Postgres could not be installed"
        return
    fi
    counted "the inbox in Postgres" cargo test -p events-server-tests --no-fail-fast \
        --test postgres_inbox --test postgres_inbox_faults
}
