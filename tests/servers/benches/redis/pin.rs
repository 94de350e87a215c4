//! One processor for the server, another for its clients.

use std::process::Command;

use events_server_tests::RedisServer;

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

/// Pins a server that runs.
pub(crate) fn server(server: &RedisServer) -> Result<(), Failure> {
    let mut connection = redis::Client::open(server.url())?.get_connection()?;
    let info: String = redis::cmd("INFO").arg("server").query(&mut connection)?;
    let id = info.lines().find_map(|line| line.strip_prefix("process_id:"));
    // `client` has reported a failure already.
    pin(SERVER, id.unwrap_or_default().trim());
    Ok(())
}

fn pin(processor: &str, process: &str) -> bool {
    let pinned = Command::new("taskset").args(["-a", "-c", "-p", processor, process]).output();
    pinned.is_ok_and(|output| output.status.success())
}
