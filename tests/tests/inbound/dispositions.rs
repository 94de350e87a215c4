//! A receiver's error decides the outcome of its event.

use std::time::{Duration, Instant};

use events_runtime::receiver::{reject, retry_after, skip};

use crate::shop::{Running, answer, answer_async, bus, dead_letters, header, next, place_orders, settled};

#[tokio::test]
async fn a_rejected_event_is_a_dead_letter_at_its_first_attempt() {
    let bus = bus("reject").await;
    place_orders(&bus, &["ada", "ada"]).await;
    let mut asked = answer(&bus, "charge", |order, _| match order {
        1 => Err(reject("the card expired").into()),
        _ => Ok(()),
    });
    let running = Running::billing(&bus);
    assert_eq!((next(&mut asked).await, next(&mut asked).await), (1, 2));
    settled(&bus, "billing").await;
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.retried, consumed.dead_lettered), (1, 0, 1));
    let dead_letters = dead_letters(&bus).await;
    assert_eq!(header(&dead_letters[0], "dlq_attempts"), "1");
    let reason = header(&dead_letters[0], "dlq_reason");
    assert!(reason.contains("`charge`") && reason.contains("the card expired"), "{reason}");
}

#[tokio::test]
async fn an_async_receiver_can_reject_an_event() {
    let bus = bus("reject async").await;
    place_orders(&bus, &["ada"]).await;
    let mut asked = answer_async(&bus, "charge", |_| Err(reject("the card expired").into()));
    let running = Running::billing(&bus);
    next(&mut asked).await;
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.dead_lettered, 1);
    assert_eq!(header(&dead_letters(&bus).await[0], "dlq_attempts"), "1");
}

#[tokio::test]
async fn a_skipped_event_is_acknowledged_and_counted() {
    let bus = bus("skip").await;
    place_orders(&bus, &["ada"]).await;
    let mut asked = answer(&bus, "charge", |_, _| Err(skip("nothing to pay").into()));
    let running = Running::billing(&bus);
    next(&mut asked).await;
    settled(&bus, "billing").await;
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.skipped, consumed.dead_lettered), (0, 1, 0));
    assert!(dead_letters(&bus).await.is_empty());
}

#[tokio::test]
async fn a_retry_waits_for_the_receivers_delay_and_counts_as_an_attempt() {
    const PAUSE: Duration = Duration::from_millis(120);
    let bus = bus("retry").await;
    place_orders(&bus, &["ada"]).await;
    let mut asked = answer(&bus, "charge", |_, attempt| match attempt {
        1 => Err(retry_after("the bank is closed", PAUSE).into()),
        _ => Err("no".into()),
    });
    let running = Running::billing(&bus);
    next(&mut asked).await;
    let first = Instant::now();
    next(&mut asked).await;
    // The receiver returns shortly before the delay starts.
    assert!(first.elapsed() >= PAUSE, "{:?}", first.elapsed());
    next(&mut asked).await;
    settled(&bus, "billing").await;
    let consumed = running.stop().await;
    assert_eq!((consumed.retried, consumed.dead_lettered), (2, 1), "three attempts are allowed");
}

#[tokio::test]
async fn a_rejection_waits_for_receivers_that_may_still_succeed() {
    let bus = bus("disagree").await;
    place_orders(&bus, &["ada"]).await;
    let mut rejecting = answer(&bus, "charge", |_, _| Err(reject("the card expired").into()));
    let mut failing =
        answer(&bus, "post", |_, attempt| if attempt == 1 { Err("no stamp".into()) } else { Ok(()) });
    let running = Running::billing(&bus);
    for _ in 0..2 {
        next(&mut rejecting).await;
        next(&mut failing).await;
    }
    settled(&bus, "billing").await;
    let consumed = running.stop().await;
    assert_eq!((consumed.retried, consumed.dead_lettered), (1, 1));
    let reason = header(&dead_letters(&bus).await[0], "dlq_reason");
    assert!(reason.contains("`charge`") && !reason.contains("`post`"), "{reason}");
}
