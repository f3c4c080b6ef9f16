//! What both engines promise, tried on each (decisions 2, 26 and 27; battery RL-08, RL-13).

use std::time::{Duration, Instant};

use super::*;
use crate::store::test_db::{TestDb, every_engine, postgres, sqlite};

const ADD: &str = "UPDATE counters SET value = value + 1 WHERE name = $1";

/// A database with a table of one counter.
async fn counting(test: &TestDb) -> Db {
    let db = test.open().await;
    let made = db.write(async |tx: &mut Tx| {
        tx.execute(sql("CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL, at BIGINT, truth BOOLEAN)")).await?;
        tx.execute(sql("INSERT INTO counters (name, value) VALUES ($1, 0)").bind("a")).await
    });
    made.await.unwrap();
    db
}

async fn value(db: &Db) -> i64 {
    let row = db.conn().fetch(sql("SELECT value FROM counters WHERE name = $1").bind("a")).await.unwrap().unwrap();
    row.columns("counters").int("value").unwrap()
}

async fn add(db: &Db) -> Result<u64, Fault> {
    db.write(async |tx: &mut Tx| tx.execute(sql(ADD).bind("a")).await).await
}

/// Decision 26: a placeholder's number says which value it is, on both engines, in reads and in transactions.
#[tokio::test]
async fn placeholders_are_numbers() {
    for test in every_engine().await {
        let db = test.open().await;
        let statement = || sql("SELECT CAST($2 AS TEXT), CAST($1 AS TEXT), '$1'").bind("one").bind("two");
        let expected = Row(["two", "one", "$1"].map(Value::from).to_vec());
        assert_eq!(db.conn().fetch(statement()).await.unwrap().as_ref(), Some(&expected));
        let row = db.write(async move |tx: &mut Tx| tx.fetch(statement()).await).await.unwrap();
        assert_eq!(row, Some(expected));
    }
}

/// NULL fits a column of any type, before and after a value went through the same statement.
#[tokio::test]
async fn null_has_no_type() {
    for test in every_engine().await {
        let db = counting(&test).await;
        for (at, truth) in [(None, Some(true)), (Some(7_i64), None), (None, Some(false))] {
            let set = sql("UPDATE counters SET at = $1, truth = $2 WHERE name = 'a'").bind(at).bind(truth);
            db.write(async move |tx: &mut Tx| tx.execute(set).await).await.unwrap();
            let row = db.conn().fetch(sql("SELECT at, truth, name FROM counters")).await.unwrap().unwrap();
            let mut c = row.columns("counters");
            assert_eq!(c.opt_time("at").unwrap().map(crate::base::Timestamp::unix), at);
            assert_eq!(c.bool("truth").ok(), truth);
            assert_eq!(c.text("name").unwrap(), "a");
        }
    }
}

