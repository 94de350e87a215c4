//! Every event over Redis; the Rust side of `tests/interop/redis_catalogue.py`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match events_catalogue_tests::exchange::run("redis_catalogue").await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("redis_catalogue: {error}");
            ExitCode::FAILURE
        }
    }
}
