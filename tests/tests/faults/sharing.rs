//! Two consumers of one group, without faults.

use std::collections::BTreeMap;

use crate::{scale, settings};
use events_tests::faults::Settings;
use events_tests::faults::world::World;

const GROUP: [(&str, usize); 1] = [("billing", 2)];

#[tokio::test]
async fn two_processes_share_a_group_and_handle_each_event_once() {
    let events = scale::of(2_000, 50_000);
    let mut world = World::new(None, &Settings { lease: "60s", ..settings() });
    world.start(2, &GROUP);
    world.until("enough is acknowledged", async |world| world.run.acked.len() >= events).await;
    let verdict = world.end(&GROUP).await;
    let mut shares: BTreeMap<u32, usize> = BTreeMap::new();
    for handling in &world.run.groups[0].handlings {
        *shares.entry(handling.process).or_default() += 1;
    }
    let shares: Vec<_> = shares.into_values().collect();
    world.report(&format!("two members over one file, shares {shares:?}"), &verdict);
    assert_eq!(verdict.repeated(), 0, "duplicates without faults");
    assert_eq!(shares.len(), 2, "one member handled all events: {shares:?}");
}
