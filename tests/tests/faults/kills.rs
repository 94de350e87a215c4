//! Processes are killed at random.

use crate::{scale, settings};
use events_tests::faults::world::{GROUPS, TICK, World};
use events_tests::faults::{Settings, Tail};

#[tokio::test]
async fn acknowledged_events_survive_every_kill_with_their_id_and_in_key_order() {
    let (events, kills) = scale::of((4_000, 16), (100_000, 200));
    let seed = scale::seed();
    let mut dice = fastrand::Rng::with_seed(seed);
    // A killed process costs only the events that it was handling an attempt.
    let settings = Settings { max_attempts: 20, ..settings() };
    let mut world = World::new(None, &settings);
    world.start(2, &GROUPS);
    let mut tails = [Tail::default(), Tail::default()];
    let (mut producers, mut consumers) = (0, 0);
    // One third of the work is the producers', two thirds are the groups'.
    let all = events * 3;
    while producers + consumers < kills {
        world.listen();
        if world.run.acked.len() >= events {
            world.stop(&world.living(true, false));
        }
        let mut work = world.run.acked.len().min(events);
        for ((group, _), tail) in GROUPS.iter().zip(&mut tails) {
            work += tail.read(&world.files.path(&format!("{group}.log"))).min(events);
        }
        if work * kills >= (producers + consumers) * all {
            let living = world.living(true, true);
            let victim = living[dice.usize(..living.len())];
            if world.is_producer(victim) {
                producers += 1;
            } else {
                consumers += 1;
            }
            world.kill(victim);
        }
        tokio::time::sleep(TICK).await;
    }
    world.until("enough is acknowledged", async |world| world.run.acked.len() >= events).await;
    let verdict = world.end(&GROUPS).await;
    assert_eq!(world.run.killed.len(), kills);
    let what = format!("kills (seed {seed}): {kills} ({producers} producers, {consumers} consumers)");
    world.report(&what, &verdict);
    assert_eq!(verdict.dead, [0, 0], "no receiver fails in this run");
}
