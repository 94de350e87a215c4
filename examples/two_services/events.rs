//! The command line over the events of the two services: `cargo run --bin events -- list`.

#[allow(dead_code, reason = "the command line needs the definitions, not the code that fills them")]
mod orders;

fn main() -> std::process::ExitCode {
    events_runtime::cli::run()
}
