//! What an inbox goes by: its name, its table, and how much it keeps.

use std::num::NonZeroU64;
use std::time::Duration;

use super::InboxError;
use crate::transport::ConsumerGroup;

/// So that what Postgres appends for the names of indexes fits into its 63 bytes.
const TABLE_MAX: usize = 50;

pub(super) const DEFAULT_TABLE: &str = "events_inbox";

/// As long as `NServiceBus` keeps them.
const DEFAULT_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The longest age that both databases can subtract from the present: some 290 years.
const AGE_MAX: Duration = Duration::from_secs(i64::MAX as u64 / 1_000_000_000);

/// A step of pruning follows an insert in its transaction, and must leave what that has inserted.
const AGE_MIN: Duration = Duration::from_secs(60);

/// What an inbox goes by, whatever the database.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) group: ConsumerGroup,
    max_age: Duration,
    max_count: Option<NonZeroU64>,
}

impl Settings {
    pub(super) fn new(name: &str) -> Result<Self, InboxError> {
        Ok(Self { group: ConsumerGroup::new(name)?, max_age: DEFAULT_AGE, max_count: None })
    }

    pub(super) fn of_group(&self, group: &ConsumerGroup) -> Self {
        Self { group: group.clone(), ..*self }
    }

    pub(super) fn of_receiver(&self, receiver: &str) -> Result<Self, InboxError> {
        let group = ConsumerGroup::new(format!("{}.{receiver}", self.group))?;
        Ok(Self { group, ..*self })
    }

    pub(super) const fn set_max_age(&mut self, age: Duration) {
        self.max_age = age;
    }

    /// At least the newest is kept: it is the one that was just inserted.
    pub(super) const fn set_max_count(&mut self, count: u64) {
        self.max_count = Some(match NonZeroU64::new(count) {
            Some(count) => count,
            None => NonZeroU64::MIN,
        });
    }

    pub(super) fn max_count(&self) -> Option<u64> {
        self.max_count.map(NonZeroU64::get)
    }

    pub(super) fn max_age_millis(&self) -> i64 {
        i64::try_from(self.max_age.clamp(AGE_MIN, AGE_MAX).as_millis()).unwrap_or(i64::MAX)
    }
}

/// Checks a table's name. It stands in quotes in the statements, so a keyword is no harm.
pub(super) fn table(table: &str) -> Result<&str, InboxError> {
    if is_plain(table) { Ok(table) } else { Err(InboxError::Table { table: table.to_owned() }) }
}

/// Checks a schema's name, as [`table`] does a table's.
#[cfg(feature = "inbox-postgres")]
pub(super) fn schema(schema: &str) -> Result<&str, InboxError> {
    if is_plain(schema) { Ok(schema) } else { Err(InboxError::Schema { schema: schema.to_owned() }) }
}

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
        && name.len() <= TABLE_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_name_that_needs_no_quotes() {
        for right in ["events_inbox", "_2", "order", &"t".repeat(50)] {
            assert_eq!(table(right).expect("a name"), right);
        }
        for wrong in ["", "2nd", "Inbox", "a b", "a\"; DROP TABLE orders; --", "a.b", &"t".repeat(51)] {
            assert!(matches!(table(wrong), Err(InboxError::Table { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_receivers_inbox_bears_its_groups_name_and_its_own() {
        let group = Settings::new("billing").expect("a name");
        assert_eq!(group.of_receiver("receipts").expect("a name").group.as_str(), "billing.receipts");
        assert!(matches!(group.of_receiver("a b"), Err(InboxError::Name(_))));
        assert!(matches!(Settings::new(""), Err(InboxError::Name(_))));
    }

    #[test]
    fn an_age_beyond_all_bounds_is_cut_and_not_wrapped() {
        let settings = Settings { max_age: Duration::MAX, ..Settings::new("billing").expect("a name") };
        assert_eq!(settings.max_age_millis(), 9_223_372_036_000);
    }
}
