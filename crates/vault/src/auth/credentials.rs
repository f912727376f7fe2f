//! The methods that are one request: a path, and what they want to know.

use tegmen_secret::SecretBytes;

use super::{AwsRequest, text};
use crate::answer::object;
use crate::client::{Call, Client};
use crate::error::{Error, ErrorKind};
use crate::login::Login;

/// What a login sends. Holds credentials: no `Debug`.
pub struct Credentials {
    method: &'static str,
    mount: String,
    /// The user, where it stands in the path.
    user: Option<SecretBytes>,
    fields: Vec<(&'static str, SecretBytes)>,
    /// What to look at when it is refused.
    check: &'static str,
}

/// What Azure's metadata service says of the machine: it must be the one that the token is for. Empty where there is none.
#[derive(Clone, Debug, Default)]
pub struct AzureMachine {
    /// The subscription.
    pub subscription_id: String,
    /// The resource group.
    pub resource_group_name: String,
    /// The virtual machine.
    pub vm_name: String,
    /// The scale set that it belongs to.
    pub vmss_name: String,
}

impl Credentials {
    fn new(
        method: &'static str,
        mount: &str,
        fields: Vec<(&'static str, Option<SecretBytes>)>,
        check: &'static str,
    ) -> Self {
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Self { method, mount: mount.to_owned(), user: None, fields, check }
    }

    /// User name and password. <https://developer.hashicorp.com/vault/api-docs/auth/userpass>
    pub fn userpass(mount: &str, username: SecretBytes, password: SecretBytes) -> Self {
        let fields = vec![("password", Some(password))];
        Self { user: Some(username), ..Self::new("userpass", mount, fields, "check user name and password") }
    }

    /// User name and password of a directory. <https://developer.hashicorp.com/vault/api-docs/auth/ldap>
    pub fn ldap(mount: &str, username: SecretBytes, password: SecretBytes) -> Self {
        let check = "check user name and password, and that the directory can be reached by Vault";
        Self { user: Some(username), ..Self::new("ldap", mount, vec![("password", Some(password))], check) }
    }

    /// The client certificate of the connection. <https://developer.hashicorp.com/vault/api-docs/auth/cert>
    pub fn certificate(mount: &str, role: Option<&str>) -> Self {
        let check = "check that a role of the method trusts the client certificate, and that it has not expired";
        Self::new("cert", mount, vec![("name", role.map(owned))], check)
    }

    /// A signed token of anybody whom the method trusts. <https://developer.hashicorp.com/vault/api-docs/auth/jwt>
    pub fn jwt(mount: &str, role: Option<&str>, jwt: SecretBytes) -> Self {
        let check =
            "check the role, the audience and the other claims that it is bound to, and that the token has not expired";
        Self::new("jwt", mount, vec![("role", role.map(owned)), ("jwt", Some(jwt))], check)
    }

    /// The token of a service account. <https://developer.hashicorp.com/vault/api-docs/auth/kubernetes>
    pub fn kubernetes(mount: &str, role: &str, jwt: SecretBytes) -> Self {
        let check = "check the role, the service account, namespace and audience that it is bound to, and that Vault may \
                     have tokens reviewed";
        Self::new("kubernetes", mount, vec![("role", Some(owned(role))), ("jwt", Some(jwt))], check)
    }

    /// A token of Google's metadata service. <https://developer.hashicorp.com/vault/api-docs/auth/gcp>
    pub fn gcp(mount: &str, role: &str, jwt: SecretBytes) -> Self {
        let check = "check the role and what it is bound to: project, zone, service account";
        Self::new("gcp", mount, vec![("role", Some(owned(role))), ("jwt", Some(jwt))], check)
    }

    /// A token of Azure's managed identity. <https://developer.hashicorp.com/vault/api-docs/auth/azure>
    pub fn azure(mount: &str, role: &str, jwt: SecretBytes, machine: &AzureMachine) -> Self {
        let check = "check the role, what it is bound to, and that `resource` is the one that Vault is set up with";
        let some = |text: &str| (!text.is_empty()).then(|| owned(text));
        let fields = vec![
            ("role", Some(owned(role))),
            ("jwt", Some(jwt)),
            ("subscription_id", some(&machine.subscription_id)),
            ("resource_group_name", some(&machine.resource_group_name)),
            ("vm_name", some(&machine.vm_name)),
            ("vmss_name", some(&machine.vmss_name)),
        ];
        Self::new("azure", mount, fields, check)
    }

    /// A signed request to AWS, which Vault passes on. <https://developer.hashicorp.com/vault/api-docs/auth/aws>
    pub fn aws(mount: &str, role: Option<&str>, request: AwsRequest) -> Self {
        let check = "check the role and the principals that it is bound to, `region` and `server_id`, and the clock of this \
                     machine";
        let fields = vec![
            ("role", role.map(owned)),
            ("iam_http_request_method", Some(owned("POST"))),
            ("iam_request_url", Some(owned(&request.url))),
            ("iam_request_body", Some(owned(&request.body))),
            ("iam_request_headers", Some(request.headers)),
        ];
        Self::new("aws", mount, fields, check)
    }

    fn path(&self) -> Result<String, Error> {
        let Some(user) = &self.user else { return Ok(format!("auth/{}/login", self.mount)) };
        let name = text(user, "user name")?;
        if name.is_empty() || name.contains('/') || name == "." || name == ".." {
            let message = "the user name for Vault is empty, or has a slash in it".to_owned();
            return Err(Error::new(ErrorKind::Settings(message), "check `username` under auth"));
        }
        Ok(format!("auth/{}/login/{name}", self.mount))
    }
}

fn owned(text: &str) -> SecretBytes {
    SecretBytes::from(text.to_owned())
}

impl Client {
    pub(super) fn credentials(&self, credentials: &Credentials) -> Result<Login, Error> {
        let Credentials { method, mount, user, fields, check } = credentials;
        if *method == "cert" && !self.config().has_client_certificate() {
            let message = "logging in with a certificate needs one".to_owned();
            let next = "set client_cert and client_key under [vault], or VAULT_CLIENT_CERT and VAULT_CLIENT_KEY";
            return Err(Error::new(ErrorKind::Settings(message), next));
        }
        let path = credentials.path()?;
        let mut texts = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            texts.push((*name, text(value, name)?));
        }
        let answer = self.call(&Call::login(&path, None, object(&texts)))?;
        if !answer.is_success() {
            // A user name stays out of messages: it may have been mixed up with the password.
            let path = if user.is_some() { format!("auth/{mount}/login/…") } else { path };
            let nothing_there = answer.status == 404 || answer.says("permission denied");
            let mounted = format!("check that the method {method} is enabled at auth/{mount}, address and namespace");
            let next = if nothing_there { format!("{mounted}; or {check}") } else { (*check).to_owned() };
            return Err(Error::new(ErrorKind::LoginRefused { path }, next).said(answer.errors()));
        }
        self.granted(&answer)
    }
}
