//! The operations of a registry.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answer::{Id, Level, SchemaAnswer, Use, Verdict, VersionAnswer};
use crate::cache::{Caches, SchemaKey, TextKey};
use crate::config::invalid;
use crate::flight::{self, Flight, Flights};
use crate::http::{Http, Request};
use crate::references;
use crate::thread::RequestThread;
use crate::{
    CompatibilityLevel, CompatibilityVerdict, Reference, RegisteredSchema, RegistryConfig, RegistryError,
    RegistryErrorKind, SubjectVersion,
};

/// The query that makes a registry add the reasons to its verdict.
const VERBOSE: &[(&str, &str)] = &[("verbose", "true")];
const PERMANENT: &[(&str, &str)] = &[("permanent", "true")];

/// A client of one schema registry. Clones share caches and connections.
///
/// ```no_run
/// # async fn example() -> Result<(), events_schema_registry::RegistryError> {
/// use events_schema_registry::{RegistryConfig, SchemaRegistry};
///
/// let registry = SchemaRegistry::new(RegistryConfig::new("http://localhost:8081")?)?;
/// let id = registry.register("orders-key", r#""string""#).await?;
/// assert_eq!(&*registry.schema(id).await?.text, r#""string""#);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SchemaRegistry {
    shared: Arc<Shared>,
    thread: Arc<RequestThread>,
}

struct Shared {
    http: Http,
    caches: Mutex<Caches>,
    schemas: Flights<SchemaKey, Arc<RegisteredSchema>>,
    /// Registrations (`true`) and look-ups.
    ids: Flights<(bool, TextKey), u32>,
}

impl fmt::Debug for SchemaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SchemaRegistry").field(&self.shared.http.shown()).finish()
    }
}

impl SchemaRegistry {
    /// Creates a client. The registry is contacted at the first call.
    ///
    /// # Errors
    /// A [`RegistryError`] if the TLS settings are invalid, or the system starts no further thread.
    pub fn new(config: RegistryConfig) -> Result<Self, RegistryError> {
        let shown = config.shown();
        let shared = Shared {
            http: Http::new(config)?,
            caches: Mutex::default(),
            schemas: Flights::default(),
            ids: Flights::default(),
        };
        let thread = RequestThread::start()
            .map_err(|error| invalid(shown, "the system starts no further thread").with_source(error))?;
        Ok(Self { shared: Arc::new(shared), thread: Arc::new(thread) })
    }

    /// The addresses without credentials.
    #[must_use]
    pub fn url(&self) -> String {
        self.shared.http.shown()
    }

    /// Registers an Avro schema under a subject, unless it is registered already. Returns its id.
    ///
    /// # Errors
    /// A [`RegistryError`]: [`Incompatible`](RegistryErrorKind::Incompatible) or
    /// [`InvalidSchema`](RegistryErrorKind::InvalidSchema) if the registry refuses the schema.
    pub async fn register(&self, subject: &str, text: &str) -> Result<u32, RegistryError> {
        self.id_of(subject, text, true).await
    }

    /// The id of a schema that is registered under a subject.
    ///
    /// # Errors
    /// A [`RegistryError`], of kind [`NotFound`](RegistryErrorKind::NotFound) if it is not registered there.
    pub async fn lookup(&self, subject: &str, text: &str) -> Result<u32, RegistryError> {
        self.id_of(subject, text, false).await
    }

    /// The id of a text under a subject, if this client knows it already.
    #[must_use]
    pub fn cached_id(&self, subject: &str, text: &str) -> Option<u32> {
        let key = TextKey { subject: subject.into(), text: text.into() };
        lock(&self.shared.caches).ids.get(&key)
    }

