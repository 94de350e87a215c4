//! TLS, SASL and client certificates of Kafka: what is right works, what is wrong is an error at startup, and no
//! secret is shown.

use std::error::Error as _;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

use events_runtime::transport::kafka::{Token, register_token_provider};
use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, ErrorKind, Message, Subscription, Topic, TransportError, connect,
};
use events_server_tests::KafkaServer;
use events_server_tests::kafka::{Certificates, USER, create_topic};
use events_tests::log::Log;

const WRONG: &str = "hunter2";

async fn server() -> KafkaServer {
    let server = KafkaServer::secured();
    create_topic(&server, "orders", 1).await;
    server
}

fn ca() -> String {
    format!("ca={}", Certificates::made().authority().display())
}

/// Connects a producer and sends a message.
async fn send(url: &str) -> Result<(), TransportError> {
    let transport = connect(url, &ConnectOptions::new())?;
    let producer = transport.producer().await?;
    let orders = Topic::new("orders").expect("a name");
    producer.send(&orders, &[Message::new("paid")]).await.pop().expect("a result").map(|_| ())
}

/// The error of opening, or of `producer()`; `consumer()` and `check()` must have the same.
async fn refused(url: &str) -> TransportError {
    let transport = match connect(url, &ConnectOptions::new()) {
        Err(error) => return error,
        Ok(transport) => transport,
    };
    let started = Instant::now();
    let error = transport.producer().await.err().expect("the producer is refused");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    let group = ConsumerGroup::new("billing").expect("a name");
    let consumer = transport.consumer(Subscription::new(Topic::new("orders").expect("a name"), group)).await;
    let joined = consumer.err().expect("the consumer is refused");
    assert_eq!(joined.kind(), error.kind(), "{joined}");
    let checked = transport.check().await.expect_err("the check fails");
    assert_eq!(checked.kind(), error.kind(), "{checked}");
    error
}

/// The texts of an error and of its causes, for people and for debugging.
fn texts(error: &TransportError) -> String {
    let mut texts = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        texts = format!("{texts} {error} {error:?}");
        cause = error.source();
    }
    texts
}

#[tokio::test]
async fn every_mechanism_works_with_tls_and_without() {
    let server = server().await;
    let (user, password) = USER;
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let (tls, plain) = (server.sasl_tls_port(), server.sasl_port());
        let setting = format!("sasl.mechanism={mechanism}");
        for url in [
            format!("kafkas://{user}:{password}@127.0.0.1:{tls}?{setting}&{}", ca()),
            format!("kafka://{user}:{password}@127.0.0.1:{plain}?{setting}"),
        ] {
            send(&url).await.unwrap_or_else(|error| panic!("{mechanism}: {}", texts(&error)));
        }
    }
    // PLAIN is the default with TLS.
    let url = format!("kafkas://{user}:{password}@127.0.0.1:{}?{}", server.sasl_tls_port(), ca());
    send(&url).await.expect("sent");
    send(&format!("kafkas://127.0.0.1:{}?{}", server.tls_port(), ca())).await.expect("sent");
}

#[tokio::test]
async fn a_password_comes_from_a_file() {
    let server = server().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    fs::write(&file, format!("{}\n", USER.1)).expect("written");
    let hosts = format!("127.0.0.1:{}", server.sasl_tls_port());
    for setting in ["password_file", "sasl.password_file"] {
        let url = format!("kafkas://{}@{hosts}?{}&{setting}={}", USER.0, ca(), file.display());
        send(&url).await.expect("sent");
    }
}

#[tokio::test]
async fn a_wrong_password_is_an_error_at_startup_and_not_shown() {
    let server = server().await;
    let (tls, plain) = (server.sasl_tls_port(), server.sasl_port());
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        for url in [
            format!("kafkas://alice:{WRONG}@127.0.0.1:{tls}?sasl.mechanism={mechanism}&timeout=10s&{}", ca()),
            format!("kafka://alice:{WRONG}@127.0.0.1:{plain}?sasl.mechanism={mechanism}&timeout=10s"),
            format!(
                "kafka://127.0.0.1:{plain}?timeout=10s&sasl.mechanism={mechanism}&sasl.username=bob&sasl.password={WRONG}"
            ),
        ] {
            let started = Instant::now();
            let error = refused(&url).await;
            assert_eq!(error.kind(), ErrorKind::Permission, "{}", texts(&error));
            assert!(error.to_string().contains("check user, password"), "{error}");
            assert!(!texts(&error).contains(WRONG), "{}", texts(&error));
            // Not one of the three calls waits for `timeout`.
            assert!(started.elapsed() < Duration::from_secs(8), "{mechanism}: {:?}", started.elapsed());
        }
    }
}

#[tokio::test]
async fn an_unknown_authority_is_an_error_at_startup_that_names_the_setting() {
    let server = server().await;
    let stranger = format!("?ca={}", Certificates::made().stranger().display());
    for settings in ["", &*stranger] {
        let error = refused(&format!("kafkas://127.0.0.1:{}{settings}", server.tls_port())).await;
        assert_eq!(error.kind(), ErrorKind::Permission, "{}", texts(&error));
        assert!(error.to_string().contains("set `ca`"), "{error}");
    }
    let error = refused(&format!("kafkas://127.0.0.1:{}?ca=/no/such/file.pem", server.tls_port())).await;
    assert_eq!(error.kind(), ErrorKind::Invalid, "{}", texts(&error));
    assert!(error.to_string().contains("the file of `ca`"), "{error}");
}

