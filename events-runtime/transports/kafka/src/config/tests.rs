//! What a `kafka:` URL may say.

use events_transport::{ErrorKind, connect};

use super::*;
use crate::client;

fn read(url: &str) -> Result<Config, TransportError> {
    Config::read(&Target::parse(url)?, &ConnectOptions::new().client("shop"))
}

fn refused(url: &str) -> String {
    let error = read(url).expect_err(url);
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    format!("{error}")
}

#[test]
fn a_url_lists_brokers_with_their_ports() {
    for (url, brokers) in [
        ("kafka://a", "a:9092"),
        ("kafka://a:1,b,[::1]:3,[::1]", "a:1,b:9092,[::1]:3,[::1]:9092"),
        ("kafka://a:1/?timeout=2s", "a:1"),
    ] {
        let config = read(url).unwrap();
        assert_eq!(config.client.producer().get("bootstrap.servers"), Some(brokers), "{url}");
    }
    for url in
        ["kafka://", "kafka://?timeout=1s", "kafka://a:x", "kafka://a,,b", "kafka://a#b", "kafka://a/b"]
    {
        assert!(refused(url).contains("write `kafka://host:9092,host:9092`"), "{url}");
    }
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_name() {
    for (setting, nearest) in [
        ("linger.mss=5", "`linger.ms`"),
        ("compresion.type=gzip", "`compression.type`"),
        ("retry_fro=5s", "`retry_for`"),
        ("password_fil=/x", "`password_file`"),
        ("sasl.pasword_file=/x", "`sasl.password_file`"),
    ] {
        assert!(
            refused(&format!("kafka://a?{setting}")).contains(&format!("did you mean {nearest}?")),
            "{setting}"
        );
    }
    assert!(refused("kafka://a?colour=red").contains("see the settings"));
}

#[test]
fn a_setting_that_would_break_a_promise_is_refused_with_the_reason() {
    for (setting, reason) in [
        ("enable.idempotence=false", "twice or out of order"),
        ("acks=1", "every replica in sync"),
        ("request.required.acks=0", "every replica in sync"),
        ("enable.auto.commit=true", "when its message is settled"),
        ("delivery.timeout.ms=1000", "`retry_for`"),
        ("group.id=x", "the consumer names its group"),
        ("partitioner=random", "spread a key"),
        ("security.protocol=ssl", "the scheme decides"),
        ("bootstrap.servers=b:1", "hosts of the URL"),
        ("allow.auto.create.topics=true", "`create_topics=true`"),
        ("transactional.id=x", "an id of its own"),
        ("isolation.level=read_uncommitted", "aborted would be delivered"),
    ] {
        let error = refused(&format!("kafka://a?{setting}"));
        assert!(error.contains(reason), "{error}");
    }
    for allowed in
        ["acks=all", "enable.idempotence=true", "partitioner=murmur2_random", "message.timeout.ms=0"]
    {
        read(&format!("kafka://a?{allowed}")).expect(allowed);
    }
}

#[test]
fn a_duration_that_no_wait_can_have_is_refused_by_the_name_of_its_setting() {
    for (name, value) in
        [("timeout", "999ms"), ("timeout", "25h"), ("timeout", "99999999999d"), ("retry_for", "25h")]
    {
        let error = refused(&format!("kafka://a?{name}={value}"));
        assert!(error.contains(&format!("`{name}={value}`")) && error.contains("`1d`"), "{error}");
    }
    read("kafka://a?timeout=1d&retry_for=0s").unwrap();
}

#[test]
fn a_setting_and_its_alias_or_its_file_do_not_contradict_each_other() {
    let config = read("kafka://a?linger.ms=7").unwrap();
    assert_eq!(config.client.producer().get("queue.buffering.max.ms"), Some("7"));
    assert!(refused("kafka://a?linger.ms=7&queue.buffering.max.ms=8").contains("a second time"));
    let both = "kafka://u:p@a?sasl.mechanism=PLAIN&sasl.password=q";
    assert!(refused(both).contains("a second time"));
}

#[test]
fn each_client_gets_its_own_settings_only() {
    let config = read("kafka://a?linger.ms=7&fetch.min.bytes=3&client.rack=r1").unwrap();
    let (producer, consumer) = (config.client.producer(), config.client.consumer("billing"));
    assert_eq!(producer.get("fetch.min.bytes"), None);
    assert_eq!(consumer.get("fetch.min.bytes"), Some("3"));
    assert_eq!(consumer.get("queue.buffering.max.ms"), None);
    assert_eq!(consumer.get("group.id"), Some("billing"));
    for client in [producer, consumer, config.client.admin()] {
        assert_eq!(client.get("client.id"), Some("shop"));
        assert_eq!(client.get("client.rack"), Some("r1"));
        assert_eq!(client.get("socket.timeout.ms"), Some("5000"));
    }
}

#[test]
fn librdkafka_accepts_every_default_and_knows_every_name() {
    let config = read("kafka://a").unwrap();
    for client in [config.client.producer(), config.client.consumer("g"), config.client.admin()] {
        client.create_native_config().expect("librdkafka accepts the defaults");
    }
    // Without OpenSSL, librdkafka has no settings of TLS.
    let needs_tls =
        |name: &str| name.contains("ssl") || name.contains("https.") || name.contains("oauthbearer");
    for property in &PROPERTIES {
        let is_known = client::knows(property.name);
        assert!(is_known || (needs_tls(property.name) && !cfg!(feature = "ssl")), "{}", property.name);
    }
    assert!(!client::knows("linger.mss"));
}

#[test]
fn credentials_decide_the_security_protocol() {
    for (url, protocol, mechanism) in [
        ("kafka://a", "plaintext", None),
        ("kafka://u:p@a?sasl.mechanism=PLAIN", "sasl_plaintext", Some("PLAIN")),
        (
            "kafka://a?sasl.username=u&sasl.password=p&sasl.mechanisms=scram-sha-256",
            "sasl_plaintext",
            Some("SCRAM-SHA-256"),
        ),
    ] {
        let client = read(url).unwrap().client.producer();
        assert_eq!(
            (client.get("security.protocol"), client.get("sasl.mechanisms")),
            (Some(protocol), mechanism),
            "{url}"
        );
    }
    assert!(refused("kafka://u:p@a").contains("sends the password unencrypted"));
    assert!(refused("kafka://u@a?sasl.mechanism=PLAIN").contains("a user and a password"));
    assert!(refused("kafka://a?sasl.mechanism=OAUTHBEARER").contains("`token_provider`"));
    assert!(refused("kafka://a?ca=/x").contains("write `kafkas:`"));
}

#[cfg(feature = "ssl")]
#[test]
fn a_user_has_plain_over_tls_by_default() {
    let client = read("kafkas://u:p%40q@a").unwrap().client.producer();
    assert_eq!(client.get("security.protocol"), Some("sasl_ssl"));
    assert_eq!(client.get("sasl.mechanisms"), Some("PLAIN"));
    assert_eq!((client.get("sasl.username"), client.get("sasl.password")), (Some("u"), Some("p@q")));
    let client = read("kafkas://a?ca=/etc/ca.pem").unwrap().client.producer();
    assert_eq!(
        (client.get("security.protocol"), client.get("ssl.ca.location")),
        (Some("ssl"), Some("/etc/ca.pem"))
    );
}

#[cfg(not(feature = "ssl"))]
#[test]
fn tls_without_its_feature_is_an_error_that_names_it() {
    let error = connect("kafkas://a", &ConnectOptions::new()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`kafka-ssl`"), "{error}");
}

#[test]
fn no_secret_is_shown() {
    let secret = "hunter2";
    let url =
        format!("kafka://u:{secret}@a?sasl.mechanism=PLAIN&sasl.oauthbearer.config={secret}&linger.ms=5");
    let config = read(&url).unwrap();
    let shown = format!("{config:?} {}", config.url);
    assert!(!shown.contains(secret) && shown.contains("linger.ms=5"), "{shown}");
    for wrong in ["&timeout=x", "&colour=red", "&acks=1", "&sasl.password=hunter2", "&partitions=x"] {
        let error = read(&format!("{url}{wrong}")).expect_err(wrong);
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
    // Every name that may hold a secret is masked in the URL.
    for (name, file, variable) in SECRETS {
        if name == "sasl.username" {
            continue;
        }
        for name in [name, file, variable] {
            let shown = events_transport::url::mask(&format!("kafka://a?{name}={secret}"));
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    // What librdkafka says of a wrong value is not passed on, since it quotes the value.
    let transport =
        connect("kafka://a?sasl.oauthbearer.assertion.claim.exp.seconds=hunter2", &ConnectOptions::new());
    let error = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(async { transport.unwrap().producer().await.err().unwrap() });
    assert!(!events_support::error_chain::chain(&error).contains(secret));
}

#[test]
fn a_secret_is_read_from_a_file_or_from_the_environment() {
    let file = std::env::temp_dir().join(format!("events-kafka-{}", std::process::id()));
    std::fs::write(&file, "s3cret with spaces \r\n").unwrap();
    let url = format!("kafka://u@a?sasl.mechanism=PLAIN&password_file={}", file.display());
    let client = read(&url).unwrap().client.producer();
    assert_eq!(client.get("sasl.password"), Some("s3cret with spaces "));
    std::fs::remove_file(&file).unwrap();
    let error = read(&url).unwrap_err();
    assert!(error.to_string().contains("can't read the file of `password_file`"), "{error}");
    // A variable that every test has.
    let client = read("kafka://u@a?sasl.mechanism=PLAIN&password_env=CARGO_MANIFEST_DIR").unwrap().client;
    assert_eq!(client.producer().get("sasl.password"), Some(env!("CARGO_MANIFEST_DIR")));
    assert!(refused("kafka://u@a?password_env=NO_SUCH_VARIABLE").contains("is not set"));
}

#[test]
fn partitions_are_for_topics_that_are_created() {
    let creation = read("kafka://a?create_topics=true&partitions=6&replication=3").unwrap().creation;
    assert_eq!(creation, Some(Creation { partitions: Some(6), replication: Some(3) }));
    assert_eq!(read("kafka://a").unwrap().creation, None);
    assert!(refused("kafka://a?partitions=6").contains("`create_topics=true`"));
    assert!(refused("kafka://a?create_topics=true&partitions=0").contains("from 1"));
}

#[test]
fn what_this_build_of_librdkafka_lacks_is_an_error_that_says_so() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for settings in ["sasl.mechanism=GSSAPI", "sasl.mechanism=OAUTHBEARER&sasl.oauthbearer.method=oidc"] {
        let transport = connect(&format!("kafka://a?{settings}"), &ConnectOptions::new()).unwrap();
        let error = runtime.block_on(transport.producer()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{}", events_support::error_chain::chain(&error));
    }
}

#[test]
fn retry_topics_are_ascending_delays() {
    assert!(read("kafka://a").unwrap().retry_delays.is_empty());
    assert!(!read("kafka://a?retry_topics=1m,10m,1h").unwrap().retry_delays.is_empty());
    for setting in ["", "10m,1m", "1m,1m", "5", "0s"] {
        let error = refused(&format!("kafka://a?retry_topics={setting}"));
        assert!(error.contains("such as `1m,10m,1h`"), "{error}");
    }
}

#[test]
fn a_retry_topic_keeps_messages_for_longer_than_their_delay() {
    let topic = Topic::new("orders.billing.retry.1d").unwrap();
    let days = |days: u64| Some((days * 24 * 60 * 60 * 1_000).to_string());
    for (settings, expected) in [
        ("", days(1 + 7)),
        ("?retention_age=3d", days(1 + 7)),
        ("?retention_age=30d", days(1 + 30)),
        ("?retention_age=unlimited", Some("-1".to_owned())),
    ] {
        let config = read(&format!("kafka://a{settings}")).unwrap();
        assert_eq!(config.retention_ms(&topic), expected, "{settings}");
    }
}
