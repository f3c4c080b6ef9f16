//! What signing in by another provider costs the server, with `tests/run --long`. The bounds are for a release build; a debug build prints what
//! it measured and no more.

mod long {
    use std::time::{Duration, Instant};

    use vouchsafe::base::Clock;

    use crate::support::program::{House, Program};
    use crate::support::upstream::{CLIENT_ID, CLIENT_SECRET, Instead, Upstream};
    use crate::support::{Browser, Page};

    /// Sign-ins that are measured.
    const SIGN_INS: u32 = 300;

    /// People who are in the middle of one at once.
    const PEOPLE: u32 = 1000;

    async fn at_home() -> (House, Program, Upstream) {
        let (house, up) = (House::init(), Upstream::by(Clock::system()).await);
        let file = house.file("vouchsafe.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let opened = text.replacen("[outbound]", "[outbound]\nallow = [\"127.0.0.0/8\", \"::1/128\"]", 1);
        std::fs::write(&file, opened).unwrap();
        let about = ["--kind", "oidc", "--name", "Corp", "--issuer", &up.issuer, "--client-id", CLIENT_ID];
        house.say(&[&["upstream", "add", "--id", "corp", "--client-secret-stdin"][..], &about].concat(), CLIENT_SECRET);
        let server = house.serve().await;
        (house, server, up)
    }

    /// A browser on its way back.
    async fn ready(house: &House, up: &Upstream) -> (Browser, String) {
        let mut browser = Browser::new();
        let page = browser.visit(&format!("{}/sign-in", house.issuer)).await;
        let leaving = browser.press(&page, "upstream-corp", &[]).await;
        let callback = up.answer_of(&mut browser, &leaving).await;
        (browser, callback)
    }

    async fn sign_in(house: &House, up: &Upstream) -> Page {
        let (mut browser, callback) = ready(house, up).await;
        browser.get(&callback).await
    }

    /// CPU that the process has used, in hundredths of a second (user and system, Linux).
    fn cpu_hundredths(server: &Program) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    fn status(server: &Program, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// A whole sign-in by a provider, its three requests and the call to the provider together: under 2 ms of CPU.
    #[tokio::test]
    #[ignore = "measures: tests/run --long"]
    async fn a_sign_in_elsewhere() {
        let (house, server, up) = at_home().await;
        for _ in 0..20 {
            assert_eq!(sign_in(&house, &up).await.status, 303);
        }
        let before = cpu_hundredths(&server);
        for _ in 0..SIGN_INS {
            assert_eq!(sign_in(&house, &up).await.status, 303);
        }
        let micros = (cpu_hundredths(&server) - before) * 10_000 / u64::from(SIGN_INS);
        println!("a sign-in by a provider: {micros} us of CPU");
        assert!(cfg!(debug_assertions) || micros < 2000, "{micros} us");
    }

    /// RL-23: a thousand people whose provider hangs cost the memory of two connections each and no thread, wait no longer than five seconds, and hold up
    /// nobody else.
    #[tokio::test]
    #[ignore = "measures: tests/run --long"]
    async fn a_thousand_people_wait() {
        let (house, server, up) = at_home().await;
        let mut waiting = Vec::new();
        for _ in 0..PEOPLE {
            waiting.push(ready(&house, &up).await);
        }
        up.will(|behaviour| drop(behaviour.instead.insert("/token".to_owned(), Instead::Hang)));
        let (memory, threads) = (status(&server, "VmRSS"), status(&server, "Threads"));
        let mut running = tokio::task::JoinSet::new();
        for (mut browser, callback) in waiting {
            running.spawn(async move {
                let begun = Instant::now();
                (browser.get(&callback).await.status, begun.elapsed())
            });
        }
        let (mut most, mut most_threads, mut slowest) = (memory, threads, Duration::ZERO);
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let begun = Instant::now();
            assert_eq!(Browser::new().get(&format!("{}/healthz", house.issuer)).await.status, 200);
            slowest = slowest.max(begun.elapsed());
            (most, most_threads) = (most.max(status(&server, "VmRSS")), most_threads.max(status(&server, "Threads")));
        }
        let all = running.join_all().await;
        let longest = all.iter().map(|(_, took)| *took).max().unwrap();
        let each = (most - memory) / u64::from(PEOPLE);
        println!(
            "{PEOPLE} people wait: {each} KiB each, {threads} threads and then {most_threads}; the longest waited {longest:?}"
        );
        println!("meanwhile the slowest of others had {slowest:?}");
        assert!(all.iter().all(|(status, _)| *status == 503));
        // A name is looked up on a thread that is soon free again; nobody keeps one while they wait.
        assert!(most_threads < threads + 64, "{most_threads}");
        assert!(cfg!(debug_assertions) || each < 128 && longest < Duration::from_secs(8), "{each} KiB, {longest:?}");
    }
}
