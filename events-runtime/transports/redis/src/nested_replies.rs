//! A stream to a Redis server on which nested replies arrive as text: the array of an `EXEC` whose first reply is an
//! array arrives as one bulk string, which holds that array as the server wrote it. The Redis client allocates and
//! dispatches for each field of each entry, which takes 9 µs for an entry; the module `read` parses it in place.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig as AsyncConfig, Client, ConnectionAddr, RedisResult};
use bytes::{Buf as _, BytesMut};
use futures_util::future::select_ok;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::claim::Format;
use super::connection::Sharing;

const CHUNK: usize = 64 * 1024;

/// Connects to a server.
pub(super) async fn connect(
    client: &Client,
    config: &AsyncConfig,
    sharing: Sharing,
) -> RedisResult<MultiplexedConnection> {
    let info = client.get_connection_info();
    let (Sharing::Nested, ConnectionAddr::Tcp(host, port)) = (sharing, info.addr()) else {
        return client.get_multiplexed_async_connection_with_config(config).await;
    };
    // As the client does: an address that does not answer must not delay the others.
    let addresses = tokio::net::lookup_host((host.as_str(), *port)).await?;
    let connecting: Vec<_> = addresses.map(|address| Box::pin(TcpStream::connect(address))).collect();
    if connecting.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address").into());
    }
    let (stream, _) = select_ok(connecting).await?;
    stream.set_nodelay(true)?;
    let stream = NestedAsText::new(stream);
    let (connection, driver) =
        MultiplexedConnection::new_with_config(info.redis_settings(), stream, config.clone()).await?;
    tokio::spawn(driver);
    Ok(connection)
}

struct NestedAsText<S> {
    stream: S,
    chunk: Box<[u8]>,
    replies: Replies,
    is_at_end: bool,
}

