//! The settings of a `redis:` URL.

use std::time::Duration;

use super::endpoint::Endpoint;
use events_transport::{ConnectOptions, Position, TransportError};
use events_transport::{RetentionPolicy, Target, parse_duration};

/// The settings of the URL.
pub(super) const SETTINGS: &[&str] = &[
    "timeout",
    "retry_for",
    "ca",
    "ack",
    "consumer_name",
    "check_backlog",
    "last_read_msg_id",
    "claim_msgs_older_than",
    "on_lost",
    "retention_age",
    "retention_count",
    "dead_letter_age",
    "dead_letter_count",
];

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// Long enough for a restart or a failover.
const DEFAULT_RETRY_FOR: Duration = Duration::from_secs(10);
/// By default a cluster needs 15 s (`cluster-node-timeout`) to detect a dead master, and a few more to
/// promote a replica.
const DEFAULT_RETRY_FOR_CLUSTER: Duration = Duration::from_secs(30);
const DEFAULT_CLAIM: Duration = Duration::from_secs(15 * 60);

/// Redis rejects larger numbers.
const MAX_CLAIM: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// When a delivery is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AckMode {
    /// As its outcome says.
    Outcome,
    /// Always, as Open edX's consumers do: no retry, no dead letter.
    Always,
}

/// What a consumer does when its group was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnLost {
    /// Ends with an error.
    End,
    /// Recreates the group if the topic was lost with it, which redelivers nothing.
    RecoverTopic,
    /// Always recreates the group, which redelivers every message that the topic keeps.
    Recover,
}

impl OnLost {
    /// The value of the setting.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::RecoverTopic => "recover-topic",
            Self::Recover => "recover",
        }
    }
}

pub(super) struct Config {
    pub(super) url: String,
    pub(super) endpoint: Endpoint,
    pub(super) client: String,
    /// How long to wait for a reply.
    pub(super) timeout: Duration,
    /// How long a call is retried while the server is unavailable.
    pub(super) retry_for: Duration,
    pub(super) retention: RetentionPolicy,
    pub(super) ack: AckMode,
    pub(super) consumer_name: Option<String>,
    pub(super) check_backlog: bool,
    pub(super) last_read: Option<Position>,
    pub(super) claim_older_than: Option<Duration>,
    pub(super) on_lost: OnLost,
}

impl Config {
    pub(super) fn read(target: &Target<'_>, options: &ConnectOptions) -> Result<Self, TransportError> {
        target.only(SETTINGS)?;
        let duration = |name, default: Duration| match target.get(name) {
            None => Ok(default),
            Some(text) => parse_duration(text).ok_or_else(|| {
                target.bad_setting(name, text, "a duration with its unit, such as `250ms`, `5s` or `7d`")
            }),
        };
        let ack = match target.get("ack") {
            None | Some("settled") => AckMode::Outcome,
            Some("strict-openedx") => AckMode::Always,
            Some(other) => return Err(target.bad_setting("ack", other, "`settled` or `strict-openedx`")),
        };
        let check_backlog = match target.get("check_backlog") {
            None | Some("true") => true,
            Some("false") => false,
            Some(other) => return Err(target.bad_setting("check_backlog", other, "`true` or `false`")),
        };
        if target.get("consumer_name") == Some("") {
            return Err(target.bad_setting("consumer_name", "", "a name for this consumer"));
        }
        let last_read = target
            .get("last_read_msg_id")
            .map(|text| match text.parse() {
                Ok(position @ Position::Entry { .. }) => Ok(position),
                _ => Err(target.bad_setting(
                    "last_read_msg_id",
                    text,
                    "an entry ID such as `1526919030474-55`",
                )),
            })
            .transpose()?;
        let claim_older_than = match target.get("claim_msgs_older_than") {
            Some("off") => None,
            // As Open edX's setting: milliseconds without a unit.
            Some(text) if text.parse::<u64>().is_ok() => text.parse().ok().map(Duration::from_millis),
            _ => Some(duration("claim_msgs_older_than", DEFAULT_CLAIM)?),
        };
        let claim_older_than = claim_older_than.map(|age| age.min(MAX_CLAIM));
        let on_lost = match target.get("on_lost") {
            None => OnLost::RecoverTopic,
            Some(text) => [OnLost::End, OnLost::RecoverTopic, OnLost::Recover]
                .into_iter()
                .find(|on_lost| on_lost.as_str() == text)
                .ok_or_else(|| target.bad_setting("on_lost", text, "`recover-topic`, `recover` or `end`"))?,
        };
        let timeout = duration("timeout", DEFAULT_TIMEOUT)?;
        if timeout.is_zero() {
            return Err(target.bad_setting("timeout", "0", "a positive duration such as `5s`"));
        }
        let endpoint = Endpoint::read(target, timeout)?;
        let retry_for = if endpoint.is_cluster() { DEFAULT_RETRY_FOR_CLUSTER } else { DEFAULT_RETRY_FOR };
        Ok(Self {
            url: target.shown().to_owned(),
            endpoint,
            client: options.client.clone().unwrap_or_else(|| "events-runtime".to_owned()),
            timeout,
            retry_for: duration("retry_for", retry_for)?,
            retention: RetentionPolicy::new(target, options)?,
            ack,
            consumer_name: target.get("consumer_name").map(ToOwned::to_owned),
            check_backlog,
            last_read,
            claim_older_than,
            on_lost,
        })
    }
}

#[cfg(test)]
mod tests {
    use events_transport::{ConnectOptions, ErrorKind, connect};

    #[test]
    fn parts_of_a_url_that_the_client_would_ignore_are_rejected() {
        for (url, said) in [
            ("redis://u:s3cret@localhost/0#fragment", "`%23`"),
            ("redis+cluster://u:s3cret@localhost#fragment", "`%23`"),
            ("redis://u:s3cret@localhost?consumer_name=", "`consumer_name=`"),
        ] {
            let Err(error) = connect(url, &ConnectOptions::new()) else { panic!("{url}") };
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let text = format!("{error} {error:?}");
            assert!(text.contains(said) && !text.contains("s3cret"), "{text}");
        }
    }
}
