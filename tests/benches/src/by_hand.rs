//! The code that an expert would write by hand for these payloads in safe Rust: no traits, no generic code,
//! one line per field. The codec is compared with it.

#![allow(
    clippy::inline_always,
    clippy::manual_ilog2,
    clippy::unnecessary_box_returns,
    reason = "measured: what is fastest here is what the codec has to match"
)]

use std::collections::HashMap;

use ascii::AsciiStr;

use crate::payloads::{Basket, Course, Enrolled, Line, Person, Telemetry, User};

/// Invalid bytes; one pointer wide, so that results stay small.
pub type Fault = Box<Malformed>;

/// The kind of error.
#[derive(Debug)]
pub struct Malformed(&'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// A payload with its own straight-line code.
pub trait ByHand: Sized {
    /// An upper bound of the datum's length.
    fn max_len(&self) -> usize;
    /// Writes the datum.
    fn write(&self, writer: &mut Writer<'_>);
    /// Reads a datum.
    ///
    /// # Errors
    /// If the bytes are not a datum.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault>;
}

/// Spare bytes that the writer needs after the datum: it stores long varints eight bytes at a time.
pub const SLACK: usize = 16;

/// Encodes into a buffer that keeps its full length between calls; returns the datum's length.
pub fn encode<T: ByHand>(value: &T, buffer: &mut Vec<u8>) -> usize {
    let need = value.max_len() + SLACK;
    if buffer.len() < need {
        buffer.resize(need, 0);
    }
    let mut writer = Writer { rest: buffer };
    let total = writer.rest.len();
    value.write(&mut writer);
    total - writer.rest.len()
}

/// Decodes a whole slice.
///
/// # Errors
/// If the bytes are not a datum.
pub fn decode<T: ByHand>(bytes: &[u8]) -> Result<T, Fault> {
    let mut reader = Reader { rest: bytes };
    let value = T::read(&mut reader)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(fault("trailing bytes")) }
}

#[cold]
fn fault(what: &'static str) -> Fault {
    Box::new(Malformed(what))
}

/// A cursor over the bytes to fill.
#[derive(Debug)]
pub struct Writer<'a> {
    rest: &'a mut [u8],
}

impl Writer<'_> {
    #[inline(always)]
    fn advance(&mut self, n: usize) {
        let rest = std::mem::take(&mut self.rest);
        if let Some((_, rest)) = rest.split_at_mut_checked(n) {
            self.rest = rest;
        }
    }

    #[inline(always)]
    fn fixed<const N: usize>(&mut self, bytes: [u8; N]) {
        let rest = std::mem::take(&mut self.rest);
        if let Some((head, rest)) = rest.split_first_chunk_mut::<N>() {
            *head = bytes;
            self.rest = rest;
        }
    }

    #[inline(always)]
    fn varint(&mut self, value: u64) {
        if value < 0x80 {
            self.fixed([value.to_le_bytes()[0]]);
        } else {
            self.long_varint(value);
        }
    }

    #[inline(always)]
    fn long_varint(&mut self, value: u64) {
        if value < 1 << 14 {
            let [a, b, ..] = ((value & 0x7f) | 0x80 | (value & 0x3f80) << 1).to_le_bytes();
            self.fixed([a, b]);
        } else if value < 1 << 21 {
            let x = (value & 0x7f) | 0x8080 | (value & 0x3f80) << 1 | (value & 0x1f_c000) << 2;
            let [a, b, c, ..] = x.to_le_bytes();
            self.fixed([a, b, c]);
        } else {
            self.longest_varint(value);
        }
    }

    #[inline]
    fn longest_varint(&mut self, value: u64) {
        let low = value & ((1 << 56) - 1);
        let x = (low & 0x0fff_ffff) | (low & 0x00ff_ffff_f000_0000) << 4;
        let x = (x & 0x0000_3fff_0000_3fff) | (x & 0x0fff_c000_0fff_c000) << 2;
        let x = (x & 0x007f_007f_007f_007f) | (x & 0x3f80_3f80_3f80_3f80) << 1;
        if value < 1 << 56 {
            let last = (63 - x.leading_zeros()) / 8;
            let more = 0x0080_8080_8080_8080 & ((1_u64 << (8 * last)) - 1);
            if let Some(head) = self.rest.first_chunk_mut::<8>() {
                *head = (x | more).to_le_bytes();
            }
            self.advance(last as usize + 1);
        } else {
            self.fixed((x | 0x8080_8080_8080_8080).to_le_bytes());
            self.varint(value >> 56);
        }
    }

    #[inline(always)]
    fn long(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    #[inline(always)]
    fn boolean(&mut self, value: bool) {
        self.fixed([u8::from(value)]);
    }

    #[inline(always)]
    fn string(&mut self, value: &str) {
        if let Ok(len @ ..64) = u8::try_from(value.len()) {
            let rest = std::mem::take(&mut self.rest);
            if let Some(([first, head @ ..], rest)) = rest.split_at_mut_checked(value.len() + 1) {
                *first = len << 1;
                copy(value.as_bytes(), head);
                self.rest = rest;
            }
            return;
        }
        self.varint((value.len() as u64) << 1);
        let rest = std::mem::take(&mut self.rest);
        if let Some((head, rest)) = rest.split_at_mut_checked(value.len()) {
            head.copy_from_slice(value.as_bytes());
            self.rest = rest;
        }
    }

    #[inline(always)]
    fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        match value {
            None => self.fixed([0]),
            Some(value) => {
                self.fixed([2]);
                write(self, value);
            }
        }
    }
}

