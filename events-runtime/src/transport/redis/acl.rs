//! What a user of the server must be allowed to do, as its ACL has it.

macro_rules! commands {
    ($($command:literal)+) => {
        /// The commands that the transport sends, by itself and from its scripts. The tests compare the list
        /// with the code, and let a user of exactly these rights do all that there is.
        #[cfg(test)]
        const COMMANDS: &[&str] = &[$($command),+];
        /// What to do where a user lacks a right.
        pub(super) const HINT: &str = concat!(
            "the server refuses this user the command or the key: its ACL must allow, for each topic and each \
             dead-letter topic, `~TOPIC ~{TOPIC}:*`, and `",
            commands!(@ $($command)+),
            "`; in a cluster also `+cluster|slots +cluster|info`, and so that `doctor` can tell how often the log is \
             forced to the disk, `+config|get`",
        );
    };
    (@ $first:literal $($more:literal)*) => { concat!("+", $first $(, " +", $more)*) };
}

commands!(
    "select" "multi" "exec" "eval" "evalsha" "script|load" "scan" "info" "type" "time" "exists" "del" "get" "set"
    "hget" "hmget" "hgetall" "hset" "hdel" "hlen" "hexists" "hkeys" "hvals"
    "zadd" "zrem" "zrange" "zrangebyscore"
    "xadd" "xlen" "xrange" "xrevrange" "xread" "xreadgroup" "xack" "xclaim" "xpending" "xtrim" "xgroup" "xinfo"
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The client's own: a script is `EVALSHA`, and `SCRIPT LOAD` where the server does not have it.
    const OF_THE_CLIENT: [&str; 5] = ["select", "multi", "exec", "evalsha", "script"];
    /// Only of a cluster, of Sentinels, or where the user may.
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
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/transport/redis");
        let mut found: BTreeSet<String> = OF_THE_CLIENT.map(str::to_owned).into();
        for folder in [folder.join("lua"), folder] {
            for file in folder.read_dir().expect("the folder of the code") {
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