    async fn id_of(&self, subject: &str, text: &str, registers: bool) -> Result<u32, RegistryError> {
        let key = TextKey { subject: subject.into(), text: text.into() };
        if let Some(id) = lock(&self.shared.caches).ids.get(&key) {
            return Ok(id);
        }
        let operation = if registers { "register a schema under" } else { "look up a schema under" };
        let mut request = Request::get(operation, subject, &["subjects", subject])
            .method(Method::POST)
            .body(json!({ "schema": text }));
        if text.trim().is_empty() {
            // Apicurio accepts it, and no program can read it.
            return Err(request.error(RegistryErrorKind::InvalidSchema, "the text is empty: write a schema"));
        }
        if registers {
            request.path.push("versions".to_owned());
        }
        let about = subject.to_owned();
        let landing = match self.shared.ids.join((registers, key.clone())) {
            Flight::Later(receiver) => {
                return flight::answer(receiver).await.unwrap_or_else(|| Err(closed(operation, about)));
            }
            Flight::First(landing) => landing,
        };
        self.run(operation, about, move |shared| async move {
            let answer: Result<Id, _> = shared.http.call(&request).await;
            let answer = answer.map(|Id { id }| id);
            if let Ok(id) = answer {
                let bytes = key.subject.len() + key.text.len();
                lock(&shared.caches).ids.insert(key, id, bytes);
            }
            landing.land(answer.clone());
            answer
        })
        .await
    }

    /// The schema of an id.
    ///
    /// # Errors
    /// A [`RegistryError`], of kind [`NotFound`](RegistryErrorKind::NotFound) if there is none.
    pub async fn schema(&self, id: u32) -> Result<Arc<RegisteredSchema>, RegistryError> {
        let text = id.to_string();
        let request = Request::get("read the schema", format!("id {id}"), &["schemas", "ids", &text]);
        self.schema_of(SchemaKey::Id(id), request).await
    }

    /// The schema of a globally unique id.
    ///
    /// # Errors
    /// A [`RegistryError`], of kind [`NotFound`](RegistryErrorKind::NotFound) if there is none, of kind
    /// [`NoApi`](RegistryErrorKind::NoApi) if the registry has no such ids.
    pub async fn schema_by_guid(&self, guid: [u8; 16]) -> Result<Arc<RegisteredSchema>, RegistryError> {
        let text = guid_text(guid);
        let request = Request::get("read the schema", format!("guid {text}"), &["schemas", "guids", &text]);
        self.schema_of(SchemaKey::Guid(guid), request).await
    }

    /// Reads the schema of an id in the background, so that [`cached_schema`](Self::cached_schema) finds it later.
    pub fn prefetch(&self, id: u32) {
        if self.cached_schema(SchemaKey::Id(id)).is_none() {
            let registry = Self { shared: Arc::clone(&self.shared), thread: Arc::clone(&self.thread) };
            // Not awaited: the thread runs it to its end. An error is that of a later call as well.
            drop(self.thread.run(async move { drop(registry.schema(id).await) }));
        }
    }

    /// The schema of an id, if this client knows it already.
    #[must_use]
    pub fn cached_schema(&self, key: SchemaKey) -> Option<Arc<RegisteredSchema>> {
        lock(&self.shared.caches).schemas.get(&key)
    }

    async fn schema_of(
        &self,
        key: SchemaKey,
        request: Request,
    ) -> Result<Arc<RegisteredSchema>, RegistryError> {
        if let Some(schema) = self.cached_schema(key) {
            return Ok(schema);
        }
        let (operation, about) = (request.operation, request.about.clone());
        let landing = match self.shared.schemas.join(key) {
            Flight::Later(receiver) => {
                return flight::answer(receiver).await.unwrap_or_else(|| Err(closed(operation, about)));
            }
            Flight::First(landing) => landing,
        };
        self.run(operation, about, move |shared| async move {
            let answer: Result<SchemaAnswer, _> = shared.http.call(&request).await;
            let answer = answer.and_then(|answer| {
                answer.into_schema().map(Arc::new).map_err(|format| not_avro(&request, &format))
            });
            if let Ok(schema) = &answer {
                lock(&shared.caches).schemas.insert(key, Arc::clone(schema), schema.text.len());
            }
            landing.land(answer.clone());
            answer
        })
        .await
    }

    /// A schema as one text, in which the names of its references are defined.
    ///
    /// # Errors
    /// A [`RegistryError`] if a reference can't be read, or if there are too many.
    pub async fn full_text(&self, schema: &RegisteredSchema) -> Result<Arc<str>, RegistryError> {
        if schema.references.is_empty() {
            return Ok(Arc::clone(&schema.text));
        }
        let definitions = self.definitions(&schema.references).await?;
        references::inline(&schema.text, definitions).map(Into::into).map_err(|message| {
            RegistryError::new(RegistryErrorKind::Malformed, "resolve the references of", "a schema", message)
        })
    }

