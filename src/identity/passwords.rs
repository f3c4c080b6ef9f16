//! Passwords: argon2id on threads of its own (decision 29; OWASP's 19 MiB, two passes, one lane).
//!
//! Every check costs one counted verification, whoever is asked about; that is how equal time is proved. The queue is bounded:
//! what does not fit is refused at once, and nothing else slows down. A password is normalised (NFKC, NIST SP 800-63B section
//! 3.1.1.2), never cut, logged or stored.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thread_priority::ThreadPriority;
use tokio::sync::oneshot;
use unicode_normalization::UnicodeNormalization as _;

use super::argon::{Memory, Stored};
use super::foreign::Foreign;
use crate::base::{Fault, Random, Secret};

/// The longest password that is ever compared, in characters after NFKC and in bytes as it came; what a new one may have is
/// the policy's to say. Longer ones are refused, because cutting would make different passwords equal.
pub const LONGEST_CHARS: usize = 1024;
const LONGEST_BYTES: usize = 4096;

/// How long a thread without work keeps its memory.
const KEEP_MEMORY: Duration = Duration::from_secs(10);

/// A password of a length that is hashed, normalised so that every keyboard writes the same one.
#[derive(Clone, Debug)]
pub struct Password {
    text: Secret<String>,
    /// As it was typed, where that is something else: other houses may have hashed it so.
    typed: Option<Secret<String>>,
}

impl Password {
    /// `None` if it is empty, longer than 1024 characters or longer than 4 KiB.
    pub fn new(text: &Secret<String>) -> Option<Self> {
        let text = text.expose();
        let fits = !text.is_empty() && text.len() <= LONGEST_BYTES && count_chars(text) <= LONGEST_CHARS;
        fits.then(|| {
            let normal: String = text.nfkc().collect();
            let typed = (normal != *text).then(|| Secret::new(text.to_owned()));
            Self { text: Secret::new(normal), typed }
        })
    }

    pub(super) fn text(&self) -> &str {
        self.text.expose()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.text.expose().as_bytes()
    }

    /// The forms under which another house may know it.
    fn forms(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.bytes()).chain(self.typed.as_ref().map(|typed| typed.expose().as_bytes()))
    }
}

/// The length of a password: characters after NFKC. Counting ends soon after what no password may have.
pub(super) fn count_chars(text: &str) -> usize {
    text.nfkc().take(LONGEST_CHARS + 1).count()
}

/// Why nothing was hashed.
#[derive(Debug)]
pub enum Unhashed {
    /// Too much is waiting; try again in a moment.
    Busy,
    Broken(Fault),
}

/// What a verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Match,
    /// It matches under parameters that are no longer today's.
    MatchToRehash,
    Mismatch,
}

/// How much hashing there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    pub threads: usize,
    /// Jobs that wait for a thread at most.
    pub waiting: usize,
}

impl Default for Capacity {
    /// A thread a core; 16 jobs and 4 a thread may wait.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads, waiting: 16 + 4 * threads }
    }
}

/// Hashes and verifies; cheap to clone. The threads end with the last clone.
#[derive(Clone)]
pub struct Hasher(Arc<Handle>);

struct Handle {
    queue: Arc<Queue>,
    random: Random,
}

struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    capacity: usize,
    verifications: AtomicU64,
    hashes: AtomicU64,
}

struct Waiting {
    jobs: VecDeque<Job>,
    open: bool,
}

enum Job {
    Hash { password: Password, salt: [u8; 16], answer: oneshot::Sender<Result<String, Fault>> },
    Verify { phc: Option<String>, password: Password, answer: oneshot::Sender<Result<Verdict, Fault>> },
}

impl Hasher {
    /// Starts the threads. They take no memory to speak of before the first password.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(random: &Random, capacity: Capacity) -> Result<Self, Fault> {
        let queue = Arc::new(Queue {
            waiting: Mutex::new(Waiting { jobs: VecDeque::new(), open: true }),
            wake: Condvar::new(),
            capacity: capacity.waiting,
            verifications: AtomicU64::new(0),
            hashes: AtomicU64::new(0),
        });
        let hasher = Self(Arc::new(Handle { queue: Arc::clone(&queue), random: random.clone() }));
        for number in 0..capacity.threads.max(1) {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || queue.work())
                .map_err(Fault::at("passwords: thread"))?;
        }
        Ok(hasher)
    }

    /// A new PHC string for a password.
    ///
    /// # Errors
    /// Too much is waiting, or chance or a thread failed.
    pub async fn hash(&self, password: Password) -> Result<String, Unhashed> {
        let salt = self.0.random.bytes::<16>().map_err(Unhashed::Broken)?;
        let (answer, answered) = oneshot::channel();
        self.0.queue.push(Job::Hash { password, salt, answer })?;
        answered.await.map_err(gone)?.map_err(Unhashed::Broken)
    }

    /// Compares a password with a stored PHC string; with `None`, nobody's, it takes as long and never matches.
    ///
    /// # Errors
    /// Too much is waiting, a thread failed, or the string is none of ours.
    pub async fn verify(&self, phc: Option<String>, password: Password) -> Result<Verdict, Unhashed> {
        let (answer, answered) = oneshot::channel();
        self.0.queue.push(Job::Verify { phc, password, answer })?;
        answered.await.map_err(gone)?.map_err(Unhashed::Broken)
    }

    /// Whether the next job would be refused.
    pub fn is_full(&self) -> bool {
        self.0.queue.lock().jobs.len() >= self.0.queue.capacity
    }

    /// Verifications so far: tests compare what different paths cost.
    pub fn verifications(&self) -> u64 {
        self.0.queue.verifications.load(Ordering::SeqCst)
    }

    /// New hashes so far, for the same reason.
    pub fn hashes(&self) -> u64 {
        self.0.queue.hashes.load(Ordering::SeqCst)
    }
}

