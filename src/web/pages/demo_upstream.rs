//! The page of the demo's other providers: "who are you?".

use askama::Template;

use super::Frame;
use crate::federation::demo_upstreams::{Persona, Side};

/// A link `as-WHO` for each that one can be.
#[derive(Template)]
#[template(path = "pages/demo_upstream.html")]
pub struct DemoUpstream {
    pub frame: Frame,
    pub side: Side,
    pub links: Vec<PersonaLink>,
}

/// One of them.
pub struct PersonaLink {
    pub who: Persona,
    pub url: String,
}

impl DemoUpstream {
    const fn name(&self) -> &'static str {
        match self.side {
            Side::Google => "Google",
            Side::GitHub => "GitHub",
        }
    }

    fn words(&self, link: &PersonaLink) -> &'static str {
        let t = &self.frame.t().upstream;
        match link.who {
            Persona::New => t.demo_new,
            Persona::Known => t.demo_known,
            Persona::Shy => t.demo_shy,
            Persona::Cancel => t.demo_cancel,
        }
    }
}
