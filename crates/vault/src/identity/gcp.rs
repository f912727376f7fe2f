//! Google Cloud: the identity token of the machine's service account, from the metadata service.
//!
//! <https://cloud.google.com/compute/docs/instances/verifying-instance-identity>

use tegmen_secret::SecretBytes;
use url::Url;

use super::{Reach, ask, problem, token};
use crate::error::Error;

const FROM: &str = "Google's metadata service";
const NEXT: &str =
    "run this on Google Cloud with a service account; elsewhere use method \"jwt\" with a token from a source";

/// Asks for an identity token that is meant for this role of Vault. `host` is `GCE_METADATA_HOST` where it is set.
///
/// # Errors
/// When it cannot be had.
pub fn gcp(host: Option<&str>, role: &str) -> Result<SecretBytes, Error> {
    let host = host.unwrap_or("metadata.google.internal");
    let path = "computeMetadata/v1/instance/service-accounts/default/identity";
    let Ok(mut url) = Url::parse(&format!("http://{host}/{path}")) else {
        return Err(problem(FROM, "GCE_METADATA_HOST is not a host", NEXT));
    };
    // Vault wants an audience that ends in vault/ROLE, and the particulars of the machine.
    url.query_pairs_mut().append_pair("audience", &format!("http://vault/{role}")).append_pair("format", "full");
    let google = SecretBytes::from("Google".to_owned());
    let body = ask(FROM, &url, &[("Metadata-Flavor", &google)], Reach::Here, NEXT)?;
    token(FROM, SecretBytes::new(body.trim_ascii().to_vec()), NEXT)
}
