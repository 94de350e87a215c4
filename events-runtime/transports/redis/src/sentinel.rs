//! Finds the current master through Redis Sentinels.

use ::redis::{AsyncConnectionConfig, Client, ErrorKind as RedisKind, RedisError, RedisResult};

use super::endpoint::{Address, ClientConfig, hosts};
use events_transport::Target;
use events_transport::TransportError;

/// The default port of a Sentinel.
const PORT: u16 = 26_379;

pub(super) struct Sentinels {
    clients: Vec<Client>,
    master: String,
    database: u32,
    client_config: ClientConfig,
}

impl Sentinels {
    pub(super) fn read(target: &Target<'_>, client_config: ClientConfig) -> Result<Self, TransportError> {
        let malformed = || {
            target.invalid("write `redis+sentinel://host:26379,host:26379/master/0`: Sentinels, the master's name, the database")
        };
        let (hosts, path) = hosts(target, PORT).ok_or_else(malformed)?;
        let path = path.ok_or_else(malformed)?;
        let (master, database) = path.split_once('/').unwrap_or((path, "0"));
        let database = database.parse().map_err(|_| malformed())?;
        if master.is_empty() {
            return Err(malformed());
        }
        let client = |host| client_config.anonymous(host).map_err(|_| client_config.malformed_url(target));
        let clients = hosts.iter().map(client).collect::<Result<_, _>>()?;
        // Reports malformed credentials now rather than at the first connection.
        let any = ("localhost".to_owned(), PORT);
        client_config.client(&any, database).map_err(|_| client_config.malformed_url(target))?;
        Ok(Self { clients, master: master.to_owned(), database, client_config })
    }

    /// The master, as reported by the first Sentinel that knows it.
    pub(super) async fn master(&self, config: &AsyncConnectionConfig) -> RedisResult<Client> {
        let mut last =
            RedisError::from((RedisKind::MasterNameNotFoundBySentinel, "no Sentinel knows the master"));
        for sentinel in &self.clients {
            match self.ask(sentinel, config).await {
                Ok(Some(address)) => return self.client_config.client(&address, self.database),
                Ok(None) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn ask(&self, sentinel: &Client, config: &AsyncConnectionConfig) -> RedisResult<Option<Address>> {
        let mut connection = sentinel.get_multiplexed_async_connection_with_config(config).await?;
        let mut ask = ::redis::cmd("SENTINEL");
        ask.arg("get-master-addr-by-name").arg(&self.master);
        ask.query_async(&mut connection).await
    }
}
