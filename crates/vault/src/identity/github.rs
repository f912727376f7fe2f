//! GitHub Actions: the ID token of a job that has `permissions: id-token: write`.
//!
//! <https://docs.github.com/en/actions/reference/security/oidc>

use serde::Deserialize;
use tegmen_secret::SecretBytes;
use url::Url;

use super::{Reach, ask, problem, token};
use crate::answer::SecretText;
use crate::error::Error;

const FROM: &str = "GitHub Actions";
const NEXT: &str = "give the job `permissions: id-token: write`";

/// Asks for an ID token with this audience; `url` and `bearer` are `ACTIONS_ID_TOKEN_REQUEST_URL` and
/// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
///
/// # Errors
/// When it cannot be had.
pub fn github(url: &str, bearer: &SecretBytes, audience: Option<&str>) -> Result<SecretBytes, Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        value: SecretText,
    }
    let Ok(mut url) = Url::parse(url) else {
        return Err(problem(FROM, "ACTIONS_ID_TOKEN_REQUEST_URL is not a URL", NEXT));
    };
    if let Some(audience) = audience {
        url.query_pairs_mut().append_pair("audience", audience);
    }
    let bearer = SecretBytes::new([b"Bearer ", bearer.expose()].concat());
    let body = ask(FROM, &url, &[("Authorization", &bearer)], Reach::Away, NEXT)?;
    match serde_json::from_slice::<Answer>(&body) {
        Ok(Answer { value: SecretText(value) }) => token(FROM, value, NEXT),
        Err(_) => Err(problem(FROM, "its answer holds no token", NEXT)),
    }
}
