//! Sends or removes dead letters, batch by batch.

use std::collections::HashSet;
use std::pin::{Pin, pin};

use super::leased_batch::{CHUNK, LeasedBatch, release};
use super::{DeadLetter, DeadLetterReport, DeadLetters, dead_letter};
use crate::bus::schemas::store_known;
use events_transport::{Delivery, Position, Producer, SchemaId, TransportError, ack_all};

impl DeadLetters<'_> {
    /// Removes the selected dead letters, after sending them if there is a producer, until all are
    /// processed, one fails, or `stop` is ready. Each removed dead letter is passed to `on_removed` at
    /// once, and is not in [`DeadLetterReport::done`].
    #[doc(hidden)]
    pub async fn process(
        &self,
        mut select: impl FnMut(&DeadLetter) -> bool,
        producer: Option<&dyn Producer>,
        stop: impl Future,
        mut on_removed: impl FnMut(DeadLetter),
    ) -> Result<DeadLetterReport, TransportError> {
        let mut report = DeadLetterReport::default();
        let mut chosen = HashSet::new();
        self.for_each(|dead_letter| {
            if select(&dead_letter) {
                chosen.insert(dead_letter.position());
            } else {
                report.kept += 1;
            }
            Ok::<_, TransportError>(())
        })
        .await?;
        if chosen.is_empty() {
            return Ok(report);
        }
        let mut leased = LeasedBatch::join(self).await?;
        let stop = pin!(stop);
        let ended =
            self.batches(&mut leased, &mut chosen, producer, stop, &mut report, &mut on_removed).await;
        let given_back = leased.close().await;
        let all_tried = report.failed.is_empty() && !report.stopped && ended.is_ok();
        report.ended = ended.and(given_back).err();
        if all_tried && !chosen.is_empty() {
            // Another program has leased or processed them.
            match self.count_remaining(&chosen).await {
                Ok(count) => report.elsewhere = count,
                Err(error) => {
                    report.elsewhere = chosen.len() as u64;
                    report.ended.get_or_insert(error);
                }
            }
        } else {
            report.untried = chosen.len() as u64;
        }
        Ok(report)
    }

    async fn batches(
        &self,
        leased: &mut LeasedBatch,
        chosen: &mut HashSet<Position>,
        producer: Option<&dyn Producer>,
        mut stop: Pin<&mut impl Future>,
        report: &mut DeadLetterReport,
        on_removed: &mut impl FnMut(DeadLetter),
    ) -> Result<(), TransportError> {
        let (mut picked, mut schemas) = (Vec::new(), HashSet::new());
        if !self.transport.capability().acknowledges_each() {
            // Removing one removes all earlier ones, so all are leased before the first is removed.
            leased.all_at_once();
            while picked.len() < chosen.len() {
                let mut more = leased.next(chosen).await?;
                if more.is_empty() {
                    break;
                }
                picked.append(&mut more);
            }
            leased.move_behind(self, chosen).await?;
        }
        while !chosen.is_empty() && report.failed.is_empty() {
            tokio::select! {
                biased;
                _ = stop.as_mut() => {
                    report.stopped = true;
                    break;
                }
                batch = leased.next(chosen), if picked.is_empty() => picked = batch?,
                () = std::future::ready(()), if !picked.is_empty() => {}
            }
            if picked.is_empty() {
                break;
            }
            let rest = picked.split_off(CHUNK.min(picked.len()));
            let batch = leased.held(std::mem::replace(&mut picked, rest)).await;
            let sent = match producer {
                Some(producer) => {
                    let send = self.send_originals(producer, &batch, &mut schemas);
                    let results = leased.keeping(&batch, send).await;
                    Self::sent(batch, results, chosen, report).await
                }
                None => batch,
            };
            let dead_letters: Vec<_> = sent.iter().map(DeadLetter::from).collect();
            let removed = leased.keeping(&[], ack_all(sent)).await;
            for (dead_letter, removed) in dead_letters.into_iter().zip(removed) {
                chosen.remove(&dead_letter.position());
                match removed {
                    Ok(()) => on_removed(dead_letter),
                    Err(error) => report.failed.push((dead_letter, error)),
                }
            }
        }
        leased.deliveries.append(&mut picked);
        Ok(())
    }

    /// Sends dead letters to their topic, with a result for each. The topic gets the schemas that this program
    /// knows first; it has the others, since the dead letters were in it.
    async fn send_originals(
        &self,
        producer: &dyn Producer,
        batch: &[Delivery],
        schemas: &mut HashSet<SchemaId>,
    ) -> Vec<Result<Position, TransportError>> {
        let originals: Vec<_> =
            batch.iter().map(|delivery| dead_letter::original(delivery.message())).collect();
        match store_known(self.transport, &self.origin, &originals, schemas).await {
            Ok(()) => producer.send(&self.origin, &originals).await,
            Err(error) => originals.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// Reports the dead letters that were not sent. Returns the others.
    async fn sent(
        batch: Vec<Delivery>,
        results: Vec<Result<Position, TransportError>>,
        chosen: &mut HashSet<Position>,
        report: &mut DeadLetterReport,
    ) -> Vec<Delivery> {
        let mut sent = Vec::with_capacity(batch.len());
        for (delivery, result) in batch.into_iter().zip(results) {
            match result {
                Ok(_) => sent.push(delivery),
                Err(error) => {
                    chosen.remove(&delivery.position());
                    report.failed.push((DeadLetter::from(&delivery), error));
                    release([delivery]).await;
                }
            }
        }
        sent
    }
}
