//! Throughput and latency over Kafka: ours, librdkafka alone with the same settings, Kafka's own tool in Java, and
//! Open edX's Python producer and consumer, interleaved in one run; medians of the rounds.
//!
//! ```text
//! cargo bench -p events-server-tests --bench kafka [-- ROUNDS]
//! ```
//!
//! `taskset` gives the broker one processor and all clients another. Missing programs are skipped with a message.

#[path = "../common/mod.rs"]
mod common;
mod latency;
mod peers;
mod raw;

use common::table::{Peers, table};
use common::transport::Ahead;
use common::{BATCH, COUNT, Failure, bus, pin, transport};
use events_server_tests::{KafkaServer, RegistryServer};

const PEERS: Peers = Peers {
    send: raw::SEND,
    python_send: peers::PYTHON_SENDS,
    consume: raw::CONSUME,
    python_consume: peers::PYTHON_CONSUMES,
};

/// Replies come when a request of many messages is stored, so that more batches are under way than over Redis.
const AHEAD: Ahead = Ahead {
    sends: 100,
    plain: "send, 100 batches under way",
    keyed: "send, 1,000 keys, 100 batches under way",
    acks: 100,
};

fn main() -> Result<(), Failure> {
    let rounds: usize = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(5);
    let server = KafkaServer::start();
    pin::server(server.process());
    let registry = peers::is_python_there().then(RegistryServer::start);
    println!("{}", pin::client()?);
    println!("{COUNT} messages a turn, batches of {BATCH}, 3 partitions, medians of {rounds} rounds\n");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // The compilers of the broker and of the operating system's caches come to rest.
    raw::turn(&server, "warm-up")?;
    let (mut runs, mut latencies) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let namespace = format!("round-{round}");
        let url = format!("{}?create_topics=true&partitions=3&namespace={namespace}", server.url());
        let mut rates = raw::turn(&server, &namespace)?;
        rates.extend(peers::java(&server, &namespace)?);
        rates.extend(runtime.block_on(transport::turn(&url, &AHEAD))?);
        rates.extend(runtime.block_on(bus::turn(&url))?);
        rates.extend(peers::python(&server, registry.as_ref(), &namespace, round == 0)?);
        let load = latency::half_of(&rates);
        latencies.push(latency::turn(&server, &runtime, &url, &namespace, load)?);
        runs.push(rates);
    }
    table("one broker, acks=all, enable.idempotence=true, linger.ms=5", &PEERS, &runs);
    latency::table(&latencies);
    Ok(())
}
