//! The settings of an inbox: name, table and limits.

use std::num::NonZeroU64;
use std::time::Duration;

use super::InboxError;
use events_transport::ConsumerGroup;

/// Leaves room for the suffixes of index names within Postgres' 63 bytes.
const TABLE_MAX: usize = 50;

pub(super) const DEFAULT_TABLE: &str = "events_inbox";

/// The default of `NServiceBus`.
const DEFAULT_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The longest age that both databases can subtract from the current time: about 290 years.
const AGE_MAX: Duration = Duration::from_secs(i64::MAX as u64 / 1_000_000_000);

/// A pruning step runs in the transaction of an insert and must not delete the inserted row.
const AGE_MIN: Duration = Duration::from_secs(60);

/// The settings common to both databases.
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

    /// At least one row is kept, since the newest one was just inserted.
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

/// Validates a table name. It is quoted in the statements, so keywords are allowed.
pub(super) fn table(table: &str) -> Result<&str, InboxError> {
    if is_plain(table) { Ok(table) } else { Err(InboxError::Table { table: table.to_owned() }) }
}

/// Validates a schema name, like [`table`].
#[cfg(feature = "inbox-postgres")]
pub(super) fn schema(schema: &str) -> Result<&str, InboxError> {
    if is_plain(schema) { Ok(schema) } else { Err(InboxError::Schema { schema: schema.to_owned() }) }
}

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
        && name.len() <= TABLE_MAX
}

/// The builder methods that both inboxes have. Their type has the fields `settings` and `pruning`.
macro_rules! shared_builder {
    ($inbox:ty) => {
        impl $inbox {
            /// The inbox of one of several receivers, in the same table: `billing` and `receipts` give
            /// `billing.receipts`.
            ///
            /// # Errors
            /// [`InboxError::Name`](crate::inbox::InboxError::Name).
            pub fn receiver(&self, name: &str) -> Result<Self, $crate::inbox::InboxError> {
                Ok(Self {
                    settings: self.settings.of_receiver(name)?,
                    pruning: ::std::sync::Arc::default(),
                    ..self.clone()
                })
            }

            /// The age at which ids are deleted; at least one minute. Default: seven days.
            #[must_use]
            pub const fn max_age(mut self, age: ::std::time::Duration) -> Self {
                self.settings.set_max_age(age);
                self
            }

            /// The maximum number of ids, at least 1; the oldest are deleted first. Default: unlimited.
            /// Inserts alone may exceed it by a fifth, and by a few hundred for each process.
            #[must_use]
            pub const fn max_count(mut self, count: u64) -> Self {
                self.settings.set_max_count(count);
                self
            }

            /// The inbox's name.
            #[must_use]
            pub const fn name(&self) -> &events_transport::ConsumerGroup {
                &self.settings.group
            }

            /// The inbox of a consumer's group, in the same table.
            fn of_group(&self, group: &events_transport::ConsumerGroup) -> Self {
                Self {
                    settings: self.settings.of_group(group),
                    pruning: ::std::sync::Arc::default(),
                    ..self.clone()
                }
            }
        }
    };
}
pub(super) use shared_builder;

/// Converts a row count for the database.
pub(super) fn row_limit(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_name_must_not_need_quotes() {
        for right in ["events_inbox", "_2", "order", &"t".repeat(50)] {
            assert_eq!(table(right).expect("a name"), right);
        }
        for wrong in ["", "2nd", "Inbox", "a b", "a\"; DROP TABLE orders; --", "a.b", &"t".repeat(51)] {
            assert!(matches!(table(wrong), Err(InboxError::Table { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_receivers_inbox_has_the_name_of_group_and_receiver() {
        let group = Settings::new("billing").expect("a name");
        assert_eq!(group.of_receiver("receipts").expect("a name").group.as_str(), "billing.receipts");
        assert!(matches!(group.of_receiver("a b"), Err(InboxError::Name(_))));
        assert!(matches!(Settings::new(""), Err(InboxError::Name(_))));
    }

    #[test]
    fn an_age_beyond_the_limit_is_capped_and_does_not_wrap() {
        let settings = Settings { max_age: Duration::MAX, ..Settings::new("billing").expect("a name") };
        assert_eq!(settings.max_age_millis(), 9_223_372_036_000);
    }
}
