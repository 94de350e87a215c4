//! What the commit metadata of a partition holds: the progress of a group beyond the committed offset.
//!
//! The committed offset is that of the earliest unsettled message. The messages after it are settled out of order,
//! and some are delivered again later. The metadata of the commit says which, so that this survives the member:
//!
//! ```text
//! events1 CURSOR BASE RUN,RUN,…
//! ```
//!
//! - `CURSOR` is the number of messages from the committed offset to the first one that no member has looked at.
//!   Before it, every message is settled that no run contains.
//! - `BASE` is the earliest retry time of all runs, in milliseconds since 1970; 0 if there is none.
//! - A run is `SKIP[+MORE][!ATTEMPTS][@DELAY]`: after `SKIP` settled messages, one unsettled message and `MORE`
//!   further ones, with this number of attempts, which are due `DELAY` milliseconds after `BASE`.
//!
//! Numbers have the base 36. A partition without exceptions has no metadata, so a commit of this transport looks
//! like that of any other program. Kafka refuses metadata above 4096 bytes (`offset.metadata.max.bytes`): what
//! does not fit in [`MAX_LEN`] is dropped from the far end, and those messages are delivered again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The most bytes of commit metadata.
pub(crate) const MAX_LEN: usize = 4_000;
/// The first word: the version of the format.
const VERSION: &str = "events1";
/// Room for the version, the cursor and the base.
const HEAD_LEN: usize = 40;
const RADIX: u32 = 36;
/// The most exceptions that are written and read: a run of any length is a few bytes.
const MAX_EXCEPTIONS: usize = 100_000;

/// A message that is to be delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Exception {
    /// The number of attempts so far.
    pub(crate) attempts: u32,
    /// When it is due, in milliseconds since 1970; 0 for at once.
    pub(crate) due: u64,
}

/// The progress of a group in a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    /// The offset of the first message that no member has looked at. Before it, every message is settled that is
    /// not in `exceptions`.
    pub(crate) cursor: u64,
    /// The unsettled messages before the cursor.
    pub(crate) exceptions: BTreeMap<u64, Exception>,
}

/// The text of commit metadata is not a [`Progress`]: it is of a later version or of another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotProgress;

impl Progress {
    /// The progress of a group that has settled everything before an offset, and nothing after it.
    pub(crate) const fn at(offset: u64) -> Self {
        Self { cursor: offset, exceptions: BTreeMap::new() }
    }

    /// The offset to commit: that of the earliest unsettled message.
    pub(crate) fn offset(&self) -> u64 {
        self.exceptions.first_key_value().map_or(self.cursor, |(offset, _)| (*offset).min(self.cursor))
    }

    /// The commit metadata. Later exceptions that don't fit are left out, and the cursor is before them.
    pub(crate) fn encode(&self) -> String {
        self.record().0
    }

    /// The commit metadata, and the cursor in it: a message from there on that is settled is not recorded.
    pub(crate) fn record(&self) -> (String, u64) {
        if self.exceptions.is_empty() {
            return (String::new(), self.cursor);
        }
        let offset = self.offset();
        let due = self.exceptions.values().map(|exception| exception.due).filter(|due| *due > 0);
        let base = due.min().unwrap_or_default();
        let (mut runs, mut cursor, mut at) = (String::new(), self.cursor, offset);
        for run in runs_of(&self.exceptions) {
            let before = runs.len();
            push_run(&mut runs, &run, run.first - at, base);
            if HEAD_LEN + runs.len() > MAX_LEN {
                runs.truncate(before);
                cursor = run.first;
                break;
            }
            at = run.first + run.count;
        }
        if let Some((beyond, _)) = self.exceptions.iter().nth(MAX_EXCEPTIONS) {
            cursor = cursor.min(*beyond);
        }
        let mut text = format!("{VERSION} ");
        push_number(&mut text, cursor - offset);
        text.push(' ');
        push_number(&mut text, base);
        text.push(' ');
        text.push_str(&runs);
        (text, cursor)
    }

    /// Reads the metadata of a commit. Empty metadata is progress without exceptions.
    pub(crate) fn decode(offset: u64, text: &str) -> Result<Self, NotProgress> {
        if text.is_empty() {
            return Ok(Self::at(offset));
        }
        let mut words = text.split(' ');
        let [Some(VERSION), Some(cursor), Some(base), Some(runs), None] =
            [words.next(), words.next(), words.next(), words.next(), words.next()]
        else {
            return Err(NotProgress);
        };
        let cursor = offset.checked_add(number(cursor)?).ok_or(NotProgress)?;
        let base = number(base)?;
        let (mut exceptions, mut at) = (BTreeMap::new(), offset);
        for run in runs.split(',') {
            let (first, count, exception) = read_run(run, at, base)?;
            at = first.checked_add(count).filter(|end| *end <= cursor).ok_or(NotProgress)?;
            // A short text must not fill the memory.
            if exceptions.len() as u64 + count > MAX_EXCEPTIONS as u64 {
                return Err(NotProgress);
            }
            exceptions.extend((first..at).map(|offset| (offset, exception)));
        }
        Ok(Self { cursor, exceptions })
    }
}

