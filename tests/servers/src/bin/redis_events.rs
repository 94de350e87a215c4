//! The command line with the transport `redis:` and no definitions.

fn main() -> std::process::ExitCode {
    events_runtime::cli::run()
}
