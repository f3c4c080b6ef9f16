//! Hashes as other programs wrote them, and those that are refused. They were made by Python's hashlib and libcrypt.

use super::*;

const PASSWORD: &[u8] = b"correct horse battery staple";

const GOOD: [&str; 12] = [
    "$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
    "$2a$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
    "$2y$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
    "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$KhW5KLACpfR1HRqSPdg8ODHC9nzhpv0EHEqfwm5GJX4",
    "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI",
    "$pbkdf2-sha256$1000$................AQIDBA$4bpc2nRCUi5adBW5J64tQdH3g2rzMRQ42xa45e58vTw",
    "$pbkdf2$1000$................AQIDBA$zBgDZ1CU7C4Ehj7dERVX4Nkopiw",
    "pbkdf2_sha256$1000$saltsalt$zzTVNkpdnDsQWZloN/zP8vUU74BCbHD/tDSXS4zXPSs=",
    "pbkdf2_sha1$1000$saltsalt$aK/10Ysg+YqAR2YZZFzXGQ7rOxI=",
    "{SSHA}aazVxTAPz9aphx9QGPgjJekDYhBzYWx0eTEyMw==",
    "{ssha256}bdK25MmaWiTXRXah6KcTMtoQ1AT1sX9YwcC2ucEF5npzYWx0eTEyMw==",
    "{SSHA512}j/LCMy1FLYKsA3Q5233RguuDyLKB4JNCM6IQw7/Ehy/MXVMxUTkamQgCjY3SExGsRKRzcwoBurYtPQTV+ICUlXNhbHR5MTIz",
];

/// Every kind verifies what its own program made, and nothing else.
#[test]
fn every_kind() {
    let sha512 = "$pbkdf2-sha512$1000$................AQIDBA$1q9gemI3tLvp8C7Kj06UcAHDAAYyZd11tK5hd3XZv76xS/Mw5XRchp/2gZ4KCCCimg.fbfut2su.zi0bj7ScEA";
    for text in GOOD.into_iter().chain([sha512]) {
        let stored = Foreign::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert!(stored.matches(PASSWORD).unwrap(), "{text}");
        assert!(!stored.matches(b"correct horse battery stapl").unwrap(), "{text}");
        assert!(!stored.matches(b"").unwrap(), "{text}");
    }
}

/// The bounds: the last that is taken and the first that is not, so that no import makes a sign-in dear.
#[test]
fn bounds() {
    let (salt, hash) = ("MDEyMzQ1Njc4OWFiY2RlZg", "yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI");
    let bcrypt = |cost: &str| format!("$2b${cost}$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS");
    let scrypt = |params: &str| format!("$scrypt${params}${salt}${hash}");
    let pbkdf2 = |rounds: &str| format!("$pbkdf2-sha256${rounds}${salt}${hash}");
    for (text, good) in [
        (bcrypt("04"), true),
        (bcrypt("14"), true),
        (bcrypt("03"), false),
        (bcrypt("15"), false),
        (bcrypt("31"), false),
        (bcrypt("5"), false),
        (bcrypt("+5"), false),
        (scrypt("ln=17,r=8,p=2"), true),
        (scrypt("ln=18,r=8,p=1"), false),
        (scrypt("ln=17,r=8,p=3"), false),
        (scrypt("ln=14,r=8,p=16"), true),
        (scrypt("ln=14,r=8,p=17"), false),
        (scrypt("ln=17,r=9,p=1"), false),
        (scrypt("ln=0,r=8,p=1"), false),
        (scrypt("ln=63,r=8,p=1"), false),
        (scrypt("ln=64,r=8,p=1"), false),
        (scrypt("ln=10,r=4294967295,p=1"), false),
        (scrypt("ln=1,r=1,p=4294967295"), false),
        (scrypt("ln=10,r=8"), false),
        (scrypt("ln=10,r=8,p=1,x=1"), false),
        (scrypt("r=8,ln=10,p=1"), false),
        (pbkdf2("2000000"), true),
        (pbkdf2("i=2000000,l=32"), true),
        (pbkdf2("2000001"), false),
        (pbkdf2("4294967296"), false),
        (pbkdf2("0"), false),
        (pbkdf2("-1"), false),
        (pbkdf2("i=1000,l=31"), false),
        (pbkdf2(""), false),
        (format!("$pbkdf2$1000000${salt}${hash}"), true),
        (format!("$pbkdf2$1000001${salt}${hash}"), false),
    ] {
        assert_eq!(Foreign::parse(&text).is_some(), good, "{text}");
    }
}

/// What is none, is broken, or has no salt, is refused; no prefix or suffix of a good one makes a panic.
#[test]
fn refused() {
    for text in [
        "",
        "$",
        "hunter2",
        "$1$salt$hash",
        "$6$saltsalt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "{SSHA}",
        "{MD5}X03MO1qnZdYdgyfeuILPmQ==",
        "{CRYPT}$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
        "$2x$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
        "$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/Zsu",
        "$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/Zs\u{e9}",
        "$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/Zs\0S",
        "$pbkdf2-md5$1000$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI",
        "pbkdf2_sha256$1000$$zzTVNkpdnDsQWZloN/zP8vUU74BCbHD/tDSXS4zXPSs=",
        "pbkdf2_sha256$1000$saltsalt$zzTV",
        "$scrypt$ln=10,r=8,p=2$MDEy$KhW5KLACpfR1HRqSPdg8ODHC9nzhpv0EHEqfwm5GJX4",
        "<script>alert(1)</script>",
    ] {
        assert!(Foreign::parse(text).is_none(), "{text}");
    }
    assert!(Foreign::parse(&format!("{{SSHA512}}{}", "A".repeat(1000))).is_none());
    for text in GOOD {
        for at in 0..text.len() {
            let _ = Foreign::parse(&text[..at]);
            let _ = Foreign::parse(&text[at..]);
        }
    }
}
