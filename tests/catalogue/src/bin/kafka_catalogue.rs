//! Every event over Kafka; the Rust side of `tests/interop/kafka_catalogue.py`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match events_catalogue_tests::exchange::run("kafka_catalogue").await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kafka_catalogue: {error}");
            ExitCode::FAILURE
        }
    }
}
