//! A client of the API that keeps a token.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// Sends requests as one user.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    bearer: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, `Null` where it is no JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

// === impl Client ===

impl Client {
    /// A client without a token.
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .timeout(std::time::Duration::from_secs(300))
            .build()
            .expect("a client");
        Self {
            http,
            base: base.to_owned(),
            token: None,
            bearer: None,
        }
    }

    /// The same with a token of Cloude.ro's API.
    #[must_use]
    pub fn with_bearer(&self, token: &str) -> Self {
        Self {
            bearer: Some(token.to_owned()),
            ..self.anonymous()
        }
    }

    /// Its token of Cloude.ro's API.
    pub fn bearer(&self) -> &str {
        self.bearer
            .as_deref()
            .expect("this client has a bearer token")
    }

    /// The same with a token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The same without one.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self {
            token: None,
            bearer: None,
            ..self.clone()
        }
    }

    /// The same at another address.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    /// Where it sends its requests.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The token.
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("this client has a token")
    }

    /// A request to be completed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match (&self.token, &self.bearer) {
            (Some(token), _) => request.header("Authentication-Token", token),
            (None, Some(token)) => request.bearer_auth(token),
            (None, None) => request,
        }
    }

    /// A request with this body, as it is.
    pub async fn raw(&self, method: Method, path: &str, body: impl Into<String>) -> Answer {
        self.send(self.request(method, path).body(body.into()))
            .await
    }

    /// Sends a completed request.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request)
            .await
            .expect("the request is answered")
    }

    /// Sends a completed request; `None` when no answer came.
    pub async fn try_send(&self, request: RequestBuilder) -> Option<Answer> {
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers
            .map(|(name, value)| {
                (
                    name.to_string(),
                    value.to_str().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        let text = response.text().await.ok()?;
        Some(Answer {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A request with a form.
    pub async fn form(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Answer {
        let body: Vec<_> = form
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        let request = self
            .request(method, path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body.join("&"));
        self.send(request).await
    }

    /// DELETE with a JSON body.
    pub async fn delete_with(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::DELETE, path).json(body))
            .await
    }

    /// Registers an organisation and returns a client of its owner.
    pub async fn register(&self, organisation: &str, email: &str) -> Self {
        let body = json!({
            "email": email, "password": "secretpassword", "password_confirm": "secretpassword",
            "name": organisation, "user_name": email,
        });
        let answer = self
            .anonymous()
            .post("/accounts/register", &body)
            .await
            .ok();
        self.with_token(answer[0]["persistent_token"].as_str().expect("a token"))
    }

    /// Adds a provider without credentials and returns its id.
    pub async fn add_provider(&self, kind: &str) -> String {
        let body = json!({"cloud_provider": kind, "provider_name": kind});
        self.post("/providers", &body).await.ok()["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }
}

/// As forms want it.
fn encoded(text: &str) -> String {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let shown = |byte: u8| {
        if harmless(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(shown).collect()
}

// === impl Answer ===

impl Answer {
    /// The body of an answer that must be 200.
    pub fn ok(self) -> Value {
        self.expect(StatusCode::OK.as_u16())
    }

    /// The body of an answer that must have that status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The data of an answer of Cloude.ro's API that must be a success.
    pub fn data(self) -> Value {
        let text = self.text.clone();
        let mut body = self.ok();
        assert_eq!(body["status"], "success", "{text}");
        assert_eq!(body.get("message"), Some(&Value::Null), "{text}");
        assert!(body.get("data").is_some(), "{text}");
        body["data"].take()
    }

    /// The message of an error of Cloude.ro's API that must have that status, and name the request as its header does.
    pub fn refusal(self, status: u16) -> String {
        let named = self.header("x-request-id").unwrap_or_default().to_owned();
        let body = self.expect(status);
        let message = body["message"].as_str().unwrap_or_default().to_owned();
        let request = body["error"]["errorDev"].as_str().unwrap_or_default();
        let printed = serde_json::json!({
            "status": "error", "data": null, "message": message,
            "error": {"errorMessage": message, "errorDev": request},
        });
        assert_eq!(body, printed);
        assert!(!message.is_empty() && !request.is_empty(), "{body}");
        assert_eq!(request, named, "{body}");
        message
    }

    /// The message of an error that must have that status.
    pub fn error(self, status: u16) -> String {
        let body = self.expect(status);
        let request = body["request_id"].as_str().unwrap_or_default();
        assert!(!request.is_empty(), "{body} names no request");
        let message = if status == StatusCode::CONFLICT.as_u16() {
            &body["message"]
        } else {
            &body["error"]
        };
        message
            .as_str()
            .unwrap_or_else(|| panic!("{body} says nothing"))
            .to_owned()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}
