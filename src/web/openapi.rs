//! The endpoint table as an OpenAPI 3.1 document, and as a page for people.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::pages::{Docs, DocsAnswer, DocsEndpoint, DocsGroup, DocsParameter};
use super::parameters::{Auth, Described, Parameter, parameters};
use super::person::page;
use super::routes::{ENDPOINTS, Endpoint, Group};
use super::{State, account_schemas, cookies};
use crate::base::Issuer;

/// The document (OpenAPI 3.1): the endpoints that programs talk to.
pub fn document(issuer: &Issuer) -> Value {
    let mut paths = Map::new();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.group != Group::Page) {
        let operations = endpoint.methods.iter().map(|method| (method.to_ascii_lowercase(), operation(endpoint, method)));
        paths.insert(endpoint.path.to_owned(), Value::Object(operations.collect()));
    }
    let mut schemas = Map::from_iter([(
        "Error".to_owned(),
        json!({
            "type": "object",
            "required": ["error"],
            "properties": { "error": { "type": "string" }, "error_description": { "type": "string" } },
        }),
    )]);
    if let Value::Object(own) = account_schemas::all() {
        schemas.extend(own);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Vouchsafe",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "An OpenID Connect identity provider.",
        },
        "servers": [{ "url": issuer.as_str() }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "client": { "type": "http", "scheme": "basic", "description": "Client id and secret, each form-encoded first." },
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
            "schemas": schemas,
        },
    })
}

fn operation(endpoint: &Endpoint, method: &str) -> Value {
    let described = parameters(endpoint.path);
    let own: Vec<&Parameter> = described.parameters.iter().collect();
    let in_body = method == "POST";
    let mut operation = Map::new();
    operation.insert("summary".to_owned(), json!(endpoint.summary));
    operation.insert("operationId".to_owned(), json!(operation_id(endpoint.path, method)));
    if in_body && !own.is_empty() {
        let properties: Map<String, Value> =
            own.iter().map(|p| (p.name.to_owned(), json!({ "type": "string", "description": p.meaning }))).collect();
        let required: Vec<&str> = own.iter().filter(|p| p.required).map(|p| p.name).collect();
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        operation.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": { "application/x-www-form-urlencoded": { "schema": schema } } }),
        );
    } else if !own.is_empty() {
        let list: Vec<Value> = own
            .iter()
            .map(|p| {
                let schema = json!({ "type": "string" });
                json!({ "name": p.name, "in": "query", "required": p.required, "description": p.meaning, "schema": schema })
            })
            .collect();
        operation.insert("parameters".to_owned(), json!(list));
    }
    let in_path = path_parameters(endpoint.path);
    if !in_path.is_empty() {
        operation.insert("parameters".to_owned(), json!(in_path));
    }
    if let Some(schema) = account_schemas::taken(endpoint.path, method) {
        let content = json!({ "application/json": { "schema": reference(schema) } });
        operation.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    match described.auth {
        Auth::None => {}
        Auth::Client => drop(operation.insert("security".to_owned(), json!([{ "client": [] }, {}]))),
        Auth::Bearer => drop(operation.insert("security".to_owned(), json!([{ "bearer": [] }]))),
    }
    operation.insert("responses".to_owned(), responses(endpoint.path, &described));
    Value::Object(operation)
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// The parts of a path that stand for something.
fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })).collect()
}

fn responses(path: &str, described: &Described) -> Value {
    let error = json!({ "schema": reference("Error") });
    let good = account_schemas::answered(path).map_or_else(|| json!({}), |schema| json!({ "schema": reference(schema) }));
    described
        .answers
        .iter()
        .map(|answer| {
            let mut value = Map::new();
            value.insert("description".to_owned(), json!(answer.meaning));
            if !answer.media_type.is_empty() {
                let is_error = answer.status >= 400 && answer.media_type == "application/json";
                let body = if is_error { error.clone() } else { good.clone() };
                let content = Map::from_iter([(answer.media_type.to_owned(), body)]);
                value.insert("content".to_owned(), Value::Object(content));
            }
            (answer.status.to_string(), Value::Object(value))
        })
        .collect::<Map<String, Value>>()
        .into()
}

fn operation_id(path: &str, method: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_ascii_lowercase(), |id, word| format!("{id}_{word}"))
}

/// `/docs`
pub async fn docs(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let browser = cookies::browser(&request, &state.provider.issuer, &state.provider.random);
    let hash = browser.map(|browser| browser.hash).unwrap_or_default();
    let base = state.provider.issuer.path();
    let groups = [
        (Group::Metadata, "Metadata"),
        (Group::Protocol, "OAuth 2.0 and OpenID Connect"),
        (Group::Account, "Account"),
        (Group::Operation, "Operation"),
    ];
    let model = Docs {
        frame: super::pages::Frame { csrf: None, ..state.frame(&request, &hash, None, None) },
        issuer: state.provider.issuer.as_str().to_owned(),
        openapi_url: format!("{base}/openapi.json"),
        groups: groups.into_iter().map(|(group, name)| docs_group(group, name)).collect(),
    };
    page(StatusCode::OK, &model)
}

fn docs_group(group: Group, name: &str) -> DocsGroup {
    let own = ENDPOINTS.iter().filter(|endpoint| endpoint.group == group);
    let endpoints = own.flat_map(|endpoint| endpoint.methods.iter().map(|method| docs_endpoint(endpoint, method))).collect();
    DocsGroup { name: name.to_owned(), endpoints }
}

fn docs_endpoint(endpoint: &Endpoint, method: &str) -> DocsEndpoint {
    let described = parameters(endpoint.path);
    DocsEndpoint {
        method: method.to_owned(),
        path: endpoint.path.to_owned(),
        summary: endpoint.summary.to_owned(),
        auth: match described.auth {
            Auth::None => None,
            Auth::Client => Some("Client authentication, by the method that the client is registered for".to_owned()),
            Auth::Bearer => Some("Authorization: Bearer, an access token".to_owned()),
        },
        parameters: described
            .parameters
            .iter()
            .map(|p| DocsParameter {
                name: p.name.to_owned(),
                place: if method == "POST" { "form" } else { "query" }.to_owned(),
                required: p.required,
                meaning: p.meaning.to_owned(),
            })
            .collect(),
        answers: described
            .answers
            .iter()
            .map(|answer| DocsAnswer {
                status: answer.status.to_string(),
                media_type: answer.media_type.to_owned(),
                meaning: answer.meaning.to_owned(),
            })
            .collect(),
    }
}