impl<S> NestedAsText<S> {
    fn new(stream: S) -> Self {
        Self { stream, chunk: vec![0; CHUNK].into(), replies: Replies::default(), is_at_end: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for NestedAsText<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.replies.complete() || this.is_at_end {
                this.replies.read(buffer);
                return Poll::Ready(Ok(()));
            }
            let mut chunk = ReadBuf::new(&mut this.chunk);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut chunk))?;
            this.replies.received.extend_from_slice(chunk.filled());
            if chunk.filled().is_empty() {
                this.is_at_end = true;
                // What is left of a broken reply is for the client to report.
                this.replies.out.unsplit(this.replies.received.split());
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for NestedAsText<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Replies of RESP2, as they arrive.
#[derive(Default)]
struct Replies {
    received: BytesMut,
    /// Complete replies, for the client.
    out: BytesMut,
    /// The part of `received` that `open` counts.
    scanned: usize,
    /// How many values of the first reply are missing; `None` before it begins.
    open: Option<u64>,
    /// Whether the first reply is an array, and its first value too.
    nested: [bool; 2],
    /// The number of values scanned, up to two.
    values: usize,
}

impl Replies {
    /// Moves complete replies to `out`; whether there are any.
    fn complete(&mut self) -> bool {
        while self.out.len() < CHUNK && self.scan() {
            let reply = self.received.split_to(self.scanned);
            if self.nested == [true, true] {
                self.out.extend_from_slice(format!("${}\r\n", reply.len()).as_bytes());
                self.out.extend_from_slice(&reply);
                self.out.extend_from_slice(b"\r\n");
            } else {
                self.out.extend_from_slice(&reply);
            }
            (self.scanned, self.open, self.nested, self.values) = (0, None, [false; 2], 0);
        }
        !self.out.is_empty()
    }

    fn read(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.out.len().min(buffer.remaining());
        if let Some(bytes) = self.out.get(..count) {
            buffer.put_slice(bytes);
        }
        self.out.advance(count);
    }

    /// Scans the first reply; whether it is complete.
    fn scan(&mut self) -> bool {
        while self.open != Some(0) {
            let Some((kind, number, end)) = header(&self.received, self.scanned) else { return false };
            let counted = usize::try_from(number).unwrap_or(0);
            let end =
                if kind == b'$' && number >= 0 { end.saturating_add(counted).saturating_add(2) } else { end };
            if end > self.received.len() {
                return false;
            }
            let is_array = kind == b'*';
            if let Some(nested) = self.nested.get_mut(self.values) {
                *nested = is_array;
                self.values += 1;
            }
            let more = if is_array { counted as u64 } else { 0 };
            self.open = Some((self.open.unwrap_or(1) - 1).saturating_add(more));
            self.scanned = end;
        }
        true
    }
}

/// The kind, the number and the end of the line that starts at `at`, if it is complete. Lines without a number have
/// 0.
fn header(bytes: &[u8], at: usize) -> Option<(u8, i64, usize)> {
    let rest = bytes.get(at..)?;
    let len = rest.iter().position(|byte| *byte == b'\n')?;
    let (kind, number) = rest.get(..len)?.split_first()?;
    let number = std::str::from_utf8(number).ok().and_then(|number| number.trim_ascii_end().parse().ok());
    Some((*kind, number.unwrap_or(0), at + len + 1))
}

/// The format of replies. A null array has the length 0.
pub(super) struct Resp;

impl Format for Resp {
    fn array(rest: &mut &[u8]) -> Option<usize> {
        number(rest, b'*').map(|number| usize::try_from(number).unwrap_or(0))
    }

    fn string<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
        let len = usize::try_from(number(rest, b'$')?).ok()?;
        let (string, after) = rest.split_at_checked(len)?;
        *rest = after.strip_prefix(b"\r\n")?;
        Some(string)
    }

    fn uint(rest: &mut &[u8]) -> Option<u64> {
        u64::try_from(number(rest, b':')?).ok()
    }
}

/// The number of a line of this kind.
pub(super) fn number(rest: &mut &[u8], of: u8) -> Option<i64> {
    let (kind, number, end) = header(rest, 0)?;
    *rest = rest.get(end..)?;
    (kind == of).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(replies: &[&str], chunk: usize) -> String {
        let mut of = Replies::default();
        let mut out = Vec::new();
        for bytes in replies.concat().as_bytes().chunks(chunk) {
            of.received.extend_from_slice(bytes);
            while of.complete() {
                let mut buffer = [0; 7];
                let mut buffer = ReadBuf::new(&mut buffer);
                of.read(&mut buffer);
                out.extend_from_slice(buffer.filled());
            }
        }
        assert_eq!(of.received.len(), 0);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nested_replies_arrive_as_text_and_others_as_they_are_however_they_are_cut() {
        let flat = ["+OK\r\n", ":7\r\n", "-ERR no\r\n", "$3\r\na\nb\r\n", "$-1\r\n", "*0\r\n", "*-1\r\n"];
        let arrays = ["*2\r\n$1\r\na\r\n*1\r\n:1\r\n", "*2\r\n-NOGROUP no\r\n:1\r\n"];
        let nested = ["*2\r\n*1\r\n*2\r\n$1\r\nt\r\n*0\r\n:1\r\n", "*2\r\n*-1\r\n:0\r\n"];
        let all: Vec<&str> = [&flat[..], &arrays, &nested, &flat].concat();
        let text = |reply: &&str| {
            if nested.contains(reply) {
                format!("${}\r\n{reply}\r\n", reply.len())
            } else {
                (*reply).to_owned()
            }
        };
        let expected: String = all.iter().map(text).collect();
        for chunk in [1, 2, 3, 5, 8, 100] {
            assert_eq!(bytes_of(&all, chunk), expected, "in chunks of {chunk}");
        }
    }

    #[test]
    fn values_are_read_in_order_and_another_type_is_none() {
        let rest = &mut &b"*2\r\n$3\r\na\r\n\r\n:7\r\n*-1\r\n"[..];
        assert_eq!(Resp::array(rest), Some(2));
        assert_eq!(Resp::uint(&mut &**rest), None);
        assert_eq!(Resp::string(rest), Some(&b"a\r\n"[..]));
        assert_eq!(Resp::uint(rest), Some(7));
        assert_eq!((Resp::array(rest), Resp::array(rest)), (Some(0), None));
        assert_eq!(Resp::string(&mut &b"$9\r\nshort\r\n"[..]), None);
    }
}
