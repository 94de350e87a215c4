//! Which versions meet in a rolling upgrade, and in which order.

use std::fmt;

use events_core::avro::Compatibility;

/// Which side is upgraded first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    ProducersFirst,
    ConsumersFirst,
    /// Programs of both versions send and consume at the same time.
    Together,
}

/// A rolling upgrade from one version to a newer one; indexes of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    older: usize,
    newer: usize,
    order: Order,
    /// Whether the newer version reads events of the older one.
    backward: bool,
}

/// A part of an upgrade in which the same programs run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) writers: Vec<usize>,
    pub(super) readers: Vec<usize>,
    /// Whether the readers process all events before the next phase. Otherwise they leave some to it.
    pub(super) drains: bool,
}

/// Every upgrade that a promise allows, between all pairs of versions.
pub(super) fn plans(compatibility: Compatibility, versions: usize) -> Vec<Plan> {
    let (backward, orders): (_, &[_]) = match compatibility {
        Compatibility::Full => (true, &[Order::ProducersFirst, Order::ConsumersFirst, Order::Together]),
        Compatibility::Backward => (true, &[Order::ConsumersFirst]),
        Compatibility::Forward | Compatibility::OpenEdx => (false, &[Order::ProducersFirst]),
        Compatibility::None => (false, &[]),
    };
    let pairs = (0..versions).flat_map(|newer| (0..newer).map(move |older| (older, newer)));
    let with_orders = pairs.flat_map(|pair| orders.iter().map(move |order| (pair, *order)));
    with_orders.map(|((older, newer), order)| Plan { older, newer, order, backward }).collect()
}

impl Plan {
    pub(super) fn phases(self) -> Vec<Phase> {
        let Self { older, newer, order, backward } = self;
        let phase = |writers: &[usize], readers: &[usize], drains| Phase {
            writers: writers.to_vec(),
            readers: readers.to_vec(),
            drains,
        };
        match order {
            // A newer reader gets events that the older readers left, where it reads those of the older writers.
            Order::ProducersFirst => vec![
                phase(&[older], &[older], false),
                phase(&[newer], &[older], !backward),
                phase(&[newer], &[newer], true),
            ],
            Order::ConsumersFirst => vec![
                phase(&[older], &[older], false),
                phase(&[older], &[newer], false),
                phase(&[newer], &[newer], true),
            ],
            Order::Together => vec![
                phase(&[older], &[older], false),
                phase(&[older, newer], &[older, newer], false),
                phase(&[newer], &[newer], true),
            ],
        }
    }

    /// `from version 0 to version 1, producers first`.
    pub(super) fn describe(self, minor: impl Fn(usize) -> u32) -> String {
        format!("from version {} to version {}, {}", minor(self.older), minor(self.newer), self.order)
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProducersFirst => "producers first",
            Self::ConsumersFirst => "consumers first",
            Self::Together => "both together",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reader_meets_a_writer_that_it_is_not_promised_to_read() {
        for (compatibility, backward, forward) in [
            (Compatibility::Full, true, true),
            (Compatibility::Backward, true, false),
            (Compatibility::Forward, false, true),
            (Compatibility::OpenEdx, false, true),
        ] {
            let plans = plans(compatibility, 3);
            assert!(!plans.is_empty());
            for plan in plans {
                // Versions whose events may be unread.
                let mut unread = Vec::new();
                for Phase { writers, readers, drains } in plan.phases() {
                    unread.extend(writers);
                    for (writer, reader) in unread.iter().flat_map(|w| readers.iter().map(move |r| (w, r))) {
                        let allowed = (reader < writer && forward) || (reader > writer && backward);
                        assert!(reader == writer || allowed, "{compatibility:?}: {plan:?}");
                    }
                    if drains {
                        unread.clear();
                    }
                }
                assert!(unread.is_empty(), "the last phase drains");
            }
        }
        assert_eq!(plans(Compatibility::None, 3), []);
        assert_eq!(plans(Compatibility::Full, 1), []);
    }
}
