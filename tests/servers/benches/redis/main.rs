//! Throughput over Redis: ours, `redis-benchmark`, a raw reader, and Open edX's Python producer and consumer,
//! interleaved in one run; medians of the rounds.
//!
//! ```text
//! cargo bench -p events-server-tests --bench redis [-- ROUNDS]
//! ```
//!
//! `taskset` gives the server one processor and all clients another: if the kernel moves them, the figures
//! change fivefold. Missing programs are skipped with a message.

#[path = "../common/mod.rs"]
mod common;
mod peers;

use common::table::{Peers, table};
use common::transport::Ahead;
use common::{BATCH, COUNT, Failure, bus, pin, transport};
use events_server_tests::RedisServer;

const PEERS: Peers = Peers {
    send: peers::BENCHMARK,
    python_send: peers::PYTHON_SENDS,
    consume: peers::READ,
    python_consume: peers::PYTHON_CONSUMES,
};

const AHEAD: Ahead = Ahead {
    sends: 8,
    plain: "send, eight batches under way",
    keyed: "send, 1,000 keys, eight batches under way",
    acks: 1,
};

const MODES: [(&str, &[&str]); 2] = [
    ("appendonly no", &["--appendonly", "no"]),
    ("appendfsync everysec", &["--appendonly", "yes", "--appendfsync", "everysec"]),
];

fn main() -> Result<(), Failure> {
    let rounds: usize = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(5);
    println!("{}", pin::client()?);
    println!("{COUNT} entries a turn, batches of {BATCH}, medians of {rounds} rounds\n");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for (mode, settings) in MODES {
        let server = RedisServer::with(settings);
        pin::server(server.process());
        let mut runs = Vec::new();
        for round in 0..rounds {
            let mut rates = peers::benchmark(&server)?;
            rates.extend(peers::raw(&server)?);
            clear(&server)?;
            rates.extend(runtime.block_on(transport::turn(&server.url(), &AHEAD))?);
            clear(&server)?;
            rates.extend(runtime.block_on(bus::turn(&server.url()))?);
            clear(&server)?;
            rates.extend(peers::python(&server, round == 0)?);
            clear(&server)?;
            runs.push(rates);
        }
        table(mode, &PEERS, &runs);
    }
    Ok(())
}

fn clear(server: &RedisServer) -> Result<(), Failure> {
    let mut connection = redis::Client::open(server.url())?.get_connection()?;
    Ok(redis::cmd("FLUSHALL").exec(&mut connection)?)
}
