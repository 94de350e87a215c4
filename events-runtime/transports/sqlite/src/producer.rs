//! Sends messages: appends them to the table of their topic.

use std::sync::Arc;

use super::acker::spread;
use super::connection::Database;
use super::row::Row;
use super::txn::Txn;
use events_transport::{BoxFuture, Message, Position, Producer, SendCall, SendOrder, Topic, TransportError};

pub(super) struct SqliteProducer {
    database: Arc<Database>,
    order: SendOrder,
}

impl SqliteProducer {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database, order: SendOrder::default() }
    }
}

/// Marks the call as failed when it is dropped before the messages are stored: after an error, or when the writer
/// panics or ends.
struct FailsUnlessStored(Option<SendCall>);

impl FailsUnlessStored {
    fn stored(mut self) {
        self.0 = None;
    }
}

impl Drop for FailsUnlessStored {
    fn drop(&mut self) {
        if let Some(call) = &self.0 {
            call.fail();
        }
    }
}

impl Producer for SqliteProducer {
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
        let count = batch.len();
        if count == 0 {
            return Box::pin(std::future::ready(Vec::new()));
        }
        let topic = topic.clone();
        let rows: Vec<Row> = batch.iter().map(Row::from).collect();
        let (call, returned) = self.order.begin(&topic);
        let outcome = FailsUnlessStored(Some(call.clone()));
        let append = move |txn: &mut Txn<'_>| {
            call.admit()?;
            let first = txn.append(&topic, &rows)?;
            Ok((first..).take(rows.len()).map(|seq| Ok(Position::Sequence(seq.unsigned_abs()))).collect())
        };
        let finish = move |positions| {
            outcome.stored();
            positions
        };
        let stored = self.database.submit("send to", None, true, |_| Ok(None), append, finish);
        Box::pin(async move {
            let results = spread(stored.await, count);
            drop(returned);
            results
        })
    }
}
