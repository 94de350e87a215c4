//! Numbers and symbols of the writer that are others here.

use super::plan::{Convert, Symbol};
use super::rewrite::Rewriter;
use crate::avro::error::{DecodeError, DecodeErrorKind};

impl Rewriter<'_, '_> {
    pub(super) fn symbol(&mut self, symbols: &[Symbol]) -> Result<(), DecodeError> {
        self.flush()?;
        let index = self.reader.long()?;
        self.leave_out();
        match usize::try_from(index).ok().and_then(|index| symbols.get(index)) {
            Some(Symbol::Index(index)) => self.put_long(*index),
            Some(Symbol::Unknown(symbol)) => {
                let reason =
                    format!("the writer's symbol `{symbol}` is none of the enum here, which has no default");
                Err(self.reader.error(DecodeErrorKind::Unresolvable(reason)))
            }
            None => {
                let symbols = symbols.len();
                Err(self.reader.error(DecodeErrorKind::UnknownSymbol { index, symbols }))
            }
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "the specification has these promotions")]
    pub(super) fn convert(&mut self, convert: Convert) -> Result<(), DecodeError> {
        self.flush()?;
        match convert {
            Convert::LongToFloat => {
                let value = self.reader.long()? as f32;
                self.put(&value.to_le_bytes())?;
            }
            Convert::LongToDouble => {
                let value = self.reader.long()? as f64;
                self.put(&value.to_le_bytes())?;
            }
            Convert::FloatToDouble => {
                let value = f64::from(self.reader.float()?);
                self.put(&value.to_le_bytes())?;
            }
            Convert::Times(factor) => {
                let value = self.reader.long()?;
                let Some(product) = value.checked_mul(factor) else {
                    return Err(self
                        .reader
                        .error(DecodeErrorKind::OutOfRange { value, rust: "the unit here" }));
                };
                self.put_long(product)?;
            }
            Convert::Over(divisor) => {
                let value = self.reader.long()?;
                if value % divisor != 0 {
                    let reason = format!(
                        "{value} has digits below the unit here, which is {divisor} times the writer's"
                    );
                    return Err(self.reader.error(DecodeErrorKind::Unresolvable(reason)));
                }
                self.put_long(value / divisor)?;
            }
        }
        self.leave_out();
        Ok(())
    }
}
