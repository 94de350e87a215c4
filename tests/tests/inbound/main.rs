//! What a consumer promises its receivers, on `memory:`.

mod both_origins;
mod concurrency;
mod created;
mod dead_letters;
mod dead_letters_unavailable;
mod dispositions;
mod flaky;
mod middleware;
mod panics;
mod passing;
mod paused;
mod schemas;
mod shop;
mod silent;
mod status;
mod stopping;
mod topics;
mod unhandled;
