//! Azure: the token of a managed identity, from the metadata service of a virtual machine or that of an App Service.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>,
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>

use serde::Deserialize;
use tegmen_secret::SecretBytes;
use url::Url;

use super::{Reach, ask, problem, token};
use crate::answer::SecretText;
use crate::auth::AzureMachine;
use crate::error::Error;

const FROM: &str = "Azure's metadata service";
const NEXT: &str = "run this on Azure with a managed identity; elsewhere use method \"jwt\" with a token from a source";

/// Where the token comes from.
pub enum AzureService {
    /// The metadata service of a virtual machine; the address where it is not the usual one.
    Machine(Option<String>),
    /// An App Service, a Function and so on.
    App {
        /// `IDENTITY_ENDPOINT`.
        endpoint: String,
        /// `IDENTITY_HEADER`.
        header: SecretBytes,
    },
}

/// Asks for a token for `resource`, and for the names of the machine. `client_id` names one of several identities.
///
/// # Errors
/// When it cannot be had.
pub fn azure(
    service: &AzureService,
    resource: &str,
    client_id: Option<&str>,
) -> Result<(SecretBytes, AzureMachine), Error> {
    let is_true = SecretBytes::from("true".to_owned());
    let (mut url, header, version) = match service {
        AzureService::Machine(host) => {
            (machine(host.as_deref(), "metadata/identity/oauth2/token")?, ("Metadata", &is_true), "2018-02-01")
        }
        AzureService::App { endpoint, header } => {
            let Ok(url) = Url::parse(endpoint) else {
                return Err(problem(FROM, "IDENTITY_ENDPOINT is not a URL", NEXT));
            };
            (url, ("X-IDENTITY-HEADER", header), "2019-08-01")
        }
    };
    url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", resource);
    if let Some(client_id) = client_id {
        url.query_pairs_mut().append_pair("client_id", client_id);
    }
    let body = ask(FROM, &url, &[header], Reach::Here, NEXT)?;
    let Ok(Token { access_token: SecretText(found) }) = serde_json::from_slice(&body) else {
        return Err(problem(FROM, "its answer holds no token", NEXT));
    };
    let found = token(FROM, found, NEXT)?;
    let AzureService::Machine(host) = service else { return Ok((found, AzureMachine::default())) };
    let mut url = machine(host.as_deref(), "metadata/instance")?;
    url.query_pairs_mut().append_pair("api-version", "2017-08-01");
    let body = ask(FROM, &url, &[("Metadata", &is_true)], Reach::Here, NEXT)?;
    let Ok(Instance { compute }) = serde_json::from_slice(&body) else {
        return Err(problem(FROM, "it does not say which machine this is", NEXT));
    };
    // A machine of a scale set is known by that.
    let vm_name = if compute.vm_scale_set_name.is_empty() { compute.name } else { String::new() };
    let (subscription_id, resource_group_name) = (compute.subscription_id, compute.resource_group_name);
    Ok((found, AzureMachine { subscription_id, resource_group_name, vm_name, vmss_name: compute.vm_scale_set_name }))
}

fn machine(host: Option<&str>, path: &str) -> Result<Url, Error> {
    let host = host.unwrap_or("http://169.254.169.254").trim_end_matches('/');
    Url::parse(&format!("{host}/{path}"))
        .map_err(|_| problem(FROM, "AZURE_POD_IDENTITY_AUTHORITY_HOST is not a URL", NEXT))
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    access_token: SecretText,
}

#[derive(Deserialize)]
struct Instance {
    compute: Compute,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Compute {
    name: String,
    resource_group_name: String,
    subscription_id: String,
    vm_scale_set_name: String,
}
