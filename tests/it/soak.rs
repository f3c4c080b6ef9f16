//! Ten minutes of ordinary life at once, with `tests/run --long`: nothing fails, and nothing is left over.

mod long {
    use std::time::{Duration, Instant};

    use crate::support::{Browser, Rp, TestApp};

    /// How long a soak takes: ten minutes, or as many seconds as `SOAK_SECONDS` says.
    fn soak() -> Duration {
        Duration::from_secs(std::env::var("SOAK_SECONDS").map_or(600, |seconds| seconds.parse().unwrap()))
    }

    /// Protects the long run (I9): sign-ins, refreshes, userinfo and sign-outs by eight people for ten minutes, without one
    /// failure, and memory within 64 MiB of what it was after the first minute.
    #[tokio::test]
    #[ignore = "takes minutes: tests/run --long"]
    async fn ten_minutes_of_life() {
        let app = TestApp::start().await;
        let rp = Rp::web(&app, "web").await;
        for name in 0..8 {
            app.person(&format!("p{name}")).await;
        }
        let (began, mut early, mut rounds) = (Instant::now(), None, 0_u64);
        while began.elapsed() < soak() {
            let lives = (0..8).map(|name| life(&rp, format!("p{name}")));
            futures_util::future::join_all(lives).await;
            rounds += 1;
            if began.elapsed() > soak() / 10 {
                early.get_or_insert_with(resident_mib);
            }
        }
        println!("{rounds} rounds of eight lives, {} MiB", resident_mib());
        assert!(resident_mib() < early.unwrap() + 64);
    }

    async fn life(rp: &Rp, name: String) {
        let mut browser = Browser::new();
        let tokens = rp.tokens(&mut browser, &name).await;
        assert_eq!(rp.userinfo(&tokens.text("access_token")).await.status, 200);
        let refreshed = rp.refresh(&tokens.text("refresh_token")).await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.body);
        let silent = rp.begin(&rp.flow().with("prompt", "none"));
        assert!(browser.get(&silent).await.param("code").is_some());
        let hint = refreshed.text("id_token");
        let page = browser.visit(&format!("{}/end_session?id_token_hint={hint}", rp.issuer)).await;
        assert!(page.has("signed-out"), "{}", page.url);
    }

    fn resident_mib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}