    /// The texts that references, and the references of these, define, by name.
    async fn definitions(&self, wanted: &[Reference]) -> Result<references::Definitions, RegistryError> {
        let mut definitions = references::Definitions::new();
        let mut open: Vec<Reference> = wanted.to_vec();
        while let Some(reference) = open.pop() {
            if definitions.contains_key(&reference.name) {
                continue;
            }
            if definitions.len() >= references::MAX_REFERENCES {
                let message = format!("the schema has more than {} references", references::MAX_REFERENCES);
                let kind = RegistryErrorKind::TooLarge;
                return Err(RegistryError::new(kind, "resolve the references of", "a schema", message));
            }
            let version = self.version(&reference.subject, reference.version).await?;
            definitions.insert(reference.name, version.schema.text.to_string());
            open.extend(version.schema.references);
        }
        Ok(definitions)
    }

    /// The subjects with versions that are not deleted.
    ///
    /// # Errors
    /// A [`RegistryError`].
    pub async fn subjects(&self) -> Result<Vec<String>, RegistryError> {
        self.call(Request::get("list the subjects of", self.url(), &["subjects"])).await
    }

    /// The numbers of a subject's versions, sorted.
    ///
    /// # Errors
    /// A [`RegistryError`], of kind [`NotFound`](RegistryErrorKind::NotFound) if there is no such subject.
    pub async fn versions(&self, subject: &str) -> Result<Vec<u32>, RegistryError> {
        let path = ["subjects", subject, "versions"];
        let mut versions: Vec<u32> = self.call(Request::get("list the versions of", subject, &path)).await?;
        versions.sort_unstable();
        Ok(versions)
    }

    /// A version of a subject.
    ///
    /// # Errors
    /// A [`RegistryError`], of kind [`NotFound`](RegistryErrorKind::NotFound) if there is no such version.
    pub async fn version(&self, subject: &str, version: u32) -> Result<SubjectVersion, RegistryError> {
        self.version_of(subject, &version.to_string()).await
    }

    /// The latest version of a subject.
    ///
    /// # Errors
    /// A [`RegistryError`], of kind [`NotFound`](RegistryErrorKind::NotFound) if there is no such subject.
    pub async fn latest(&self, subject: &str) -> Result<SubjectVersion, RegistryError> {
        self.version_of(subject, "latest").await
    }

    async fn version_of(&self, subject: &str, version: &str) -> Result<SubjectVersion, RegistryError> {
        let path = ["subjects", subject, "versions", version];
        let request = Request::get("read a version of", subject, &path);
        let answer: VersionAnswer = self.call(request.clone()).await?;
        answer.into_version().map_err(|format| not_avro(&request, &format))
    }

    /// The versions of subjects that have the schema of an id.
    ///
    /// # Errors
    /// A [`RegistryError`], of kind [`NotFound`](RegistryErrorKind::NotFound) if there is no such id.
    pub async fn uses(&self, id: u32) -> Result<Vec<(String, u32)>, RegistryError> {
        let text = id.to_string();
        let path = ["schemas", "ids", &text, "versions"];
        let uses: Vec<Use> =
            self.call(Request::get("read the subjects of", format!("id {id}"), &path)).await?;
        Ok(uses.into_iter().map(|Use { subject, version }| (subject, version)).collect())
    }

    /// Whether a subject would accept a schema; any schema if there is no such subject.
    ///
    /// # Errors
    /// A [`RegistryError`], of kind [`InvalidSchema`](RegistryErrorKind::InvalidSchema) if the text is no schema.
    pub async fn check(&self, subject: &str, text: &str) -> Result<CompatibilityVerdict, RegistryError> {
        let path = ["compatibility", "subjects", subject, "versions"];
        let request = Request::get("check a schema against", subject, &path);
        // Against all versions that the level demands; products without that path have the one with `latest`.
        let ask = |mut request: Request| {
            request.method = Method::POST;
            self.call::<Verdict>(request.query(VERBOSE).body(json!({ "schema": text })))
        };
        let verdict = match ask(request).await {
            Err(error) if matches!(error.kind(), RegistryErrorKind::NoApi) => {
                let path = ["compatibility", "subjects", subject, "versions", "latest"];
                ask(Request::get("check a schema against", subject, &path)).await
            }
            verdict => verdict,
        };
        match verdict {
            Ok(Verdict { is_compatible, messages }) => {
                Ok(CompatibilityVerdict { is_compatible, messages: messages.unwrap_or_default() })
            }
            Err(error) if error.kind() == RegistryErrorKind::NotFound => {
                Ok(CompatibilityVerdict { is_compatible: true, messages: Vec::new() })
            }
            Err(error) => Err(error),
        }
    }

