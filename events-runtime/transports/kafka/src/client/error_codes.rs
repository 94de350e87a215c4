//! The table of the error codes of librdkafka and of brokers: how each one is reported. Decision 90 documents it.

use events_transport::{ErrorKind, NO_TOPIC};
use rdkafka::error::RDKafkaErrorCode;

/// Codes that are reported alike.
pub(super) struct Row {
    pub(super) codes: &'static [RDKafkaErrorCode],
    pub(super) kind: ErrorKind,
    pub(super) message: &'static str,
}

const fn row(codes: &'static [RDKafkaErrorCode], kind: ErrorKind, message: &'static str) -> Row {
    Row { codes, kind, message }
}

/// All codes.
pub(super) const ROWS: [Row; 48] = {
    use ErrorKind as Kind;
    use RDKafkaErrorCode as Code;
    [
        row(
            &[
                Code::Authentication,
                Code::SaslAuthenticationFailed,
                Code::UnacceptableCredential,
                Code::PrincipalDeserializationFailure,
                Code::InvalidPrincipalType,
                Code::DelegationTokenNotFound,
                Code::DelegationTokenOwnerMismatch,
                Code::DelegationTokenRequestNotAllowed,
                Code::DelegationTokenAuthorizationFailed,
                Code::DelegationTokenExpired,
            ],
            Kind::Permission,
            "the brokers rejected the credentials: check user, password and `sasl.mechanism`",
        ),
        row(
            &[Code::SSL],
            Kind::Permission,
            "the TLS handshake failed: see the cause, and check `ca`, the host names in the brokers' certificates, and the client's certificate",
        ),
        row(
            &[Code::TopicAuthorizationFailed],
            Kind::Permission,
            "this user has no access to the topic: grant `Describe`, and `Write` to producers or `Read` to consumers",
        ),
        row(
            &[Code::GroupAuthorizationFailed],
            Kind::Permission,
            "this user has no access to the group: grant `Read` on the group, and `Delete` to remove it",
        ),
        row(
            &[Code::ClusterAuthorizationFailed],
            Kind::Permission,
            "this user has no access to the cluster: grant `IdempotentWrite` (before Kafka 3) to send, `Create` to create topics, `Describe` to list",
        ),
        row(
            &[Code::TransactionalIdAuthorizationFailed],
            Kind::Permission,
            "this user has no access to the transactional id: grant `Write` on it",
        ),
        row(
            &[Code::MessageSizeTooLarge, Code::MessageBatchTooLarge],
            Kind::TooLarge,
            "the message or its batch exceeds a size limit: send a reference to the data, or increase `max.message.bytes` of the topic and `message.max.bytes` in the URL",
        ),
        row(
            &[Code::InvalidRecord, Code::InvalidTimestamp],
            Kind::Refused,
            "the broker rejects the message: a compacted topic needs a key, and the time must be within the topic's limits",
        ),
        row(
            &[
                Code::UnknownTopicOrPartition,
                Code::UnknownTopic,
                Code::UnknownPartition,
                Code::UnknownTopicId,
            ],
            Kind::NotFound,
            NO_TOPIC,
        ),
        row(
            &[Code::GroupIdNotFound, Code::UnknownGroup],
            Kind::NotFound,
            "no such group: it was removed or never created; a consumer creates it when it starts",
        ),
        row(
            &[Code::OffsetOutOfRange, Code::NoOffset, Code::AutoOffsetReset],
            Kind::NotFound,
            "the position does not exist: retention has removed it, or the group has none",
        ),
        row(
            &[Code::ResourceNotFound, Code::NoEnt],
            Kind::NotFound,
            "the cluster does not have it: see the cause",
        ),
        row(
            &[
                Code::IllegalGeneration,
                Code::UnknownMemberId,
                Code::FencedMemberEpoch,
                Code::StaleMemberEpoch,
                Code::FencedInstanceId,
                Code::AssignmentLost,
                Code::PollExceeded,
            ],
            Kind::LeaseLost,
            "this member no longer has the partition: the group was rebalanced without it",
        ),
        row(
            &[
                Code::RebalanceInProgress,
                Code::MemberIdRequired,
                Code::UnreleasedInstanceId,
                Code::UnstableOffsetCommit,
                Code::GroupMaxSizeReached,
            ],
            Kind::Unavailable,
            "the group is rebalancing: wait until its members have their partitions",
        ),
        row(
            &[
                Code::CoordinatorLoadInProgress,
                Code::CoordinatorNotAvailable,
                Code::NotCoordinator,
                Code::WaitingForCoordinator,
            ],
            Kind::Unavailable,
            "the group's coordinator is not ready: it is starting, or its brokers are down",
        ),
        row(
            &[
                Code::BrokerTransportFailure,
                Code::AllBrokersDown,
                Code::NetworkException,
                Code::BrokerNotAvailable,
                Code::UnknownBroker,
                Code::NodeUpdate,
                // The broker has left the cluster; the client goes on with the others.
                Code::DestroyBroker,
            ],
            Kind::Unavailable,
            "can't reach a broker: check that it is running, and the hosts, ports and scheme in the URL",
        ),
        row(
            &[Code::Resolve],
            Kind::Unavailable,
            "can't resolve the host of a broker: check the hosts in the URL, and `advertised.listeners` of the brokers",
        ),
        row(
            &[Code::OperationTimedOut, Code::RequestTimedOut, Code::MessageTimedOut, Code::TimedOutQueue],
            Kind::Unavailable,
            "the brokers did not reply in time and may still execute the call: check whether they are paused or overloaded, or increase `timeout`",
        ),
        row(
            &[
                Code::LeaderNotAvailable,
                Code::NotLeaderForPartition,
                Code::ReplicaNotAvailable,
                Code::FencedLeaderEpoch,
                Code::UnknownLeaderEpoch,
                Code::PreferredLeaderNotAvailable,
                Code::EligibleLeadersNotAvailable,
                Code::OffsetNotAvailable,
                Code::ReassignmentInProgress,
                Code::WaitCache,
                Code::Outdated,
            ],
            Kind::Unavailable,
            "the partition has no leader now: wait for the election; if it lasts, start the brokers of its replicas",
        ),
        row(
            &[
                Code::StaleControllerEpoch,
                Code::NotController,
                Code::StaleBrokerEpoch,
                Code::ListenerNotFound,
                Code::InconsistentVoterSet,
                Code::RebootstrapRequired,
            ],
            Kind::Unavailable,
            "the cluster's controller or a broker is starting: wait",
        ),
        row(
            &[Code::NotEnoughReplicas, Code::NotEnoughReplicasAfterAppend, Code::ISRInsufficient],
            Kind::Unavailable,
            "too few replicas are in sync to accept writes: start more brokers, or decrease `min.insync.replicas` of the topic",
        ),
        row(
            &[Code::KafkaStorageError, Code::LogDirNotFound],
            Kind::Unavailable,
            "a broker can't use its disk: see its log",
        ),
        row(
            &[Code::ThrottlingQuotaExceeded],
            Kind::Unavailable,
            "the quota of this client is exhausted: wait, or increase the quota",
        ),
        row(
            &[Code::QueueFull],
            Kind::Unavailable,
            "the client's queue is full: send slower, or increase `queue.buffering.max.messages` and `queue.buffering.max.kbytes`",
        ),
        row(
            &[Code::PurgeQueue, Code::PurgeInflight],
            Kind::Unavailable,
            "the message was withdrawn, since an earlier one failed or the cluster was unavailable for `retry_for`: send it again",
        ),
        row(
            &[
                Code::Fatal,
                Code::GaplessGuarantee,
                Code::OutOfOrderSequenceNumber,
                Code::DuplicateSequenceNumber,
                Code::UnknownProducerId,
                Code::InvalidProducerEpoch,
                Code::ProducerFenced,
                Code::Fenced,
                Code::InvalidProducerIdMapping,
                Code::TransactionCoordinatorFenced,
            ],
            Kind::Unavailable,
            "the broker lost the order of this producer, which starts again: send the message again",
        ),
        row(
            &[
                Code::InProgress,
                Code::PreviousInProgress,
                Code::ConcurrentTransactions,
                Code::Retry,
                Code::Interrupted,
                Code::OperationNotAttempted,
                Code::Partial,
            ],
            Kind::Unavailable,
            "another call is in progress: repeat the call",
        ),
        row(
            &[
                Code::Unknown,
                Code::InvalidMessage,
                Code::BadMessage,
                Code::FetchSessionIdNotFound,
                Code::InvalidFetchSessionEpoch,
                Code::BadCompression,
                Code::Underflow,
                Code::LogTruncation,
            ],
            Kind::Unavailable,
            "the broker failed: see its log",
        ),
        row(
            &[Code::CriticalSystemResource, Code::FileSystem],
            Kind::Unavailable,
            "this system has too few resources: check memory, open files and threads",
        ),
        row(
            &[
                Code::UnsupportedVersion,
                Code::UnsupportedFeature,
                Code::UnsupportedForMessageFormat,
                Code::UnknownProtocol,
                Code::UnsupportedAssignor,
                Code::InvalidUpdateVersion,
                Code::FeatureUpdateFailed,
                Code::UnknownSubscriptionId,
                Code::TelemetryTooLarge,
            ],
            Kind::Unsupported,
            "the brokers don't support it: use Kafka 2.4 or later, 4.0 for `group_protocol=consumer`",
        ),
        row(
            &[Code::UnsupportedCompressionType],
            Kind::Unsupported,
            "the brokers or this build of librdkafka don't support the compression: set another `compression.codec`",
        ),
        row(
            &[Code::SecurityDisabled, Code::DelegationTokenAuthDisabled, Code::TopicDeletionDisabled],
            Kind::Unsupported,
            "this is disabled in the brokers' configuration: see the cause",
        ),
        row(
            &[Code::NotImplemented],
            Kind::Unsupported,
            "this build of librdkafka does not support it: see the cause",
        ),
        row(
            &[Code::UnsupportedSASLMechanism, Code::IllegalSASLState],
            Kind::Invalid,
            "the brokers don't have this SASL mechanism: set `sasl.mechanism` to one that the cause names",
        ),
        row(
            &[Code::InvalidPartitions, Code::InvalidReplicaAssignment],
            Kind::Invalid,
            "the brokers reject the number or the places of partitions: see the cause",
        ),
        // A broker that starts or stops does not count.
        row(
            &[Code::InvalidReplicationFactor],
            Kind::Unavailable,
            "the topic shall have more replicas than brokers are up: start them, or lower `replication`",
        ),
        row(
            &[Code::PolicyViolation, Code::InvalidConfig, Code::InvalidRequest, Code::InvalidRequiredAcks],
            Kind::Invalid,
            "a policy or the configuration of the brokers rejects it: see the cause",
        ),
        row(
            &[Code::InvalidTopic, Code::InvalidGroupId],
            Kind::Invalid,
            "the name is not valid in Kafka: use letters, digits, `.`, `_` and `-`",
        ),
        row(
            &[Code::InvalidSessionTimeout],
            Kind::Invalid,
            "`session.timeout.ms` is outside the limits of the brokers (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`)",
        ),
        row(
            &[Code::InconsistentGroupProtocol],
            Kind::Invalid,
            "the other members of the group have another protocol: use one `group_protocol` and one `partition.assignment.strategy`, or another group",
        ),
        row(
            &[Code::NonEmptyGroup, Code::GroupSubscribedToTopic],
            Kind::Invalid,
            "members of the group are active: stop them first",
        ),
        row(
            &[Code::OffsetMetadataTooLarge, Code::InvalidCommitOffsetSize],
            Kind::Invalid,
            "the brokers' limit of commit metadata is too low: increase `offset.metadata.max.bytes` to 4096",
        ),
        row(&[Code::TopicAlreadyExists, Code::DuplicateResource], Kind::Invalid, "it exists already"),
        row(
            &[Code::InvalidArgument, Code::NotConfigured, Code::ExistingSubscription, Code::Conflict],
            Kind::Invalid,
            "librdkafka rejects a setting: see the cause",
        ),
        row(
            &[Code::InvalidTransactionTimeout],
            Kind::Invalid,
            "`transaction.timeout.ms` exceeds `transaction.max.timeout.ms` of the brokers: lower it",
        ),
        row(&[Code::InvalidTransactionalState], Kind::Invalid, "the transaction can't continue: abort it"),
        row(&[Code::BrokerDestroy], Kind::Closed, "the client was closed"),
        row(
            &[
                Code::Fail,
                Code::State,
                Code::Begin,
                Code::End,
                Code::NoError,
                Code::PartitionEOF,
                Code::AssignPartitions,
                Code::RevokePartitions,
                Code::KeySerialization,
                Code::ValueSerialization,
                Code::KeyDeserialization,
                Code::ValueDeserialization,
                Code::ReadOnly,
                Code::InvalidType,
                Code::Inconsistent,
                Code::Application,
                Code::Noop,
                Code::InvalidDifferentRecord,
                Code::InvalidMessageSize,
                Code::ElectionNotNeeded,
                Code::NoReassignmentInProgress,
            ],
            Kind::Other,
            "librdkafka failed: see the cause",
        ),
    ]
};

