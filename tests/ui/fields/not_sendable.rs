use events_runtime::PublicSignal;

use events_runtime::EventData;
use events_runtime::avro::{DecodeError, Reader, Schema, Writer};
use std::rc::Rc;

struct Local(Rc<str>);

impl EventData for Local {
    const SCHEMA: &'static Schema = &Schema::String;
    const MIN_LEN: usize = 1;

    fn max_len(&self) -> usize {
        10 + self.0.len()
    }

    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        writer.string(&self.0)
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.string().map(|text| Local(text.into()))
    }
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.changed.v1")]
struct OrderChanged {
    note: Local,
}

fn main() {}
