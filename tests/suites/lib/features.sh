# The features that are built. Sourced by tests/run and .ci/run.

# all_features: every feature of the workspace's crates as `CRATE/FEATURE,…`, without those that build OpenSSL
# from its sources: that takes four minutes, and the code is that of the feature without `-vendored`.
all_features() {
    local manifest
    while read -r manifest; do
        awk '
            /^name = / && crate == "" { gsub(/"/, "", $3); crate = $3 }
            /^\[/ { inside = $0 == "[features]" }
            inside && /^[a-z_0-9-]+ *= *\[/ && $1 != "default" && $1 !~ /vendored$/ { print crate "/" $1 }' "$manifest"
    done < <(sed -n '/^members = \[/,/^\]/s|^ *"\(.*\)",$|\1/Cargo.toml|p' Cargo.toml) | paste -s -d ,
}
