//! Tokens that the place where we run gives out, and the variables that say where.

use tegmen_secret::SecretBytes;
use tegmen_vault::AzureMachine;
use tegmen_vault::identity::{self, AzureService};

use crate::fetch::context::Context;
use crate::fetch::error::Trouble;

/// The variable for which GitLab's documentation of `id_tokens` suggests this name.
const GITLAB: &str = "VAULT_ID_TOKEN";

pub(super) fn variable(context: &Context, name: &str) -> Option<SecretBytes> {
    context.environment.text(name).map(|text| SecretBytes::from(text.trim().to_owned()))
}

/// The token of a job: what GitHub Actions gives out, else what GitLab was told to set.
pub(super) fn job(context: &Context, audience: Option<&str>) -> Result<SecretBytes, Trouble> {
    let (url, bearer) = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    if let (Some(url), Some(bearer)) = (context.environment.text(url), variable(context, bearer)) {
        return Ok(identity::github(url, &bearer, audience)?);
    }
    if let Some(token) = variable(context, GITLAB) {
        return Ok(token);
    }
    let next = match context.environment.text("GITHUB_ACTIONS") {
        Some(_) => "give the job `permissions: id-token: write`".to_owned(),
        None => format!("say with `jwt` where it is, or have GitLab set it: id_tokens: {GITLAB}: aud: …"),
    };
    Err(Trouble::new("no JWT to log in to Vault with: neither GitHub Actions nor GitLab gives one out here", next))
}

pub(super) fn gcp(context: &Context, role: &str) -> Result<SecretBytes, Trouble> {
    Ok(identity::gcp(context.environment.text("GCE_METADATA_HOST"), role)?)
}

pub(super) fn azure(
    context: &Context,
    resource: &str,
    client_id: Option<&str>,
) -> Result<(SecretBytes, AzureMachine), Trouble> {
    let text = |name: &str| context.environment.text(name).map(str::to_owned);
    let service = match (text("IDENTITY_ENDPOINT"), variable(context, "IDENTITY_HEADER")) {
        (Some(endpoint), Some(header)) => AzureService::App { endpoint, header },
        _ => AzureService::Machine(text("AZURE_POD_IDENTITY_AUTHORITY_HOST")),
    };
    Ok(identity::azure(&service, resource, client_id)?)
}
