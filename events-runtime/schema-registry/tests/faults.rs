//! Faults that a real registry does not produce on demand, from a scripted HTTP server; and Confluent's own
//! answers, which differ from those of the registry in `tests/servers`.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use events_schema_registry::{
    CompatibilityLevel, RegistryConfig, RegistryError, RegistryErrorKind as Kind, SchemaRegistry,
};
use futures_executor::block_on;

/// One answer of the server.
enum Reply {
    /// A status with a body.
    Says(u16, &'static str),
    /// The same with a further header.
    With(u16, &'static str, &'static str),
    /// Announces more bytes than it sends.
    Truncated,
    /// Accepts the request and answers after this time.
    Late(Duration, &'static str),
    /// An endless body.
    Endless,
}

/// A server that gives its replies in order and notes the requests. It closes each connection.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&requests);
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (noted, replies) = (Arc::clone(&noted), Arc::clone(&replies));
                std::thread::spawn(move || {
                    let request = read_request(&mut stream);
                    noted.lock().unwrap().push(request);
                    let reply = replies.lock().unwrap().pop_front();
                    if let Some(reply) = reply {
                        answer(&mut stream, &reply);
                    }
                });
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn registry(&self) -> SchemaRegistry {
        SchemaRegistry::new(config(&self.url)).unwrap()
    }
}

fn config(urls: &str) -> RegistryConfig {
    RegistryConfig::new(urls).unwrap().timeout(Duration::from_millis(500)).retry_for(Duration::from_secs(3))
}

fn read_request(stream: &mut TcpStream) -> String {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).unwrap_or(0);
        request.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if request.len() >= end + 4 + length {
                break;
            }
        }
        if count == 0 {
            break;
        }
    }
    String::from_utf8_lossy(&request).into_owned()
}

fn answer(stream: &mut TcpStream, reply: &Reply) {
    let send = |stream: &mut TcpStream, status: u16, header: &str, body: &str| {
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\n{header}content-length: {length}\r\n\r\n{body}"
        );
        // The client may have left.
        let _ = stream.write_all(text.as_bytes());
    };
    match *reply {
        Reply::Says(status, body) => send(stream, status, "", body),
        Reply::With(status, header, body) => send(stream, status, header, body),
        Reply::Late(after, body) => {
            std::thread::sleep(after);
            send(stream, 200, "", body);
        }
        Reply::Truncated => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":");
        }
        Reply::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
            let block = [b' '; 1 << 13];
            while stream.write_all(&block).is_ok() {}
        }
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T, RegistryError>) -> Kind {
    result.unwrap_err().kind()
}

