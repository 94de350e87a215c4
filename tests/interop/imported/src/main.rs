//! Prints the canonical form of every imported root, as a line of JSON with its file's name.

fn main() {
    for (file, canonical) in imported::ROOTS {
        let canonical = String::from_utf8_lossy(canonical);
        println!("{}", serde_json::json!({ "file": file, "canonical": canonical }));
    }
}
