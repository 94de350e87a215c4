//! A billing service, for a test that kills it.
//!
//! ```text
//! inbox_peer URL DATABASE ORDER     consumes the topic `orders` as the group `billing`
//! ```
//!
//! It inserts each order into the table `receipts` of the database, with an inbox, and prints `committed N`,
//! or `duplicate N` if it had inserted the order before. After the commit of ORDER it hangs, so that the
//! event is not acknowledged.

use std::io::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use events_runtime::inbox::SqliteInbox;
use events_runtime::{BoxError, Config, Event, EventBus, Hub, PublicSignal};
use rusqlite::Connection;

/// A customer's order was billed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.inbox.order.billed.v1", key = customer)]
struct OrderBilled {
    order: u32,
    customer: u32,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, database, order] = args.as_slice() else {
        return Err("call it as its documentation says".into());
    };
    let hangs_at = order.parse::<u32>().ok();

    let db = Connection::open(database)?;
    db.busy_timeout(Duration::from_secs(20))?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    db.execute_batch("CREATE TABLE IF NOT EXISTS receipts (number INTEGER)")?;
    let inbox = SqliteInbox::new("billing.receipts")?;
    inbox.create(&db)?;

    let (hub, db) = (Hub::new(), Mutex::new(db));
    hub.scope(|| {
        ORDER_BILLED.connect("receipts", move |event: &Event<OrderBilled>| {
            let mut db = db.lock().map_err(|_| "an earlier call panicked")?;
            let billed = inbox.once(&mut db, event.metadata(), |transaction| {
                transaction.execute("INSERT INTO receipts VALUES (?1)", [event.order])?;
                Ok(())
            })?;
            match billed {
                Some(()) => tell(&format!("committed {}", event.order))?,
                None => tell(&format!("duplicate {}", event.order))?,
            }
            if billed.is_some() && hangs_at == Some(event.order) {
                loop {
                    std::thread::park();
                }
            }
            Ok::<_, BoxError>(())
        });
    });
    let config = format!("[service]\nname = \"billing\"\n[bus]\nurl = \"{url}\"");
    let bus = EventBus::builder().config(Config::from_toml(&config)?).hub(hub).start().await?;
    // A short lease: deliveries of a killed process are redelivered soon.
    bus.consume("orders").lease(Duration::from_millis(300)).max_attempts(100).run().await?;
    Ok(())
}

fn tell(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
