use events_runtime::avro::schema::Logical;
use events_runtime::avro::{DecodeError, Reader, Schema, Writer};
use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "openedx")]
struct Enrolled {
    course: Course,
}

#[derive(EventData)]
struct Course {
    price: Price,
}

#[derive(Clone, Copy)]
struct Price;

impl EventData for Price {
    const SCHEMA: &'static Schema = &Schema::Logical(&Logical {
        base: Schema::Bytes,
        name: "big-decimal",
        attributes: "\"logicalType\":\"big-decimal\"",
    });
    const MIN_LEN: usize = 1;

    fn max_len(&self) -> usize {
        1
    }

    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        writer
    }

    fn decode(_: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

fn main() {}
