//! The settings of a client.

use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{RegistryError, RegistryErrorKind};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
const DEFAULT_RETRY_FOR: Duration = Duration::from_secs(10);

/// How to reach a registry. Secrets are shown by no text of this crate.
#[derive(Clone)]
#[must_use]
pub struct RegistryConfig {
    pub(crate) urls: Vec<Url>,
    pub(crate) credentials: Credentials,
    /// PEM files.
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) identity: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
    pub(crate) retry_for: Duration,
    pub(crate) user_agent: String,
}

#[derive(Clone)]
pub(crate) enum Credentials {
    None,
    Basic { user: String, password: String },
    Bearer(String),
}

impl fmt::Debug for RegistryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryConfig").field("urls", &self.shown()).finish_non_exhaustive()
    }
}

impl RegistryConfig {
    /// The settings for these addresses, separated by commas, such as
    /// `http://r1:8081,http://r2:8081`. A user and a password in the first address are the
    /// [credentials](Self::basic_auth) for all.
    ///
    /// # Errors
    /// A [`RegistryError`] of kind [`Invalid`](RegistryErrorKind::Invalid) if an address is no URL of a server.
    pub fn new(urls: &str) -> Result<Self, RegistryError> {
        let mut config = Self {
            urls: Vec::new(),
            credentials: Credentials::None,
            ca: None,
            identity: None,
            timeout: DEFAULT_TIMEOUT,
            retry_for: DEFAULT_RETRY_FOR,
            user_agent: concat!("events-runtime/", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        for text in urls.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let url = config.read_url(text)?;
            config.urls.push(url);
        }
        if config.urls.is_empty() {
            return Err(invalid("", "no address: write the URL of a registry, such as `http://host:8081`"));
        }
        Ok(config)
    }

    fn read_url(&mut self, text: &str) -> Result<Url, RegistryError> {
        const EXPECTED: &str = "write the URL of a registry, such as `https://host:8081`";
        // A text that is no such URL may contain a password anywhere.
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let mut url = url.ok_or_else(|| invalid("***", format!("the address is malformed: {EXPECTED}")))?;
        let login = (decoded(url.username()), url.password().map(decoded));
        // Both fail for a URL without a host, which is refused below.
        let _ = (url.set_username(""), url.set_password(None));
        if url.query().is_some() || url.fragment().is_some() {
            url.set_query(None);
            url.set_fragment(None);
            return Err(invalid(url, format!("the address has a query or a fragment: {EXPECTED}")));
        }
        match login {
            (Some(user), Some(Some(password))) if self.urls.is_empty() => {
                self.credentials = Credentials::Basic { user, password };
            }
            (Some(user), None) if user.is_empty() => {}
            _ => {
                let message = "write a user and a password into the first address alone, percent-encoded";
                return Err(invalid(url, message));
            }
        }
        Ok(url)
    }

    /// Sends this user and password with each request.
    pub fn basic_auth(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Credentials::Basic { user: user.into(), password: password.into() };
        self
    }

    /// Sends this token with each request.
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        self.credentials = Credentials::Bearer(token.into());
        self
    }

    /// Trusts these certificate authorities alone, a PEM text, instead of the system's.
    ///
    /// # Errors
    /// A [`RegistryError`] if the text has no certificate or a malformed one.
    pub fn ca(mut self, pem: &[u8]) -> Result<Self, RegistryError> {
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            certificate.map_err(|error| {
                invalid(self.shown(), "a CA certificate is malformed: use a PEM file").with_source(error)
            })?;
            count += 1;
        }
        if count == 0 {
            return Err(invalid(self.shown(), "the CA file contains no certificate: use a PEM file"));
        }
        self.ca = Some(pem.to_vec());
        Ok(self)
    }

    /// Identifies this client by a certificate (mutual TLS): the certificate with its chain, and its key, as PEM
    /// texts.
    ///
    /// # Errors
    /// A [`RegistryError`] if a text has no certificate or key.
    pub fn identity(mut self, certificate: &[u8], key: &[u8]) -> Result<Self, RegistryError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
        if chain.as_ref().map_or(true, Vec::is_empty) {
            let message = "the client certificate is missing or malformed: use a PEM file";
            return Err(invalid(self.shown(), message));
        }
        // The error of the parser is not kept: it may quote the key.
        if PrivateKeyDer::from_pem_slice(key).is_err() {
            let message = "the client key is missing or malformed: use a PEM file with an unencrypted key";
            return Err(invalid(self.shown(), message));
        }
        self.identity = Some([key, b"\n", certificate].concat());
        Ok(self)
    }

    /// The longest time to wait for the answer to one attempt; 5 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a call is retried while the registry is unavailable; 10 s by default. Zero: each address is tried
    /// once.
    pub fn retry_for(mut self, retry_for: Duration) -> Self {
        self.retry_for = retry_for;
        self
    }

    /// The `User-Agent` of the requests.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// The addresses without credentials.
    #[must_use]
    pub fn shown(&self) -> String {
        let urls: Vec<_> = self.urls.iter().map(Url::as_str).collect();
        urls.join(",")
    }
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

pub(crate) fn invalid(subject: impl fmt::Display, message: impl Into<String>) -> RegistryError {
    RegistryError::new(RegistryErrorKind::Invalid, "use the registry", subject, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_an_address_are_used_and_not_shown() {
        let config = RegistryConfig::new("https://me:hunter%402@r1:8081/, https://r2").unwrap();
        assert_eq!(config.shown(), "https://r1:8081/,https://r2/");
        assert!(
            matches!(&config.credentials, Credentials::Basic { user, password } if user == "me" && password == "hunter@2")
        );
        assert!(!format!("{config:?}").contains("hunter"));
    }

    #[test]
    fn a_wrong_address_is_refused_without_its_secrets() {
        for url in [
            "",
            ",",
            "r1:8081",
            "me:hunter2@r1",
            "redis://me:hunter2@r1",
            "https://r1,https://me:hunter2@r2",
            "https://r1?token=hunter2",
            "https://hunter2@r1",
            "https://me:hunter2@",
        ] {
            let error = RegistryConfig::new(url).expect_err(url);
            assert_eq!(error.kind(), RegistryErrorKind::Invalid);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}: {error:?}");
        }
    }
}
