//! Converts the errors of librdkafka.

use std::fmt;

use events_transport::{ErrorKind, TransportError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::context::Reported;
use super::error_codes;

/// Converts an error of a call.
pub(crate) fn convert(
    error: KafkaError,
    operation: &'static str,
    subject: impl fmt::Display,
) -> TransportError {
    match error {
        KafkaError::ClientConfig(_, reason, name, _) if lacks(&reason) => {
            let message = format!(
                "this build of librdkafka lacks what `{name}` needs: enable `kafka-ssl`, or remove it"
            );
            TransportError::new(ErrorKind::Unsupported, operation, subject, message)
        }
        // The error of librdkafka quotes the value, which may be a secret.
        KafkaError::ClientConfig(_, _, name, _) => {
            let message = format!("librdkafka rejects the value of `{name}`: see its CONFIGURATION.md");
            TransportError::new(ErrorKind::Invalid, operation, subject, message)
        }
        KafkaError::ClientCreation(reason) => from_creation(reason, operation, subject),
        error => match code_of(&error) {
            Some(code) => from_code(code, operation, subject).with_source(error),
            None => from_code(RDKafkaErrorCode::Fail, operation, subject).with_source(error),
        },
    }
}

/// The code of an error. rdkafka does not tell that of an admin call.
pub(super) fn code_of(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// The error of a code.
pub(crate) fn from_code(
    code: RDKafkaErrorCode,
    operation: &'static str,
    subject: impl fmt::Display,
) -> TransportError {
    let row = error_codes::lookup(code);
    TransportError::new(row.kind, operation, subject, row.message).with_source(KafkaError::Global(code))
}

/// Whether librdkafka says that it was built without something.
fn lacks(reason: &str) -> bool {
    ["not supported in this build", "recompile librdkafka", "not available at build time"]
        .iter()
        .any(|text| reason.contains(text))
}

/// The error of a client that can't be created: its settings contradict each other, or a file can't be read.
fn from_creation(reason: String, operation: &'static str, subject: impl fmt::Display) -> TransportError {
    let (kind, message) = if lacks(&reason) {
        (
            ErrorKind::Unsupported,
            "this build of librdkafka lacks what a setting needs: enable the feature `kafka-ssl`, or see the cause",
        )
    } else if reason.contains("ssl.ca.location") {
        (ErrorKind::Invalid, "can't load the certificate authorities: check the file of `ca`")
    } else if reason.contains("ssl.certificate") {
        (
            ErrorKind::Invalid,
            "can't load the client's certificate: check the file of `ssl.certificate.location`",
        )
    } else if reason.contains("ssl.key") {
        (
            ErrorKind::Invalid,
            "can't load the client's key: check the file of `ssl.key.location` and `ssl.key.password`",
        )
    } else {
        (ErrorKind::Invalid, "the settings of the client are invalid: see the cause")
    };
    TransportError::new(kind, operation, subject, message).with_source(std::io::Error::other(reason))
}

/// The error that a client reported.
pub(crate) fn from_report(
    reported: &Reported,
    operation: &'static str,
    subject: impl fmt::Display,
) -> TransportError {
    let says = |text| reported.reason.contains(text);
    let row = error_codes::lookup(reported.code);
    let (kind, message) = match reported.code {
        RDKafkaErrorCode::SSL if says("certificate verify failed") => (
            ErrorKind::Permission,
            "the broker's certificate is not trusted: set `ca` to the file of its CA, and use the host name in the \
             certificate",
        ),
        _ if reported.rejects_certificate() => (
            ErrorKind::Permission,
            "the broker rejects the client's certificate: set `ssl.certificate.location` and `ssl.key.location` to \
             one that it trusts",
        ),
        RDKafkaErrorCode::SSL if says("wrong version number") || says("connecting to a PLAINTEXT") => {
            (ErrorKind::Invalid, "the broker does not use TLS at this port: write `kafka:`, or another port")
        }
        // As if the network was down, if the broker closes the connection before it has written anything.
        RDKafkaErrorCode::BrokerTransportFailure if says("connecting to a PLAINTEXT") => (
            ErrorKind::Unavailable,
            "the broker ends the TLS handshake: write `kafka:` if it does not use TLS at this port, and check its log",
        ),
        // The size of the answer is four letters of it, if it is one of HTTP.
        _ if says("Invalid response size") && says("APIVERSION_QUERY") => (
            ErrorKind::Unavailable,
            "what listens at this port is no broker: check the hosts and ports in the URL",
        ),
        _ if says("Timed out") && says("APIVERSION_QUERY") => (
            ErrorKind::Unavailable,
            "what listens at this port accepts the connection and does not answer: check that the broker is not \
             suspended, and the hosts and ports in the URL",
        ),
        RDKafkaErrorCode::BrokerTransportFailure if says("APIVERSION_QUERY") => (
            ErrorKind::Unavailable,
            "the broker closes the connection at once: write `kafkas:` if it uses TLS at this port, and check its log",
        ),
        RDKafkaErrorCode::Authentication
            if says("Unsupported SASL mechanism") || says("supported mechanisms") =>
        {
            let row = error_codes::lookup(RDKafkaErrorCode::UnsupportedSASLMechanism);
            (row.kind, row.message)
        }
        _ => (row.kind, row.message),
    };
    TransportError::new(kind, operation, subject, message)
        .with_source(std::io::Error::other(reported.reason.clone()))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_port_that_is_not_a_brokers_is_told_apart_from_one_that_closes_the_connection() {
        let at_start = "in state APIVERSION_QUERY";
        for (code, reason, expected) in [
            (
                RDKafkaErrorCode::BadMessage,
                "h:80/bootstrap: Receive failed: Invalid response size 1213486160 (0..100000000): increase receive.message.max.bytes",
                "is no broker",
            ),
            (
                RDKafkaErrorCode::BrokerTransportFailure,
                "h:80/bootstrap: ApiVersionRequest failed: Local: Timed out: probably due to broker version < 0.10",
                "does not answer",
            ),
            (
                RDKafkaErrorCode::BrokerTransportFailure,
                "h:80/bootstrap: Disconnected",
                "closes the connection",
            ),
        ] {
            let reported =
                Reported { code, reason: format!("{reason} (after 9ms {at_start})"), at: Instant::now() };
            let error = from_report(&reported, "connect to", "kafka://h:80");
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
