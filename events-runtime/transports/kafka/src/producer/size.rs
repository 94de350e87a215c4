//! The size of a record, as brokers count it.

use events_transport::Message;

/// The header of a record batch of version 2.
const BATCH_HEADER: usize = 61;

/// The size of an uncompressed batch with this record alone.
///
/// Source: the [record format](https://kafka.apache.org/documentation/#recordbatch) of Kafka.
pub(super) fn of_batch(message: &Message) -> usize {
    let key = message.key.as_ref().map_or(1, |key| varint(key.len()) + key.len());
    let headers: usize = message
        .headers
        .iter()
        .map(|(name, value)| varint(name.len()) + name.len() + varint(value.len()) + value.len())
        .sum();
    // Attributes, the difference of the time and that of the offset take a byte each.
    let record =
        3 + key + varint(message.data.len()) + message.data.len() + varint(message.headers.len()) + headers;
    BATCH_HEADER + varint(record) + record
}

/// The length of a number as a zigzag varint.
fn varint(number: usize) -> usize {
    let mut rest = number << 1 >> 7;
    let mut length = 1;
    while rest > 0 {
        rest >>= 7;
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_varint_grows_with_seven_bits() {
        for (number, length) in [(0, 1), (63, 1), (64, 2), (8_191, 2), (8_192, 3), (1 << 20, 4)] {
            assert_eq!(varint(number), length, "{number}");
        }
    }

    #[test]
    fn a_batch_is_as_large_as_brokers_count_it() {
        // Counted by a broker: `kafka.tools.DumpLogSegments` shows 73 for a null key and five bytes of data.
        assert_eq!(of_batch(&Message::new("hello")), 73);
        assert_eq!(of_batch(&Message::new("hello").with_key("k")), 74);
        assert_eq!(of_batch(&Message::new("hello").with_header("n", "v")), 77);
    }
}
