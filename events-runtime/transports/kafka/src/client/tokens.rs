//! Tokens of SASL OAUTHBEARER, which the program provides.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

/// A token of SASL OAUTHBEARER.
#[derive(Clone)]
pub struct Token {
    /// The token as the broker gets it.
    pub token: String,
    /// The name of the principal that it is for.
    pub principal: String,
    /// When it ends. The client asks for the next one at four fifths of the time until then.
    pub expires: SystemTime,
}

/// Shows everything but the token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("principal", &self.principal)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Gives a token whenever a client needs the next one.
pub(crate) type TokenProvider =
    Arc<dyn Fn(Option<&str>) -> Result<Token, Box<dyn Error + Send + Sync>> + Send + Sync>;

static PROVIDERS: LazyLock<Mutex<BTreeMap<String, TokenProvider>>> = LazyLock::new(Mutex::default);

/// Registers a provider of tokens for SASL OAUTHBEARER, before the transport is opened. The URL names it:
/// `kafkas://host:9093?sasl.mechanism=OAUTHBEARER&token_provider=corp`. A provider of the same name is replaced
/// for transports that are opened later.
///
/// The provider gets the value of `sasl.oauthbearer.config` and may block for some seconds, for example for a
/// request to an authorization server; each client calls it on a thread of its own. If it fails, the client asks
/// again after ten seconds, and uses its last token meanwhile.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use events_transport_kafka::{Token, register_token_provider};
///
/// register_token_provider("corp", |_config| {
///     let token = std::fs::read_to_string("/var/run/secrets/token")?;
///     let expires = SystemTime::now() + Duration::from_secs(600);
///     Ok(Token { token, principal: "shop".to_owned(), expires })
/// });
/// ```
pub fn register_token_provider(
    name: impl Into<String>,
    provider: impl Fn(Option<&str>) -> Result<Token, Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
) {
    let mut providers = PROVIDERS.lock().unwrap_or_else(PoisonError::into_inner);
    providers.insert(name.into(), Arc::new(provider));
}

/// The provider of this name.
pub(crate) fn provider(name: &str) -> Option<TokenProvider> {
    PROVIDERS.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
}
