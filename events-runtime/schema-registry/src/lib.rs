//! A client for Confluent-compatible schema registries.
