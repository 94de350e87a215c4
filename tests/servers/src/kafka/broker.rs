//! The process of a broker, and its data folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::USER;
use super::settings::{self, Ports};
use crate::Server;
use crate::guardian::Guardian;
use crate::java::{installed, java, once, run};

/// Brokers of one cluster share it; the clusters of different tests never meet.
const CLUSTER: &str = "ZXZlbnRzLXJ1bnRpbWUtMQ";
/// The largest number of brokers that a cluster here has.
const BROKERS: usize = 3;

#[derive(Debug)]
pub(super) struct Broker {
    // Dropped before its folder.
    running: Option<(Server, Guardian)>,
    folder: tempfile::TempDir,
    ports: Ports,
}

/// The folder of the jars, and of what is made once for all brokers.
pub(super) fn jars() -> PathBuf {
    installed("kafka", "libs")
}

impl Broker {
    /// The broker `id`, from 1, of a cluster with these ports.
    pub(super) fn new(id: usize, all: &[Ports], properties: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let properties: Vec<_> =
            properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        copy(&formatted(id), &folder.path().join("data"));
        let text = settings::text(id, all, folder.path(), &properties);
        fs::write(folder.path().join("server.properties"), text).expect("the properties are written");
        Self { running: None, folder, ports: all[id - 1].clone() }
    }

    pub(super) fn ports(&self) -> &Ports {
        &self.ports
    }

    pub(super) fn start_again(&mut self) {
        self.spawn();
        self.until_ready();
    }

    /// Starts the broker, which can't serve yet: in a cluster it waits for the others.
    pub(super) fn spawn(&mut self) {
        if self.running.is_some() {
            return;
        }
        let option = format!("-XX:SharedArchiveFile={}", classes().display());
        let server = spawn(&option, self.folder.path(), &self.ports);
        let guardian = Guardian::of(server.process(), self.folder.path());
        self.running = Some((server, guardian));
    }

    /// Waits until the broker accepts clients.
    pub(super) fn until_ready(&mut self) {
        let (server, _) = self.running.as_mut().expect("the broker runs");
        let log = self.folder.path().join("log");
        // It opens the ports one after another.
        for port in self.ports.of_clients() {
            server.until_it_listens(port, || fs::read_to_string(&log).unwrap_or_default());
        }
    }

    pub(super) fn kill(&mut self) {
        self.end(Server::kill);
    }

    pub(super) fn stop(&mut self) {
        self.end(Server::stop);
    }

    fn end(&mut self, end: fn(Server)) {
        if let Some((server, mut guardian)) = self.running.take() {
            end(server);
            guardian.dismiss();
        }
    }

    pub(super) fn signal(&self, name: &str) {
        self.running.as_ref().expect("the broker runs").0.signal(name);
    }

    pub(super) fn process(&self) -> u32 {
        self.running.as_ref().expect("the broker runs").0.process()
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `java` with the classes of Kafka.
fn kafka() -> Command {
    let mut command = java(256);
    command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
    command.arg("-cp").arg(jars().join("libs/*"));
    command
}

/// Starts a broker on its folder, with an option of Java.
fn spawn(option: &str, folder: &Path, ports: &Ports) -> Server {
    let log = File::create(folder.join("log")).expect("a log");
    let mut command = kafka();
    command.arg(option).arg("kafka.Kafka").arg(folder.join("server.properties"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Server::spawn(command, ports.plain)
}

/// The folder of a broker that was never started. The format has no addresses, so that it is made once.
fn formatted(id: usize) -> PathBuf {
    let all = once(&jars(), "formatted", |folder| {
        for id in 1..=BROKERS {
            let own = folder.join(id.to_string());
            fs::create_dir_all(&own).expect("a folder");
            let ports: Vec<_> = (0..BROKERS).map(|_| Ports::plain()).collect();
            let properties = own.join("server.properties");
            fs::write(&properties, settings::text(id, &ports, &own, &[]))
                .expect("the properties are written");
            let (user, password) = USER;
            let mut format = kafka();
            format.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"]).arg(properties);
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                format.args(["--add-scram", &format!("{mechanism}=[name={user},password={password}]")]);
            }
            run(&mut format);
        }
    });
    all.join(id.to_string()).join("data")
}

/// The classes of a broker as an archive, which halves the time of its start.
fn classes() -> PathBuf {
    formatted(1);
    once(&jars(), "classes.jsa", |archive| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ports = Ports::plain();
        copy(&jars().join("formatted/1/data"), &folder.path().join("data"));
        let text = settings::text(1, std::slice::from_ref(&ports), folder.path(), &[]);
        fs::write(folder.path().join("server.properties"), text).expect("the properties are written");
        let option = format!("-XX:ArchiveClassesAtExit={}", archive.display());
        let mut server = spawn(&option, folder.path(), &ports);
        server.until_it_listens(ports.plain, String::new);
        server.stop();
    })
}

/// Copies a folder with its files and folders.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the folder is read") {
        let entry = entry.expect("the folder is read");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a file is copied");
        }
    }
}
