//! Schema registries for tests.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::guardian::Guardian;
use crate::java::{installed, java, once};
use crate::{Server, free_port};

/// Exceeds the time from listening to the first reply.
const START: Duration = Duration::from_secs(60);
const RUNNER: &str = "apicurio-registry-app-3.0.9-runner.jar";
/// The classes of an older Java Avro.
const OLDER_AVRO: &str = "avro-1.11.4.jar";
/// The interface of Confluent's registry.
const PATH: &str = "/apis/ccompat/v7";

/// An Apicurio Registry, whose schemas are in a folder of its own. It checks compatibility `BACKWARD` unless a
/// subject says otherwise.
#[derive(Debug)]
pub struct RegistryServer {
    // Dropped before its folder.
    running: Option<(Server, Guardian)>,
    folder: tempfile::TempDir,
    port: u16,
    properties: Vec<String>,
    avro: Avro,
}

/// The Java Avro with which a registry parses schemas.
#[derive(Debug, Clone, Copy)]
enum Avro {
    /// Its own, 1.12, which refuses a namespace with a hyphen.
    Own,
    /// 1.11, which accepts any namespace.
    Older,
}

impl Avro {
    /// The file of the classes that a registry uses.
    fn archive(self) -> &'static str {
        match self {
            Self::Own => "classes.jsa",
            Self::Older => "classes-older-avro.jsa",
        }
    }

    /// The arguments of `java` that name the program.
    fn program(self) -> Vec<String> {
        match self {
            Self::Own => vec!["-jar".to_owned(), RUNNER.to_owned()],
            Self::Older => {
                let avro = installed("registry", OLDER_AVRO).join(OLDER_AVRO);
                let path = format!("{}:{RUNNER}", avro.display());
                vec!["-cp".to_owned(), path, "io.quarkus.runner.GeneratedMain".to_owned()]
            }
        }
    }
}

impl RegistryServer {
    /// Starts a registry without schemas.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a registry without schemas that accepts a namespace with a hyphen, as those with Java Avro before 1.12.
    #[must_use]
    pub fn with_older_avro() -> Self {
        Self::of(&[], Avro::Older)
    }

    /// Starts a registry without schemas, with additional properties such as `quarkus.http.limits.max-body-size`.
    #[must_use]
    pub fn with(properties: &[(&str, &str)]) -> Self {
        Self::of(properties, Avro::Own)
    }

    fn of(properties: &[(&str, &str)], avro: Avro) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let properties = properties.iter().map(|(name, value)| format!("-D{name}={value}")).collect();
        let mut server = Self { running: None, folder, port: free_port(), properties, avro };
        server.start_again();
        // Its own default is `NONE`.
        let reply = request(server.port, "PUT", "/config", r#"{"compatibility":"BACKWARD"}"#);
        assert!(reply.as_deref().is_some_and(is_success), "compatibility was not set: {reply:?}");
        server
    }

    /// The URL of the interface that is Confluent's.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// The port of the registry, also while it is down.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Registers a schema for a subject whose name needs no escapes, and returns its id.
    ///
    /// # Panics
    /// If the registry refuses it.
    #[must_use]
    pub fn register(&self, subject: &str, schema: &str) -> u32 {
        let schema = schema.replace('\\', "\\\\").replace('"', "\\\"");
        let body = format!("{{\"schema\":\"{schema}\"}}");
        let reply = request(self.port, "POST", &format!("/subjects/{subject}/versions"), &body);
        let reply = reply.filter(|reply| is_success(reply)).expect("the schema is registered");
        let id = reply.rsplit_once("\"id\":").expect("an id").1;
        id.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("a number")
    }

    /// Restarts the registry with its port and schemas, unless it is running.
    ///
    /// # Panics
    /// If it does not reply in time.
    pub fn start_again(&mut self) {
        if self.running.is_some() {
            return;
        }
        let archive = once(&jars(), self.avro.archive(), |archive| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let option = format!("-XX:ArchiveClassesAtExit={}", archive.display());
            start(&option, folder.path(), free_port(), &[], self.avro).stop();
        });
        let option = format!("-XX:SharedArchiveFile={}", archive.display());
        let server = start(&option, self.folder.path(), self.port, &self.properties, self.avro);
        let guardian = Guardian::of(server.process(), self.folder.path());
        self.running = Some((server, guardian));
    }

    /// Kills the registry, as in a power failure.
    pub fn kill(&mut self) {
        self.end(Server::kill);
    }

    /// Terminates the registry and waits for its exit.
    pub fn stop(&mut self) {
        self.end(Server::stop);
    }

    fn end(&mut self, end: fn(Server)) {
        if let Some((server, mut guardian)) = self.running.take() {
            end(server);
            guardian.dismiss();
        }
    }

    /// Sends a signal to the registry, such as `STOP` or `CONT`.
    ///
    /// # Panics
    /// If the registry is not running.
    pub fn signal(&self, name: &str) {
        self.running.as_ref().expect("the registry runs").0.signal(name);
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn jars() -> PathBuf {
    installed("registry", RUNNER)
}

/// Starts a registry and waits for its first reply.
fn start(option: &str, folder: &Path, port: u16, properties: &[String], avro: Avro) -> Server {
    let management = free_port();
    let database = folder.join("schemas");
    let mut command: Command = java(160);
    command.current_dir(jars()).arg(option);
    for (name, value) in [
        ("quarkus.http.host", "127.0.0.1"),
        ("quarkus.http.port", &port.to_string()),
        ("quarkus.management.host", "127.0.0.1"),
        ("quarkus.management.port", &management.to_string()),
        ("quarkus.http.access-log.enabled", "false"),
        ("quarkus.log.level", "WARN"),
        ("quarkus.otel.sdk.disabled", "true"),
        ("apicurio.datasource.jdbc.initial-size", "2"),
        ("apicurio.datasource.jdbc.min-size", "2"),
        ("apicurio.datasource.jdbc.max-size", "10"),
        ("apicurio.datasource.url", &format!("jdbc:h2:file:{};WRITE_DELAY=0", database.display())),
    ] {
        command.arg(format!("-D{name}={value}"));
    }
    let log = folder.join("log");
    command.args(properties).args(avro.program());
    command.stdin(Stdio::null()).stdout(File::create(&log).expect("a log")).stderr(Stdio::null());
    let mut server = Server::spawn(command, port);
    server.until_it_listens(port, || fs::read_to_string(&log).unwrap_or_default());
    let started = Instant::now();
    while !request(port, "GET", "/subjects", "").is_some_and(|reply| is_success(&reply)) {
        assert!(started.elapsed() < START, "the registry does not reply: {:?}", fs::read_to_string(&log));
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

fn is_success(reply: &str) -> bool {
    reply.starts_with("HTTP/1.1 200")
}

/// One request, and what came back until the registry closed the connection.
fn request(port: u16, method: &str, path: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(
        stream,
        "{method} {PATH}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    Some(reply)
}
