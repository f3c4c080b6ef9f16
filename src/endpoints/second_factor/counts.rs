//! What became of second factors and messages, counted for the operator: for every kind and channel of the house alike, and for nothing
//! else, so that no label comes from a request.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Sent, Verified};
use crate::identity::factor::{EMAIL, Kinds, RECOVERY};
use crate::identity::passkeys::{PASSKEY, SECURITY_KEY};
use crate::notify::Channel;

/// One label of a metric, and a counter for each outcome.
struct Row<const N: usize> {
    label: &'static str,
    counters: [AtomicU64; N],
}

const TRIED: [&str; 3] = ["right", "wrong", "throttled"];
const MESSAGES: [&str; 2] = ["sent", "failed"];

/// The counters, since the process began.
pub struct Counts {
    tried: Vec<Row<3>>,
    messages: Vec<Row<2>>,
}

impl Counts {
    pub fn new(kinds: &Kinds, channels: &[Box<dyn Channel>]) -> Self {
        let kinds = kinds.all().map(|kind| kind.about().kind).chain([PASSKEY, SECURITY_KEY, RECOVERY, EMAIL]);
        Self { tried: rows(kinds), messages: rows(channels.iter().map(|channel| channel.name())) }
    }

    /// Kind, outcome and how often: second factors that were tried at a sign-in.
    pub fn tried(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        read(&self.tried, TRIED)
    }

    /// Channel, outcome and how often.
    pub fn messages(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        read(&self.messages, MESSAGES)
    }

    pub(super) fn count_tried(&self, kind: &str, outcome: &Verified) {
        let outcome = match outcome {
            Verified::In(_) => "right",
            Verified::Wrong => "wrong",
            Verified::Throttled { .. } => "throttled",
            Verified::Elsewhere(_) => return,
        };
        count(&self.tried, TRIED, (kind, outcome));
    }

    pub(super) fn count_message(&self, channel: &str, outcome: Sent) {
        let outcome = match outcome {
            Sent::Done => "sent",
            Sent::Failed => "failed",
            Sent::TooMany { .. } | Sent::Nothing => return,
        };
        count(&self.messages, MESSAGES, (channel, outcome));
    }
}

fn rows<const N: usize>(labels: impl Iterator<Item = &'static str>) -> Vec<Row<N>> {
    let mut rows: Vec<Row<N>> = Vec::new();
    for label in labels {
        // A scrape with a line twice is refused as a whole.
        if rows.iter().all(|row| row.label != label) {
            rows.push(Row { label, counters: std::array::from_fn(|_| AtomicU64::new(0)) });
        }
    }
    rows
}

fn read<const N: usize>(rows: &[Row<N>], outcomes: [&'static str; N]) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    let of_row = move |row: &Row<N>| {
        let label = row.label;
        let numbers = outcomes.into_iter().zip(row.counters.each_ref().map(|counter| counter.load(Ordering::Relaxed)));
        numbers.map(move |(outcome, number)| (label, outcome, number)).collect::<Vec<_>>()
    };
    rows.iter().flat_map(of_row)
}

fn count<const N: usize>(rows: &[Row<N>], outcomes: [&str; N], (label, outcome): (&str, &str)) {
    let row = rows.iter().find(|row| row.label == label);
    let mut counters = row.into_iter().flat_map(|row| outcomes.into_iter().zip(&row.counters));
    if let Some((_, counter)) = counters.find(|(own, _)| *own == outcome) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
