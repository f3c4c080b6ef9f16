//! The hashing threads, and what a password is.

use super::*;

fn password(text: &str) -> Password {
    Password::new(&Secret::new(text.to_owned())).unwrap()
}

fn hasher(threads: usize, waiting: usize) -> Hasher {
    Hasher::start(&Random::seeded(1), Capacity { threads, waiting }).unwrap()
}

/// PW-13: the whole password counts, whatever it is made of; what is too long is refused, not cut.
#[tokio::test]
async fn whole_passwords() {
    let hasher = hasher(1, 8);
    let long = format!("{} \u{1f511} tail", "x".repeat(72));
    let phc = hasher.hash(password(&long)).await.unwrap();
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
    assert_ne!(hasher.hash(password(&long)).await.unwrap(), phc, "a new salt each time");
    for (text, verdict) in [
        (long.as_str(), Verdict::Match),
        (&long[..72], Verdict::Mismatch),
        (&long.replace("tail", "tall"), Verdict::Mismatch),
        (&long.to_uppercase(), Verdict::Mismatch),
    ] {
        assert_eq!(hasher.verify(Some(phc.clone()), password(text)).await.unwrap(), verdict, "{text}");
    }
    let fits = |text: &str| Password::new(&Secret::new(text.to_owned())).is_some();
    assert!(fits("x") && fits(&"x".repeat(1024)) && fits(&"\u{1f511}".repeat(1024)));
    assert!(!fits("") && !fits(&"x".repeat(1025)) && !fits(&"x".repeat(1_000_000)));
    assert!(!format!("{:?}", password("hunter2")).contains("hunter2"));
}

/// Protects people with another keyboard: both ways to write a letter are the same password.
#[tokio::test]
async fn normalised() {
    let hasher = hasher(1, 8);
    let phc = hasher.hash(password("caf\u{e9} \u{ff11}")).await.unwrap();
    assert_eq!(hasher.verify(Some(phc), password("cafe\u{301} 1")).await.unwrap(), Verdict::Match);
}

/// PW-08: nobody's password costs the same one verification and never matches.
#[tokio::test]
async fn nobody() {
    let hasher = hasher(2, 8);
    let phc = hasher.hash(password("right")).await.unwrap();
    assert_eq!(hasher.verifications(), 0);
    for (stored, text, verdict) in [
        (None, "right", Verdict::Mismatch),
        (Some(phc.clone()), "wrong", Verdict::Mismatch),
        (Some(phc), "right", Verdict::Match),
    ] {
        let before = hasher.verifications();
        assert_eq!(hasher.verify(stored, password(text)).await.unwrap(), verdict);
        assert_eq!(hasher.verifications(), before + 1);
    }
    let broken = hasher.verify(Some("$argon2id$".into()), password("x")).await;
    assert!(matches!(broken, Err(Unhashed::Broken(_))), "a corrupt row is no wrong password");
}

/// A hash of another house is one counted verification like any other, matches in both forms of a password, and is to be
/// replaced.
#[tokio::test]
async fn brought_along() {
    let hasher = hasher(1, 8);
    let salted = |text: &str| {
        use base64::Engine as _;
        let hash = crate::jose::sha1(format!("{text}salt").as_bytes());
        format!("{{SSHA}}{}", base64::engine::general_purpose::STANDARD.encode([&hash[..], b"salt"].concat()))
    };
    for (stored, typed, verdict) in [
        (salted("right"), "right", Verdict::MatchToRehash),
        (salted("right"), "wrong", Verdict::Mismatch),
        (salted("m\u{b2}"), "m\u{b2}", Verdict::MatchToRehash),
        (salted("m2"), "m\u{b2}", Verdict::MatchToRehash),
        (salted("m\u{b2}"), "m2", Verdict::Mismatch),
        (salted("m3"), "m\u{b2}", Verdict::Mismatch),
    ] {
        let before = hasher.verifications();
        assert_eq!(hasher.verify(Some(stored), password(typed)).await.unwrap(), verdict, "{typed}");
        assert_eq!(hasher.verifications(), before + 1);
    }
    // Decision 29: a cheap hash that does not match costs nobody's as well, which leaves its memory behind.
    for (typed, costs) in [("right", false), ("wrong", true)] {
        let mut memory = Memory::default();
        verify(Some(&salted("right")), &password(typed), &mut memory).unwrap();
        assert_eq!(!memory.is_empty(), costs, "{typed}");
    }
}

/// PW-14: what does not fit into the queue is refused at once, and all that fits is answered.
#[tokio::test]
async fn bounded() {
    let hasher = hasher(1, 3);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.verify(None, password("x")).await })
        })
        .collect();
    let (mut busy, mut done) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(Verdict::Mismatch) => done += 1,
            Err(Unhashed::Busy) => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(done >= 3 && busy >= 10, "{done} done, {busy} busy");
    assert_eq!(hasher.verifications(), done);
    assert!(!hasher.is_full());
}
