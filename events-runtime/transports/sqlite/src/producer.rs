//! Sends messages: appends them to the table of their topic.

use std::sync::Arc;

use super::acker::spread;
use super::connection::Database;
use super::row::Row;
use events_transport::{BoxFuture, Message, Position, Producer, Topic, TransportError};

pub(super) struct SqliteProducer {
    pub(super) database: Arc<Database>,
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
        let stored = self.database.write("send to", move |txn| {
            let first = txn.append(&topic, &rows)?;
            Ok((first..).take(rows.len()).map(|seq| Ok(Position::Sequence(seq.unsigned_abs()))).collect())
        });
        Box::pin(async move { spread(stored.await, count) })
    }
}
