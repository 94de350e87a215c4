//! The two services over one file, the consumer killed again and again while events flow.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

const EVENTS: usize = 10_000;
const KILLS: usize = 10;

/// `<verb> <event id> <customer> <number>`, as both services print it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Order {
    id: String,
    customer: String,
    number: u64,
}

/// A half line, the last words of a killed process, is none.
fn parse(line: &str, verb: &str) -> Option<Order> {
    let mut words = line.split(' ');
    if words.next()? != verb {
        return None;
    }
    let (id, customer, number) = (words.next()?, words.next()?, words.next()?);
    Some(Order { id: id.to_owned(), customer: customer.to_owned(), number: number.parse().ok()? })
}

/// A service over this file, whose orders go into the channel.
fn start(
    program: &str,
    argument: Option<&str>,
    file: &Path,
    verb: &'static str,
    orders: Sender<Order>,
) -> Child {
    let mut child = Command::new(program)
        .args(argument)
        .env("EVENTS_BUS__URL", format!("sqlite://{}", file.display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the service starts");
    let stdout = child.stdout.take().expect("piped");
    thread::spawn(move || {
        for mut line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            line.retain(|byte| *byte != b'\r');
            let order = parse(&String::from_utf8_lossy(&line), verb);
            // The test ends when it has seen enough.
            if order.is_some_and(|order| orders.send(order).is_err()) {
                break;
            }
        }
    });
    child
}

fn start_billing(file: &Path, orders: &Sender<Order>) -> Child {
    start(env!("CARGO_BIN_EXE_billing"), None, file, "billed", orders.clone())
}

/// Takes what comes until `enough` or a minute has passed since the last one.
fn collect(orders: &Receiver<Order>, into: &mut Vec<Order>, enough: impl Fn(&[Order]) -> bool) {
    while !enough(into) {
        match orders.recv_timeout(Duration::from_secs(60)) {
            Ok(order) => into.push(order),
            Err(_) => break,
        }
    }
}

fn ids(orders: &[Order]) -> HashSet<&str> {
    orders.iter().map(|order| order.id.as_str()).collect()
}

#[test]
fn a_consumer_killed_while_events_flow_loses_none_and_keeps_ids_and_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events.db");
    let (placed_sender, placed_orders) = mpsc::channel();
    let (billed_sender, billed_orders) = mpsc::channel();
    let started = Instant::now();

    let mut shop =
        start(env!("CARGO_BIN_EXE_shop"), Some(&EVENTS.to_string()), &file, "placed", placed_sender);
    let mut billed = Vec::new();
    let mut billing = start_billing(&file, &billed_sender);
    for kill in 1..=KILLS {
        let so_far = EVENTS * kill / (KILLS + 2);
        let moment = so_far + fastrand::usize(..EVENTS / (KILLS + 2));
        collect(&billed_orders, &mut billed, |billed| billed.len() >= moment);
        // SIGKILL: nothing is flushed, nothing is given back.
        billing.kill().expect("it runs");
        billing.wait().expect("it is gone");
        billing = start_billing(&file, &billed_sender);
    }

    let mut placed = Vec::new();
    collect(&placed_orders, &mut placed, |placed| placed.len() == EVENTS);
    assert!(shop.wait().expect("it ends").success(), "every event was stored");
    collect(&billed_orders, &mut billed, |billed| billed.len() >= EVENTS && ids(billed).len() == EVENTS);
    billing.kill().expect("it runs");
    billing.wait().expect("it is gone");

    assert_eq!(placed.len(), EVENTS);
    assert_eq!(ids(&billed), ids(&placed), "none is lost, none is made up, the ids are the same");
    let mut numbers: HashMap<&str, u64> = HashMap::new();
    let mut seen = HashSet::new();
    for order in billed.iter().filter(|order| seen.insert(&order.id)) {
        let last = numbers.insert(&order.customer, order.number).unwrap_or_default();
        assert_eq!(order.number, last + 1, "in order per key: {order:?}");
    }
    println!(
        "{} events placed, {} billed in {:?}: {} kills, {} duplicates, 0 lost",
        placed.len(),
        ids(&billed).len(),
        started.elapsed(),
        KILLS,
        billed.len() - EVENTS,
    );
}