/// Copies all of `from` into `to`, which is as long.
///
/// Up to 32 bytes by two copies of a fixed size that may overlap, which are a few instructions. A call of
/// `memcpy` takes longer, and most strings of events are that short.
#[inline(always)]
fn copy(from: &[u8], to: &mut [u8]) {
    let len = from.len();
    // Not a `match`, which becomes a jump table, a fifth slower than these branches.
    if len <= 32 {
        if len >= 16 {
            if copy_ends::<16>(from, to) {
                return;
            }
        } else if len >= 8 {
            if copy_ends::<8>(from, to) {
                return;
            }
        } else if len >= 4 && copy_ends::<4>(from, to) {
            return;
        }
    }
    to.copy_from_slice(from);
}

/// Copies the first `N` and the last `N` bytes; `false` if there are fewer.
#[inline(always)]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) -> bool {
    let (Some(first), Some(last), Some(head)) =
        (from.first_chunk::<N>(), from.last_chunk::<N>(), to.first_chunk_mut::<N>())
    else {
        return false;
    };
    *head = *first;
    if let Some(tail) = to.last_chunk_mut::<N>() {
        *tail = *last;
    }
    true
}

/// A cursor over the bytes to read.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline(always)]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let Some((head, rest)) = self.rest.split_first_chunk::<N>() else { return Err(fault("truncated")) };
        self.rest = rest;
        Ok(*head)
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Fault> {
        match self.rest {
            [byte @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    #[inline]
    fn long_varint(&mut self) -> Result<u64, Fault> {
        if let Some(head) = self.rest.first_chunk::<8>() {
            let x = u64::from_le_bytes(*head);
            let stops = !x & 0x8080_8080_8080_8080;
            if stops != 0 {
                let x = x & (stops ^ (stops - 1)) & 0x7f7f_7f7f_7f7f_7f7f;
                let x = (x & 0x007f_007f_007f_007f) | (x & 0x7f00_7f00_7f00_7f00) >> 1;
                let x = (x & 0x0000_3fff_0000_3fff) | (x & 0x3fff_0000_3fff_0000) >> 2;
                let x = (x & 0x0fff_ffff) | (x & 0x0fff_ffff_0000_0000) >> 4;
                let len = (stops.trailing_zeros() / 8 + 1) as usize;
                if let Some((_, rest)) = self.rest.split_at_checked(len) {
                    self.rest = rest;
                }
                return Ok(x);
            }
        }
        self.slow_varint()
    }

    #[cold]
    #[inline(never)]
    fn slow_varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.fixed()?;
            if shift == 63 && byte > 1 {
                return Err(fault("varint beyond 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(fault("varint longer than 10 bytes"))
    }

    #[inline(always)]
    fn long(&mut self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    #[inline(always)]
    fn int(&mut self) -> Result<i32, Fault> {
        i32::try_from(self.long()?).map_err(|_| fault("int beyond 32 bits"))
    }

    #[inline(always)]
    fn boolean(&mut self) -> Result<bool, Fault> {
        match self.fixed()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(fault("no boolean")),
        }
    }

    #[inline(always)]
    fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let len = usize::try_from(self.long()?).map_err(|_| fault("negative length"))?;
        let Some((head, rest)) = self.rest.split_at_checked(len) else { return Err(fault("truncated")) };
        self.rest = rest;
        Ok(head)
    }

    #[inline(always)]
    fn string(&mut self) -> Result<String, Fault> {
        let bytes = self.bytes()?;
        match AsciiStr::from_ascii(bytes) {
            Ok(text) => Ok(text.as_str().to_owned()),
            Err(_) => utf8(bytes),
        }
    }

    #[inline(always)]
    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
        match self.varint()? {
            0 => Ok(None),
            2 => Ok(Some(read(self)?)),
            _ => Err(fault("no such branch")),
        }
    }

    /// The item count of the next block; 0 at the end.
    #[inline(always)]
    fn block(&mut self) -> Result<usize, Fault> {
        let count = self.long()?;
        if count >= 0 {
            return usize::try_from(count).map_err(|_| fault("block count"));
        }
        self.long()?;
        usize::try_from(count.unsigned_abs()).map_err(|_| fault("block count"))
    }
}

#[cold]
fn utf8(bytes: &[u8]) -> Result<String, Fault> {
    simdutf8::basic::from_utf8(bytes).map(str::to_owned).map_err(|_| fault("no UTF-8"))
}

#[inline(always)]
fn string_len(value: &str) -> usize {
    value.len() + 5
}

impl ByHand for Person {
    #[inline(always)]
    fn max_len(&self) -> usize {
        string_len(&self.username) + string_len(&self.email) + string_len(&self.name)
    }
    #[inline(always)]
    fn write(&self, w: &mut Writer<'_>) {
        w.string(&self.username);
        w.string(&self.email);
        w.string(&self.name);
    }
    #[inline(always)]
    fn read(r: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self { username: r.string()?, email: r.string()?, name: r.string()? })
    }
}

impl ByHand for User {
    #[inline(always)]
    fn max_len(&self) -> usize {
        10 + 1 + self.pii.max_len()
    }
    #[inline(always)]
    fn write(&self, w: &mut Writer<'_>) {
        w.long(self.id);
        w.boolean(self.is_active);
        self.pii.write(w);
    }
    #[inline(always)]
    fn read(r: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self { id: r.long()?, is_active: r.boolean()?, pii: Person::read(r)? })
    }
}

