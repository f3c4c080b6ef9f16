//! What each endpoint takes and answers, for the documents; what it enforces is in `oauth` and `endpoints`.

/// How a caller shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    None,
    Client,
    Bearer,
}

/// One parameter of a request.
pub struct Parameter {
    pub name: &'static str,
    pub required: bool,
    pub meaning: &'static str,
}

/// One answer.
pub struct AnswerKind {
    pub status: u16,
    pub media_type: &'static str,
    pub meaning: &'static str,
}

/// Everything that the documents say of one endpoint.
pub struct Described {
    pub auth: Auth,
    pub parameters: &'static [Parameter],
    pub answers: &'static [AnswerKind],
}

const fn needs(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, required: true, meaning }
}

const fn may(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, required: false, meaning }
}

const fn json(status: u16, meaning: &'static str) -> AnswerKind {
    AnswerKind { status, media_type: "application/json", meaning }
}

const fn html(status: u16, meaning: &'static str) -> AnswerKind {
    AnswerKind { status, media_type: "text/html", meaning }
}

const fn bare(status: u16, meaning: &'static str) -> AnswerKind {
    AnswerKind { status, media_type: "", meaning }
}

const TOO_MUCH: AnswerKind = json(413, "The body is larger than 64 KiB");
const WRONG_TYPE: AnswerKind = json(415, "The body is not application/x-www-form-urlencoded");
const TOO_MANY: AnswerKind = json(429, "temporarily_unavailable: a rate limit is reached; see Retry-After and RateLimit");
const UNAVAILABLE: AnswerKind = json(503, "temporarily_unavailable: try again after the seconds in Retry-After");
const UNAUTHENTICATED: AnswerKind = json(401, "invalid_client: the client did not prove who it is");

/// What the endpoint at `path` takes and answers.
pub fn parameters(path: &str) -> Described {
    match path {
        "/authorize" => AUTHORIZE,
        "/token" => TOKEN,
        "/userinfo" => USERINFO,
        "/introspect" => INTROSPECT,
        "/revoke" => REVOKE,
        "/end_session" => END_SESSION,
        "/upstream/{id}/backchannel-logout" => UPSTREAM_LOGOUT,
        "/register" => REGISTER,
        "/register/{client_id}" => REGISTRATION,
        "/api/account" => ACCOUNT,
        "/api/account/sessions" | "/api/account/apps" | "/api/account/passkeys" => ACCOUNT_LIST,
        "/api/account/factors" | "/api/account/recovery-codes" => ACCOUNT_LIST,
        "/api/account/sessions/{sid}" | "/api/account/apps/{client_id}" | "/api/account/factors/{id}" => ACCOUNT_REMOVAL,
        "/api/account/passkeys/{id}" => PASSKEY_REMOVAL,
        "/check_session" => CHECK_SESSION,
        "/healthz" => Described { auth: Auth::None, parameters: &[], answers: &[OK_TEXT] },
        "/readyz" => Described { auth: Auth::None, parameters: &[], answers: &[OK_TEXT, NOT_READY] },
        _ => Described { auth: Auth::None, parameters: &[], answers: &[DOCUMENT] },
    }
}

const UPSTREAM_LOGOUT: Described = Described {
    auth: Auth::None,
    parameters: &[needs("logout_token", "A logout token that the provider signed for us")],
    answers: &[
        bare(200, "The sessions that began there are over"),
        json(400, "invalid_request: the token is not taken"),
        TOO_MANY,
        UNAVAILABLE,
    ],
};

const DOCUMENT: AnswerKind = json(200, "The document");
const OK_TEXT: AnswerKind = AnswerKind { status: 200, media_type: "text/plain", meaning: "ok" };
const NOT_READY: AnswerKind = AnswerKind { status: 503, media_type: "text/plain", meaning: "The database does not answer" };

const AUTHORIZE: Described = Described {
    auth: Auth::None,
    parameters: &[
        needs("client_id", "The client, as it is registered"),
        needs("redirect_uri", "One of the client's registered addresses, byte for byte"),
        needs("response_type", "code, or what the operator switched on beside it"),
        may("scope", "What is asked for; scopes that the client may not have are left out"),
        may("state", "Comes back unchanged; up to 2048 bytes"),
        may("nonce", "Comes back in the ID token; up to 2048 bytes"),
        may("code_challenge", "PKCE (RFC 7636); required for public clients and wherever the client is registered so"),
        may("code_challenge_method", "S256"),
        may("response_mode", "query, fragment or form_post"),
        may("prompt", "none, login, consent or select_account"),
        may("max_age", "Seconds after which a sign-in has to be repeated"),
        may("login_hint", "The e-mail address to fill in"),
        may("id_token_hint", "An ID token of the person who is expected"),
        may("claims", "Single claims (OpenID Connect Core section 5.5)"),
        may("resource", "Where the access token will be used (RFC 8707); may be repeated"),
        may("acr_values", "Wished ways of signing in; a wish only"),
        may("ui_locales", "Languages for the pages, best first"),
        may("idp_hint", "The id of another provider by which the person is to sign in"),
        may("display", "page or popup; the pages fit both"),
    ],
    answers: &[
        bare(303, "To a page of ours, or back to the client with code, state and iss, or with error"),
        html(200, "The answer as a form (response_mode=form_post)"),
        html(400, "No client may be answered: an error page"),
        html(429, "A rate limit is reached"),
        html(503, "Something on our side is not working"),
    ],
};

