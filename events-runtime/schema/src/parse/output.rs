//! The bytes that a schema is packed into.

use super::error::SchemaFault;

/// Packed bytes, with offsets and digests that are set when they are known.
#[derive(Default)]
pub(super) struct Output(pub(super) Vec<u8>);

impl Output {
    pub(super) fn position(&self) -> Result<u32, SchemaFault> {
        u32::try_from(self.0.len()).map_err(|_| SchemaFault::new("the schema is larger than 4 GiB"))
    }

    pub(super) fn tag(&mut self, tag: u8) -> Result<u32, SchemaFault> {
        let at = self.position()?;
        self.0.push(tag);
        Ok(at)
    }

    pub(super) fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn count(&mut self, count: usize) -> Result<(), SchemaFault> {
        let count = u32::try_from(count).map_err(|_| SchemaFault::new("the schema is larger than 4 GiB"))?;
        self.number(count);
        Ok(())
    }

    pub(super) fn text(&mut self, text: &str) -> Result<(), SchemaFault> {
        self.count(text.len())?;
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }

    pub(super) fn texts(&mut self, texts: &[impl AsRef<str>]) -> Result<(), SchemaFault> {
        self.count(texts.len())?;
        let slots = self.slots(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let at = self.position()?;
            self.set(slots, index, at);
            self.text(text.as_ref())?;
        }
        Ok(())
    }

    /// Room for so many offsets, which are set later.
    pub(super) fn slots(&mut self, count: usize) -> usize {
        let at = self.0.len();
        self.0.resize(at + 4 * count, 0);
        at
    }

    /// Room for a digest.
    pub(super) fn digest_slot(&mut self) -> usize {
        let at = self.0.len();
        self.0.extend_from_slice(&[0; 8]);
        at
    }

    pub(super) fn set_digest(&mut self, at: usize, digest: u64) {
        if let Some(slot) = self.0.get_mut(at..at + 8) {
            slot.copy_from_slice(&digest.to_le_bytes());
        }
    }

    pub(super) fn set(&mut self, slots: usize, index: usize, offset: u32) {
        let at = slots + 4 * index;
        if let Some(slot) = self.0.get_mut(at..at + 4) {
            slot.copy_from_slice(&offset.to_le_bytes());
        }
    }
}
