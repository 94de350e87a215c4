//! One processor for the server, another for its clients.

use std::process::Command;

use super::Failure;

const SERVER: &str = "0";
const CLIENT: &str = "1";

/// Pins this process, and what it starts from now on. Says what was done.
pub(crate) fn client() -> Result<String, Failure> {
    if std::thread::available_parallelism()?.get() < 2 {
        return Ok("!! NOT PINNED: there is one processor only".to_owned());
    }
    Ok(if pin(CLIENT, &std::process::id().to_string()) {
        format!("the server on processor {SERVER}, its clients on processor {CLIENT}")
    } else {
        "!! NOT PINNED: `taskset` of util-linux did not do it; the figures will vary".to_owned()
    })
}

/// Pins a server that runs, by its process.
pub(crate) fn server(process: u32) {
    // `client` has reported a failure already.
    pin(SERVER, &process.to_string());
}

fn pin(processor: &str, process: &str) -> bool {
    let pinned = Command::new("taskset").args(["-a", "-c", "-p", processor, process]).output();
    pinned.is_ok_and(|output| output.status.success())
}
