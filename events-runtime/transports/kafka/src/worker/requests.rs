//! Does what callers ask the members of the group for.

use std::time::Instant;

use super::{Away, Worker};
use crate::control::{Action, ControlRequest};
use crate::member::{Stage, TopicState};
use events_support::error_chain::chain;

impl Worker {
    /// Does what callers ask the members of the group for.
    pub(super) fn obey(&mut self) {
        let now = Instant::now();
        let mut is_changed = false;
        for index in 0..self.sources.len() {
            let Some(source) = self.sources.get(index) else { continue };
            let request = self.control.request(&source.name);
            let new = request.filter(|request| Some(request.epoch) != source.epoch);
            let is_away = self.away.get(index).is_some_and(Option::is_some);
            if is_away && self.member.state().partitions.keys().any(|place| place.topic == index) {
                // The partitions are returned first, so that they begin again at what is committed.
                continue;
            }
            match new {
                Some(ControlRequest { action: Action::Leave(hold), .. }) if !is_away => {
                    self.control.hurry();
                    self.set_away(index, Some(Away { until: now + hold }));
                    self.set_topic(index, TopicState::Away);
                    is_changed = true;
                }
                Some(ControlRequest { action: Action::Leave(_), .. }) => {
                    let is_over =
                        self.away.get(index).and_then(Option::as_ref).is_some_and(|away| away.until <= now);
                    if is_over {
                        self.come_back(index, request, TopicState::Subscribed);
                        is_changed = true;
                    }
                }
                Some(ControlRequest { action, .. }) if is_away => {
                    let removed = action == Action::Removed;
                    let topic = if removed { TopicState::Removed } else { TopicState::Subscribed };
                    self.come_back(index, request, topic);
                    is_changed = true;
                }
                // The member missed the request to leave: its partitions are out of date.
                Some(ControlRequest { .. }) => {
                    self.control.hurry();
                    self.set_away(index, Some(Away { until: now }));
                    self.set_topic(index, TopicState::Away);
                    is_changed = true;
                }
                None => {}
            }
        }
        if is_changed {
            self.resubscribe();
        }
        let mut state = self.member.state();
        let is_wanted = state.stage == Stage::Left && state.is_receiving;
        if is_wanted {
            state.stage = Stage::Joining;
            drop(state);
            self.resubscribe();
        }
    }

    fn come_back(&mut self, index: usize, request: Option<ControlRequest>, topic: TopicState) {
        self.control.relax();
        self.set_away(index, None);
        if let Some(source) = self.sources.get_mut(index) {
            source.epoch = request.map(|request| request.epoch);
        }
        self.set_topic(index, topic);
    }

    fn set_away(&mut self, index: usize, away: Option<Away>) {
        if let Some(slot) = self.away.get_mut(index) {
            *slot = away;
        }
    }

    fn set_topic(&self, index: usize, topic: TopicState) {
        if let Some(slot) = self.member.state().subscribed.get_mut(index) {
            *slot = topic;
        }
        self.member.wake.notify_one();
    }

    fn resubscribe(&mut self) {
        if let Err(error) = self.subscribe() {
            tracing::warn!(error = chain(&error), "a member can't join its group");
            self.member.state().error = Some(error);
        }
        self.member.wake.notify_one();
    }
}
