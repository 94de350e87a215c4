//! The permissions that the server's ACL must grant to the user.

macro_rules! commands {
    ($($command:literal)+) => {
        /// The commands that the transport and its scripts send. Tests compare the list with the code, and
        /// run the suite as a user with exactly these permissions.
        #[cfg(test)]
        const COMMANDS: &[&str] = &[$($command),+];
        /// The error message for a missing permission.
        pub(super) const HINT: &str = concat!(
            "the server denies this user the command or the key: its ACL must allow, for each topic and each \
             dead-letter topic, `~TOPIC ~{TOPIC}:*`, and `",
            commands!(@ $($command)+),
            "`; in a cluster also `+cluster|slots +cluster|info`; and `+config|get`, so that `doctor` can report \
             `appendfsync`",
        );
    };
    (@ $first:literal $($more:literal)*) => { concat!("+", $first $(, " +", $more)*) };
}

commands!(
    "select" "multi" "exec" "eval" "evalsha" "script|load" "scan" "info" "type" "time" "exists" "del" "get" "set"
    "hget" "hmget" "hgetall" "hset" "hdel" "hlen" "hexists" "hkeys" "hvals" "hstrlen"
    "zadd" "zrem" "zrange" "zrangebyscore"
    "xadd" "xlen" "xrange" "xrevrange" "xread" "xreadgroup" "xack" "xclaim" "xpending" "xtrim" "xgroup" "xinfo"
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Sent by the Redis client. A script runs by `EVALSHA`, after `SCRIPT LOAD` if needed.
    const OF_THE_CLIENT: [&str; 5] = ["select", "multi", "exec", "evalsha", "script"];
    /// Sent to clusters and Sentinels only, or optional.
    const SITUATIONAL: [&str; 3] = ["cluster", "sentinel", "config"];

    fn commands_in(text: &str, begins: &[&str], found: &mut BTreeSet<String>) {
        for begin in begins {
            for (at, _) in text.match_indices(begin) {
                let rest = &text[at + begin.len()..];
                let word: String = rest.chars().take_while(char::is_ascii_uppercase).collect();
                if word.len() > 2 {
                    found.insert(word.to_lowercase());
                }
            }
        }
    }

    #[test]
    fn the_hint_names_each_command_that_the_code_sends_and_no_other() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found: BTreeSet<String> = OF_THE_CLIENT.map(str::to_owned).into();
        for folder in [folder.join("lua"), folder] {
            for file in folder.read_dir().expect("the source folder") {
                let path = file.expect("an entry").path();
                let Some(ending) = path.extension().and_then(|ending| ending.to_str()) else { continue };
                let text = std::fs::read_to_string(&path).expect("text");
                let begins: &[&str] = match ending {
                    "lua" => &["call('", "many('", "{ '"],
                    _ => &["cmd(\""],
                };
                commands_in(&text, begins, &mut found);
            }
        }
        let named: BTreeSet<String> = COMMANDS
            .iter()
            .map(|command| command.split('|').next().unwrap_or_default().to_owned())
            .chain(SITUATIONAL.map(str::to_owned))
            .collect();
        assert_eq!(named, found);
        assert!(COMMANDS.iter().all(|command| HINT.contains(&format!("+{command}"))));
    }
}
