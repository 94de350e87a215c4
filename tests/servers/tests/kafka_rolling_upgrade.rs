//! Both services of the example are upgraded in both orders while events flow, on Kafka.

#[path = "../../../examples/two_services/upgrade/driver.rs"]
mod driver;

use driver::{Releases, upgrade_in_any_order};
use events_server_tests::KafkaServer;

#[test]
fn services_that_are_upgraded_in_any_order_lose_no_event_and_make_no_dead_letter() {
    let releases = Releases {
        first: env!("CARGO_BIN_EXE_redis_orders_first"),
        second: env!("CARGO_BIN_EXE_redis_orders_second"),
    };
    let kafka = KafkaServer::start();
    let runs = std::cell::Cell::new(0);
    upgrade_in_any_order(releases, || {
        runs.set(runs.get() + 1);
        format!("{}?create_topics=true&partitions=3&namespace=run{}", kafka.url(), runs.get())
    });
}
