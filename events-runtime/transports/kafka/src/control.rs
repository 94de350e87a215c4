//! Control requests: how a caller asks the members of a group to leave it.
//!
//! Kafka refuses to change the offsets of a group while it has members. A caller that moves or removes a group
//! therefore writes a request, which the members look for: they leave, the caller changes the offsets and ends
//! the request, and the members join again or fail.
//!
//! The request is the metadata of a committed offset: group `GROUP.control`, partition 0 of the topic, offset 0.
//! It needs no topic of its own, and a group whose members look for it needs no other permission than to read
//! groups whose names start with its own. The text is `events1 ACTION EPOCH HOLD`, for example
//! `events1 leave 1764459000123 10000`.
//!
//! A member remembers the epoch that it found when it subscribed. Another epoch is a new request:
//!
//! | action | a member |
//! |---|---|
//! | `leave` | leaves the group and looks again until the request changes, for at most `HOLD` ms since it found the request: the caller may have crashed |
//! | `moved` | joins again, and continues at the committed offsets; what it had in flight is lost |
//! | `removed` | fails: the group no longer exists in this topic |
//!
//! A member that missed `leave`, for example because its process was suspended, treats `moved` and `removed`
//! alike. A member that subscribes while the action is `leave` waits before it joins.
//!
//! A group without members is removed without a request. A member that left its group for lack of work therefore
//! fails as after `removed` if it joins again and finds no committed offset, or [`REMOVED`], in a partition in
//! which the group had one.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use events_transport::ConsumerGroup;

/// The suffix of control groups.
const SUFFIX: &str = ".control";
/// The first word of a request: the version of the format.
const VERSION: &str = "events1";
/// The longest time for which a request keeps members out of their group, whatever it says.
const MAX_HOLD: Duration = Duration::from_secs(120);

/// The committed metadata of a partition whose group was removed from the topic. Kafka deletes the offsets of a
/// group in all topics only; the offset of this mark is [`REMOVED_OFFSET`].
pub(crate) const REMOVED: &str = "events1 removed";

/// The committed offset of a removed group: behind every message, so that a client that does not know the mark
/// applies its `auto.offset.reset`, as for a new group.
pub(crate) const REMOVED_OFFSET: u64 = i64::MAX as u64 - 1;

/// The name of a group's control group.
pub(crate) fn control_group(group: &ConsumerGroup) -> String {
    format!("{group}{SUFFIX}")
}

/// Whether this is the name of a control group, which is not listed as a group of a topic.
pub(crate) fn is_control_group(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

/// What the members of a group do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Leave the group and stay away until the request changes, for at most this time.
    Leave(Duration),
    /// Join again: the group's offsets were moved.
    Moved,
    /// Fail: the group was removed.
    Removed,
}

/// A request to the members of a group in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ControlRequest {
    /// Identifies the operation: `leave` and what follows it have the same epoch.
    pub(crate) epoch: u64,
    /// What the members do.
    pub(crate) action: Action,
}

impl ControlRequest {
    /// A request to leave the group, with a new epoch: the milliseconds since 1970, or the one after that of the
    /// previous request. Kafka forgets a request after `offsets.retention.minutes`, so a count would begin again.
    pub(crate) fn leave(previous: Option<Self>, hold: Duration) -> Self {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        // Another program may have written the last number.
        let next = previous.and_then(|previous| previous.epoch.checked_add(1)).unwrap_or_default();
        Self { epoch: now.max(next), action: Action::Leave(hold.min(MAX_HOLD)) }
    }

    /// Whether the caller of this request ended long ago, by the clock of this machine.
    pub(crate) fn is_out_of_date(self) -> bool {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
        match self.action {
            Action::Leave(hold) => now > u128::from(self.epoch) + hold.as_millis(),
            Action::Moved | Action::Removed => true,
        }
    }

    /// The end of this request.
    pub(crate) const fn ended(self, action: Action) -> Self {
        Self { epoch: self.epoch, action }
    }
}

impl fmt::Display for ControlRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = self.epoch;
        match self.action {
            Action::Leave(hold) => write!(f, "{VERSION} leave {epoch} {}", hold.as_millis()),
            Action::Moved => write!(f, "{VERSION} moved {epoch}"),
            Action::Removed => write!(f, "{VERSION} removed {epoch}"),
        }
    }
}

/// A text that is not a request: it is empty, of a later version, or of another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotARequest;

impl FromStr for ControlRequest {
    type Err = NotARequest;

    fn from_str(text: &str) -> Result<Self, NotARequest> {
        let words: Vec<&str> = text.split(' ').collect();
        let number = |text: &str| text.parse::<u64>().map_err(|_| NotARequest);
        let (epoch, action) = match *words.as_slice() {
            [VERSION, "leave", epoch, hold] => {
                (epoch, Action::Leave(Duration::from_millis(number(hold)?).min(MAX_HOLD)))
            }
            [VERSION, "moved", epoch] => (epoch, Action::Moved),
            [VERSION, "removed", epoch] => (epoch, Action::Removed),
            _ => return Err(NotARequest),
        };
        Ok(Self { epoch: number(epoch)?, action })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_from_its_own_text() {
        let leave = Action::Leave(Duration::from_secs(10));
        for (action, text) in [
            (leave, "events1 leave 7 10000"),
            (Action::Moved, "events1 moved 7"),
            (Action::Removed, "events1 removed 7"),
        ] {
            let request = ControlRequest { epoch: 7, action };
            assert_eq!(request.to_string(), text);
            assert_eq!(text.parse(), Ok(request));
        }
    }

    #[test]
    fn a_text_of_another_version_or_program_is_not_a_request() {
        for text in [
            "",
            "events1",
            "events1 leave 7",
            "events1 leave 7 10000 more",
            "events1 leave x 10000",
            "events1 leave 7 -1",
            "events1 moved -7",
            "events1 pause 7",
            "events2 leave 7 10000",
            "events1  moved 7",
            REMOVED,
        ] {
            assert_eq!(text.parse::<ControlRequest>(), Err(NotARequest), "{text:?}");
        }
    }

    #[test]
    fn no_request_keeps_members_out_of_their_group_for_long() {
        let request: ControlRequest = "events1 leave 7 18446744073709551615".parse().unwrap();
        assert_eq!(request.action, Action::Leave(MAX_HOLD));
        assert_eq!(ControlRequest::leave(None, Duration::MAX).action, Action::Leave(MAX_HOLD));
    }

    #[test]
    fn each_operation_has_an_epoch_of_its_own_although_the_clock_went_back() {
        let first = ControlRequest::leave(None, MAX_HOLD);
        assert_eq!(first.ended(Action::Moved).epoch, first.epoch);
        let ahead = ControlRequest { epoch: first.epoch + 1_000_000_000, action: Action::Moved };
        assert_eq!(ControlRequest::leave(Some(ahead), MAX_HOLD).epoch, ahead.epoch + 1);
        assert!(ControlRequest::leave(Some(first), MAX_HOLD).epoch > first.epoch);
        let last = ControlRequest { epoch: u64::MAX, action: Action::Moved };
        assert_ne!(ControlRequest::leave(Some(last), MAX_HOLD).epoch, last.epoch);
    }

    #[test]
    fn a_control_group_is_known_by_its_name() {
        let group = ConsumerGroup::new("billing").unwrap();
        assert_eq!(control_group(&group), "billing.control");
        assert!(is_control_group("billing.control") && !is_control_group("billing"));
    }
}