    /// The compatibility level of a subject, or of all subjects without one of their own; `None` if the subject
    /// has none of its own.
    ///
    /// # Errors
    /// A [`RegistryError`].
    pub async fn level(&self, subject: Option<&str>) -> Result<Option<CompatibilityLevel>, RegistryError> {
        let request = config_request("read the compatibility level of", subject, &self.url());
        match self.call::<Level>(request.clone()).await {
            Ok(Level { level }) => match level.parse() {
                Ok(level) => Ok(Some(level)),
                Err(message) => Err(request.error(RegistryErrorKind::Malformed, message)),
            },
            Err(error) if error.kind() == RegistryErrorKind::NotFound && subject.is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets the compatibility level of a subject, or of all subjects without one of their own.
    ///
    /// # Errors
    /// A [`RegistryError`].
    pub async fn set_level(
        &self,
        subject: Option<&str>,
        level: CompatibilityLevel,
    ) -> Result<(), RegistryError> {
        let request = config_request("set the compatibility level of", subject, &self.url())
            .method(Method::PUT)
            .body(json!({ "compatibility": level.as_str() }));
        self.call::<Level>(request).await.map(drop)
    }

    /// Deletes a subject: softly, so that its ids stay readable, or for good if it is deleted softly already.
    ///
    /// # Errors
    /// A [`RegistryError`], of kind [`NotFound`](RegistryErrorKind::NotFound) if there is no such subject.
    pub async fn delete(&self, subject: &str, for_good: bool) -> Result<Vec<u32>, RegistryError> {
        let request = Request::get("delete the subject", subject, &["subjects", subject])
            .method(Method::DELETE)
            .query(if for_good { PERMANENT } else { &[] });
        let deleted = self.call(request).await;
        lock(&self.shared.caches).ids.retain(|key| *key.subject != *subject);
        deleted
    }

    /// Checks that the registry answers and accepts the credentials.
    ///
    /// # Errors
    /// A [`RegistryError`].
    pub async fn ping(&self) -> Result<(), RegistryError> {
        self.call::<Value>(config_request("reach", None, &self.url())).await.map(drop)
    }

    async fn call<T: DeserializeOwned + Send + 'static>(&self, request: Request) -> Result<T, RegistryError> {
        let (operation, about) = (request.operation, request.about.clone());
        self.run(operation, about, move |shared| async move { shared.http.call(&request).await }).await
    }

    async fn run<T: Send + 'static, F: Future<Output = Result<T, RegistryError>> + Send + 'static>(
        &self,
        operation: &'static str,
        about: String,
        work: impl FnOnce(Arc<Shared>) -> F,
    ) -> Result<T, RegistryError> {
        let done = self.thread.run(work(Arc::clone(&self.shared)));
        done.await.unwrap_or_else(|| Err(closed(operation, about)))
    }
}

fn config_request(operation: &'static str, subject: Option<&str>, url: &str) -> Request {
    match subject {
        Some(subject) => Request::get(operation, subject, &["config", subject]),
        None => Request::get(operation, url, &["config"]),
    }
}

fn not_avro(request: &Request, format: &str) -> RegistryError {
    let message = format!("the schema has the format {format:.40}, not Avro");
    request.error(RegistryErrorKind::Refused, message)
}

fn closed(operation: &'static str, about: String) -> RegistryError {
    let message = "the thread of the registry's client has ended";
    RegistryError::new(RegistryErrorKind::Closed, operation, about, message)
}

/// The usual form of 16 bytes: `8-4-4-4-12` hexadecimal digits.
fn guid_text(guid: [u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(guid));
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// A poisoned lock is safe to use: no critical section leaves the caches inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
