//! Certificates of the brokers and of a client, made once by `openssl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::broker;
use crate::java::{once, run};
use crate::program;

/// A folder of certificates and keys, all PEM.
#[derive(Debug, Clone)]
pub struct Certificates(PathBuf);

impl Certificates {
    /// The certificates that the brokers of [`KafkaServer::secured`](super::KafkaServer::secured) have.
    #[must_use]
    pub fn made() -> Self {
        Self(once(&broker::jars(), "certificates", make))
    }

    /// The certificate of the authority that signed the others.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.0.join("authority.pem")
    }

    /// The certificate of a client.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.0.join("client.pem")
    }

    /// The key of the client's certificate.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.0.join("client.key")
    }

    /// The certificate of an authority that signed none of the others.
    #[must_use]
    pub fn stranger(&self) -> PathBuf {
        self.0.join("stranger.pem")
    }

    /// The key and the chain of the brokers.
    pub(super) fn broker_keystore(&self) -> PathBuf {
        self.0.join("broker-keystore.pem")
    }
}

fn make(folder: &Path) {
    fs::create_dir(folder).expect("a folder");
    authority(folder, "authority");
    authority(folder, "stranger");
    signed(folder, "broker", "serverAuth,clientAuth");
    signed(folder, "client", "clientAuth");
    // Kafka wants the key before the chain, in one file.
    let parts = ["broker.key", "broker.pem", "authority.pem"];
    let keystore: String =
        parts.iter().map(|part| fs::read_to_string(folder.join(part)).expect("it was made")).collect();
    fs::write(folder.join("broker-keystore.pem"), keystore).expect("the keystore is written");
}

fn openssl(folder: &Path, command: &str) -> Command {
    let mut openssl = Command::new(program("openssl", &["/usr/bin"]));
    openssl.current_dir(folder).args(command.split_whitespace());
    openssl
}

fn authority(folder: &Path, name: &str) {
    run(&mut openssl(
        folder,
        &format!(
            "req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN={name} -keyout {name}.key -out {name}.pem \
             -addext keyUsage=critical,keyCertSign,cRLSign"
        ),
    ));
}

fn signed(folder: &Path, name: &str, usage: &str) {
    let extensions = format!(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n"
    );
    fs::write(folder.join(format!("{name}.ext")), extensions).expect("the extensions are written");
    run(&mut openssl(
        folder,
        &format!("req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"),
    ));
    run(&mut openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 3650 \
             -extfile {name}.ext -out {name}.pem"
        ),
    ));
}
