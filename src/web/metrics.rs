//! What is counted for the operator, in Prometheus' text format: answers by endpoint and class, the time they took, mails, second
//! factors and messages.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::routes::ENDPOINTS;
use crate::endpoints::second_factor::Counts;
use crate::notify::Counted;

/// Upper bounds of the buckets, in microseconds.
const BOUNDS: [u64; 8] = [100, 500, 1_000, 5_000, 25_000, 100_000, 500_000, 2_500_000];

#[derive(Default)]
struct Row {
    /// Answers by the first digit of their status, 1 to 5.
    classes: [AtomicU64; 5],
    buckets: [AtomicU64; BOUNDS.len()],
    microseconds: AtomicU64,
}

/// One row an endpoint, and one for everything else.
pub struct Metrics(Vec<Row>);

impl Default for Metrics {
    fn default() -> Self {
        Self((0..=ENDPOINTS.len()).map(|_| Row::default()).collect())
    }
}

impl Metrics {
    /// Counts one answer of the endpoint at this place of the table.
    pub fn count(&self, endpoint: Option<usize>, status: u16, took: Duration) {
        let Some(row) = self.0.get(endpoint.unwrap_or(ENDPOINTS.len())) else { return };
        let class = usize::from(status / 100).saturating_sub(1);
        if let Some(counter) = row.classes.get(class) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        row.microseconds.fetch_add(micros, Ordering::Relaxed);
        if let Some(bucket) = BOUNDS.iter().position(|bound| micros <= *bound).and_then(|at| row.buckets.get(at)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Everything, as text.
    pub fn text(&self, mail: Counted, factors: &Counts) -> String {
        let mut text = String::from(
            "# HELP vouchsafe_responses_total Answers by endpoint and class of status.\n# TYPE vouchsafe_responses_total counter\n",
        );
        let names = ENDPOINTS.iter().map(|endpoint| endpoint.path).chain(["other"]);
        for (row, path) in self.0.iter().zip(names.clone()) {
            for (class, counter) in row.classes.iter().enumerate() {
                let count = counter.load(Ordering::Relaxed);
                if count > 0 {
                    let _ = writeln!(text, "vouchsafe_responses_total{{endpoint=\"{path}\",class=\"{}xx\"}} {count}", class + 1);
                }
            }
        }
        text.push_str("# HELP vouchsafe_response_seconds How long answers took.\n# TYPE vouchsafe_response_seconds histogram\n");
        for (row, path) in self.0.iter().zip(names) {
            row.histogram(path, &mut text);
        }
        for (name, kind, what, number) in [
            ("mails_sent_total", "counter", "Mails that went out.", mail.sent.to_string()),
            ("mails_failed_total", "counter", "Mails that were given up.", mail.failed.to_string()),
            ("mails_waiting", "gauge", "Mails in the outbox of all processes.", mail.waiting.to_string()),
        ] {
            let _ = writeln!(text, "# HELP vouchsafe_{name} {what}\n# TYPE vouchsafe_{name} {kind}\nvouchsafe_{name} {number}");
        }
        let help = "Second factors that were tried at a sign-in.";
        let _ = writeln!(text, "# HELP vouchsafe_second_factor_total {help}\n# TYPE vouchsafe_second_factor_total counter");
        for (kind, outcome, number) in factors.tried() {
            let _ = writeln!(text, "vouchsafe_second_factor_total{{kind=\"{kind}\",outcome=\"{outcome}\"}} {number}");
        }
        let help = "Messages with codes that were handed to a channel.";
        let _ = writeln!(text, "# HELP vouchsafe_messages_total {help}\n# TYPE vouchsafe_messages_total counter");
        for (channel, outcome, number) in factors.messages() {
            let _ = writeln!(text, "vouchsafe_messages_total{{channel=\"{channel}\",outcome=\"{outcome}\"}} {number}");
        }
        text
    }
}

impl Row {
    fn histogram(&self, path: &str, text: &mut String) {
        let total: u64 = self.classes.iter().map(|counter| counter.load(Ordering::Relaxed)).sum();
        if total == 0 {
            return;
        }
        let mut below = 0;
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            below += bucket.load(Ordering::Relaxed);
            let seconds = Duration::from_micros(*bound).as_secs_f64();
            let _ = writeln!(text, "vouchsafe_response_seconds_bucket{{endpoint=\"{path}\",le=\"{seconds}\"}} {below}");
        }
        let sum = Duration::from_micros(self.microseconds.load(Ordering::Relaxed)).as_secs_f64();
        let _ = writeln!(text, "vouchsafe_response_seconds_bucket{{endpoint=\"{path}\",le=\"+Inf\"}} {total}");
        let _ = writeln!(text, "vouchsafe_response_seconds_sum{{endpoint=\"{path}\"}} {sum}");
        let _ = writeln!(text, "vouchsafe_response_seconds_count{{endpoint=\"{path}\"}} {total}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::factor::Kinds;

    /// Every line is a comment or a name with a number (Prometheus' text format 0.0.4), and mail is among them.
    #[test]
    fn text_format() {
        let metrics = Metrics::default();
        metrics.count(Some(0), 200, Duration::from_micros(700));
        let text = metrics.text(Counted { sent: 3, failed: 1, waiting: 2 }, &Counts::new(&Kinds::new(Vec::new()), &[]));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, number) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("vouchsafe_") && number.parse::<f64>().is_ok(), "{line}");
        }
        for line in ["vouchsafe_mails_sent_total 3", "vouchsafe_mails_failed_total 1", "vouchsafe_mails_waiting 2"] {
            assert!(text.lines().any(|own| own == line), "{text}");
        }
    }
}
