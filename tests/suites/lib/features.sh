# The features that are built. Sourced by tests/run and .ci/run.

# has_openssl: whether C programs can be built with OpenSSL.
has_openssl() { pkg-config --exists openssl 2>/dev/null || [ -e /usr/include/openssl/ssl.h ]; }

# all_features: every feature of the workspace's crates as `CRATE/FEATURE,…`, without those that build OpenSSL
# from its sources: that takes four minutes, and the code is that of the feature without `-vendored`. Without the
# system's OpenSSL, also without those that need it.
all_features() {
    local manifest without='vendored$'
    has_openssl || without='(vendored|ssl)$'
    while read -r manifest; do
        awk -v without="$without" '
            /^name = / && crate == "" { gsub(/"/, "", $3); crate = $3 }
            /^\[/ { inside = $0 == "[features]" }
            inside && /^[a-z_0-9-]+ *= *\[/ && $1 != "default" && $1 !~ without { print crate "/" $1 }' "$manifest"
    done < <(sed -n '/^members = \[/,/^\]/s|^ *"\(.*\)",$|\1/Cargo.toml|p' Cargo.toml) | paste -s -d ,
}
