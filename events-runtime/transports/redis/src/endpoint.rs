//! The server that a URL names: directly, through Sentinels, or as a cluster.

use std::time::Duration;

use ::redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo as _, RedisError, RedisResult,
    TlsCertificates,
};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::cluster::Cluster;
use super::connection::Sharing;
use super::node_pool::ServerConnection;
use super::sentinel::Sentinels;
use super::{error, nested_replies};
use events_transport::Target;
use events_transport::{Topic, TransportError};

pub(super) struct Endpoint {
    kind: Kind,
    has_tls: bool,
    timeout: Duration,
}

enum Kind {
    Server(Client),
    Sentinels(Sentinels),
    Cluster(Cluster),
}

/// Selects one of the servers of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Destination {
    /// Any server, or the only one.
    Any,
    /// The owner of this topic.
    Topic(Topic),
    /// The node at this address.
    Node(Address),
}

/// Host and port.
pub(super) type Address = (String, u16);

impl Endpoint {
    pub(super) fn read(target: &Target<'_>, timeout: Duration) -> Result<Self, TransportError> {
        let client_config = ClientConfig::read(target)?;
        let has_tls = client_config.scheme == "rediss";
        if target.raw.is_empty() {
            return Err(target.invalid("the host is missing: write `redis://host:6379/0`"));
        }
        if target.raw.contains('#') {
            // The client would ignore what follows.
            return Err(target.invalid("the server must not contain `#`: in a password, write it as `%23`"));
        }
        let kind = match target.scheme.name.split_once('+') {
            Some((_, "sentinel")) => Kind::Sentinels(Sentinels::read(target, client_config)?),
            Some(_) => Kind::Cluster(Cluster::read(target, client_config, timeout)?),
            None => {
                let url = format!("{}://{}", client_config.scheme, target.raw);
                Kind::Server(client_config.open(url).map_err(|_| client_config.malformed_url(target))?)
            }
        };
        Ok(Self { kind, has_tls, timeout })
    }

    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster(_))
    }

    /// Whether nested replies arrive as text on a connection that asks for it.
    pub(super) const fn has_nested_replies(&self) -> bool {
        !self.has_tls
    }

    /// Whether a cluster node redirects to another, which owns the topic or is about to.
    pub(super) fn is_moved(&self, error: &RedisError) -> bool {
        self.is_cluster() && matches!(&*error::code(error), "MOVED" | "ASK")
    }

    /// The destination of calls on a topic.
    pub(super) fn destination(&self, topic: &Topic) -> Destination {
        if self.is_cluster() { Destination::Topic(topic.clone()) } else { Destination::Any }
    }

    /// All servers that accept writes.
    pub(super) async fn masters(&self) -> RedisResult<Vec<Destination>> {
        match &self.kind {
            Kind::Cluster(cluster) => {
                let config = self.config(self.timeout);
                let masters = within(self.timeout * 2, cluster.masters(&config)).await?;
                Ok(masters.into_iter().map(Destination::Node).collect())
            }
            _ => Ok(vec![Destination::Any]),
        }
    }

    /// Connects to the server that accepts writes, or reuses a shared connection.
    pub(super) async fn connect(
        &self,
        destination: &Destination,
        response: Duration,
        sharing: Sharing,
    ) -> RedisResult<ServerConnection> {
        let (config, short) = (self.config(response), self.config(self.timeout));
        let connecting = async {
            let client = match &self.kind {
                Kind::Server(client) => client.clone(),
                Kind::Sentinels(sentinels) => sentinels.master(&short).await?,
                Kind::Cluster(cluster) if sharing == Sharing::Shared => {
                    return cluster.shared(destination, &short).await;
                }
                Kind::Cluster(cluster) => {
                    return cluster.exclusive(destination, &short, &config, sharing).await;
                }
            };
            let connection = nested_replies::connect(&client, &config, sharing).await?;
            Ok(ServerConnection::exclusive(connection, None))
        };
        // Limits the whole sequence: a paused server accepts connections and never replies.
        within(self.timeout * 2, connecting).await
    }

    /// Stops sharing a broken connection.
    pub(super) fn retire(&self, broken: &ServerConnection) {
        if let Kind::Cluster(cluster) = &self.kind {
            cluster.retire(broken);
        }
    }

    fn config(&self, response: Duration) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(response))
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(elapsed) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed).into()),
    }
}