impl ByHand for Course {
    #[inline(always)]
    fn max_len(&self) -> usize {
        2 + string_len(&self.course_key)
            + string_len(&self.display_name)
            + self.start.as_deref().map_or(0, string_len)
            + self.end.as_deref().map_or(0, string_len)
    }
    #[inline(always)]
    fn write(&self, w: &mut Writer<'_>) {
        w.string(&self.course_key);
        w.string(&self.display_name);
        w.option(self.start.as_ref(), |w, v| w.string(v));
        w.option(self.end.as_ref(), |w, v| w.string(v));
    }
    #[inline(always)]
    fn read(r: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            course_key: r.string()?,
            display_name: r.string()?,
            start: r.option(Reader::string)?,
            end: r.option(Reader::string)?,
        })
    }
}

impl ByHand for Enrolled {
    #[inline(always)]
    fn max_len(&self) -> usize {
        self.user.max_len()
            + self.course.max_len()
            + string_len(&self.mode)
            + 1
            + string_len(&self.creation_date)
            + 1
            + self.created_by.as_ref().map_or(0, User::max_len)
    }
    #[inline(always)]
    fn write(&self, w: &mut Writer<'_>) {
        self.user.write(w);
        self.course.write(w);
        w.string(&self.mode);
        w.boolean(self.is_active);
        w.string(&self.creation_date);
        w.option(self.created_by.as_ref(), |w, v| v.write(w));
    }
    #[inline(always)]
    fn read(r: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            user: User::read(r)?,
            course: Course::read(r)?,
            mode: r.string()?,
            is_active: r.boolean()?,
            creation_date: r.string()?,
            created_by: r.option(User::read)?,
        })
    }
}

