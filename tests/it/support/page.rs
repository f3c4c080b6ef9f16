//! What a server answered, and the forms on it.

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, Response};
use scraper::{ElementRef, Html, Selector};
use url::Url;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Page {
    pub url: Url,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

/// A form as the page gave it, with what it would send untouched.
#[derive(Clone, Debug)]
pub struct Form {
    pub action: Url,
    pub method: Method,
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// Fills in a field that the form has.
    pub fn set(&mut self, name: &str, value: &str) {
        let field = self.fields.iter_mut().find(|(own, _)| own == name);
        field.unwrap_or_else(|| panic!("the form for {} has no field '{name}'", self.action)).1 = value.to_owned();
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// As application/x-www-form-urlencoded.
    pub fn body(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }
}

impl Page {
    pub async fn read(url: Url, answer: Response) -> Page {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.text().await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
        Page { url, status, headers, body }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} at {}: {}", self.url, self.body))
    }

    /// Where a redirect leads.
    pub fn location(&self) -> Option<Url> {
        let redirect = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        let target = self.headers.get(LOCATION).filter(|_| redirect)?;
        Some(self.url.join(target.to_str().unwrap()).unwrap())
    }

    /// A parameter of the redirect, in its query or its fragment.
    pub fn param(&self, name: &str) -> Option<String> {
        let location = self.location()?;
        let parts = [location.query(), location.fragment()];
        let mut pairs = parts.into_iter().flatten().flat_map(|part| url::form_urlencoded::parse(part.as_bytes()));
        pairs.find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
    }

    /// Whether this answer sends the browser to that address, whatever its query.
    pub fn leaves_for(&self, address: &str) -> bool {
        self.location().is_some_and(|location| location.as_str().split(['?', '#']).next() == Some(address))
    }

    /// Whether an element with this id is there.
    pub fn has(&self, id: &str) -> bool {
        !self.texts(&format!("[id='{id}']")).is_empty()
    }

    /// The text of the first element that fits, its blanks made single.
    pub fn text(&self, selector: &str) -> String {
        let first = self.texts(selector).into_iter().next();
        first.unwrap_or_else(|| panic!("no {selector} at {} ({}):\n{}", self.url, self.status, self.body))
    }

    /// The text of every element that fits.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        let text = |element: ElementRef<'_>| element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        html.select(&parse(selector)).map(text).collect()
    }

    /// An attribute of every element that fits and has it.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        html.select(&parse(selector)).filter_map(|element| element.attr(name)).map(str::to_owned).collect()
    }

    /// The form whose button has this element id, with that button pressed.
    pub fn form(&self, button: &str) -> Form {
        let html = Html::parse_document(&self.body);
        let missing =
            |what: &str| -> String { format!("no {what} '{button}' at {} ({}):\n{}", self.url, self.status, self.body) };
        let pressed = html.select(&parse(&format!("[id='{button}']"))).next();
        let pressed = pressed.unwrap_or_else(|| panic!("{}", missing("button")));
        let owner = match pressed.attr("form") {
            Some(id) => html.select(&parse(&format!("form[id='{id}']"))).next(),
            None => pressed.ancestors().filter_map(ElementRef::wrap).find(|element| element.value().name() == "form"),
        };
        let form = owner.unwrap_or_else(|| panic!("{}", missing("form of the button")));
        let mut fields: Vec<(String, String)> = form.select(&parse("input, select, textarea")).filter_map(field).collect();
        if let Some(name) = pressed.attr("name") {
            fields.push((name.to_owned(), pressed.attr("value").unwrap_or_default().to_owned()));
        }
        let action = pressed.attr("formaction").or_else(|| form.attr("action")).filter(|action| !action.is_empty());
        let action = action.map_or(self.url.clone(), |action| self.url.join(action).unwrap());
        let method = pressed.attr("formmethod").or_else(|| form.attr("method")).unwrap_or("get");
        let method = if method.eq_ignore_ascii_case("post") { Method::POST } else { Method::GET };
        Form { action, method, fields }
    }
}

fn parse(selector: &str) -> Selector {
    Selector::parse(selector).unwrap_or_else(|error| panic!("{selector}: {error}"))
}

/// What a control sends while nobody touches it.
fn field(element: ElementRef<'_>) -> Option<(String, String)> {
    let name = element.attr("name")?.to_owned();
    let value = |element: ElementRef<'_>| element.attr("value").unwrap_or_default().to_owned();
    if element.attr("disabled").is_some() {
        return None;
    }
    let sent = match (element.value().name(), element.attr("type").unwrap_or("text")) {
        ("textarea", _) => element.text().collect(),
        ("select", _) => {
            let options: Vec<ElementRef<'_>> = element.select(&parse("option")).collect();
            let chosen = options.iter().find(|option| option.attr("selected").is_some()).or(options.first())?;
            chosen.attr("value").map_or_else(|| chosen.text().collect(), str::to_owned)
        }
        (_, "submit" | "button" | "image" | "reset") => return None,
        (_, "checkbox" | "radio") if element.attr("checked").is_none() => return None,
        (_, "checkbox" | "radio") => element.attr("value").unwrap_or("on").to_owned(),
        _ => value(element),
    };
    Some((name, sent))
}
