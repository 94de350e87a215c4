//! The settings of the schema registry in the URL.

use std::collections::BTreeSet;

use events_schema_registry::{RegistryConfig, RegistryError};
use events_transport::{Target, TransportError};

use super::subjects::Subjects;
use crate::config::{duration, secret};

/// Names of the settings; `registry` itself is one of the transport's.
pub(crate) const SETTINGS: [&str; 17] = [
    "registry_register",
    "registry_subjects",
    "registry_required",
    "registry_bare",
    "registry_user",
    "registry_password",
    "registry_password_file",
    "registry_password_env",
    "registry_token",
    "registry_token_file",
    "registry_token_env",
    "registry_ca",
    "registry_certificate",
    "registry_key",
    "registry_timeout",
    "registry_retry_for",
    "registry_user_agent",
];

/// How the transport uses a schema registry.
#[derive(Debug)]
pub(crate) struct RegistrySettings {
    pub(crate) client: RegistryConfig,
    /// Whether schemas are registered, or only looked up.
    pub(crate) registers: bool,
    pub(crate) subjects: Subjects,
    /// Whether a registry that can't be reached at the start is an error.
    pub(crate) required: bool,
    /// The event types that are sent without a frame.
    pub(crate) bare: BTreeSet<String>,
}

impl RegistrySettings {
    /// `None` without a registry.
    pub(crate) fn read(target: &Target<'_>) -> Result<Option<Self>, TransportError> {
        let Some(urls) = target.get("registry") else {
            return match SETTINGS.into_iter().find(|name| target.get(name).is_some()) {
                Some(name) => {
                    let message =
                        format!("`{name}` is for a schema registry: set `registry=http://host:8081`");
                    Err(target.invalid(message))
                }
                None => Ok(None),
            };
        };
        if urls.contains('@') {
            let message = "`registry` contains a user or a password, which would be shown: write \
                           `registry_user` and `registry_password_file`";
            return Err(target.invalid(message));
        }
        let refused = |error: RegistryError| {
            target.invalid(format!("`registry`: {}", error.message())).with_source(error)
        };
        let mut client = RegistryConfig::new(urls).map_err(refused)?;
        client = client.timeout(duration(target, "registry_timeout", std::time::Duration::from_secs(5))?);
        client =
            client.retry_for(duration(target, "registry_retry_for", std::time::Duration::from_secs(10))?);
        if let Some(user_agent) = target.get("registry_user_agent") {
            client = client.user_agent(user_agent);
        }
        client = credentials(target, client)?;
        if let Some(ca) = file(target, "registry_ca")? {
            client = client.ca(&ca).map_err(refused)?;
        }
        client = match (file(target, "registry_certificate")?, file(target, "registry_key")?) {
            (None, None) => client,
            (Some(certificate), Some(key)) => client.identity(&certificate, &key).map_err(refused)?,
            _ => {
                let message = "`registry_certificate` and `registry_key` belong together: set both";
                return Err(target.invalid(message));
            }
        };
        let bare = target.get("registry_bare").unwrap_or_default();
        Ok(Some(Self {
            client,
            registers: flag(target, "registry_register", true)?,
            subjects: Subjects::read(target)?,
            required: flag(target, "registry_required", true)?,
            bare: bare.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        }))
    }
}

fn flag(target: &Target<'_>, name: &str, default: bool) -> Result<bool, TransportError> {
    match target.get(name) {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => Err(target.bad_setting(name, other, "`true` or `false`")),
    }
}

fn credentials(target: &Target<'_>, client: RegistryConfig) -> Result<RegistryConfig, TransportError> {
    let once = |written: Option<&str>, read: Option<String>, name: &str| match (written, read) {
        (Some(_), Some(_)) => Err(target.invalid(format!("`{name}` is set twice: write it or its file"))),
        (written, read) => Ok(read.or_else(|| written.map(str::to_owned))),
    };
    let password = secret(target, "registry_password_file", "registry_password_env")?;
    let password = once(target.get("registry_password"), password, "registry_password")?;
    let token = secret(target, "registry_token_file", "registry_token_env")?;
    let token = once(target.get("registry_token"), token, "registry_token")?;
    match (target.get("registry_user"), password, token) {
        (None, None, None) => Ok(client),
        (Some(user), Some(password), None) => Ok(client.basic_auth(user, password)),
        (None, None, Some(token)) => Ok(client.bearer(token)),
        (_, _, None) => {
            Err(target.invalid("`registry_user` and `registry_password` belong together: set both"))
        }
        (_, _, Some(_)) => {
            Err(target.invalid("`registry_token` and `registry_user` are both set: write one"))
        }
    }
}

fn file(target: &Target<'_>, name: &str) -> Result<Option<Vec<u8>>, TransportError> {
    let read = |path: &str| {
        std::fs::read(path).map_err(|error| {
            target.invalid(format!("can't read the file of `{name}`: check its path")).with_source(error)
        })
    };
    target.get(name).map(read).transpose()
}
