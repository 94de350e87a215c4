//! Records in the bytes of Kafka's protocol: no client writes header names that are not UTF-8.
//!
//! The formats are those of <https://kafka.apache.org/protocol> and
//! <https://kafka.apache.org/documentation/#recordbatch>.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant, SystemTime};

use super::KafkaServer;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The bytes of a batch before the part that its checksum covers.
const UNCHECKED: usize = 21;
const UNKNOWN_TOPIC: i16 = 3;
const NOT_LEADER: i16 = 6;

/// A record of any bytes.
#[derive(Debug, Clone, Default)]
pub struct RawRecord {
    /// The key, or null.
    pub key: Option<Vec<u8>>,
    /// The value, or null.
    pub value: Option<Vec<u8>>,
    /// The names and values of the headers.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// Stores records in partition 0 of a topic that exists, in order, each in a batch of its own.
///
/// # Panics
/// If the broker refuses one.
pub fn store_raw(server: &KafkaServer, topic: &str, records: impl IntoIterator<Item = RawRecord>) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("the broker listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    for record in records {
        let (request, started) = (sized(&produce(topic, &batch(&record))), Instant::now());
        loop {
            match answer(&mut stream, topic, &request) {
                0 => break,
                // The controller has created the topic, and the broker does not know yet.
                UNKNOWN_TOPIC | NOT_LEADER if started.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                code => panic!("the broker refused {record:?} with code {code}"),
            }
        }
    }
}

/// The error code in the answer of the broker.
fn answer(stream: &mut TcpStream, topic: &str, request: &[u8]) -> i16 {
    stream.write_all(request).expect("the broker reads");
    let mut size = [0; 4];
    stream.read_exact(&mut size).expect("the broker answers");
    let mut answer = vec![0; u32::from_be_bytes(size) as usize];
    stream.read_exact(&mut answer).expect("the broker answers");
    // Behind the number of the request, the topic and the partition.
    let at = 4 + 4 + 2 + topic.len() + 4 + 4;
    let code = answer.get(at..at + 2).and_then(|code| code.try_into().ok());
    i16::from_be_bytes(code.expect("an answer to `Produce`"))
}

/// A request `Produce` of version 3, with one batch for partition 0.
fn produce(topic: &str, batch: &[u8]) -> Vec<u8> {
    let (api, version, request, client) = (0_i16, 3_i16, 1_i32, -1_i16);
    let (transaction, acks, timeout) = (-1_i16, -1_i16, 30_000_i32);
    let (topics, partitions, partition) = (1_i32, 1_i32, 0_i32);
    [
        &api.to_be_bytes()[..],
        &version.to_be_bytes(),
        &request.to_be_bytes(),
        &client.to_be_bytes(),
        &transaction.to_be_bytes(),
        &acks.to_be_bytes(),
        &timeout.to_be_bytes(),
        &topics.to_be_bytes(),
        &i16::try_from(topic.len()).expect("a short name").to_be_bytes(),
        topic.as_bytes(),
        &partitions.to_be_bytes(),
        &partition.to_be_bytes(),
        &sized(batch),
    ]
    .concat()
}

/// A batch of one record, created now: older ones than the retention are removed.
fn batch(record: &RawRecord) -> Vec<u8> {
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_millis();
    let (attributes, last_offset, time) = (0_i16, 0_i32, i64::try_from(now).expect("a year"));
    let (producer, producer_epoch, sequence, count) = (-1_i64, -1_i16, -1_i32, 1_i32);
    let checked = [
        &attributes.to_be_bytes()[..],
        &last_offset.to_be_bytes(),
        &time.to_be_bytes(),
        &time.to_be_bytes(),
        &producer.to_be_bytes(),
        &producer_epoch.to_be_bytes(),
        &sequence.to_be_bytes(),
        &count.to_be_bytes(),
        &encoded(record),
    ]
    .concat();
    let (offset, leader_epoch, magic) = (0_i64, -1_i32, 2_i8);
    // The length counts what is behind it.
    let length = i32::try_from(UNCHECKED - 12 + checked.len()).expect("a short batch");
    [
        &offset.to_be_bytes()[..],
        &length.to_be_bytes(),
        &leader_epoch.to_be_bytes(),
        &magic.to_be_bytes(),
        &crc32c(&checked).to_be_bytes(),
        &checked,
    ]
    .concat()
}

fn encoded(record: &RawRecord) -> Vec<u8> {
    let (attributes, time, offset) = (0, 0, 0);
    let mut bytes = vec![attributes, time, offset];
    push(&mut bytes, record.key.as_deref());
    push(&mut bytes, record.value.as_deref());
    bytes.extend(varint(record.headers.len()));
    for (name, value) in &record.headers {
        push(&mut bytes, Some(name));
        push(&mut bytes, value.as_deref());
    }
    [varint(bytes.len()), bytes].concat()
}

/// Appends bytes behind their number, which is -1 for null.
fn push(bytes: &mut Vec<u8>, part: Option<&[u8]>) {
    match part {
        Some(part) => {
            bytes.extend(varint(part.len()));
            bytes.extend_from_slice(part);
        }
        None => bytes.push(1),
    }
}

/// A length in zigzag encoding, seven bits a byte, the lowest first.
fn varint(length: usize) -> Vec<u8> {
    let (mut rest, mut bytes) = (length << 1, Vec::new());
    loop {
        let low = u8::try_from(rest & 0x7f).expect("seven bits");
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Bytes behind their number.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&i32::try_from(bytes.len()).expect("a short request").to_be_bytes()[..], bytes].concat()
}

/// The checksum of RFC 3720.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |checksum, byte| {
        (0..8).fold(checksum ^ u32::from(*byte), |checksum, _| {
            (checksum >> 1) ^ (0x82f6_3b78 & (checksum & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the algorithm.
    #[test]
    fn the_checksum_is_that_of_rfc_3720() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