const TOKEN: Described = Described {
    auth: Auth::Client,
    parameters: &[
        needs("grant_type", "authorization_code, refresh_token or client_credentials"),
        may("code", "With authorization_code: the code, good for 60 seconds and one use"),
        may("redirect_uri", "With authorization_code: the address that the code was sent to"),
        may("code_verifier", "With authorization_code: the secret behind the challenge"),
        may("refresh_token", "With refresh_token: the newest one; each answer brings its successor"),
        may("scope", "With refresh_token and client_credentials: less than what is open"),
        may("resource", "Where the access token will be used (RFC 8707); may be repeated"),
        may("client_id", "For clients without a secret, and with client_secret_post"),
        may("client_secret", "With client_secret_post"),
        may("client_assertion", "With private_key_jwt and client_secret_jwt"),
        may("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
    ],
    answers: &[
        json(200, "access_token, token_type, expires_in, scope, and id_token and refresh_token where granted"),
        json(400, "invalid_request, invalid_grant, invalid_scope, invalid_target, unauthorized_client or unsupported_grant_type"),
        UNAUTHENTICATED,
        TOO_MUCH,
        WRONG_TYPE,
        TOO_MANY,
        UNAVAILABLE,
    ],
};

const USERINFO: Described = Described {
    auth: Auth::Bearer,
    parameters: &[],
    answers: &[
        json(200, "sub and the claims that were granted"),
        json(401, "invalid_token: unknown, expired, revoked, or not made out to this endpoint"),
        json(403, "insufficient_scope: openid is needed"),
        TOO_MANY,
        UNAVAILABLE,
    ],
};

const NO_TOKEN: AnswerKind = json(401, "invalid_token: unknown, expired, revoked, or not made out to this endpoint");
const NO_SCOPE: AnswerKind = json(403, "insufficient_scope: account is needed");
const NOT_THEIRS: AnswerKind = json(404, "not_found: there is no such thing in this account");

const ACCOUNT: Described = Described {
    auth: Auth::Bearer,
    parameters: &[],
    answers: &[
        json(200, "The standard claims of the person, after the change"),
        json(400, "invalid_request: the body is no JSON object, or names what is no standard claim or cannot be set"),
        NO_TOKEN,
        NO_SCOPE,
        json(409, "conflict: the account was changed at the same moment"),
        TOO_MUCH,
        json(415, "The body is not application/json"),
        TOO_MANY,
        UNAVAILABLE,
    ],
};

const ACCOUNT_LIST: Described = Described {
    auth: Auth::Bearer,
    parameters: &[],
    answers: &[json(200, "The list"), NO_TOKEN, NO_SCOPE, TOO_MANY, UNAVAILABLE],
};

const ACCOUNT_REMOVAL: Described = Described {
    auth: Auth::Bearer,
    parameters: &[],
    answers: &[bare(204, "It is gone"), NO_TOKEN, NO_SCOPE, NOT_THEIRS, TOO_MANY, UNAVAILABLE],
};

const PASSKEY_REMOVAL: Described = Described {
    auth: Auth::Bearer,
    parameters: &[],
    answers: &[
        bare(204, "It is gone"),
        json(401, "invalid_token; insufficient_user_authentication: the person has to sign in again first (RFC 9470)"),
        NO_SCOPE,
        NOT_THEIRS,
        json(409, "conflict: it is the last way in"),
        TOO_MANY,
        UNAVAILABLE,
    ],
};

const INTROSPECT: Described = Described {
    auth: Auth::Client,
    parameters: &[needs("token", "An access or refresh token"), may("token_type_hint", "Only a hint: the token's shape tells")],
    answers: &[
        json(200, "active, and what the token says if it is alive and the client may see it"),
        UNAUTHENTICATED,
        TOO_MANY,
        UNAVAILABLE,
    ],
};

const REVOKE: Described = Described {
    auth: Auth::Client,
    parameters: &[needs("token", "An access or refresh token"), may("token_type_hint", "Only a hint: the token's shape tells")],
    answers: &[
        bare(200, "The token is dead, or was before"),
        json(400, "unauthorized_client: the token is not this client's"),
        UNAUTHENTICATED,
        TOO_MANY,
        UNAVAILABLE,
    ],
};

const CHECK_SESSION: Described =
    Described { auth: Auth::None, parameters: &[], answers: &[html(200, "The frame, which answers messages of its page")] };

const NOT_JSON: AnswerKind = json(415, "The body is not application/json");
const BAD_METADATA: AnswerKind = json(
    400,
    "invalid_redirect_uri, invalid_client_metadata, invalid_software_statement or unapproved_software_statement; the \
     description names the member",
);

const REGISTER: Described = Described {
    auth: Auth::Bearer,
    parameters: &[],
    answers: &[
        json(201, "Everything that is registered, with client_id, client_secret and registration_access_token"),
        BAD_METADATA,
        json(401, "invalid_token: the initial access token is unknown, expired or used up"),
        html(404, "Apps may not register themselves here"),
        TOO_MUCH,
        NOT_JSON,
        TOO_MANY,
        UNAVAILABLE,
    ],
};

const REGISTRATION: Described = Described {
    auth: Auth::Bearer,
    parameters: &[],
    answers: &[
        json(200, "Everything that is registered, but for the secret"),
        bare(204, "The app is removed, with everything that it was granted"),
        BAD_METADATA,
        json(401, "invalid_token: not the registration access token of this app"),
        html(404, "Apps may not register themselves here"),
        TOO_MUCH,
        NOT_JSON,
        TOO_MANY,
        UNAVAILABLE,
    ],
};

const END_SESSION: Described = Described {
    auth: Auth::None,
    parameters: &[
        may("id_token_hint", "An ID token of the session that ends"),
        may("post_logout_redirect_uri", "One of the client's registered addresses, byte for byte"),
        may("state", "Comes back unchanged"),
        may("client_id", "The client, where there is no hint"),
    ],
    answers: &[
        bare(303, "Back to the client, to our own page, or to the question whether to sign out"),
        html(400, "An error page"),
    ],
};