/// Decision 2: 32 tasks at once, every act is counted once, and each is there when it is answered.
#[tokio::test]
async fn many_writers() {
    for test in every_engine().await {
        let db = counting(&test).await;
        let tasks: Vec<_> = (0..32)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move {
                    for _ in 0..20 {
                        let before = value(&db).await;
                        assert_eq!(add(&db).await.unwrap(), 1);
                        assert!(value(&db).await > before);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(value(&db).await, 640);
    }
}

/// A job that fails takes back what it wrote and nothing else, though it may share its COMMIT with others.
#[tokio::test]
async fn one_fails_among_many() {
    for test in every_engine().await {
        let db = counting(&test).await;
        let tasks: Vec<_> = (0..48)
            .map(|number| {
                let db = db.clone();
                tokio::spawn(async move {
                    let done = db.write(async move |tx: &mut Tx| {
                        tx.execute(sql(ADD).bind("a")).await?;
                        if number % 3 == 0 { Err(Fault::new("test", "no")) } else { Ok(number) }
                    });
                    match done.await {
                        Ok(same) => assert_eq!(same, number),
                        Err(fault) => assert_eq!((fault.place(), number % 3), ("test", 0)),
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(value(&db).await, 32);
    }
}

/// A failed statement ends its transaction even if the job makes light of it (PostgreSQL would lose the rest silently).
#[tokio::test]
async fn an_error_cannot_be_swallowed() {
    for test in every_engine().await {
        let db = counting(&test).await;
        let done = db.write(async |tx: &mut Tx| {
            tx.execute(sql(ADD).bind("a")).await?;
            drop(tx.execute(sql("INSERT INTO counters (name, value) VALUES ('a', 1)")).await);
            Ok(())
        });
        assert!(done.await.unwrap_err().place().starts_with("store"));
        assert_eq!(value(&db).await, 0);
        assert_eq!(add(&db).await.unwrap(), 1);
    }
}

/// Decision 23: a job that panics, waits or ends the transaction by hand is a fault of its own; the writer lives on.
#[tokio::test]
async fn the_writer_survives() {
    let test = sqlite();
    let db = counting(&test).await;
    let panics = db.write(async |tx: &mut Tx| {
        tx.execute(sql(ADD).bind("a")).await?;
        if tx.writing().is_some() {
            panic!("on purpose");
        }
        Ok(())
    });
    assert!(panics.await.unwrap_err().to_string().contains("panicked"));
    let waits = db.write(async |tx: &mut Tx| {
        tx.execute(sql(ADD).bind("a")).await?;
        tokio::task::yield_now().await;
        Ok(())
    });
    assert!(waits.await.unwrap_err().to_string().contains("waited"));
    for text in ["COMMIT", "ROLLBACK"] {
        let ends = db.write(async move |tx: &mut Tx| tx.execute(sql(text)).await);
        assert!(ends.await.unwrap_err().place().starts_with("store"), "{text}");
    }
    assert_eq!(value(&db).await, 0);
    assert_eq!(add(&db).await.unwrap(), 1);
}

/// A read connection writes nothing, and a new database file is its owner's alone.
#[tokio::test]
async fn readers_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let test = sqlite();
    let db = counting(&test).await;
    assert!(db.conn().fetch(sql("DELETE FROM counters RETURNING name")).await.is_err());
    for entry in std::fs::read_dir(test.folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// RL-13: another process that holds the file for a moment is waited for.
#[tokio::test]
async fn a_busy_file_is_waited_for() {
    let test = sqlite();
    let db = counting(&test).await;
    let other = rusqlite::Connection::open(db.file().unwrap()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = tokio::spawn({
        let db = db.clone();
        async move { add(&db).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    assert_eq!(value(&db).await, 0, "reads go on meanwhile");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 1);
}

/// Decision 27: the cheap look of SQLite sees what this process and others wrote.
#[tokio::test]
async fn data_version_moves() {
    let test = sqlite();
    let db = counting(&test).await;
    let before = db.data_version().await.unwrap();
    assert_eq!(db.data_version().await.unwrap(), before);
    add(&db).await.unwrap();
    assert_ne!(db.data_version().await.unwrap(), before);
}

/// RL-08: connections that died in the pool with their server are replaced; no read and no write notices.
#[tokio::test]
async fn dead_connections_are_replaced() {
    let Some(test) = postgres().await else { return };
    let db = counting(&test).await;
    for _ in 0..3 {
        let open: Vec<_> = (0..8)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move { db.conn().fetch(sql("SELECT CAST(pg_sleep(0.05) AS TEXT)")).await.unwrap() })
            })
            .collect();
        for task in open {
            task.await.unwrap();
        }
        let killer = test.open().await;
        let kill = sql(
            "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        killer.conn().fetch(kill).await.unwrap();
        value(&db).await;
        killer.conn().fetch(sql("SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")).await.unwrap();
        add(&db).await.unwrap();
    }
    assert_eq!(value(&db).await, 3);
}

/// Each worker has a runtime of its own, and the pool outlives any of them.
#[test]
fn runtimes_come_and_go() {
    let build = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = build();
    let Some(test) = first.block_on(postgres()) else { return };
    let db = first.block_on(counting(&test));
    drop(first);
    for _ in 0..3 {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let db = db.clone();
                std::thread::spawn(move || {
                    build().block_on(async {
                        for _ in 0..10 {
                            add(&db).await.unwrap();
                        }
                        // Given up half way: the connection is closed and the row is free again.
                        let stuck = db.write(async |tx: &mut Tx| {
                            tx.execute(sql(ADD).bind("a")).await?;
                            std::future::pending::<Result<(), Fault>>().await
                        });
                        assert!(tokio::time::timeout(Duration::from_millis(20), stuck).await.is_err());
                    });
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
    }
    assert_eq!(build().block_on(value(&db)), 120);
}

/// A figure rather than a promise: transactions of one select, one update and one insert, by how many ask at once.
#[tokio::test]
#[ignore = "measures"]
async fn throughput() {
    for (test, durability) in [(sqlite(), Durability::Full), (sqlite(), Durability::Normal)]
        .into_iter()
        .chain(postgres().await.map(|test| (test, Durability::Full)))
    {
        drop(counting(&test).await);
        let db = Db::open(&test.url, &Options { durability }).await.unwrap();
        for tasks in [1, 8, 32] {
            let start = Instant::now();
            let each = 2000 / tasks;
            let running: Vec<_> = (0..tasks)
                .map(|task| {
                    let db = db.clone();
                    tokio::spawn(async move {
                        for number in 0..each {
                            let name = format!("{tasks}.{task}.{number}");
                            let work = async move |tx: &mut Tx| {
                                tx.fetch(sql("SELECT value FROM counters WHERE name = $1").bind("a")).await?;
                                tx.execute(sql("INSERT INTO counters (name, value) VALUES ($1, 0)").bind(name.as_str())).await?;
                                tx.execute(sql(ADD).bind(name)).await
                            };
                            db.write(work).await.unwrap();
                        }
                    })
                })
                .collect();
            for task in running {
                task.await.unwrap();
            }
            println!(
                "{:.8} {durability:?} {tasks}: {:.0} a second",
                test.url,
                f64::from(each * tasks) / start.elapsed().as_secs_f64()
            );
        }
    }
}
