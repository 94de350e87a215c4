//! Where the server is: named by the URL, or found by asking Sentinels.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind as RedisKind, IntoConnectionInfo as _,
    RedisError, RedisResult, TlsCertificates,
};

use super::super::TransportError;
use super::super::options::Target;

/// A server, or who knows it.
pub(super) struct Endpoint {
    kind: Kind,
    timeout: Duration,
}

enum Kind {
    Server(Client),
    Sentinels {
        sentinels: Vec<Client>,
        master: String,
        /// Credentials, database and TLS of the master; its address is put in.
        scheme: &'static str,
        user: String,
        database: String,
        ca: Option<Vec<u8>>,
    },
}

impl Endpoint {
    pub(super) fn read(target: &Target<'_>, timeout: Duration) -> Result<Self, TransportError> {
        let tls = target.scheme.starts_with("rediss");
        if tls {
            // Somebody else's choice of provider stays.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let ca = match target.get("ca") {
            None => None,
            Some(_) if !tls => return Err(target.invalid("`ca` is for `rediss:` alone")),
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                target.invalid(format!("the file of `ca`, `{path}`, can't be read")).with_source(error)
            })?),
        };
        let scheme = if tls { "rediss" } else { "redis" };
        if target.raw.is_empty() {
            return Err(target.invalid("the server is missing: write `redis://host:6379/0`"));
        }
        let client = |url: String| {
            open(url, ca.clone()).map_err(|error| {
                // The error may quote what it was given.
                let kind = error.category().to_owned();
                target.invalid(format!(
                    "it is not understood ({kind}): write `redis://user:password@host:6379/0`, special \
                     characters of the password as `%` and two digits"
                ))
            })
        };
        if !target.scheme.ends_with("+sentinel") {
            return Ok(Self { kind: Kind::Server(client(format!("{scheme}://{}", target.raw))?), timeout });
        }
        let wrong = || {
            target.invalid("write `redis+sentinel://host:26379,host:26379/master/0`: Sentinels, the master's name, the database")
        };
        let (user, rest) = match target.raw.rsplit_once('@') {
            Some((user, rest)) => (format!("{user}@"), rest),
            None => (String::new(), target.raw),
        };
        let (hosts, path) = rest.split_once('/').ok_or_else(wrong)?;
        let (master, database) = path.split_once('/').unwrap_or((path, "0"));
        if master.is_empty() || hosts.is_empty() || database.parse::<u32>().is_err() {
            return Err(wrong());
        }
        let sentinels = hosts
            .split(',')
            .map(|host| {
                let port = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
                    ""
                } else {
                    ":26379"
                };
                client(format!("{scheme}://{host}{port}"))
            })
            .collect::<Result<_, _>>()?;
        // So that a wrong user part is told now, and not at the first connection.
        client(format!("{scheme}://{user}localhost/{database}"))?;
        let (master, database) = (master.to_owned(), database.to_owned());
        Ok(Self { kind: Kind::Sentinels { sentinels, master, scheme, user, database, ca }, timeout })
    }

    /// A new connection to the server that takes writes.
    pub(super) async fn connect(&self, response: Option<Duration>) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(response);
        let connecting = async {
            match &self.kind {
                Kind::Server(client) => client.get_multiplexed_async_connection_with_config(&config).await,
                Kind::Sentinels { sentinels, master, .. } => {
                    let address = ask(sentinels, master, self.timeout).await?;
                    let client = self.master(&address)?;
                    client.get_multiplexed_async_connection_with_config(&config).await
                }
            }
        };
        // Around everything: a paused server accepts and never answers.
        match tokio::time::timeout(self.timeout * 2, connecting).await {
            Ok(connected) => connected,
            Err(elapsed) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed).into()),
        }
    }

    fn master(&self, address: &(String, u16)) -> RedisResult<Client> {
        let Kind::Sentinels { scheme, user, database, ca, .. } = &self.kind else {
            return Err(RedisError::from((RedisKind::Client, "the URL names no Sentinels")));
        };
        let (host, port) = address;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        open(format!("{scheme}://{user}{host}:{port}/{database}"), ca.clone())
    }
}

/// The master's address, from the first Sentinel that knows it.
async fn ask(sentinels: &[Client], master: &str, timeout: Duration) -> RedisResult<(String, u16)> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout));
    let mut last =
        RedisError::from((RedisKind::MasterNameNotFoundBySentinel, "no Sentinel knows the master"));
    for sentinel in sentinels {
        let answer = async {
            let mut connection = sentinel.get_multiplexed_async_connection_with_config(&config).await?;
            let mut ask = ::redis::cmd("SENTINEL");
            ask.arg("get-master-addr-by-name").arg(master);
            ask.query_async::<Option<(String, u16)>>(&mut connection).await
        };
        match answer.await {
            Ok(Some(address)) => return Ok(address),
            Ok(None) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn open(url: String, ca: Option<Vec<u8>>) -> RedisResult<Client> {
    let info = url.into_connection_info()?;
    match (info.addr(), ca) {
        (ConnectionAddr::TcpTls { .. }, Some(root_cert)) => {
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(root_cert) })
        }
        _ => Client::open(info),
    }
}
