//! What a consumer promises its receivers, on `memory:`.

mod dispositions;
mod shop;
