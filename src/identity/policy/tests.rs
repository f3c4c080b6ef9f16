//! Tables of passwords that are taken and refused.

use super::*;

const ABOUT: About<'_> =
    About { email: Some("ana.novak@bergbahn.example"), name: Some("Ana Müller-Novak"), house: "Gipfelhaus" };

fn check(policy: &PasswordPolicy, text: &str) -> Result<Password, Vec<Weakness>> {
    policy.check(&Secret::new(text.to_owned()), &ABOUT)
}

fn weaknesses(text: &str) -> Vec<Weakness> {
    check(&PasswordPolicy::default(), text).err().unwrap_or_default()
}

/// The limits themselves, one less and one more, in characters after NFKC and not in bytes.
#[test]
fn lengths() {
    let good = "vq7 Lm2 ztw Pb9k";
    let text = |length: usize| good.chars().cycle().take(length).collect::<String>();
    let short = vec![Weakness::TooShort { min: 8 }];
    for (text, expected) in [
        (text(7), &short),
        (text(8), &vec![]),
        (text(9), &vec![]),
        (String::new(), &short),
        ("\u{1f511}\u{1f40e}\u{1f30b}\u{1f9ff}\u{1f996}\u{1f6f8}\u{1f9ed}".to_owned(), &short),
        ("\u{1f511}\u{1f40e}\u{1f30b}\u{1f9ff}\u{1f996}\u{1f6f8}\u{1f9ed}\u{1f9a9}".to_owned(), &vec![]),
        // Eight code points, seven characters once the accent has joined its letter.
        ("xk\u{65}\u{301}vqmt".to_owned(), &short),
        (text(127), &vec![]),
        (text(128), &vec![]),
        (text(129), &vec![Weakness::TooLong { max: 128 }]),
        (text(1_000_000), &vec![Weakness::TooLong { max: 128 }]),
    ] {
        let found = weaknesses(&text);
        assert_eq!(&found, expected, "{} characters", text.chars().count());
    }
    let policy = PasswordPolicy { min_chars: 15, max_chars: 20, ..PasswordPolicy::default() };
    for (length, good) in [(14, false), (15, true), (20, true), (21, false)] {
        assert_eq!(check(&policy, &text(length)).is_ok(), good, "{length}");
    }
}

/// PW-13: what is long is good whatever it is made of, and what was checked is the whole of it.
#[test]
fn accepted() {
    for text in [
        "kwzvqmhtplxgbnd",
        "correct horse battery staple",
        "  spaces  count too ",
        "\u{1f511} Schlüssel \u{1f5dd} für Türen",
        "пароль мой длинный и свой",
        "Zug fährt 7 Uhr nach Linz",
        "tr4p-Kessel_Mond",
    ] {
        let password = check(&PasswordPolicy::default(), text).unwrap_or_else(|found| panic!("{text:?}: {found:?}"));
        assert_eq!(password.text().chars().count(), count_chars(text));
    }
}

/// PW-13: what everybody tries first is refused in whatever case and dress.
#[test]
fn common() {
    for text in [
        "password",
        "PASSWORD",
        "Passw0rd",
        "P@$$w0rd",
        "pa55word",
        "password1",
        "Password123!",
        "password2024",
        "1password1",
        "passwort",
        "Passwort1",
        "P4sswort!",
        "passw0rt2023!",
        "passwor7",
        "kennwort",
        "Kennw0rt",
        "geheim123",
        "Sommer2024!",
        "qwertzui",
        "qwertz123",
        "Qwertyuiop",
        "asdfghjk",
        "yxcvbnm1",
        "12345678",
        "123456789",
        "87654321",
        "11111111",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "willkommen1",
        "W1llk0mm3n",
        "iloveyou",
        "schatzi1",
        "hallo123",
        "hallohallo",
        "!!Hallo123!!",
        "vouchsafe",
        "Vouchsafe1",
        "v0uch5af3!",
        "vouchsafevouchsafe",
        "passwordpassword",
        "dragon12",
        "sunshine",
        "letmein1",
        "trustno1",
        "münchen1",
        "MUENCHEN1",
        "drowssap",
        "baseball",
        "michelle",
    ] {
        assert_eq!(weaknesses(text), [Weakness::Common], "{text}");
    }
}