/// Used for codes that are not in the table: new versions of brokers add states, but hardly reasons to refuse a
/// message.
const UNKNOWN: Row = row(&[], ErrorKind::Unavailable, "the broker replied with an error: see the cause");

/// The row of a code.
pub(super) fn lookup(code: RDKafkaErrorCode) -> &'static Row {
    ROWS.iter().find(|row| row.codes.contains(&code)).unwrap_or(&UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decision_documents_every_code_with_its_kind() {
        let documented =
            include_str!("../../../../../docs/decisions/0090-errors-of-kafka-are-judged-in-one-table.md");
        for Row { codes, kind, .. } in &ROWS {
            let codes: Vec<_> = codes.iter().map(|code| format!("`{code:?}`")).collect();
            let row = format!("| {} | {} |", codes.join(", "), kind.as_str());
            assert!(documented.contains(&row), "{row}");
        }
        let rows = documented.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, ROWS.len());
    }

    #[test]
    fn every_code_of_librdkafka_is_in_the_table_once() {
        // The numbers of local codes are negative; the highest of brokers grows with versions.
        let known = (-200..200).filter_map(|code| rdkafka::types::RDKafkaRespErr::try_from(code).ok());
        let mut count = 0;
        for code in known.map(RDKafkaErrorCode::from).filter(|code| *code != RDKafkaErrorCode::EndAll) {
            let rows = ROWS.iter().filter(|row| row.codes.contains(&code)).count();
            assert_eq!(rows, 1, "{code:?}");
            count += 1;
        }
        assert!(count > 150, "{count}");
    }

    #[test]
    fn only_codes_about_the_message_itself_refuse_it() {
        let refused: Vec<_> =
            ROWS.iter().filter(|row| row.kind.is_of_message()).flat_map(|row| row.codes).copied().collect();
        assert_eq!(
            refused,
            [
                RDKafkaErrorCode::MessageSizeTooLarge,
                RDKafkaErrorCode::MessageBatchTooLarge,
                RDKafkaErrorCode::InvalidRecord,
                RDKafkaErrorCode::InvalidTimestamp,
            ]
        );
    }

    #[test]
    fn every_message_says_what_happened_or_what_to_do() {
        for Row { codes, message, .. } in &ROWS {
            let first = message.chars().next().unwrap();
            assert!(
                message.len() > 15 && !first.is_uppercase() && !message.ends_with('.'),
                "{codes:?}: {message}"
            );
        }
    }
}