#[tokio::test]
async fn a_client_with_a_certificate_is_accepted_and_one_without_is_an_error_at_startup() {
    let server = server().await;
    let made = Certificates::made();
    let hosts = format!("127.0.0.1:{}", server.mutual_tls_port());
    let (certificate, key) = (made.client(), made.client_key());
    let own =
        format!("ssl.certificate.location={}&ssl.key.location={}", certificate.display(), key.display());
    send(&format!("kafkas://{hosts}?{}&{own}", ca()))
        .await
        .unwrap_or_else(|error| panic!("{}", texts(&error)));
    // The key as a secret that is read from a file.
    let own =
        format!("ssl.certificate.location={}&ssl.key.pem_file={}", certificate.display(), key.display());
    send(&format!("kafkas://{hosts}?{}&{own}", ca()))
        .await
        .unwrap_or_else(|error| panic!("{}", texts(&error)));
    let error = refused(&format!("kafkas://{hosts}?{}", ca())).await;
    assert_eq!(error.kind(), ErrorKind::Permission, "{}", texts(&error));
    assert!(error.to_string().contains("`ssl.certificate.location`"), "{error}");
    let error = refused(&format!("kafkas://{hosts}?{}&ssl.certificate.location=/no/such.pem", ca())).await;
    assert_eq!(error.kind(), ErrorKind::Invalid, "{}", texts(&error));
}

#[tokio::test]
async fn a_scheme_that_does_not_fit_the_port_is_an_error_that_names_the_other() {
    let server = server().await;
    let error = refused(&format!("kafka://127.0.0.1:{}?timeout=3s", server.tls_port())).await;
    assert!(error.to_string().contains("`kafkas:`"), "{}", texts(&error));
    let error = refused(&format!("kafkas://127.0.0.1:{}?timeout=3s&{}", server.port(), ca())).await;
    assert!(error.to_string().contains("`kafka:`"), "{}", texts(&error));
}

#[tokio::test]
async fn a_mechanism_that_the_broker_lacks_is_an_error_that_lists_its_own() {
    let server =
        KafkaServer::secured_with(&[("listener.name.sasl_plaintext.sasl.enabled.mechanisms", "PLAIN")]);
    let url = format!("kafka://a:b@127.0.0.1:{}?sasl.mechanism=SCRAM-SHA-512", server.sasl_port());
    let error = refused(&url).await;
    assert_eq!(error.kind(), ErrorKind::Invalid, "{}", texts(&error));
    assert!(texts(&error).contains("PLAIN"), "{}", texts(&error));
    // This build has no Kerberos.
    let error = refused(&format!("kafka://127.0.0.1:{}?sasl.mechanism=GSSAPI", server.sasl_port())).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{}", texts(&error));
}

#[tokio::test]
async fn a_program_provides_tokens_for_oauthbearer() {
    let modules = "org.apache.kafka.common.security.oauthbearer";
    let login =
        format!("{modules}.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";");
    let handler = format!("{modules}.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler");
    let server = KafkaServer::secured_with(&[
        ("listener.name.sasl_plaintext.sasl.enabled.mechanisms", "OAUTHBEARER"),
        ("listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config", &login),
        ("listener.name.sasl_plaintext.oauthbearer.sasl.server.callback.handler.class", &handler),
    ]);
    create_topic(&server, "orders", 1).await;
    register_token_provider("unsecured", |config| {
        assert_eq!(config, Some("scope=events"));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let claims = format!(r#"{{"sub":"alice","iat":{now},"exp":{}}}"#, now + 600);
        let token = format!("{}.{}.", base64(br#"{"alg":"none"}"#), base64(claims.as_bytes()));
        let expires = SystemTime::now() + Duration::from_secs(600);
        Ok(Token { token, principal: "alice".to_owned(), expires })
    });
    register_token_provider("broken", |_| Err("the authorization server is down".into()));
    register_token_provider("panics", |_| panic!("a bug"));
    let url = |name: &str| {
        format!(
            "kafka://127.0.0.1:{}?sasl.mechanism=OAUTHBEARER&sasl.oauthbearer.config=scope=events&token_provider={name}",
            server.sasl_port()
        )
    };
    send(&url("unsecured")).await.unwrap_or_else(|error| panic!("{}", texts(&error)));
    for (name, cause) in [("broken", "the authorization server is down"), ("panics", "a bug")] {
        let error = refused(&url(name)).await;
        assert_eq!(error.kind(), ErrorKind::Permission, "{}", texts(&error));
        assert!(texts(&error).contains(cause), "{}", texts(&error));
    }
    let error = refused(&url("missing")).await;
    assert!(error.to_string().contains("`register_token_provider`"), "{error}");
}

/// Base64 for URLs, without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[(number >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    text
}

/// Names the URL for the process that [`logs_go_to_tracing_without_secrets_and_nothing_to_stderr`] starts.
const URL: &str = "KAFKA_SECURITY_URL";

/// What the process of the next test does: it can't connect, and prints its log.
#[tokio::test]
async fn a_process_that_can_not_connect() {
    let Ok(url) = std::env::var(URL) else { return };
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("the first subscriber");
    assert!(send(&url).await.is_err());
    println!("{log:?}");
}

#[tokio::test]
async fn logs_go_to_tracing_without_secrets_and_nothing_to_stderr() {
    let server = server().await;
    let url =
        format!("kafka://alice:{WRONG}@127.0.0.1:{}?debug=all&sasl.mechanism=PLAIN", server.sasl_port());
    let process = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_process_that_can_not_connect", "--nocapture", "--test-threads=1"])
        .env(URL, &url)
        .output()
        .expect("it runs");
    let (out, err) = (String::from_utf8_lossy(&process.stdout), String::from_utf8_lossy(&process.stderr));
    assert!(process.status.success(), "{out}{err}");
    assert_eq!(err, "");
    for line in ["facility", "Invalid username or password", "the client reported an error"] {
        assert!(out.contains(line), "no `{line}` in {out}");
    }
    assert!(!out.contains(WRONG), "the log has the password");
}
