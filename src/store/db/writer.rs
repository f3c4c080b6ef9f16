//! The one writer of an SQLite database: a thread that owns the writing connection and runs transactions as jobs.
//!
//! Jobs that are waiting share one COMMIT, a savepoint each, so that one job's failure is its own. No job is answered
//! before the COMMIT: what was answered is on the disk.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::sqlite::{execute, rows};
use super::{Row, Statement, Tx};
use crate::base::Fault;

/// The most jobs that share one COMMIT.
const GROUP: usize = 64;

type Answer = Result<Box<dyn Any + Send>, Fault>;

/// A job's future borrows the transaction and lives on the writer's thread alone.
type JobFuture<'t> = Pin<Box<dyn Future<Output = Answer> + 't>>;
type Work = Box<dyn for<'t> FnOnce(&'t mut Tx) -> JobFuture<'t> + Send>;

struct Job {
    work: Work,
    answer: oneshot::Sender<Answer>,
}

/// Hands jobs to the thread, which ends when the last handle is gone.
pub(super) struct Writer(Sender<Job>);

/// The writing connection, shared between the loop and the transaction of a job on the same thread.
pub(in crate::store) struct Writing(RefCell<Connection>);

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, Fault> {
        let (sender, jobs) = channel();
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_loop(Writing(RefCell::new(connection)), &jobs))
            .map_err(Fault::at("store: writer thread"))?;
        Ok(Self(sender))
    }

    /// Runs a job inside the next group's transaction and answers after its COMMIT. Once sent it runs to its end, whether
    /// or not anybody still waits for it.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&mut Tx) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work: Work =
            Box::new(move |tx| Box::pin(async move { work(tx).await.map(|value| Box::new(value) as Box<dyn Any + Send>) }));
        let gone = || Fault::new("store: write", "the writer thread is gone");
        self.0.send(Job { work, answer }).map_err(|_| gone())?;
        let value = answered.await.map_err(|_| gone())??;
        value.downcast::<T>().map(|value| *value).map_err(|_| Fault::new("store: write", "a job answered with another type"))
    }
}

impl Writing {
    pub(super) fn fetch_all(&self, statement: &Statement) -> Result<Vec<Row>, Fault> {
        rows(&self.0.borrow(), statement)
    }

    pub(super) fn execute(&self, statement: &Statement) -> Result<u64, Fault> {
        execute(&self.0.borrow(), statement)
    }

    fn batch(&self, text: &str) -> Result<(), Fault> {
        let connection = self.0.borrow();
        let run = || -> rusqlite::Result<()> { connection.prepare_cached(text)?.raw_execute().map(drop) };
        run().map_err(Fault::at("store: transaction"))
    }

    fn is_open(&self) -> bool {
        !self.0.borrow().is_autocommit()
    }
}

fn write_loop(writing: Writing, jobs: &Receiver<Job>) {
    let mut tx = Tx::on_sqlite(writing);
    while let Ok(first) = jobs.recv() {
        group(&mut tx, first, jobs);
    }
}

type Done = Vec<(oneshot::Sender<Answer>, Answer)>;

/// One transaction for this job and those that are waiting: a savepoint each, one COMMIT, then all answers.
fn group(tx: &mut Tx, first: Job, jobs: &Receiver<Job>) {
    if let Err(fault) = batch(tx, "BEGIN IMMEDIATE") {
        // Another process holds the file. Those who waited with this job have waited as long and are not to wait again.
        let waiting = std::iter::once(first).chain(jobs.try_iter());
        let done = waiting.map(|job| (job.answer, Err(Fault::new("store: begin", fault.to_string())))).collect();
        return answer(done);
    }
    let mut done = Done::new();
    let mut next = Some(first);
    while let Some(job) = next {
        let outcome = run(tx, job.work);
        let (result, broken) = match outcome {
            Ok(result) => (result, None),
            Err(fault) => (Err(Fault::new("store: transaction", fault.to_string())), Some(fault)),
        };
        done.push((job.answer, result));
        if let Some(fault) = broken {
            return fail(tx, done, &fault);
        }
        next = if done.len() < GROUP { jobs.try_recv().ok() } else { None };
    }
    if let Err(fault) = batch(tx, "COMMIT") {
        return fail(tx, done, &fault);
    }
    answer(done);
}

/// The whole group is rolled back: whoever had succeeded is told so, and whoever had failed keeps its own reason.
fn fail(tx: &Tx, done: Done, why: &Fault) {
    if is_open(tx)
        && let Err(fault) = batch(tx, "ROLLBACK")
    {
        tracing::error!(%fault, "a transaction could not be rolled back");
    }
    let lost = |result: Answer| result.and_then(|_| Err(Fault::new("store: commit", why.to_string())));
    answer(done.into_iter().map(|(sender, result)| (sender, lost(result))).collect());
}

fn answer(done: Done) {
    for (sender, result) in done {
        // Nobody waits any more when the request was given up; the rows are there all the same.
        drop(sender.send(result));
    }
}

/// Runs one job inside its savepoint. The inner result is the job's own.
///
/// # Errors
/// The savepoint was not taken, undone or released: then the group's transaction is not what it should be.
fn run(tx: &mut Tx, work: Work) -> Result<Answer, Fault> {
    tx.renew();
    batch(tx, "SAVEPOINT job")?;
    let result = poll_once(tx, work).and_then(|value| tx.sound().map(|()| value));
    // Some errors, a full disk among them, end the whole transaction.
    if !is_open(tx) {
        let why = result.err().map_or_else(|| "a statement of it did".to_owned(), |fault| fault.to_string());
        return Err(Fault::new("store: transaction", format!("it ended within a job: {why}")));
    }
    if result.is_err() {
        batch(tx, "ROLLBACK TO job")?;
    }
    batch(tx, "RELEASE job")?;
    Ok(result)
}

/// A job's statements never wait, so its future is ready when it is first polled: one that is not awaits something that is
/// no statement of its transaction, and all others would wait with it.
fn poll_once(tx: &mut Tx, work: Work) -> Answer {
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let mut future = work(tx);
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }));
    match polled {
        Ok(Poll::Ready(result)) => result,
        Ok(Poll::Pending) => Err(Fault::new("store: write", "a job waited for something outside its transaction")),
        Err(_) => Err(Fault::new("store: write", "a job panicked")),
    }
}

fn batch(tx: &Tx, text: &str) -> Result<(), Fault> {
    tx.writing().map_or_else(|| Err(Fault::new("store: write", "no SQLite transaction")), |writing| writing.batch(text))
}

fn is_open(tx: &Tx) -> bool {
    tx.writing().is_some_and(Writing::is_open)
}
