//! The clock is set during leases and retry delays.

use std::time::{Duration, Instant};

use crate::{scale, settings};
use events_tests::faults::Settings;
use events_tests::faults::world::{GROUPS, World};

/// The steps, in seconds from the true time: hours into the future and the past.
const STEPS: [i64; 9] = [7_200, 0, -7_200, 18_000, 17_990, -18_000, 36_000, -36_000, 0];

#[tokio::test]
#[ignore = "needs FAULTS_FAKETIME, which `tests/run faults` sets"]
async fn a_clock_set_by_hours_loses_nothing_and_blocks_nothing() {
    let library = scale::faketime();
    let each = scale::of(200, 600);
    // Receivers fail sometimes, so that retry delays are tested too.
    let mut world = World::new(None, &Settings { max_attempts: 8, ..settings() });
    "30/0/0".clone_into(&mut world.faults);
    let clock = world.files.path("clock");
    let set = |seconds: i64| {
        // By a rename, so that no process reads a partial file.
        let new = clock.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}\n")).expect("the clock is written");
        std::fs::rename(&new, &clock).expect("the clock is set");
    };
    set(0);
    world.environment("LD_PRELOAD", library.to_str().expect("a path in UTF-8"));
    world.environment("FAKETIME_TIMESTAMP_FILE", clock.to_str().expect("a path in UTF-8"));
    world.environment("FAKETIME_NO_CACHE", "1");
    world.environment("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    world.environment("FAKETIME_DISABLE_SHM", "1");
    world.environment("NO_FAKE_STAT", "1");
    world.start(1, &GROUPS);
    let mut slowest = Duration::ZERO;
    for step in STEPS {
        let goal = world.run.acked.len() + each;
        world.until("events are acknowledged", async |world| world.run.acked.len() >= goal).await;
        // Let leases and retry delays start.
        set(step);
        let started = Instant::now();
        let goal = world.run.acked.len() + each;
        world
            .until("events go on after the clock was set", async |world| world.run.acked.len() >= goal)
            .await;
        world.stop(&world.living(true, false));
        world
            .until("all is settled after the clock was set", async |world| world.is_idle(&GROUPS).await)
            .await;
        slowest = slowest.max(started.elapsed());
        world.replace(0);
    }
    let verdict = world.end(&GROUPS).await;
    let what =
        format!("clock: set {} times by up to 20 hours, all settled within {slowest:.1?}", STEPS.len());
    world.report(&what, &verdict);
    let times = world.files.dead_letter_times(&*world.transport, "billing").await;
    let (first, last) =
        times.iter().fold((f64::MAX, f64::MIN), |(first, last), time| (first.min(*time), last.max(*time)));
    println!("the clocks of the programs: {first:+.1} h to {last:+.1} h");
    assert!(first < -2.0 && last > 2.0, "the clock was never set: {first} to {last}");
}
