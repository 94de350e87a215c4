//! The source of the events that a hub emits.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::metadata::{MetadataError, Source};
use crate::registry::signal_descriptor::Profile;

/// The source of a hub's events for each wire profile, shared by all events.
#[derive(Clone)]
pub(super) struct Identity {
    native: Arc<Source>,
    openedx: Arc<Source>,
}

impl Identity {
    /// The identity of a named service.
    pub(super) fn of_service(name: &str) -> Result<Self, MetadataError> {
        Ok(Self {
            native: Arc::new(Source::of_this_process(name)?),
            openedx: Arc::new(Source::of_this_process(&format!("openedx/{name}/web"))?),
        })
    }

    /// The identity of an unnamed service: the file name of its program.
    pub(super) fn of_this_program() -> Self {
        static IDENTITY: OnceLock<Identity> = OnceLock::new();
        IDENTITY.get_or_init(Self::unnamed).clone()
    }

    fn unnamed() -> Self {
        let program = std::env::args_os().next();
        let name = program
            .as_deref()
            .and_then(|program| Path::new(program).file_stem()?.to_str())
            .unwrap_or_default();
        let named = Self::of_service(name).or_else(|_| Self::of_service("unknown"));
        match named {
            Ok(identity) => Self { openedx: Self::openedx_without_name(&identity), ..identity },
            Err(_) => unreachable!("`unknown` is a valid source"),
        }
    }

    fn openedx_without_name(fallback: &Self) -> Arc<Source> {
        Source::of_this_process("openedx/SERVICE_NAME_UNSET/web")
            .map_or_else(|_| Arc::clone(&fallback.openedx), Arc::new)
    }

    /// The source of an event.
    pub(super) fn source(&self, profile: Profile) -> &Arc<Source> {
        match profile {
            Profile::OpenEdx => &self.openedx,
            _ => &self.native,
        }
    }
}
