//! What happened to an account, and the page to fetch everything that is known of its owner.

use askama::Template;

use super::Frame;
use crate::base::Timestamp;
use crate::endpoints::own_data::{By, Happened};
use crate::identity::device::{device, network};
use crate::web::texts::{ago, exact, iso};

/// One page of what happened, newest first; links `newer` and `older`.
#[derive(Template)]
#[template(path = "pages/history.html")]
pub struct History {
    pub frame: Frame,
    pub now: Timestamp,
    pub events: Vec<Happened>,
    pub newer_url: Option<String>,
    pub older_url: Option<String>,
}

impl History {
    fn sentence(&self, event: &Happened) -> &'static str {
        self.frame.t().history.sentence(&event.kind)
    }

    /// By which app, in which browser, from where, by whom.
    fn circumstances(&self, event: &Happened) -> Vec<String> {
        let t = &self.frame.t().history;
        let mut all = Vec::new();
        all.extend(event.app.as_ref().map(|app| t.app.with(app).to_string()));
        all.extend(event.user_agent.as_ref().map(|text| device(self.frame.lang, text)));
        all.extend(event.address.as_ref().map(|text| {
            let shown = text.parse().map_or_else(|_| text.clone(), network);
            self.frame.t().from_address.with(shown).to_string()
        }));
        match event.by {
            By::Operator => all.push(t.by_operator.to_owned()),
            By::Stranger => all.push(t.by_stranger.to_owned()),
            By::Person | By::App | By::House => {}
        }
        if event.times > 1 {
            all.push(t.times.of(event.times).to_string());
        }
        all
    }

    fn exact(&self, at: &Timestamp) -> String {
        exact(self.frame.t(), *at)
    }

    fn ago(&self, at: &Timestamp) -> String {
        ago(self.frame.t(), *at, self.now)
    }

    fn iso(&self, at: &Timestamp) -> String {
        iso(*at)
    }
}

/// Button `download`.
#[derive(Template)]
#[template(path = "pages/own_data.html")]
pub struct OwnData {
    pub frame: Frame,
    pub action: String,
}
