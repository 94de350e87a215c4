//! Rebuilds the crate when schema files are added: published schemas are read at compile time.

fn main() {
    println!("cargo::rerun-if-changed=schemas");
    println!("cargo::rerun-if-changed=two_services/upgrade");
}