/// TLS and credentials of a URL, for every server of the endpoint.
pub(super) struct ClientConfig {
    /// `redis` or `rediss`.
    scheme: &'static str,
    /// `user:password@`, or nothing.
    user: String,
    ca: Option<Vec<u8>>,
}

impl ClientConfig {
    fn read(target: &Target<'_>) -> Result<Self, TransportError> {
        let tls = target.scheme.name.starts_with("rediss");
        if tls {
            // Fails if the program has installed a provider, which then stays.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let ca = match target.get("ca") {
            None => None,
            Some(_) if !tls => return Err(target.invalid("`ca` needs TLS: write `rediss:`")),
            Some(path) => Some(authorities(target, path)?),
        };
        let user = target.raw.rsplit_once('@').map_or_else(String::new, |(user, _)| format!("{user}@"));
        Ok(Self { scheme: if tls { "rediss" } else { "redis" }, user, ca })
    }

    /// A client for this address, without credentials.
    pub(super) fn anonymous(&self, address: &Address) -> RedisResult<Client> {
        self.open(format!("{}://{}", self.scheme, authority(address)))
    }

    /// A client for a database at this address, with the URL's credentials.
    pub(super) fn client(&self, address: &Address, database: u32) -> RedisResult<Client> {
        self.open(format!("{}://{}{}/{database}", self.scheme, self.user, authority(address)))
    }

    fn open(&self, url: String) -> RedisResult<Client> {
        let info = url.into_connection_info()?;
        match (info.addr(), self.ca.clone()) {
            (ConnectionAddr::TcpTls { .. }, Some(root_cert)) => {
                Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(root_cert) })
            }
            _ => Client::open(info),
        }
    }

    /// Replaces the error of the Redis client, which may quote the password.
    pub(super) fn malformed_url(&self, target: &Target<'_>) -> TransportError {
        target.invalid(format!(
            "malformed URL: write `{}://user:password@host:6379/0`, with special characters of the password \
             percent-encoded",
            self.scheme
        ))
    }
}

/// Reads the `ca` file. Every certificate in it must be valid: otherwise a mistake would only show at the
/// first connection.
fn authorities(target: &Target<'_>, path: &str) -> Result<Vec<u8>, TransportError> {
    let file = std::fs::read(path)
        .map_err(|error| target.invalid(format!("can't read the `ca` file `{path}`")).with_source(error))?;
    let wrong = |what: &str| {
        target.invalid(format!(
            "the `ca` file `{path}` {what}: use a PEM file of CA certificates, each between \
             `-----BEGIN CERTIFICATE-----` and `-----END CERTIFICATE-----`"
        ))
    };
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&file) {
        let certificate = certificate.map_err(|error| wrong("is malformed").with_source(error))?;
        trusted
            .add(certificate)
            .map_err(|error| wrong("contains an invalid certificate").with_source(error))?;
    }
    if trusted.is_empty() { Err(wrong("contains no certificate")) } else { Ok(file) }
}

/// Parses the part of a URL after the user: hosts with their ports, and what follows the first `/`.
pub(super) fn hosts<'t>(target: &Target<'t>, port: u16) -> Option<(Vec<Address>, Option<&'t str>)> {
    let rest = target.raw.rsplit_once('@').map_or(target.raw, |(_, rest)| rest);
    let (hosts, path) = match rest.split_once('/') {
        Some((hosts, path)) => (hosts, Some(path)),
        None => (rest, None),
    };
    let hosts = hosts.split(',').map(|host| parse_address(host, port)).collect::<Option<Vec<_>>>()?;
    Some((hosts, path))
}

/// Parses `host`, `host:port`, `[::1]` or `[::1]:port`.
fn parse_address(text: &str, port: u16) -> Option<Address> {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, "")) => (host, port),
        Some((host, rest)) => (host, rest.strip_prefix(':')?.parse().ok()?),
        None => match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (text, port),
        },
    };
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

pub(super) fn authority((host, port): &Address) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