impl ByHand for Telemetry {
    #[inline(always)]
    fn max_len(&self) -> usize {
        string_len(&self.vehicle_id)
            + string_len(&self.fleet)
            + 3 * 10
            + 3 * 8
            + 2 * 4
            + 4 * 5
            + 2
            + string_len(&self.driver)
            + string_len(&self.route)
            + string_len(&self.next_stop)
            + string_len(&self.depot)
            + string_len(&self.firmware)
            + string_len(&self.cargo)
            + string_len(&self.note)
            + string_len(&self.trace_parent)
    }
    #[inline(always)]
    fn write(&self, w: &mut Writer<'_>) {
        w.string(&self.vehicle_id);
        w.string(&self.fleet);
        w.long(self.sequence);
        w.long(self.recorded_at);
        w.fixed(self.latitude.to_le_bytes());
        w.fixed(self.longitude.to_le_bytes());
        w.fixed(self.altitude.to_le_bytes());
        w.fixed(self.speed.to_le_bytes());
        w.long(self.heading.into());
        w.long(self.odometer);
        w.fixed(self.fuel.to_le_bytes());
        w.boolean(self.engine_on);
        w.boolean(self.door_open);
        w.string(&self.driver);
        w.string(&self.route);
        w.string(&self.next_stop);
        w.string(&self.depot);
        w.string(&self.firmware);
        w.long(self.battery.into());
        w.long(self.signal.into());
        w.long(self.satellites.into());
        w.string(&self.cargo);
        w.string(&self.note);
        w.string(&self.trace_parent);
    }
    #[inline(always)]
    fn read(r: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            vehicle_id: r.string()?,
            fleet: r.string()?,
            sequence: r.long()?,
            recorded_at: r.long()?,
            latitude: f64::from_le_bytes(r.fixed()?),
            longitude: f64::from_le_bytes(r.fixed()?),
            altitude: f32::from_le_bytes(r.fixed()?),
            speed: f32::from_le_bytes(r.fixed()?),
            heading: r.int()?,
            odometer: r.long()?,
            fuel: f64::from_le_bytes(r.fixed()?),
            engine_on: r.boolean()?,
            door_open: r.boolean()?,
            driver: r.string()?,
            route: r.string()?,
            next_stop: r.string()?,
            depot: r.string()?,
            firmware: r.string()?,
            battery: r.int()?,
            signal: r.int()?,
            satellites: r.int()?,
            cargo: r.string()?,
            note: r.string()?,
            trace_parent: r.string()?,
        })
    }
}

impl ByHand for Line {
    #[inline(always)]
    fn max_len(&self) -> usize {
        string_len(&self.sku) + string_len(&self.title) + 5 + 10 + 1
    }
    #[inline(always)]
    fn write(&self, w: &mut Writer<'_>) {
        w.string(&self.sku);
        w.string(&self.title);
        w.long(self.quantity.into());
        w.long(self.price);
        w.boolean(self.gift);
    }
    #[inline(always)]
    fn read(r: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            sku: r.string()?,
            title: r.string()?,
            quantity: r.int()?,
            price: r.long()?,
            gift: r.boolean()?,
        })
    }
}

impl ByHand for Basket {
    #[inline(always)]
    fn max_len(&self) -> usize {
        string_len(&self.basket_id)
            + self.lines.iter().map(Line::max_len).sum::<usize>()
            + self.labels.iter().map(|(k, v)| string_len(k) + string_len(v)).sum::<usize>()
            + 22
    }
    #[inline(always)]
    fn write(&self, w: &mut Writer<'_>) {
        w.string(&self.basket_id);
        if !self.lines.is_empty() {
            w.varint((self.lines.len() as u64) << 1);
            for line in &self.lines {
                line.write(w);
            }
        }
        w.fixed([0]);
        if !self.labels.is_empty() {
            w.varint((self.labels.len() as u64) << 1);
            for (key, value) in &self.labels {
                w.string(key);
                w.string(value);
            }
        }
        w.fixed([0]);
    }
    #[inline(always)]
    fn read(r: &mut Reader<'_>) -> Result<Self, Fault> {
        let basket_id = r.string()?;
        let mut lines = Vec::new();
        loop {
            let count = r.block()?;
            if count == 0 {
                break;
            }
            // A line takes at least five bytes: no more lines are reserved than the input can contain.
            lines.reserve(count.min(r.rest.len() / 5));
            for _ in 0..count {
                lines.push(Line::read(r)?);
            }
        }
        let mut labels = HashMap::new();
        loop {
            let count = r.block()?;
            if count == 0 {
                break;
            }
            labels.reserve(count.min(r.rest.len() / 2));
            for _ in 0..count {
                labels.insert(r.string()?, r.string()?);
            }
        }
        Ok(Self { basket_id, lines, labels })
    }
}
