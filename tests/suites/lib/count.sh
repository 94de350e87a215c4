# Counting and reporting. Sourced by tests/run, which defines `logs`, `passed`, `failed` and `skipped`.

say() { printf '\n== %s\n' "$*"; }

# free_space: the free disk space for the build directory and for the logs.
free_space() {
    df -h --output=avail,target . "${logs:-.}" |
        awk 'NR > 1 && !seen[$2]++ { printf "%s%s free on %s", (NR > 2 ? ", " : ""), $1, $2 }'
}

# skip WHAT WHY: reports a test that could not run.
skip() {
    skipped=$((skipped + 1))
    printf '\n!! SKIPPED: %s\n!! because %s\n' "$1" "$2"
}

# count LOG STATUS WHAT: adds up the "test result:" lines of a log. A command that fails counts as at
# least one failure, even if it failed before its first test.
count() {
    local ok bad ignored
    read -r ok bad ignored < <(awk '
        /^test result: / {
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^passed/)  ok += $(i - 1)
                if ($i ~ /^failed/)  bad += $(i - 1)
                if ($i ~ /^ignored/) ignored += $(i - 1)
            }
        }
        END { print ok + 0, bad + 0, ignored + 0 }' "$1")
    if [ "$2" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        printf '!! FAILED: %s exited with status %s\n' "$3" "$2"
        printf '!! %s exited with status %s; its last lines:\n%s\n' "$3" "$2" "$(tail -n 20 "$1")" >>"$logs/failures"
    fi
    failures "$1" >>"$logs/failures"
    if [ "$ignored" -ne 0 ]; then
        printf '!! SKIPPED: %s tests of %s are marked #[ignore]\n' "$ignored" "$3"
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + ignored))
}

# failures LOG: the failed tests of a log with the end of what each printed, to be repeated at the end of the run.
failures() {
    awk '
        /^failures:$/ { inside = !inside; next }
        /^(successes:|test result: )/ { inside = 0; keep() }
        inside && /^---- .* stdout ----$/ { keep(); name = $0; next }
        /^ +([0-9]+: |at )|^stack backtrace:/ { next }
        inside && name != "" { lines[n++ % 40] = $0 }
        function keep(  i) {
            if (name == "") return
            print name
            for (i = (n > 40 ? n - 40 : 0); i < n; i++) print lines[i % 40]
            name = ""; n = 0
        }
        END { keep() }' "$1"
    # What has no such section: scripts that print lines of the same form.
    grep -E '^test .* \.\.\. FAILED$' "$1" || true
}

# count_status STATUS WHAT: counts a command without tests: a failure if it failed, else nothing.
count_status() {
    : >"$logs/log"
    count "$logs/log" "$1" "$2"
}

# counted WHAT COMMAND...: runs the command and counts its tests.
counted() {
    local what=$1 status=0
    shift
    "$@" 2>&1 | tee "$logs/log" || status=${PIPESTATUS[0]}
    count "$logs/log" "$status" "$what"
}

# promises COMMAND...: runs the conformance suite again, without counting it, for the table of promises.
promises() { "$@" -- --show-output >>"$logs/promises" 2>&1 || true; }

# workspace_tests ARGUMENT...: `cargo test` of the workspace without tests/servers. All suites use this
# command, so that they share one build.
workspace_tests() { cargo test --workspace --exclude events-server-tests --features "$(all_features)" "$@"; }

target_directory() {
    cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}
