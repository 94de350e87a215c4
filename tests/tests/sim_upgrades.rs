//! Rolling upgrades on the simulator: every pair of versions, in every order that the compatibility allows, with every
//! kind of fault.

use std::time::Duration;

use events_runtime::testing::sim::{self, Fault, Faults, Upgraded};
use events_runtime::{EventData, PublicSignal};

/// Two older versions: without the channel, and without the size of a parcel but with a note.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.sim.order.shipped.v1",
    key = order,
    schemas = "./sim_upgrades/schemas"
)]
struct OrderShipped {
    order: String,
    #[event(default = "web")]
    channel: String,
    parcels: Vec<Parcel>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Parcel {
    size: Option<u16>,
    weight: i32,
}

/// An older version with a warehouse and a narrower count.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.sim.shelf.filled.v1",
    key = shelf,
    compatibility = "backward",
    schemas = "./sim_upgrades/schemas"
)]
struct ShelfFilled {
    shelf: String,
    count: i64,
    #[event(default = "none")]
    label: String,
}

/// An older version with a reason, and without the time.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.sim.account.closed.v1",
    key = account,
    compatibility = "forward",
    schemas = "./sim_upgrades/schemas"
)]
struct AccountClosed {
    account: i64,
    by: String,
}

/// An event without an older version.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.sim.account.opened.v1", schemas = "./sim_upgrades/schemas")]
struct AccountOpened {
    account: i64,
}

fn shipped(number: u64) -> OrderShipped {
    let weight = i32::try_from(number).expect("few events");
    OrderShipped {
        order: format!("o-{}", number % 4),
        channel: "shop".to_owned(),
        parcels: vec![Parcel { size: Some(3), weight }],
    }
}

fn filled(number: u64) -> ShelfFilled {
    let count = i64::try_from(number).expect("few events");
    ShelfFilled { shelf: format!("s-{}", number % 4), count, label: "tea".to_owned() }
}

fn closed(number: u64) -> AccountClosed {
    AccountClosed { account: i64::try_from(number).expect("few events"), by: "owner".to_owned() }
}

/// Every kind of fault occurred, and each of these upgrades was run equally often.
#[track_caller]
fn covers(report: &Upgraded, upgrades: &[&str], seeds: u64) {
    println!("{report}");
    assert_eq!(report.runs.keys().map(String::as_str).collect::<Vec<_>>(), upgrades);
    let each = seeds / upgrades.len() as u64;
    assert!(report.runs.values().all(|runs| *runs >= each), "{report}");
    assert!(Fault::ALL.iter().all(|fault| report.faults[fault] > 0), "every kind occurred: {report}");
    assert!(report.received >= report.events && report.events >= seeds * 18, "{report}");
}

#[test]
fn a_full_event_is_upgraded_in_any_order_under_all_faults() {
    let report = sim::rolling_upgrade(shipped).check(0..1_350);
    let upgrades = [
        "from version 0 to version 1, both together",
        "from version 0 to version 1, consumers first",
        "from version 0 to version 1, producers first",
        "from version 0 to version 2, both together",
        "from version 0 to version 2, consumers first",
        "from version 0 to version 2, producers first",
        "from version 1 to version 2, both together",
        "from version 1 to version 2, consumers first",
        "from version 1 to version 2, producers first",
    ];
    covers(&report, &upgrades, 1_350);
}

#[test]
fn a_backward_event_is_upgraded_consumers_first_under_all_faults() {
    let report = sim::rolling_upgrade(filled).check(0..400);
    // The newer consumers have the older version's file.
    println!("{report}");
    assert_eq!(report.runs.keys().collect::<Vec<_>>(), ["from version 0 to version 1, consumers first"]);
    assert_eq!(report.events, 400 * 18);
}

#[test]
fn a_forward_event_is_upgraded_producers_first_under_all_faults() {
    let report = sim::rolling_upgrade(closed).check(0..400);
    covers(&report, &["from version 0 to version 1, producers first"], 400);
}

#[test]
fn a_failed_upgrade_reports_what_became_of_the_events_and_the_seed() {
    // Longer than consumers wait for a schema.
    let hour = Duration::from_secs(60 * 60);
    let hidden = Faults::none().hide_schema(0.9).redeliver(0.1).longest_delay(hour);
    let failure =
        sim::rolling_upgrade(closed).faults(hidden).find(0..9).expect("consumers do not wait for hours");
    let text = failure.to_string();
    for part in [
        "rolling upgrade of `org.acme.sim.account.closed.v1` from version 0 to version 1, producers first",
        "dead-lettered: ",
        "of 18: event ",
        &format!("fails with seed {} and Faults::none().hide_schema(0.9)", failure.seed),
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    assert!(!text.contains("lost: ") && !text.contains("decoded wrongly: "), "{text}");
}

#[test]
#[should_panic(expected = "`org.acme.sim.account.opened.v1` has no upgrade to check")]
fn an_event_without_an_older_version_is_refused() {
    sim::rolling_upgrade(|_| AccountOpened { account: 1 }).check(0..1);
}