/// Consecutive messages with the same attempts and retry time.
struct Run {
    first: u64,
    count: u64,
    exception: Exception,
}

/// The runs of the first [`MAX_EXCEPTIONS`].
fn runs_of(exceptions: &BTreeMap<u64, Exception>) -> impl Iterator<Item = Run> + '_ {
    let mut rest = exceptions.iter().take(MAX_EXCEPTIONS).peekable();
    std::iter::from_fn(move || {
        let (&first, &exception) = rest.next()?;
        let mut count = 1;
        while rest.next_if(|(offset, other)| **offset == first + count && **other == exception).is_some() {
            count += 1;
        }
        Some(Run { first, count, exception })
    })
}

fn push_run(text: &mut String, run: &Run, skip: u64, base: u64) {
    if !text.is_empty() {
        text.push(',');
    }
    push_number(text, skip);
    let Exception { attempts, due } = run.exception;
    for (mark, value) in [('+', run.count - 1), ('!', u64::from(attempts))] {
        if value > 0 {
            text.push(mark);
            push_number(text, value);
        }
    }
    if due > 0 {
        text.push('@');
        push_number(text, due - base);
    }
}

fn read_run(run: &str, at: u64, base: u64) -> Result<(u64, u64, Exception), NotProgress> {
    let (run, due) = match run.split_once('@') {
        Some((run, delay)) => (run, base.checked_add(number(delay)?).ok_or(NotProgress)?),
        None => (run, 0),
    };
    let (run, attempts) = match run.split_once('!') {
        Some((run, attempts)) => (run, number(attempts)?),
        None => (run, 0),
    };
    let (skip, more) = match run.split_once('+') {
        Some((skip, more)) => (skip, number(more)?),
        None => (run, 0),
    };
    let first = at.checked_add(number(skip)?).ok_or(NotProgress)?;
    let count = more.checked_add(1).ok_or(NotProgress)?;
    let attempts = u32::try_from(attempts).map_err(|_| NotProgress)?;
    Ok((first, count, Exception { attempts, due }))
}

fn number(text: &str) -> Result<u64, NotProgress> {
    // `from_str_radix` accepts a sign.
    if text.starts_with('+') {
        return Err(NotProgress);
    }
    u64::from_str_radix(text, RADIX).map_err(|_| NotProgress)
}

fn push_number(text: &mut String, mut number: u64) {
    if number < 10 {
        // Writing to a String does not fail.
        let _ = write!(text, "{number}");
        return;
    }
    let mut digits = Vec::new();
    while number > 0 {
        let digit = u32::try_from(number % u64::from(RADIX)).unwrap_or_default();
        digits.push(char::from_digit(digit, RADIX).unwrap_or('0'));
        number /= u64::from(RADIX);
    }
    text.extend(digits.into_iter().rev());
}

#[cfg(test)]
impl Progress {
    /// The number of messages before `end` that are not settled.
    pub(crate) fn unsettled(&self, end: u64) -> u64 {
        let exceptions = self.exceptions.range(..end.min(self.cursor)).count() as u64;
        end.saturating_sub(self.cursor) + exceptions
    }

