//! Events for this crate's own tests.

/// Defines an event with one number as its payload, by hand: what the derive writes is tested
/// elsewhere.
macro_rules! sample_event {
    ($event:ident, $signal:ident, $event_type:literal) => {
        $crate::testing::sample::sample_event!($event, $signal, $event_type, Native);
    };
    ($event:ident, $signal:ident, $event_type:literal, $profile:ident) => {
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) struct $event(pub(crate) i64);

        pub(crate) static $signal: $crate::Signal<$event> = $crate::Signal::new();

        impl $crate::AvroSchema for $event {
            const SCHEMA: &'static $crate::avro::Schema = <i64 as $crate::AvroSchema>::SCHEMA;
        }

        impl $crate::EventData for $event {
            const MIN_LEN: usize = 1;
            const FALLIBLE: bool = true;

            fn max_len(&self) -> usize {
                self.0.max_len()
            }

            fn check(&self, _depth: usize) -> Result<(), $crate::avro::EncodeError> {
                if self.0 == i64::MIN {
                    return Err($crate::avro::EncodeError::invalid("too small"));
                }
                Ok(())
            }

            fn encode(&self, writer: &mut $crate::avro::Writer<'_>) {
                self.0.encode(writer);
            }

            fn decode(reader: &mut $crate::avro::Reader<'_>) -> Result<Self, $crate::avro::DecodeError> {
                i64::decode(reader).map(Self)
            }
        }

        impl $crate::PublicSignal for $event {
            const EVENT_TYPE: &'static str = $event_type;
            const MINOR_VERSION: u32 = 2;
            const SCHEMA_JSON: &'static str = "\"long\"";
            const FINGERPRINT: u64 = 0;
            const DESCRIPTOR: &'static $crate::private::SignalDescriptor =
                &$crate::private::SignalDescriptor {
                    event_type: $event_type,
                    minor_version: 2,
                    rust_type: concat!(module_path!(), "::", stringify!($event)),
                    file: file!(),
                    line: line!(),
                    profile: $crate::private::Profile::$profile,
                    schema: <i64 as $crate::AvroSchema>::SCHEMA,
                    schema_json: || "\"long\"",
                    canonical: || "\"long\"",
                    fingerprint: || 0,
                    key: &[],
                    emit_datum: $crate::private::emit_datum::<$event>,
                };

            fn append_key(&self, out: &mut Vec<u8>) -> bool {
                $crate::EventKey::append_key(&self.0, out);
                true
            }
        }
    };
}
pub(crate) use sample_event;

sample_event!(OrderPlaced, ORDER_PLACED, "org.acme.orders.order.placed.v1");
sample_event!(OrderPaid, ORDER_PAID, "org.acme.orders.order.paid.v1");
sample_event!(CourseEnrolled, COURSE_ENROLLED, "org.openedx.learning.course.enrolled.v1", OpenEdx);
