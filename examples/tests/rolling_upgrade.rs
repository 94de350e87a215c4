//! Both services are upgraded in both orders while events flow, on an SQLite file.
#![cfg(unix)]

#[path = "../two_services/upgrade/driver.rs"]
mod driver;

use driver::{Releases, upgrade_in_any_order};

#[test]
fn services_that_are_upgraded_in_any_order_lose_no_event_and_make_no_dead_letter() {
    let releases =
        Releases { first: env!("CARGO_BIN_EXE_orders_first"), second: env!("CARGO_BIN_EXE_orders_second") };
    let folder = tempfile::tempdir().expect("a folder");
    let number = std::cell::Cell::new(0);
    upgrade_in_any_order(releases, || {
        number.set(number.get() + 1);
        format!("sqlite://{}/{}.db", folder.path().display(), number.get())
    });
}
