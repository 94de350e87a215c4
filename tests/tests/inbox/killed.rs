//! Processes that are killed between their commit and the acknowledgement.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use events_runtime::transport::Topic;
use events_runtime::{Config, EventBus, Hub, PublicSignal};

use crate::open;

/// As in `inbox_peer`.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.inbox.order.billed.v1", key = customer)]
struct OrderBilled {
    order: u32,
    customer: u32,
}

/// A process that bills, and what it told.
struct Peer {
    child: Child,
    lines: Receiver<String>,
}

impl Peer {
    fn start(url: &str, db: &Path, hangs_at: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_inbox_peer"))
            .arg(url)
            .arg(db)
            .arg(hangs_at)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (told, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        Self { child, lines }
    }

    /// Waits until it has told this, and gives all that it told.
    fn told(&self, last: &str) -> Vec<String> {
        let next = || self.lines.recv_timeout(Duration::from_secs(60)).expect("the peer goes on");
        let mut told = Vec::new();
        while told.last().is_none_or(|line| line != last) {
            told.push(next());
        }
        told
    }

    fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("the peer is killed");
        self.child.wait().expect("the peer has ended");
        self.lines.iter().collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_between_commit_and_acknowledgement_has_billed_each_order_once() {
    const ORDERS: u32 = 40;
    const KILLED_AT: [u32; 6] = [0, 3, 4, 17, 30, 39];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}/events.db", folder.path().display());
    let config = format!(
        "[service]\nname = \"shop\"\n[bus]\nurl = \"{url}\"\n[routes.\"org.acme.inbox.order.billed.v1\"]\norders = {{}}"
    );
    let config = Config::from_toml(&config).expect("a right configuration");
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await.expect("the bus starts");
    let emissions: Vec<_> =
        (0..ORDERS).map(|order| bus.hub().emit(OrderBilled { order, customer: order % 3 })).collect();
    for emission in emissions {
        emission.delivered().await.expect("stored");
    }
    let db = folder.path().join("billing.db");
    let mut told = Vec::new();
    for order in KILLED_AT {
        let peer = Peer::start(&url, &db, &order.to_string());
        told.extend(peer.told(&format!("committed {order}")));
        told.extend(peer.kill());
    }
    let last = Peer::start(&url, &db, "never");
    let topic = Topic::new("orders").expect("a name");
    let settled = async || {
        let groups = bus.transport().groups(&topic).await.expect("the groups are listed");
        groups.iter().any(|group| group.group.as_str() == "billing" && group.lag == 0)
    };
    for _ in 0..3_000 {
        if settled().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(settled().await, "everything is acknowledged in the end");
    told.extend(last.kill());

    let db = open(&db);
    let mut receipts = db.prepare("SELECT number, count(*) FROM receipts GROUP BY number").expect("prepared");
    let receipts: BTreeMap<u32, u32> = receipts
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("asked")
        .map(Result::unwrap)
        .collect();
    assert_eq!(receipts, (0..ORDERS).map(|order| (order, 1)).collect());
    for order in KILLED_AT {
        assert!(told.contains(&format!("duplicate {order}")), "{order} came again: {told:?}");
    }
    let duplicates = told.iter().filter(|line| line.starts_with("duplicate")).count();
    println!("{ORDERS} orders, {} processes killed, {duplicates} duplicates held back", KILLED_AT.len());
}