fn gone(_: oneshot::error::RecvError) -> Unhashed {
    Unhashed::Broken(Fault::new("passwords: thread", "a hashing thread is gone"))
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.lock().open = false;
        self.queue.wake.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) -> Result<(), Unhashed> {
        let mut waiting = self.lock();
        if waiting.jobs.len() >= self.capacity {
            return Err(Unhashed::Busy);
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.wake.notify_one();
        Ok(())
    }

    /// The life of a thread.
    fn work(&self) {
        // Hashing takes what everything else leaves over.
        if let Err(error) = ThreadPriority::Min.set_for_current() {
            tracing::warn!(?error, "password hashing runs at full priority");
        }
        let mut memory = Memory::default();
        while let Some(job) = self.next(&mut memory) {
            self.run(job, &mut memory);
        }
    }

    /// The next job; nothing when the last handle is gone. Gives the memory back while there is nothing to do.
    fn next(&self, memory: &mut Memory) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if !waiting.open {
                return None;
            }
            if memory.is_empty() {
                waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (woken, pause) = self.wake.wait_timeout(waiting, KEEP_MEMORY).unwrap_or_else(PoisonError::into_inner);
            waiting = woken;
            if pause.timed_out() && waiting.jobs.is_empty() {
                *memory = Memory::default();
            }
        }
    }

    /// Does a job, unless nobody waits for it any more.
    fn run(&self, job: Job, memory: &mut Memory) {
        match job {
            Job::Hash { password, salt, answer } if !answer.is_closed() => {
                self.hashes.fetch_add(1, Ordering::SeqCst);
                drop(answer.send(Stored::make(password.bytes(), &salt, memory)));
            }
            Job::Verify { phc, password, answer } if !answer.is_closed() => {
                self.verifications.fetch_add(1, Ordering::SeqCst);
                drop(answer.send(verify(phc.as_deref(), &password, memory)));
            }
            Job::Hash { .. } | Job::Verify { .. } => {}
        }
    }
}

/// Whether a string is a hash that people can sign in with: the house's own or, within its bounds, another house's.
pub fn is_verifiable(hash: &str) -> bool {
    AnyStored::parse(hash).is_some()
}

/// A password that matches in no form costs nobody's hash as well, unless the stored one is like today's: a cheap one of
/// another house must not tell by its speed that there is such a person. (A dear one answers later, by no more than its
/// bounds allow, until its person has signed in once.)
fn verify(hash: Option<&str>, password: &Password, memory: &mut Memory) -> Result<Verdict, Fault> {
    let mut is_current = false;
    if let Some(hash) = hash {
        let stored = AnyStored::parse(hash).ok_or_else(|| Fault::corrupt("password_hashes", "phc"))?;
        is_current = stored.is_current();
        for (at, form) in password.forms().enumerate() {
            if stored.matches(form, memory)? {
                return Ok(if is_current && at == 0 { Verdict::Match } else { Verdict::MatchToRehash });
            }
        }
    }
    if !is_current {
        for form in password.forms() {
            Stored::nobody()?.matches(form, memory)?;
        }
    }
    Ok(Verdict::Mismatch)
}

/// A hash of the house's own kind or of another house's.
enum AnyStored {
    Argon(Stored),
    Foreign(Foreign),
}

impl AnyStored {
    fn parse(text: &str) -> Option<Self> {
        Stored::parse(text).map(Self::Argon).or_else(|| Foreign::parse(text).map(Self::Foreign))
    }

    fn is_current(&self) -> bool {
        matches!(self, Self::Argon(stored) if stored.is_current())
    }

    fn matches(&self, password: &[u8], memory: &mut Memory) -> Result<bool, Fault> {
        match self {
            Self::Argon(stored) => stored.matches(password, memory),
            Self::Foreign(foreign) => foreign.matches(password),
        }
    }
}

#[cfg(test)]
#[path = "passwords_tests.rs"]
mod tests;