/// PW-13: what others know of the person or the house is no secret, whatever it is dressed in.
#[test]
fn personal() {
    for text in [
        "ana.novak",
        "ananovak",
        "AnaNovak1!",
        "4n4n0v4k99",
        "novakmuller",
        "mueller-ana",
        "Müller1990",
        "bergbahn",
        "B3rgbahn2024",
        "ana.novak@bergbahn.example",
        "gipfelhaus",
        "Gipfelhaus#1",
        "g1pf3lh4u5",
        "gipfelhausana",
        "anaVouchsafe",
    ] {
        assert_eq!(weaknesses(text), [Weakness::Personal], "{text}");
    }
    for text in ["novak isst gern Knödel", "banana-Kessel-7 wie Mond"] {
        assert_eq!(weaknesses(text), [], "{text}");
    }
    let nobody = About { email: None, name: None, house: "" };
    let refused = |text: &str, about| PasswordPolicy::default().check(&Secret::new(text.to_owned()), &about).err();
    assert_eq!(refused("gipfelhaus-novak", nobody), None);
    assert_eq!(refused("gipfelhaus-novak", ABOUT), Some(vec![Weakness::Personal]));
    assert_eq!(refused("kwzvqmht", About { email: Some("@"), name: Some(" "), house: "-" }), None);
}

/// The operator's classes are demanded together, and told together.
#[test]
fn classes() {
    let all = vec![Class::Upper, Class::Lower, Class::Digit, Class::Special];
    let policy = PasswordPolicy { classes: all.clone(), ..PasswordPolicy::default() };
    for (text, missing) in [
        ("Kw zvqmht 7", vec![]),
        ("KwÄzvqmht_7", vec![]),
        ("\u{1f511}Kwzvqmht7", vec![]),
        ("kw zvqmht 7", vec![Class::Upper]),
        ("KW ZVQMHT 7", vec![Class::Lower]),
        ("Kw zvqmht x", vec![Class::Digit]),
        ("Kwxzvqmht7", vec![Class::Special]),
        ("鍵鍵山川海空犬猫鳥", all),
    ] {
        let expected: Vec<_> = missing.into_iter().map(Weakness::Missing).collect();
        assert_eq!(check(&policy, text).err().unwrap_or_default(), expected, "{text}");
    }
}

/// A weak one is refused with what to do, by the score that the operator wants.
#[test]
fn strength() {
    let with = |min_score| PasswordPolicy { min_score, ..PasswordPolicy::default() };
    let weak = "sunset37";
    let Err(found) = check(&with(4), weak) else { panic!("{weak} is strong") };
    let [Weakness::TooEasy { suggestions }] = found.as_slice() else { panic!("{found:?}") };
    assert!(suggestions.contains(&Suggestion::AddAWord), "{suggestions:?}");
    assert!(check(&with(0), weak).is_ok());
    let rows = check(&with(2), "zxcftrew").err();
    assert!(matches!(rows.as_deref(), Some([Weakness::TooEasy { .. }])), "{rows:?}");
    assert!(check(&with(4), "correct horse battery staple").is_ok());
    assert_eq!(check(&with(0), "password1").err(), Some(vec![Weakness::Common]), "the list is always there");
}

/// The longest and the worst for zxcvbn stay cheap: the estimate is superlinear and sees 100 characters at most.
#[test]
fn cheap() {
    let worst = [
        "p@5$w0rd".repeat(16),
        "4@8({[<369|!1/|0$5+7%2".repeat(5),
        "4({[<369".repeat(16),
        "(1|4@5$7password".repeat(8),
        "1991-01-01".repeat(12),
        "aB1!".repeat(32),
        "passwordqwertz2024".repeat(7),
        "\u{1f511}".repeat(128),
    ];
    check(&PasswordPolicy::default(), "warm up the lists").unwrap();
    for text in worst {
        let start = std::time::Instant::now();
        let _ = check(&PasswordPolicy::default(), &text);
        let took = start.elapsed();
        println!("{took:?} {text}");
        assert!(took < std::time::Duration::from_secs(1), "{took:?} for {text}");
    }
}
