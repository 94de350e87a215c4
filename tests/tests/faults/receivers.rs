//! Receivers that fail, panic and hang.

use std::collections::BTreeMap;

use events_tests::faults::{Cause, End, Handling};

use crate::{scale, settings};
use events_tests::faults::Settings;
use events_tests::faults::world::{GROUPS, World};

const MAX_ATTEMPTS: u32 = 8;

#[tokio::test]
async fn every_event_is_handled_or_a_dead_letter_if_receivers_fail_panic_or_hang() {
    let events = scale::of(1_000, 10_000);
    let settings = Settings { max_attempts: MAX_ATTEMPTS, drain_timeout: "200ms", ..settings() };
    let mut world = World::new(None, &settings);
    "60/30/3".clone_into(&mut world.faults);
    world.start(1, &GROUPS);
    world.until("enough is acknowledged", async |world| world.run.acked.len() >= events).await;
    world.stop(&world.living(true, false));
    // Hanging consumers are stopped or killed, alternately.
    let (mut stopped, mut killed) = (0, 0);
    let mut seen = 0;
    let mut hung: BTreeMap<u32, usize> = BTreeMap::new();
    let started = std::time::Instant::now();
    while !world.is_idle(&GROUPS).await {
        assert!(started.elapsed() < events_tests::faults::world::PATIENCE, "the run does not finish");
        world.listen();
        let mut lines = Vec::new();
        for (group, _) in GROUPS {
            let log = std::fs::read_to_string(world.files.path(&format!("{group}.log"))).unwrap_or_default();
            lines.extend(log.lines().filter_map(|line| line.parse::<Handling>().ok()));
        }
        if lines.len() == seen {
            // No progress: all consumers hang, or all wait for a retry delay.
            hung.clear();
            for handling in lines.iter().filter(|handling| handling.end == End::Hung) {
                *hung.entry(handling.process).or_default() += 1;
            }
            for role in world.living(false, true) {
                if !hung.contains_key(&world.process(role)) {
                    continue;
                }
                if stopped <= killed {
                    world.restart(role);
                    stopped += 1;
                } else {
                    world.kill(role);
                    killed += 1;
                }
            }
        }
        seen = lines.len();
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let verdict = world.end(&GROUPS).await;
    let handlings = world.run.groups.iter().flat_map(|group| &group.handlings);
    let ends: Vec<End> = handlings.map(|handling| handling.end).collect();
    let count = |end| ends.iter().filter(|other| **other == end).count();
    let what = format!(
        "receivers: {} failed, {} panicked, {} hung ({stopped} consumers stopped, {killed} killed), {} rejected",
        count(End::Failed),
        count(End::Panicked),
        count(End::Hung),
        count(End::Rejected)
    );
    world.report(&what, &verdict);
    for group in &world.run.groups {
        let reasons: BTreeMap<&str, &str> =
            group.dead.iter().map(|dead| (dead.id.as_str(), dead.reason.as_str())).collect();
        for acked in &world.run.acked {
            match acked.n % 100 {
                13 | 77 => assert!(reasons.contains_key(acked.id.as_str()), "{acked} is not a dead letter"),
                _ => {}
            }
        }
        for handling in group.handlings.iter().filter(|handling| handling.end == End::Rejected) {
            assert!(reasons[handling.id.as_str()].contains("no such meter"), "{reasons:?}");
        }
    }
    for end in [End::Failed, End::Panicked, End::Hung, End::Rejected] {
        assert!(count(end) > 0, "{end:?} never occurred");
    }
    assert!(verdict.again.contains_key(&Cause::Hang) && verdict.again.contains_key(&Cause::Failure));
    assert!(stopped > 0 && killed > 0, "{stopped} stopped, {killed} killed");
}
