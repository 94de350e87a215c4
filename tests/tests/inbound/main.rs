//! What a consumer promises its receivers, on `memory:`.

mod away;
mod concurrency;
mod dispositions;
mod flaky;
mod hooks;
mod letters;
mod panics;
mod passing;
mod shop;
mod silent;
mod status;
mod stopping;
