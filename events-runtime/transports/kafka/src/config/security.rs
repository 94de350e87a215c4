//! The security settings of a `kafka:` URL: secrets, tokens, TLS and SASL.

use std::collections::BTreeMap;

use events_transport::{Target, TransportError};

use super::insert;
use crate::client::{self, TokenProvider};

/// Reads a secret from a file, without the end of its last line, or from the environment.
pub(crate) fn secret(
    target: &Target<'_>,
    file: &str,
    variable: &str,
) -> Result<Option<String>, TransportError> {
    match (target.get(file), target.get(variable)) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            Err(target.invalid(format!("`{file}` and `{variable}` are both set: write one")))
        }
        (Some(path), None) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
            Err(source) => Err(target
                .invalid(format!("can't read the file of `{file}`: check its path"))
                .with_source(source)),
        },
        (None, Some(name)) => match std::env::var(name) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(target.invalid(format!("the variable that `{variable}` names is not set"))),
        },
    }
}

pub(super) fn tokens(target: &Target<'_>) -> Result<Option<TokenProvider>, TransportError> {
    match target.get("token_provider") {
        None => Ok(None),
        Some(name) => match client::provider(name) {
            Some(provider) => Ok(Some(provider)),
            // The value is masked in the URL, but this is a name.
            None => Err(target.invalid(
                "no provider of tokens has the name in `token_provider`: call `register_token_provider` before the \
                 transport is opened",
            )),
        },
    }
}

/// Sets the security protocol, and the user and the password of the URL.
pub(super) fn apply(
    target: &Target<'_>,
    own: &mut BTreeMap<&'static str, String>,
    has_tokens: bool,
) -> Result<(), TransportError> {
    let tls = target.scheme.name == "kafkas";
    if !tls && let Some(name) = own.keys().find(|name| name.starts_with("ssl.")) {
        return Err(target.invalid(format!("`{name}` needs TLS: write `kafkas:`")));
    }
    let login = target.raw.rsplit_once('@').map(|(login, _)| login);
    if let Some(login) = login {
        let (user, password) =
            login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)));
        let decode = |text| {
            events_transport::url::percent_decode(text).ok_or_else(|| {
                target.invalid("a `%` of the user or the password must be followed by two hexadecimal digits")
            })
        };
        insert(target, own, "sasl.username", "the user", decode(user)?)?;
        if let Some(password) = password {
            insert(target, own, "sasl.password", "the password", decode(password)?)?;
        }
    }
    if let Some(password) = secret(target, "password_file", "password_env")? {
        insert(target, own, "sasl.password", "password_file", password)?;
    }
    let mechanism = own.get("sasl.mechanisms").map(|mechanism| mechanism.to_ascii_uppercase());
    let has_user = own.contains_key("sasl.username");
    let mechanism = match mechanism {
        Some(mechanism) => Some(mechanism),
        None if has_tokens => Some("OAUTHBEARER".to_owned()),
        // As the managed services and Open edX have it.
        None if has_user && tls => Some("PLAIN".to_owned()),
        None if has_user => {
            return Err(target.invalid(
                "a user needs `sasl.mechanism` without TLS: `SCRAM-SHA-512`, or `PLAIN`, which sends the password \
                 unencrypted; or write `kafkas:`",
            ));
        }
        None => None,
    };
    match mechanism.as_deref() {
        Some("OAUTHBEARER") if !has_tokens && !own.contains_key("sasl.oauthbearer.method") => {
            return Err(target
                .invalid("OAUTHBEARER needs tokens: name a `token_provider` that the program registered"));
        }
        Some("PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512")
            if !has_user || !own.contains_key("sasl.password") =>
        {
            return Err(target.invalid(
                "SASL needs a user and a password: write `user:password@host`, or `user@host` and `password_file`",
            ));
        }
        _ => {}
    }
    let protocol = match (tls, mechanism.is_some()) {
        (false, false) => "plaintext",
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    own.insert("security.protocol", protocol.to_owned());
    if let Some(mechanism) = mechanism {
        own.insert("sasl.mechanisms", mechanism);
    }
    Ok(())
}
