//! The command line over the events of the examples: `cargo run --bin events -- list`.

#[path = "two_services/orders.rs"]
#[allow(dead_code, reason = "the command line needs the definitions, not the code that fills them")]
mod orders;
#[allow(dead_code, unreachable_pub, reason = "a program of its own, of which this needs the definitions")]
mod quickstart;

fn main() -> std::process::ExitCode {
    events_runtime::cli::run()
}