    /// Whether a message is settled.
    pub(crate) fn is_settled(&self, offset: u64) -> bool {
        offset < self.cursor && !self.exceptions.contains_key(&offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn progress(cursor: u64, exceptions: &[(u64, u32, u64)]) -> Progress {
        let exceptions =
            exceptions.iter().map(|&(offset, attempts, due)| (offset, Exception { attempts, due })).collect();
        Progress { cursor, exceptions }
    }

    #[test]
    fn progress_without_exceptions_has_no_metadata() {
        let all = Progress::at(42);
        assert_eq!((all.offset(), all.encode()), (42, String::new()));
        assert_eq!(Progress::decode(42, ""), Ok(all));
    }

    #[test]
    fn exceptions_are_written_as_runs() {
        let some = progress(
            50,
            &[(10, 0, 0), (11, 0, 0), (12, 0, 0), (20, 2, 0), (21, 1, 1_000_100), (46, 0, 1_000_000)],
        );
        assert_eq!(some.offset(), 10);
        assert_eq!(some.encode(), "events1 14 lfls 0+2,7!2,0!1@2s,o@0");
        assert_eq!(Progress::decode(10, &some.encode()), Ok(some));
    }

    #[test]
    fn metadata_of_another_program_or_version_is_not_progress() {
        for text in [
            "x",
            "events1",
            "events1 removed",
            "events1 5 0",
            "events1 5 0 ",
            "events1 5 0 0 more",
            "events2 5 0 0",
            "events1 5 0 -1",
            "events1 5 0 +1",
            "events1 5 0 0!",
            "events1 5 0 0@",
            "events1 5 0 0,9",
            "events1 5 0 0+9",
            "events1 zzzzzzzzzzzzz 0 0",
            "events1 zzzzzzzzzzzz 0 0+zzzzzzzzzzz",
            "events1 5 0 0!zzzzzzzzzzzzzzzzzz",
            "{\"offset\": 1}",
        ] {
            assert_eq!(Progress::decode(10, text), Err(NotProgress), "{text:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_delivered_again_from_the_far_end() {
        let exceptions: Vec<_> =
            (0..2_000).map(|i| (i * 3, u32::try_from(i % 7).unwrap(), 1_764_459_000_000 + i * 977)).collect();
        let all = progress(1_000_000, &exceptions);
        let text = all.encode();
        assert!(text.len() <= MAX_LEN && text.len() > MAX_LEN - 60, "{}", text.len());
        let kept = Progress::decode(all.offset(), &text).unwrap();
        assert!(kept.exceptions.len() > 300, "{}", kept.exceptions.len());
        assert!(kept.cursor < all.cursor);
        assert!(kept.exceptions.iter().all(|(offset, exception)| all.exceptions[offset] == *exception));
        assert!(all.exceptions.range(..kept.cursor).count() == kept.exceptions.len());
    }

    #[test]
    fn many_messages_in_flight_are_one_run() {
        let exceptions: Vec<_> = (7..50_007).map(|offset| (offset, 0, 0)).collect();
        let all = progress(60_000, &exceptions);
        assert!(all.encode().len() < 40);
        assert_eq!(Progress::decode(7, &all.encode()), Ok(all));
    }

    #[test]
    fn more_messages_than_are_written_are_delivered_again() {
        let count = MAX_EXCEPTIONS as u64 + 10;
        let exceptions: Vec<_> = (0..count).map(|offset| (offset, 0, 0)).collect();
        let all = progress(count + 5, &exceptions);
        let back = Progress::decode(0, &all.encode()).unwrap();
        assert_eq!(back.cursor, MAX_EXCEPTIONS as u64);
        assert_eq!(back.unsettled(count), count);
    }

    #[test]
    fn the_unsettled_messages_before_the_end_of_the_partition_are_counted() {
        let some = progress(20, &[(10, 0, 0), (12, 1, 0)]);
        assert_eq!(some.unsettled(25), 7);
        assert_eq!(some.unsettled(20), 2);
        assert_eq!(some.unsettled(11), 1);
        assert!(some.is_settled(11) && some.is_settled(9));
        assert!(!some.is_settled(12) && !some.is_settled(20));
    }

    fn any_progress() -> impl Strategy<Value = Progress> {
        let exception = (0..3u32, prop_oneof![Just(0), 1..2_000_000_000_000u64])
            .prop_map(|(attempts, due)| Exception { attempts, due });
        let exceptions = prop::collection::vec((prop_oneof![Just(1u64), 1..500u64], exception), 0..600);
        (0..1u64 << 60, exceptions, 0..1_000_000u64).prop_map(|(first, gaps, rest)| {
            let (mut at, mut exceptions) = (first, BTreeMap::new());
            for (gap, exception) in gaps {
                at += gap;
                exceptions.insert(at, exception);
            }
            Progress { cursor: at + 1 + rest, exceptions }
        })
    }

    proptest! {
        #[test]
        fn progress_comes_back_from_its_metadata_up_to_the_limit(progress in any_progress()) {
            let (text, end) = progress.record();
            prop_assert!(text.len() <= MAX_LEN);
            let back = Progress::decode(progress.offset(), &text).unwrap();
            prop_assert_eq!(back.cursor, end);
            prop_assert_eq!(back.offset(), progress.offset());
            prop_assert!(back.cursor <= progress.cursor);
            let mut expected = progress.exceptions.clone();
            expected.retain(|offset, _| *offset < back.cursor);
            prop_assert_eq!(&back.exceptions, &expected);
            if back.cursor < progress.cursor {
                prop_assert!(text.len() > MAX_LEN - 64, "it had room for more");
            }
        }

        #[test]
        fn no_text_is_read_as_more_than_it_says(offset in any::<u64>(), text in "events1 [0-9a-z]{0,6} [0-9a-z]{0,8} [0-9a-z,+!@]{0,40}") {
            if let Ok(progress) = Progress::decode(offset, &text) {
                prop_assert!(progress.cursor >= offset);
                prop_assert!(progress.exceptions.keys().all(|at| (offset..progress.cursor).contains(at)));
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(offset in any::<u64>(), text in ".*") {
            let _ = Progress::decode(offset, &text);
        }
    }
}
