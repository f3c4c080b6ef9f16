#![allow(clippy::all, dead_code, unused)]
mod support {
    #[path = "/work/main/tests/it/support/app.rs"] pub mod app;
    #[path = "/work/main/tests/it/support/browser.rs"] pub mod browser;
    #[path = "/work/main/tests/it/support/page.rs"] pub mod page;
    #[path = "/work/main/tests/it/support/raw.rs"] pub mod raw;
    #[path = "/work/main/tests/it/support/rows.rs"] pub mod rows;
    #[path = "/work/main/tests/it/support/rp.rs"] pub mod rp;
    pub use app::TestApp;
    pub use browser::{Browser, Initiator};
    pub use page::Page;
    pub use rp::{CALLBACK, Flow, Rp};
}
#[path = "it/login.rs"] mod login;
#[path = "it/sessions.rs"] mod sessions;
#[path = "it/interactions.rs"] mod interactions;
#[path = "it/userinfo.rs"] mod userinfo;
#[path = "it/csrf_headers.rs"] mod csrf_headers;
#[path = "it/bad_input.rs"] mod bad_input;