#[test]
fn a_registry_that_fails_for_a_while_is_asked_again() {
    let server = Server::start([
        Reply::Says(503, "<html>no backend</html>"),
        Reply::Says(500, r#"{"error_code":50001,"message":"Error in the backend datastore"}"#),
        Reply::Truncated,
        Reply::With(429, "retry-after: 1\r\n", "slow down"),
        Reply::Late(Duration::from_millis(900), r#"{"id":1}"#),
        Reply::Says(200, r#"{"id":7}"#),
    ]);
    let started = Instant::now();
    let registry = SchemaRegistry::new(config(&server.url).retry_for(Duration::from_secs(20))).unwrap();
    assert_eq!(block_on(registry.register("s", r#""long""#)).unwrap(), 7);
    assert_eq!(server.requests().len(), 6);
    assert!(started.elapsed() >= Duration::from_secs(1), "the registry asked for a pause");
    assert_eq!(registry.cached_id("s", r#""long""#), Some(7));
}

#[test]
fn retries_end_at_the_deadline_with_the_first_error() {
    let server = Server::start(std::iter::repeat_with(|| Reply::Says(503, "{}")).take(100));
    let registry = SchemaRegistry::new(config(&server.url).retry_for(Duration::from_millis(700))).unwrap();
    let started = Instant::now();
    let error = block_on(registry.schema(3)).unwrap_err();
    assert_eq!((error.kind(), error.status(), error.is_retryable()), (Kind::Unavailable, Some(503), true));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!((2..20).contains(&server.requests().len()), "{}", server.requests().len());
}

#[test]
fn another_address_answers_for_one_that_is_down_and_is_kept() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failing = Server::start(std::iter::repeat_with(|| Reply::Says(502, "")).take(100));
    let good = Server::start([Reply::Says(200, "[1]"), Reply::Says(200, "[1,2]")]);
    let registry =
        SchemaRegistry::new(config(&format!("http://{dead},{},{}", failing.url, good.url))).unwrap();
    assert_eq!(block_on(registry.versions("s")).unwrap(), [1]);
    assert_eq!(block_on(registry.versions("s")).unwrap(), [1, 2]);
    assert_eq!(failing.requests().len(), 1);
}

#[test]
fn answers_that_say_no_are_not_repeated() {
    for (status, body, expected) in [
        (401, r#"{"error_code":40101,"message":"Unauthorized"}"#, Kind::Unauthorized),
        (403, r#"{"error_code":40301,"message":"User is denied operation Write"}"#, Kind::Forbidden),
        (
            409,
            r#"{"error_code":40901,"message":"Schema being registered is incompatible"}"#,
            Kind::Incompatible,
        ),
        (422, r#"{"error_code":42201,"message":"Invalid schema"}"#, Kind::InvalidSchema),
        (422, r#"{"error_code":42205,"message":"Subject s is in read-only mode"}"#, Kind::ReadOnly),
        (413, "", Kind::TooLarge),
        (404, "<html>not here</html>", Kind::NoApi),
        (307, "", Kind::Invalid),
        (418, "", Kind::Refused),
        (200, "<html>login</html>", Kind::Malformed),
        (200, r#"{"id":-1}"#, Kind::Malformed),
    ] {
        let server = Server::start([Reply::Says(status, body)]);
        let error = block_on(server.registry().register("s", r#""long""#)).unwrap_err();
        assert_eq!(error.kind(), expected, "{error}");
        assert_eq!(server.requests().len(), 1, "{error}");
        let text = error.to_string();
        assert!(text.starts_with("can't register a schema under `s`: ") && text.len() > 60, "{text}");
    }
}

#[test]
fn an_answer_without_end_is_refused() {
    let server = Server::start([Reply::Endless]);
    let registry = SchemaRegistry::new(config(&server.url).timeout(Duration::from_secs(20))).unwrap();
    assert_eq!(kind(block_on(registry.subjects())), Kind::TooLarge);
}

#[test]
fn requests_carry_credentials_and_the_client_and_errors_do_not() {
    let server = Server::start([Reply::Says(401, ""), Reply::Says(401, ""), Reply::Says(401, "")]);
    let login = server.url.replace("http://", "http://me:hunter2@");
    let by_url = SchemaRegistry::new(config(&login)).unwrap();
    let bearer = SchemaRegistry::new(config(&server.url).bearer("hunter2").user_agent("shop/1.0")).unwrap();
    for registry in [&by_url, &bearer] {
        let error = block_on(registry.ping()).unwrap_err();
        assert!(!format!("{error} {error:?} {registry:?}").contains("hunter2"), "{error:?}");
    }
    let requests = server.requests();
    assert!(requests[0].contains("authorization: Basic bWU6aHVudGVyMg=="), "{}", requests[0]);
    assert!(requests[0].contains("user-agent: events-runtime/"), "{}", requests[0]);
    assert!(requests[1].contains("authorization: Bearer hunter2"), "{}", requests[1]);
    assert!(requests[1].contains("user-agent: shop/1.0"), "{}", requests[1]);
}

#[test]
fn calls_for_the_same_id_share_one_request_also_when_the_first_is_dropped() {
    let late = Duration::from_millis(300);
    let server = Server::start([Reply::Late(late, r#"{"schema":"\"long\""}"#)]);
    let registry = server.registry();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let dropped = tokio::time::timeout(Duration::from_millis(50), registry.schema(5)).await;
        dropped.expect_err("the answer is late");
        let (a, b, c) = tokio::join!(registry.schema(5), registry.schema(5), registry.schema(5));
        for schema in [a, b, c] {
            assert_eq!(&*schema.unwrap().text, r#""long""#);
        }
    });
    assert_eq!(server.requests().len(), 1);
    assert_eq!(&*block_on(registry.schema(5)).unwrap().text, r#""long""#);
    assert_eq!(server.requests().len(), 1, "the schema of an id never changes");
}

#[test]
fn a_schema_that_was_not_found_is_asked_for_again() {
    let server = Server::start([
        Reply::Says(404, r#"{"error_code":40403,"message":"Schema not found"}"#),
        Reply::Says(200, r#"{"schema":"\"long\""}"#),
    ]);
    let registry = server.registry();
    assert_eq!(kind(block_on(registry.schema(5))), Kind::NotFound);
    block_on(registry.schema(5)).unwrap();
}

#[test]
fn confluents_answers_are_read() {
    let server = Server::start([
        Reply::Says(
            200,
            r#"{"schema":"{\"type\":\"record\",\"name\":\"B\",\"fields\":[]}","schemaType":"AVRO","guid":"x"}"#,
        ),
        Reply::Says(200, r#"{"is_compatible":false,"messages":["READER_FIELD_MISSING_DEFAULT_VALUE: b"]}"#),
        Reply::Says(200, r#"{"compatibilityLevel":"FORWARD_TRANSITIVE"}"#),
        Reply::Says(
            404,
            r#"{"error_code":40408,"message":"Subject 's' does not have subject-level compatibility"}"#,
        ),
        Reply::Says(200, r#"{"compatibility":"FULL"}"#),
        Reply::Says(200, r#"{"schema":"{\"type\":\"object\"}","schemaType":"JSON"}"#),
        Reply::Says(200, r#"{"schema":"\"string\""}"#),
    ]);
    let registry = server.registry();
    let schema = block_on(registry.schema(1)).unwrap();
    assert_eq!(&*schema.text, r#"{"type":"record","name":"B","fields":[]}"#);
    let verdict = block_on(registry.check("s", "{}")).unwrap();
    assert_eq!((verdict.is_compatible, verdict.messages.len()), (false, 1));
    let level = block_on(registry.level(Some("s"))).unwrap();
    assert_eq!(level, Some(CompatibilityLevel::ForwardTransitive));
    assert_eq!(block_on(registry.level(Some("s"))).unwrap(), None);
    block_on(registry.set_level(Some("s"), CompatibilityLevel::Full)).unwrap();
    let error = block_on(registry.schema(2)).unwrap_err();
    assert!(error.to_string().contains("the format JSON, not Avro"), "{error}");
    let guid = [0x89, 0x79, 0x16, 0x89, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1];
    block_on(registry.schema_by_guid(guid)).unwrap();
    let requests = server.requests();
    assert!(
        requests[1].starts_with("POST /compatibility/subjects/s/versions?verbose=true"),
        "{}",
        requests[1]
    );
    assert!(
        requests[6].starts_with("GET /schemas/guids/89791689-0000-4000-8000-000000000001 "),
        "{}",
        requests[6]
    );
}

#[test]
fn the_references_of_a_schema_are_resolved() {
    let server = Server::start([
        Reply::Says(
            200,
            r#"{"schema":"{\"type\":\"record\",\"name\":\"o.Order\",\"fields\":[{\"name\":\"a\",\"type\":\"Address\"}]}","references":[{"name":"o.Address","subject":"address","version":3}]}"#,
        ),
        Reply::Says(
            200,
            r#"{"subject":"address","version":3,"id":9,"schema":"{\"type\":\"enum\",\"name\":\"Address\",\"namespace\":\"o\",\"symbols\":[]}"}"#,
        ),
    ]);
    let registry = server.registry();
    let schema = block_on(registry.schema(1)).unwrap();
    let text = block_on(registry.full_text(&schema)).unwrap();
    assert!(text.contains(r#""symbols":[]"#), "{text}");
    assert!(server.requests()[1].starts_with("GET /subjects/address/versions/3 "));
}

#[test]
fn a_subject_that_a_path_cannot_hold_is_refused() {
    let server = Server::start([]);
    for subject in ["", ".", ".."] {
        assert_eq!(kind(block_on(server.registry().versions(subject))), Kind::Invalid);
    }
    assert!(server.requests().is_empty());
}
