//! Runs a command beside a new broker and a new schema registry.
//!
//! ```text
//! with_kafka COMMAND [ARGUMENT...]
//! ```
//!
//! The command gets two more arguments: the address of the broker and the URL of the registry, which accepts a
//! namespace with a hyphen. The program exits as the command does.

use std::process::{Command, ExitCode};

use events_server_tests::{KafkaServer, RegistryServer};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(command) = arguments.next() else {
        eprintln!("usage: with_kafka COMMAND [ARGUMENT...]");
        return ExitCode::from(2);
    };
    let (broker, registry) = (KafkaServer::start(), RegistryServer::with_older_avro());
    let mut command = Command::new(command);
    command.args(arguments).args([broker.bootstrap(), registry.url()]);
    match command.status() {
        Ok(status) => {
            status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(error) => {
            eprintln!("with_kafka: {command:?} does not run: {error}");
            ExitCode::FAILURE
        }
    }
}
