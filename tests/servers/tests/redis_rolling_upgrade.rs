//! Both services of the example are upgraded in both orders while events flow, on Redis.

#[path = "../../../examples/two_services/upgrade/driver.rs"]
mod driver;

use driver::{Releases, upgrade_in_any_order};
use events_server_tests::RedisServer;

#[test]
fn services_that_are_upgraded_in_any_order_lose_no_event_and_make_no_dead_letter() {
    let releases = Releases {
        first: env!("CARGO_BIN_EXE_redis_orders_first"),
        second: env!("CARGO_BIN_EXE_redis_orders_second"),
    };
    let servers = std::cell::RefCell::new(Vec::new());
    upgrade_in_any_order(releases, || {
        let server = RedisServer::start();
        let url = server.url();
        servers.borrow_mut().push(server);
        url
    });
}
