//! Published schemas are read while the crate compiles: this has cargo see those that are added.

fn main() {
    println!("cargo::rerun-if-changed=schemas");
}
