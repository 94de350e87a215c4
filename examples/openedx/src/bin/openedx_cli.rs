//! The command line over the events of Open edX: `openedx-cli list`, `openedx-cli schema check`, …

events_runtime::link!(openedx_events);

fn main() -> std::process::ExitCode {
    events_runtime::cli::run()
}
