//! The disk is full, and later has free space again.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use events_tests::faults::Cause;

use crate::{scale, settings};
use events_tests::faults::Settings;
use events_tests::faults::world::{GROUPS, World};

/// Fills the disk.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("the filler is made");
    for size in [65_536, 4_096, 512] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

/// Producers report the error and wait. Events beyond the capacity of the queue fail at once. Consumers that
/// can't store an outcome handle the event again. No acknowledged event is lost.
#[tokio::test]
#[ignore = "needs FAULTS_SMALL_DISK, which `tests/run faults` sets"]
async fn producers_wait_for_a_full_disk_and_no_acknowledged_event_is_lost() {
    let disk = scale::small_disk();
    let each = scale::of(500, 5_000);
    let filler = disk.join("filler");
    let settings = Settings { queue_capacity: 200, ..settings() };
    let mut world = World::new(Some(&disk), &settings);
    // More than the queue holds.
    world.window = 300;
    world.start(1, &GROUPS);
    let producer = world.process(world.living(true, false)[0]);
    let rounds = 3;
    for _ in 0..rounds {
        let goal = world.run.acked.len() + each;
        world.until("events are acknowledged", async |world| world.run.acked.len() >= goal).await;
        let (said, warned) =
            (world.said.len(), world.files.warnings("the disk or the file is full", producer));
        fill(&filler);
        world
            .until("the producer tells that the disk is full", async |world| {
                let mut said = world.said[said..].iter();
                said.any(|line| line.starts_with("waits") && line.contains("the disk or the file is full"))
            })
            .await;
        world
            .until("the consumers tell that the disk is full", async |world| {
                world.files.warnings("the disk or the file is full", producer) > warned
            })
            .await;
        // As long as a lease, for the deliveries in flight.
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        std::fs::remove_file(&filler).expect("the filler is removed");
    }
    let goal = world.run.acked.len() + each;
    world.until("events are acknowledged again", async |world| world.run.acked.len() >= goal).await;
    let verdict = world.end(&GROUPS).await;
    let failed: Vec<_> = world.said.iter().filter(|line| line.starts_with("failed")).cloned().collect();
    let what = format!("disk full {rounds} times: {} emissions failed at once", failed.len());
    world.report(&what, &verdict);
    assert!(failed.iter().all(|line| line.contains("queue")), "{failed:?}");
    assert!(!failed.is_empty(), "the queue was never full");
    let causes: Vec<_> = verdict.again.keys().collect();
    assert!(causes.iter().all(|cause| **cause == Cause::Refused), "{causes:?}");
    clear(&disk);
}

/// Unsent events can't be spilled to the same full disk, and the file there is unchanged. They can be spilled to
/// another disk.
#[tokio::test]
#[ignore = "needs FAULTS_SMALL_DISK, which `tests/run faults` sets"]
async fn a_spill_to_a_full_disk_is_an_error_that_keeps_the_events() {
    let disk = scale::small_disk();
    let disk = disk.join("spill");
    std::fs::create_dir_all(&disk).expect("a folder");
    let mut world = World::new(Some(&disk), &settings());
    world.start(1, &[]);
    world.until("events are acknowledged", async |world| world.run.acked.len() >= 100).await;
    fill(&disk.join("filler"));
    world
        .until("the producer tells that the disk is full", async |world| {
            world
                .said
                .iter()
                .any(|line| line.starts_with("waits") && line.contains("the disk or the file is full"))
        })
        .await;
    let (full, roomy) = (disk.join("spill.jsonl"), world.files.path("spill.jsonl"));
    let producer = world.living(true, false)[0];
    world.peer(producer).say(&format!("spill {}", full.display()));
    world
        .until("the spill is refused", async |world| {
            world.said.iter().any(|line| line.starts_with("unspilled"))
        })
        .await;
    let refusal = world.said.iter().find(|line| line.starts_with("unspilled")).expect("just seen").clone();
    assert!(refusal.contains("to another path") && refusal.contains("No space"), "{refusal}");
    assert_eq!(std::fs::metadata(&full).map_or(0, |file| file.len()), 0, "half an event was left there");
    world.peer(producer).say(&format!("spill {}", roomy.display()));
    world.stop(&[producer]);
    let spilled = world.said.iter().find_map(|line| line.strip_prefix("spilled ")).expect("it was spilled");
    let spilled: usize = spilled.parse().expect("a number");
    assert!(spilled > 0, "there was nothing to spill");
    std::fs::remove_file(disk.join("filler")).expect("the filler is removed");
    // The program that defines the events sends them.
    let sent = std::process::Command::new(env!("CARGO_BIN_EXE_fault_peer"))
        .args(["--config", &world.files.text("events.toml"), "produce", "--from-spill"])
        .arg(&roomy)
        .output()
        .expect("the command runs");
    assert!(sent.status.success(), "{sent:?}");
    world.start(0, &GROUPS);
    let verdict = world.end(&GROUPS).await;
    world.report(&format!("spill: {spilled} kept on another disk and sent later"), &verdict);
    assert!(verdict.unacked >= spilled, "{} of {spilled} came", verdict.unacked);
    clear(&disk);
}

/// Restores the disk for the next run.
fn clear(disk: &Path) {
    for entry in std::fs::read_dir(disk).expect("the disk is there").flatten() {
        let _ = std::fs::remove_file(entry.path());
    }
}
