//! Dead letters of a cluster. Their topic is on another node than the message, so the letter and the
//! acknowledgement are two steps: the letter first, so that neither is ever lost. A member that dies
//! between them leaves a letter of a message that comes again.

use super::super::{Message, Outcome, Producer as _, Receipt, Settlement};
use super::producer::RedisProducer;
use super::worker::{Results, Worker};

const fn letter(settlement: &Settlement) -> Option<&Message> {
    match &settlement.outcome {
        Outcome::Reject(letter) => Some(letter),
        _ => None,
    }
}

pub(super) fn is_any(settlements: &[Settlement]) -> bool {
    settlements.iter().any(|settlement| letter(settlement).is_some())
}

impl Worker {
    /// Stores the dead letters, then all outcomes but those whose letter is not stored.
    pub(super) async fn settle_behind(
        &mut self,
        letters: RedisProducer,
        settlements: Vec<Settlement>,
    ) -> Results {
        let rejected = || settlements.iter().filter_map(|settlement| Some((settlement, letter(settlement)?)));
        // A lease that was lost meanwhile is another member's, and so is the letter; one that is held
        // begins anew, for storing takes its time.
        let receipts: Vec<Receipt> = rejected().map(|(settlement, _)| settlement.receipt.clone()).collect();
        let held = self.renew(&receipts).await;
        let due: Vec<Message> = rejected()
            .zip(&held)
            .filter(|(_, held)| held.is_ok())
            .map(|((_, letter), _)| letter.clone())
            .collect();
        let mut stored = letters.send(&self.member.dead_letter, &due).await.into_iter();
        let mut fates = held
            .into_iter()
            .map(|held| held.and_then(|()| stored.next().map_or(Ok(()), |sent| sent.map(drop))));

        let (mut due, mut results) = (Vec::with_capacity(settlements.len()), Results::new());
        for mut settlement in settlements {
            let fate = match &settlement.outcome {
                Outcome::Reject(_) => fates.next().unwrap_or(Ok(())),
                _ => Ok(()),
            };
            if fate.is_ok() {
                if letter(&settlement).is_some() {
                    settlement.outcome = Outcome::Ack;
                }
                due.push(settlement);
            }
            results.push(fate);
        }
        let mut told = self.store(due).await.into_iter();
        for result in &mut results {
            if result.is_ok()
                && let Some(told) = told.next()
            {
                *result = told;
            }
        }
        results
    }
}
