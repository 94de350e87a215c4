//! Redis clusters for tests.

use std::time::{Duration, Instant};

use redis::Value;

use crate::{RedisServer, free_port};

/// Exceeds the time until any cluster here is up.
const START: Duration = Duration::from_secs(60);
const SLOTS: usize = 16_384;

/// A cluster of masters, optionally with a replica each.
#[derive(Debug)]
pub struct RedisCluster {
    /// Masters first, then their replicas in the same order.
    nodes: Vec<RedisServer>,
    masters: usize,
    scheme: &'static str,
    /// The ports for clients.
    ports: Vec<u16>,
}

impl RedisCluster {
    /// Starts three masters.
    #[must_use]
    pub fn start() -> Self {
        Self::of(3, false, &[])
    }

    /// Starts two masters with TLS, with additional command-line arguments. The URL has the TLS ports.
    #[must_use]
    pub fn with_tls(settings: &[&str]) -> Self {
        Self::of(2, false, settings)
    }

    /// Starts three masters with a replica each, which takes over a second after its master failed.
    #[must_use]
    pub fn with_replicas() -> Self {
        Self::of(3, true, &[])
    }

    fn of(masters: usize, replicas: bool, tls: &[&str]) -> Self {
        let count = if replicas { masters * 2 } else { masters };
        let node = |_| {
            let bus = free_port();
            let (bus_port, tls_port) = (bus.to_string(), free_port());
            let settings = [
                ["--cluster-enabled", "yes"],
                ["--cluster-node-timeout", "1000"],
                ["--repl-diskless-sync-delay", "0"],
                ["--cluster-port", &bus_port],
            ];
            let mut settings = settings.concat();
            let secured = ["--tls-cluster", "yes", "--tls-port", &tls_port.to_string()];
            if !tls.is_empty() {
                settings.extend(secured.iter().chain(tls));
            }
            let server = RedisServer::with(&settings);
            let port = if tls.is_empty() { server.port() } else { tls_port };
            (server, (port, bus))
        };
        let (nodes, ports): (Vec<_>, Vec<_>) = (0..count).map(node).unzip();
        let cluster = Self {
            scheme: if tls.is_empty() { "redis" } else { "rediss" },
            ports: ports.iter().map(|ports| ports.0).collect(),
            nodes,
            masters,
        };
        for master in 0..masters {
            let (first, end) = (master * SLOTS / masters, (master + 1) * SLOTS / masters);
            let range = [first.to_string(), (end - 1).to_string()];
            cluster.ask(master, &["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]]);
        }
        for node in 0..count {
            cluster.ask(node, &["CLUSTER", "SET-CONFIG-EPOCH", &(node + 1).to_string()]);
        }
        for (port, bus) in ports {
            let (port, bus) = (port.to_string(), bus.to_string());
            cluster.ask(0, &["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        cluster.agree();
        for replica in masters..count {
            let master = cluster.text(replica - masters, &["CLUSTER", "MYID"]);
            cluster.ask(replica, &["CLUSTER", "REPLICATE", &master]);
            until("the replica has its master's data", || {
                cluster.text(replica, &["INFO", "replication"]).contains("master_link_status:up")
            });
        }
        cluster
    }

    /// Waits until all nodes know each other and all slots are served.
    ///
    /// # Panics
    /// If that takes longer than a minute.
    pub fn agree(&self) {
        let known = format!("cluster_known_nodes:{}\r\n", self.nodes.len());
        for node in 0..self.nodes.len() {
            until("the cluster agrees", || {
                // The node may be loading its log.
                let Ok(info) = self.try_ask(node, &["CLUSTER", "INFO"]) else { return false };
                let info: String = redis::from_redis_value(info).expect("text");
                info.contains("cluster_state:ok") && info.contains(&known)
            });
        }
    }

    /// The URL, which lists all nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("{}+cluster://{}", self.scheme, hosts.join(","))
    }

    /// The number of nodes, including replicas.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.nodes.len()
    }

    /// A node's server.
    pub fn node(&mut self, node: usize) -> &mut RedisServer {
        &mut self.nodes[node]
    }

    /// Sends a command to a node and returns its reply.
    ///
    /// # Panics
    /// If the reply is an error, or the node is down.
    pub fn ask(&self, node: usize, command: &[&str]) -> Value {
        self.try_ask(node, command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// Sends a command to a node.
    ///
    /// # Errors
    /// The error of the node or of the connection.
    pub fn try_ask(&self, node: usize, command: &[&str]) -> redis::RedisResult<Value> {
        let client = redis::Client::open(self.nodes[node].url())?;
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(5))?;
        redis::cmd(command[0]).arg(&command[1..]).query(&mut connection)
    }

    /// Sends a command to a node and returns its reply as text.
    ///
    /// # Panics
    /// As [`ask`](Self::ask).
    #[must_use]
    pub fn text(&self, node: usize, command: &[&str]) -> String {
        redis::from_redis_value(self.ask(node, command)).expect("text")
    }

    /// The node that owns a topic.
    ///
    /// # Panics
    /// If no node does.
    #[must_use]
    pub fn owner(&self, topic: &str) -> usize {
        let has = |node: &usize| self.try_ask(*node, &["TYPE", topic]).is_ok();
        (0..self.nodes.len()).find(has).expect("an owner")
    }

    /// A random key of a random master, if that has any.
    #[must_use]
    pub fn random_key(&self) -> Option<String> {
        let node = fastrand::usize(0..self.masters);
        redis::from_redis_value(self.ask(node, &["RANDOMKEY"])).expect("a key or none")
    }

    /// Fails over to a replica without data loss. The cluster allows one failover per shard in two seconds.
    pub fn fail_over(&self, shard: usize) {
        let replicas = [shard, shard + self.masters];
        let is_replica = |node: &usize| self.text(*node, &["INFO", "replication"]).contains("role:slave");
        let Some(replica) = replicas.into_iter().find(is_replica) else { return };
        let mut asked = None;
        until("the replica is the master", || {
            // The request may be rejected, or time out after five seconds.
            if asked.is_none_or(|asked: Instant| asked.elapsed() > Duration::from_secs(6)) {
                asked = self.try_ask(replica, &["CLUSTER", "FAILOVER"]).is_ok().then(Instant::now);
            }
            self.text(replica, &["INFO", "replication"]).contains("role:master")
        });
    }

    /// Waits until the replica of a master has all its data.
    pub fn until_copied(&self, master: usize) {
        until("the replica has everything", || {
            let offset = |info: String| {
                let line =
                    info.lines().find_map(|line| line.strip_prefix("master_repl_offset:").map(str::to_owned));
                line.expect("an offset")
            };
            let [master, replica] = [master, (master + self.masters) % self.nodes.len()]
                .map(|node| offset(self.text(node, &["INFO", "replication"])));
            master == replica
        });
    }

    /// Moves the slot of a topic to another master, key by key, as `redis-cli --cluster reshard` does.
    /// Calls `between` while the slot is migrating.
    pub fn move_slot(&self, topic: &str, to: usize, mut between: impl FnMut()) {
        let from = self.owner(topic);
        if from == to {
            return;
        }
        let slot: usize =
            redis::from_redis_value(self.ask(0, &["CLUSTER", "KEYSLOT", topic])).expect("a number");
        let slot = slot.to_string();
        let [from_id, to_id] = [from, to].map(|node| self.text(node, &["CLUSTER", "MYID"]));
        self.ask(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
        self.ask(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
        between();
        let port = self.nodes[to].port().to_string();
        loop {
            let keys = self.ask(from, &["CLUSTER", "GETKEYSINSLOT", &slot, "1"]);
            let keys: Vec<String> = redis::from_redis_value(keys).expect("keys");
            let Some(key) = keys.first() else { break };
            self.ask(from, &["MIGRATE", "127.0.0.1", &port, key, "0", "10000"]);
            between();
        }
        for node in [to, from].into_iter().chain((0..self.masters).filter(|node| ![from, to].contains(node)))
        {
            self.ask(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
        }
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < START, "{what}: not within {START:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
