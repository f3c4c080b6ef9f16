//! What an operator types to connect a provider, what a script reads, and that the running server has the button within a second.

use serde_json::json;

use crate::support::Browser;
use crate::support::program::House;

const SECRET: &str = "a secret of theirs";

fn add(house: &House, more: &[&str]) -> serde_json::Value {
    let words =
        ["upstream", "add", "--id", "corp", "--kind", "oidc", "--name", "Corp", "--client-id", "us", "--client-secret-stdin"];
    house.say(&[&words[..], &["--issuer", "https://login.example.com"], more].concat(), SECRET)
}

/// Add, list, show, edit, remove; the secret is never told again.
#[tokio::test]
async fn an_operator_connects_a_provider() {
    let house = House::init();
    let _server = house.serve().await;
    let mut browser = Browser::new();
    let door = format!("{}/sign-in", house.issuer);
    assert!(!browser.visit(&door).await.has("upstream-corp"));
    let added = add(&house, &["--auto-register", "off", "--map", "name=profile.name,nick", "--domain", "Corp.Test"]);
    assert_eq!(added["callback_url"], format!("{}/upstream/corp/callback", house.issuer));
    assert_eq!((&added["auto_register"], &added["domains"]), (&json!("off"), &json!(["corp.test"])));
    assert_eq!(added["mapping"], json!({ "name": ["profile.name", "nick"] }));
    let mut shown = false;
    for _ in 0..60 {
        shown = browser.visit(&door).await.has("upstream-corp");
        if shown {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(shown, "the running server has the button");
    let all = house.json(&["upstream", "list"]);
    assert_eq!((all[0]["id"].as_str(), all.as_array().map(Vec::len)), (Some("corp"), Some(1)));
    let edited = house.json(&["upstream", "edit", "corp", "--name", "Example Corp", "--auto-register", "on", "--domain", ""]);
    assert_eq!(
        (&edited["name"], &edited["auto_register"], &edited["domains"]),
        (&json!("Example Corp"), &json!("on"), &json!([]))
    );
    assert_eq!(house.json(&["upstream", "show", "corp"])["issuer"], "https://login.example.com");
    // Two questions with two names: what silence means, and whose word is as good as a mail of ours.
    assert_eq!((&edited["trust_email"], &edited["proves_email"]), (&json!("off"), &json!("off")));
    let edited = house.json(&["upstream", "edit", "corp", "--proves-email", "on"]);
    assert_eq!((&edited["trust_email"], &edited["proves_email"]), (&json!("off"), &json!("on")));
    let edited = house.json(&["upstream", "edit", "corp", "--trust-email", "on", "--proves-email", "off"]);
    assert_eq!((&edited["trust_email"], &edited["proves_email"]), (&json!("on"), &json!("off")));
    let words = ["upstream", "add", "--id", "hub", "--kind", "github", "--client-id", "us", "--client-secret-stdin"];
    assert_eq!(house.say(&words, SECRET)["proves_email"], "on");
    for words in [["upstream", "show", "corp"], ["upstream", "test", "corp"]] {
        let output = house.run(&words, "");
        let text = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8_lossy(&text).contains(SECRET), "{words:?}");
    }
    assert_eq!(house.json(&["upstream", "remove", "corp"]), json!({ "id": "corp", "sessions_ended": 0 }));
    assert!(!house.run(&["upstream", "show", "corp"], "").status.success());
}

/// `upstream test` names the step that fails, and fails itself.
#[tokio::test]
async fn what_is_wrong_is_named() {
    let house = House::init();
    add(&house, &[]);
    let output = house.run(&["upstream", "test", "corp", "--json"], "");
    assert!(!output.status.success());
    let told = crate::support::program::one_line(&output);
    assert_eq!((&told["ok"], &told["steps"][0]["step"]), (&json!(false), &json!("discovery")), "{told}");
    for (words, why) in [
        (&["upstream", "add", "--id", "x", "--kind", "nobody"][..], "is none of"),
        (&["upstream", "add", "--id", "x", "--kind", "entra", "--client-id", "us", "--client-secret-stdin"], "issuer"),
        (&["upstream", "edit", "nobody", "--name", "x"], "there is no upstream nobody"),
    ] {
        let output = house.run(words, SECRET);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(why), "{words:?}: {text}");
    }
}
