//! A browser as far as the pages need one: cookies, redirects, forms, and the headers by which a server tells sites apart.
//! No script runs. It never sends a request beyond this machine.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Client, Method, redirect};
use url::Url;

use super::page::Page;

/// Who made the browser send a request; a server sees it in `Sec-Fetch-Site` and `Origin`, and in the cookies that come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator<'a> {
    /// The address bar or a bookmark.
    Person,
    /// A page of the server itself.
    SameOrigin,
    /// A page of another site, by its origin. Lax cookies come with its GET navigations only.
    Site(&'a str),
}

/// A cookie as it was set; host-only, as all of ours are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    pub value: String,
    /// The attributes, names in small letters, values as they came.
    pub attributes: BTreeMap<String, String>,
}

impl Cookie {
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.contains_key(attribute)
    }

    fn is_cross_site(&self) -> bool {
        self.attributes.get("samesite").is_some_and(|value| value.eq_ignore_ascii_case("none"))
    }

    fn is_lax(&self) -> bool {
        self.attributes.get("samesite").is_none_or(|value| value.eq_ignore_ascii_case("lax"))
    }

    fn is_for(&self, path: &str) -> bool {
        let own = self.attributes.get("path").map_or("/", String::as_str);
        path == own || path.starts_with(own) && (own.ends_with('/') || path[own.len()..].starts_with('/'))
    }
}

/// One browser profile. `Clone` copies the profile: two windows that do not see each other's later cookies.
#[derive(Clone)]
pub struct Browser {
    http: Client,
    /// By host and name. A `Secure` cookie goes to loopback http too, as Chromium sends it to `localhost`.
    cookies: BTreeMap<(String, String), Cookie>,
    accept_language: String,
}

impl Default for Browser {
    fn default() -> Browser {
        Browser::new()
    }
}

impl Browser {
    pub fn new() -> Browser {
        // No certificates are read: loading the system's costs 50 ms, and nothing here speaks TLS.
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).tls_certs_only([]);
        Browser { http: http.build().unwrap(), cookies: BTreeMap::new(), accept_language: "en".to_owned() }
    }

    /// The same, for a person who reads this language.
    pub fn reading(language: &str) -> Browser {
        Browser { accept_language: language.to_owned(), ..Browser::new() }
    }

    pub fn cookie(&self, name: &str) -> Option<&Cookie> {
        self.cookies.iter().find(|((_, own), _)| own == name).map(|(_, cookie)| cookie)
    }

    /// Changes a cookie's value, or forgets it.
    pub fn set_cookie(&mut self, name: &str, value: Option<&str>) {
        match value {
            None => self.cookies.retain(|(_, own), _| own != name),
            Some(value) => {
                let known = self.cookies.iter_mut().find(|((_, own), _)| own == name);
                known.unwrap_or_else(|| panic!("no cookie {name}")).1.value = value.to_owned();
            }
        }
    }

    pub fn forget_cookies(&mut self) {
        self.cookies.clear();
    }

    /// One request as if typed, its answer as it is; redirects are not followed.
    pub async fn get(&mut self, address: &str) -> Page {
        self.request(Initiator::Person, Method::GET, &parse(address), None).await
    }

    /// Goes to an address and follows redirects for as long as they stay on its origin: the answer is a page, or the
    /// redirect that leaves for a relying party.
    pub async fn visit(&mut self, address: &str) -> Page {
        let first = self.get(address).await;
        self.follow(first).await
    }

    /// The same, by a link on a page of somebody else.
    pub async fn visit_from(&mut self, origin: &str, address: &str) -> Page {
        let first = self.request(Initiator::Site(origin), Method::GET, &parse(address), None).await;
        self.follow(first).await
    }

    /// Sends fields by POST, as a form on a page of that place would; redirects are not followed.
    pub async fn post(&mut self, from: Initiator<'_>, address: &str, fields: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.request(from, Method::POST, &parse(address), Some(body)).await
    }

    /// Fills in the form that has this button (its element id), presses it and follows where that leads.
    pub async fn submit(&mut self, page: &Page, button: &str, fields: &[(&str, &str)]) -> Page {
        let first = self.press(page, button, fields).await;
        self.follow(first).await
    }

    /// The same, without following.
    pub async fn press(&mut self, page: &Page, button: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = page.form(button);
        for (name, value) in fields {
            form.set(name, value);
        }
        let body = form.body();
        if form.method == Method::POST {
            return self.request(Initiator::SameOrigin, Method::POST, &form.action, Some(body)).await;
        }
        form.action.set_query(Some(&body));
        self.request(Initiator::SameOrigin, Method::GET, &form.action, None).await
    }

    /// Follows redirects that stay on this answer's origin, ten at most.
    pub async fn follow(&mut self, first: Page) -> Page {
        let mut page = first;
        for _ in 0..10 {
            match page.location() {
                Some(next) if next.origin() == page.url.origin() => {
                    page = self.request(Initiator::SameOrigin, Method::GET, &next, None).await;
                }
                _ => return page,
            }
        }
        panic!("redirects without end at {}", page.url);
    }

    /// One request with the headers that Chromium would send, and the cookies that it would send with it.
    pub async fn request(&mut self, from: Initiator<'_>, method: Method, url: &Url, body: Option<String>) -> Page {
        let host = url.host_str().unwrap_or_default();
        let loopback = host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.") || host == "[::1]";
        assert!(loopback, "{url} is not on this machine");
        let site = match from {
            Initiator::Person => "none",
            Initiator::SameOrigin => "same-origin",
            Initiator::Site(_) => "cross-site",
        };
        let mut request = self.http.request(method.clone(), url.clone()).header("accept", "text/html,*/*;q=0.8");
        request = request.header("accept-language", &self.accept_language).header("sec-fetch-site", site);
        request = request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        if method != Method::GET {
            let own = url.origin().ascii_serialization();
            request = request.header("origin", if let Initiator::Site(origin) = from { origin } else { &own });
        }
        if let Some(cookies) = self.cookies_for(from, &method, url) {
            request = request.header("cookie", cookies);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{method} {url}: {error:?}"));
        self.keep(host, answer.headers());
        Page::read(url.clone(), answer).await
    }

    fn cookies_for(&self, from: Initiator<'_>, method: &Method, url: &Url) -> Option<String> {
        let comes = |cookie: &Cookie| match from {
            Initiator::Person | Initiator::SameOrigin => true,
            Initiator::Site(_) => cookie.is_cross_site() || method == Method::GET && cookie.is_lax(),
        };
        let own = self.cookies.iter().filter(|((host, _), _)| Some(host.as_str()) == url.host_str());
        let sent = own.filter(|(_, cookie)| cookie.is_for(url.path()) && comes(cookie));
        let pairs: Vec<String> = sent.map(|((_, name), cookie)| format!("{name}={}", cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn keep(&mut self, host: &str, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let mut parts = line.to_str().unwrap().split(';').map(str::trim);
            let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie has a name");
            let attribute = |part: &str| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                (name.to_ascii_lowercase(), value.to_owned())
            };
            let cookie = Cookie { value: value.to_owned(), attributes: parts.map(attribute).collect() };
            assert!(!cookie.has("domain"), "{name} is not host-only");
            let ended = cookie.attributes.get("max-age").is_some_and(|age| age.parse::<i64>().unwrap() <= 0);
            let key = (host.to_owned(), name.to_owned());
            match ended {
                true => self.cookies.remove(&key),
                false => self.cookies.insert(key, cookie),
            };
        }
    }
}

fn parse(address: &str) -> Url {
    Url::parse(address).unwrap_or_else(|error| panic!("{address}: {error}"))
}
