//! Every way of logging in, from the manifest to a value, against the methods of a real OpenBao.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tegmen_sources::{Context, Environment, Fetched, Manifest, Revocation, fetch_all};
use tegmen_testing::{Bao, Http, HttpRequest, OpenBao, Options, Project, Signer, venv};

const POLICY: &str = "path \"secret/data/locust/*\" { capabilities = [\"read\"] }";
/// What everybody who logs in may read.
const VALUE: &str = "the-api-key";

struct Room {
    server: OpenBao,
    project: Project,
    /// What stands before the server.
    vault: Option<String>,
}

impl Room {
    fn new() -> Option<Self> {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Option<Self> {
        let server = OpenBao::start_with(options).unwrap()?;
        server.policy("shop", POLICY).unwrap();
        server.write_kv2("locust/shop", &json!({ "api_key": VALUE })).unwrap();
        Some(Self { server, project: Project::new().unwrap(), vault: None })
    }

    fn enable(&self, mount: &str, kind: &str) {
        self.server.post(&format!("sys/auth/{mount}"), &json!({ "type": kind })).unwrap();
    }

    fn post(&self, path: &str, body: Value) -> Value {
        self.server.post(path, &body).unwrap()
    }

    fn context(&self, variables: &[(&str, &str)]) -> Context {
        let home = self.project.path().to_str().unwrap().to_owned();
        let environment: Environment = variables.iter().copied().chain([("HOME", home.as_str())]).collect();
        Context { environment, directory: self.project.path().to_owned() }
    }

    fn manifest(&self, auth: &str) -> Manifest {
        let ca = match &self.server.ca_cert {
            Some(path) => format!("ca_cert = \"{}\"\n", path.display()),
            None => String::new(),
        };
        let text = format!(
            "[vault]\naddress = \"{}\"\n{ca}max_retries = 0\n{auth}\n[secrets]\nA = {{ source = \"vault:secret/locust/shop#api_key\" }}\n",
            self.vault.as_ref().unwrap_or(&self.server.address)
        );
        Manifest::parse(Path::new("tegmen.toml"), &text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_fetch(&self, auth: &str, variables: &[(&str, &str)]) -> Result<Fetched, String> {
        fetch_all(&self.manifest(auth), &self.context(variables)).map_err(|errors| errors.to_string())
    }

    /// Logs in, reads, and logs out.
    fn works(&self, auth: &str, variables: &[(&str, &str)]) -> Fetched {
        let fetched = self.try_fetch(auth, variables).unwrap_or_else(|error| panic!("{auth}: {error}"));
        assert_eq!(fetched.values[0].1.expose_str(), Ok(VALUE));
        let ended = fetched.session.ending.end().unwrap();
        assert_eq!(ended.token, Revocation::Revoked, "{auth}");
        fetched
    }

    fn fails(&self, auth: &str, variables: &[(&str, &str)]) -> String {
        match self.try_fetch(auth, variables) {
            Ok(_) => panic!("this must fail: {auth}"),
            Err(error) => error,
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn user_name_and_password() {
    let Some(room) = Room::new() else { return };
    room.enable("people", "userpass");
    room.post("auth/people/users/locust", json!({ "password": " hunter2 ", "token_policies": ["shop"] }));
    let auth = r#"auth = { method = "userpass", username = "env:WHO", password = "file:password", mount = "people" }"#;
    room.project.write("password", " hunter2 \n").unwrap();
    let fetched = room.works(auth, &[("WHO", "locust")]);
    assert!(fetched.credentials.contains("WHO"));

    let error = room.fails(auth, &[("WHO", "nobody-here")]);
    assert!(error.contains("Vault refused the login at auth/people/login/…"), "{error}");
    assert!(error.contains("check user name and password") && !error.contains("nobody-here"), "{error}");
    assert!(room.fails(auth, &[("WHO", "a/../../sys")]).contains("has a slash in it"));
    let error = room.fails(&auth.replace("\"people\"", "\"elsewhere\""), &[("WHO", "locust")]);
    assert!(error.contains("the method userpass is enabled at auth/elsewhere"), "{error}");
    room.project.write("password", "hunter3").unwrap();
    let error = room.fails(auth, &[("WHO", "locust")]);
    assert!(error.contains("refused the login") && !error.contains("hunter3"), "{error}");
}

#[test]
fn a_login_in_another_namespace_than_the_secrets() {
    let Some(room) = Room::new() else { return };
    room.post("sys/namespaces/team", json!({}));
    let inside = [("X-Vault-Namespace", "team")];
    room.server.post_with("sys/mounts/kv", &json!({ "type": "kv", "options": { "version": "1" } }), &inside).unwrap();
    room.server.post_with("kv/shop", &json!({ "key": "inside" }), &inside).unwrap();
    room.server.policy("team", "path \"team/kv/*\" { capabilities = [\"read\"] }").unwrap();
    room.enable("userpass", "userpass");
    room.post("auth/userpass/users/locust", json!({ "password": "pw", "token_policies": ["team"] }));
    let role_id = room.server.approle("approle", "shop", "team").unwrap();
    let wrapping = room.server.wrapped("auth/approle/role/shop/secret-id", &json!({})).unwrap();
    let variables = [("PW", "pw"), ("ID", &wrapping)];
    let fetch = |method: &str, namespace: &str| {
        let text = format!(
            "[vault]\naddress = \"{}\"\nmax_retries = 0\nnamespace = \"team\"\nauth = {{ {method}{namespace} }}\n\
             [secrets]\nA = {{ source = \"vault:kv/shop#key\" }}\n",
            room.server.address
        );
        let manifest = Manifest::parse(Path::new("tegmen.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
        fetch_all(&manifest, &room.context(&variables)).map_err(|errors| errors.to_string())
    };
    let userpass = r#"method = "userpass", username = "locust", password = "env:PW""#;
    let approle = format!(r#"method = "approle", role_id = "{role_id}", secret_id = "env:ID", wrapped = true"#);
    let before = room.server.accessors().unwrap().len();
    for method in [userpass, &approle] {
        let fetched = fetch(method, ", namespace = \"/\"").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fetched.values[0].1.expose_str(), Ok("inside"));
        assert_eq!(fetched.session.ending.end().unwrap().token, Revocation::Revoked);
    }
    // The wrapping token is used up, and the tokens of both logins are gone.
    assert_eq!(room.server.accessors().unwrap().len(), before - 1);
    let Err(error) = fetch(userpass, "") else { panic!("this must fail") };
    assert!(error.contains("address and namespace"), "{error}");
}

#[test]
fn an_agent_that_logs_in_itself() {
    let Some(room) = Room::new() else { return };
    let role_id = room.server.approle("approle", "shop", "shop").unwrap();
    let secret_id = room.server.secret_id("approle", "shop").unwrap();
    let agent = Bao::start("agent", |folder| {
        let path = folder.display();
        std::fs::write(folder.join("role"), &role_id).unwrap();
        std::fs::write(folder.join("secret"), &secret_id).unwrap();
        format!(
            "vault {{\n  address = \"{}\"\n}}\napi_proxy {{\n  use_auto_auth_token = true\n}}\nlistener \"unix\" {{\n  \
             address = \"{path}/agent.sock\"\n  tls_disable = true\n  require_request_header = true\n}}\nauto_auth {{\n  \
             method \"approle\" {{\n    config = {{\n      role_id_file_path = \"{path}/role\"\n      \
             secret_id_file_path = \"{path}/secret\"\n    }}\n  }}\n}}\n",
            room.server.address
        )
    })
    .unwrap()
    .unwrap();
    let socket = format!("unix://{}", agent.folder().join("agent.sock").display());
    let text = |address: &str| {
        format!(
            "[vault]\naddress = \"{address}\"\nmax_retries = 0\nauth = {{ method = \"agent\" }}\n\
             [secrets]\nA = {{ source = \"vault:secret/locust/shop#api_key\" }}\n"
        )
    };
    let fetch = |address: &str| {
        let manifest = Manifest::parse(Path::new("tegmen.toml"), &text(address)).unwrap();
        fetch_all(&manifest, &room.context(&[])).map_err(|errors| errors.to_string())
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let fetched = loop {
        match fetch(&socket) {
            Ok(fetched) => break fetched,
            Err(error) => assert!(std::time::Instant::now() < deadline, "{error}\n{}", agent.log()),
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    assert_eq!(fetched.values[0].1.expose_str(), Ok(VALUE));
    assert!(fetched.warnings[0].contains("adds its token to every request"), "{:?}", fetched.warnings);
    assert_eq!(fetched.session.ending.end().unwrap().token, Revocation::NotOurs);
    // The Agent's token is still there for the next run.
    assert!(fetch(&socket).is_ok());

    let Err(error) = fetch(&room.server.address) else { panic!("this must fail") };
    assert!(error.contains("nobody before Vault adds a token"), "{error}");
}

#[test]
fn a_second_factor_is_told_from_a_refusal() {
    let Some(room) = Room::new() else { return };
    room.enable("userpass", "userpass");
    room.post("auth/userpass/users/locust", json!({ "password": "pw", "token_policies": ["shop"] }));
    let method = room.post("identity/mfa/method/totp", json!({ "issuer": "us", "period": 30 }));
    let id = method["data"]["method_id"].as_str().unwrap().to_owned();
    let accessor = room.server.get("sys/auth").unwrap()["data"]["userpass/"]["accessor"].clone();
    room.post(
        "identity/mfa/login-enforcement/all",
        json!({ "mfa_method_ids": [id], "auth_method_accessors": [accessor] }),
    );
    let auth = r#"auth = { method = "userpass", username = "locust", password = "env:PW" }"#;
    let error = room.fails(auth, &[("PW", "pw")]);
    assert!(error.contains("wants a second factor") && error.contains("without MFA"), "{error}");
    assert!(room.fails(auth, &[("PW", "no")]).contains("refused the login"));
}

#[test]
fn a_client_certificate() {
    let Some(room) = Room::with(Options { tls: true }) else { return };
    room.post("sys/mounts/pki", json!({ "type": "pki" }));
    let ca = room.post("pki/root/generate/internal", json!({ "common_name": "load tests", "ttl": "1h" }));
    room.post("pki/roles/locust", json!({ "allow_any_name": true, "enforce_hostnames": false, "max_ttl": "1h" }));
    room.enable("cert", "cert");
    room.post(
        "auth/cert/certs/locust",
        json!({ "certificate": ca["data"]["certificate"], "allowed_common_names": ["locust"], "token_policies": ["shop"] }),
    );
    let issue = |name: &str| {
        let made = room.post("pki/issue/locust", json!({ "common_name": name, "ttl": "10m" }));
        room.project.write(&format!("{name}.pem"), made["data"]["certificate"].as_str().unwrap()).unwrap();
        room.project.write(&format!("{name}.key"), made["data"]["private_key"].as_str().unwrap()).unwrap();
    };
    issue("locust");
    issue("stranger");
    let auth = |name: &str| {
        format!(
            "client_cert = \"{name}.pem\"\nclient_key = \"{name}.key\"\nauth = {{ method = \"cert\", role = \"locust\" }}"
        )
    };
    room.works(&auth("locust"), &[]);
    room.works(&auth("locust").replace(", role = \"locust\"", ""), &[]);
    let error = room.fails(&auth("stranger"), &[]);
    assert!(error.contains("refused the login at auth/cert/login"), "{error}");
    let error = room.fails("auth = { method = \"cert\" }", &[]);
    assert!(error.contains("logging in with a certificate needs one"), "{error}");
    assert!(error.contains("client_cert and client_key"), "{error}");
}

/// A JWT method at this mount that trusts the signer, with a role.
fn jwt_method(room: &Room, mount: &str, signer: &Signer, audiences: &[&str]) {
    room.enable(mount, "jwt");
    room.post(&format!("auth/{mount}/config"), json!({ "jwt_validation_pubkeys": [signer.pem()] }));
    room.post(
        &format!("auth/{mount}/role/locust"),
        json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": audiences, "token_policies": ["shop"] }),
    );
}

fn claims(audience: &str) -> Value {
    json!({ "iss": "test", "sub": "job", "aud": audience, "iat": now() - 1, "nbf": now() - 1, "exp": now() + 300 })
}

#[test]
fn a_jwt_from_a_source_and_from_gitlab() {
    let Some(room) = Room::new() else { return };
    let signer = Signer::new().unwrap();
    jwt_method(&room, "jwt", &signer, &["vault"]);
    let jwt = signer.sign(&claims("vault")).unwrap();
    room.works(r#"auth = { method = "jwt", role = "locust", jwt = "env:MY_JWT" }"#, &[("MY_JWT", &jwt)]);
    let fetched = room.works(r#"auth = { method = "jwt", role = "locust" }"#, &[("VAULT_ID_TOKEN", &jwt)]);
    assert!(fetched.consumed.contains("VAULT_ID_TOKEN"));

    let auth = r#"auth = { method = "jwt", role = "locust", jwt = "file:jwt", remove_after_reading = true }"#;
    room.project.write("jwt", &jwt).unwrap();
    room.works(auth, &[]);
    assert!(!room.project.path().join("jwt").exists());

    let other = signer.sign(&claims("somebody else")).unwrap();
    let error = room.fails(r#"auth = { method = "jwt", role = "locust" }"#, &[("VAULT_ID_TOKEN", &other)]);
    assert!(error.contains("refused the login at auth/jwt/login") && error.contains("audience"), "{error}");
    let mut old = claims("vault");
    old["exp"] = json!(now() - 3600);
    let old = signer.sign(&old).unwrap();
    let error = room.fails(r#"auth = { method = "jwt", role = "locust" }"#, &[("VAULT_ID_TOKEN", &old)]);
    assert!(error.contains("expired") && !error.contains(&old), "{error}");
    let error = room.fails(r#"auth = { method = "jwt", role = "locust" }"#, &[]);
    assert!(error.contains("neither GitHub Actions nor GitLab"), "{error}");
}

#[test]
fn a_job_of_github_actions() {
    let Some(room) = Room::new() else { return };
    let signer = Signer::new().unwrap();
    jwt_method(&room, "github", &signer, &["https://vault.example.com"]);
    // The service answers as documented: a bearer token, the audience in the query, the JWT as `value`.
    let service = Http::start(move |number, request| {
        if request.headers.get("authorization").map(String::as_str) != Some("Bearer run-token") {
            return (401, "{}".to_owned());
        }
        let audience = request.target.split("&audience=").nth(1).unwrap_or_default();
        let audience = audience.replace("%3A", ":").replace("%2F", "/");
        // Sometimes it is busy.
        if number == 0 {
            return (503, "{}".to_owned());
        }
        (200, json!({ "count": 1, "value": signer.sign(&claims(&audience)).unwrap() }).to_string())
    })
    .unwrap();
    let url = format!("{}/token?api-version=2.0", service.address);
    let auth =
        r#"auth = { method = "jwt", mount = "github", role = "locust", audience = "https://vault.example.com" }"#;
    let variables = |bearer| {
        [("GITHUB_ACTIONS", "true"), ("ACTIONS_ID_TOKEN_REQUEST_URL", &url), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", bearer)]
    };
    let fetched = room.works(auth, &variables("run-token"));
    assert!(fetched.consumed.contains("ACTIONS_ID_TOKEN_REQUEST_TOKEN"), "{:?}", fetched.consumed);
    let error = room.fails(auth, &variables("another-one"));
    assert!(error.contains("from GitHub Actions: it answers with status 401"), "{error}");
    assert!(!error.contains("another-one"), "{error}");
    let error = room.fails(auth, &[("GITHUB_ACTIONS", "true")]);
    assert!(error.contains("permissions: id-token: write"), "{error}");
    let plain = [("ACTIONS_ID_TOKEN_REQUEST_URL", "http://example.com/?a=b"), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x")];
    assert!(room.fails(auth, &plain).contains("not one that a token can be asked from"));
}

/// Kubernetes' API as far as OpenBao needs it: who is it that this token belongs to?
fn token_review(request: &HttpRequest) -> (u16, String) {
    let asked: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let token = asked["spec"]["token"].as_str().unwrap_or_default();
    let mut status = json!({ "authenticated": false });
    if request.target == "/apis/authentication.k8s.io/v1/tokenreviews" && !token.contains("revoked") {
        status = json!({
            "authenticated": true,
            "audiences": asked["spec"]["audiences"],
            "user": {
                "username": "system:serviceaccount:load:locust",
                "uid": "8d1b1e1c-0001-0002-0003-000000000001",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:load", "system:authenticated"],
            },
        });
    }
    let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status });
    (201, review.to_string())
}

#[test]
fn a_service_account_of_kubernetes_whose_token_is_read_anew() {
    let Some(room) = Room::new() else { return };
    let api = Http::start(|_, request| token_review(request)).unwrap();
    room.enable("kubernetes", "kubernetes");
    room.post("sys/mounts/pki", json!({ "type": "pki" }));
    // OpenBao wants a CA, though the API is without TLS here.
    let ca = room.post("pki/root/generate/internal", json!({ "common_name": "cluster", "ttl": "1h" }));
    room.post(
        "auth/kubernetes/config",
        json!({
            "kubernetes_host": api.address, "token_reviewer_jwt": "reviewer", "disable_local_ca_jwt": true,
            "kubernetes_ca_cert": ca["data"]["certificate"],
        }),
    );
    room.post(
        "auth/kubernetes/role/locust",
        json!({
            "bound_service_account_names": ["locust"], "bound_service_account_namespaces": ["load"],
            "token_policies": ["shop"], "token_ttl": "2s", "token_max_ttl": "2s",
        }),
    );
    let signer = Signer::new().unwrap();
    let token = |id: u64| {
        signer
            .sign(&json!({
                "iss": "https://kubernetes.default.svc.cluster.local", "sub": "system:serviceaccount:load:locust",
                "aud": ["https://kubernetes.default.svc.cluster.local"], "iat": now(), "exp": now() + 600, "jti": format!("token-{id}"),
                "kubernetes.io": {
                    "namespace": "load",
                    "serviceaccount": { "name": "locust", "uid": "8d1b1e1c-0001-0002-0003-000000000001" },
                },
            }))
            .unwrap()
    };
    let (first, second) = (token(1), token(2));
    let auth = r#"auth = { method = "kubernetes", role = "locust", jwt = "file:token" }"#;
    room.project.write("token", &first).unwrap();
    let mut fetched = room.try_fetch(auth, &[]).unwrap_or_else(|error| panic!("{error}: {:?}", api.seen()));
    assert_eq!(fetched.values[0].1.expose_str(), Ok(VALUE));
    // Kubernetes writes a new token into the file; the next login is made with it.
    room.project.write("token", &second).unwrap();
    let life = fetched.session.vault.as_mut().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let mut said = Vec::new();
    while said.is_empty() && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(200));
        said = life.step().said;
    }
    assert_eq!(said, ["a new login at Vault, in the place of one that came to its end"]);
    let reviewed: Vec<_> = api.seen().iter().map(|request| request.body.contains(&second)).collect();
    assert_eq!((reviewed.first(), reviewed.last()), (Some(&false), Some(&true)));
    fetched.session.ending.end();

    let error = room.fails(&auth.replace("role = \"locust\"", "role = \"other\""), &[]);
    assert!(error.contains("refused the login at auth/kubernetes/login"), "{error}");
    let error = room.fails(r#"auth = { method = "kubernetes", role = "locust" }"#, &[]);
    assert!(error.contains("run this in a pod with a service account"), "{error}");
}

/// The OpenBao of the tests has no method for LDAP. What is sent to it is what `userpass` takes, so that stands in for it: this
/// shows the request and nothing of a directory.
#[test]
fn a_user_of_a_directory() {
    let Some(room) = Room::new() else { return };
    room.enable("ldap", "userpass");
    room.post("auth/ldap/users/locust", json!({ "password": "hunter2", "token_policies": ["shop"] }));
    let auth = r#"auth = { method = "ldap", username = "locust", password = "env:LDAP_PASSWORD" }"#;
    room.works(auth, &[("LDAP_PASSWORD", "hunter2")]);
    let error = room.fails(auth, &[("LDAP_PASSWORD", "hunter3")]);
    assert!(error.contains("refused the login at auth/ldap/login/…") && !error.contains("hunter3"), "{error}");
    assert!(error.contains("that the directory can be reached by Vault"), "{error}");
}

/// OpenBao has no method for AWS. The stand-in does what Vault's documentation says of it, with AWS' own library in the place
/// of AWS; behind it is OpenBao.
#[test]
fn a_signature_by_keys_of_aws() {
    let Some(room) = Room::new() else { return };
    // Put together here, since scanners look for such.
    let key_id = format!("AKIA{}", "TESTTESTTESTTEST");
    let secret = "wJalr/K7MDENG+bPxRfiCY=".repeat(2);
    // One for each login, since they are revoked.
    let tokens: Vec<_> = (0..4).map(|_| room.server.token(&["shop"]).unwrap()).collect();
    let tokens = std::sync::Mutex::new(tokens);
    let (known_id, known_secret) = (key_id.clone(), secret.clone());
    let vault = Http::before(&room.server.address, move |request| {
        if request.target != "/v1/auth/cloud/login" {
            return None;
        }
        let sent: Value = serde_json::from_str(&request.body).unwrap();
        let keys = json!({ "id": known_id, "secret": known_secret });
        Some(match verified(&json!({ "login": sent, "keys": keys })) {
            Some(found) if found["server_id"] == "vault.example.com" && sent["role"] == "locust" => {
                let token = tokens.lock().unwrap().pop();
                (200, json!({ "auth": { "client_token": token, "lease_duration": 60, "renewable": true } }).to_string())
            }
            found => (400, json!({ "errors": [format!("{found:?} is not who may log in")] }).to_string()),
        })
    })
    .unwrap();
    let room = Room { vault: Some(vault.address.clone()), ..room };
    let auth = r#"auth = { method = "aws", mount = "cloud", role = "locust", server_id = "vault.example.com" }"#;
    let regional = auth.replace("role =", "region = \"eu-central-1\", role =");
    let china = auth.replace("role =", "region = \"cn-north-1\", role =");
    let keys = [("AWS_ACCESS_KEY_ID", key_id.as_str()), ("AWS_SECRET_ACCESS_KEY", secret.as_str())];
    let temporary = [&keys[..], &[("AWS_SESSION_TOKEN", "a/session+token==")]].concat();
    for auth in [auth, &regional, &china] {
        let fetched = room.works(auth, &keys);
        assert!(fetched.consumed.contains("AWS_SECRET_ACCESS_KEY"));
    }
    assert!(room.works(auth, &temporary).credentials.contains("AWS_SESSION_TOKEN"));

    let error = room.fails(auth, &[keys[0], ("AWS_SECRET_ACCESS_KEY", "another-secret-key")]);
    assert!(error.contains("refused the login at auth/cloud/login"), "{error}");
    assert!(!error.contains("another-secret-key") && !error.contains(&key_id), "{error}");
    let error = room.fails(&auth.replace("vault.example.com", "elsewhere"), &keys);
    assert!(error.contains("elsewhere") && error.contains("`server_id`"), "{error}");
    let error = room.fails(auth, &keys[..1]);
    assert!(error.contains("no secret key of AWS to log in to Vault with (env:AWS_SECRET_ACCESS_KEY)"), "{error}");
}

/// What `tests/support/sts.py` says of a signed request: who it is; `None` where the signature is not right.
fn verified(question: &Value) -> Option<Value> {
    use std::io::Write;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/support/sts.py");
    let mut python = std::process::Command::new(venv("python"))
        .arg(script)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "is botocore in .venv? `make tools` installs what tests/requirements.txt names");
    serde_json::from_slice::<Value>(&output.stdout).unwrap().as_object().map(|found| json!(found))
}

#[test]
fn the_identity_of_a_machine_at_google() {
    let Some(room) = Room::new() else { return };
    let signer = Signer::new().unwrap();
    // OpenBao has no method for Google; what Google's sends is what its JWT method takes.
    jwt_method(&room, "gcp", &signer, &["http://vault/locust"]);
    let service = Http::start(move |_, request| {
        let path = "/computeMetadata/v1/instance/service-accounts/default/identity?";
        let query = "audience=http%3A%2F%2Fvault%2Flocust&format=full";
        let is_right = request.headers.get("metadata-flavor").map(String::as_str) == Some("Google");
        if is_right && request.target == format!("{path}{query}") {
            (200, signer.sign(&claims("http://vault/locust")).unwrap())
        } else {
            (403, "Missing Metadata-Flavor:Google header.".to_owned())
        }
    })
    .unwrap();
    let host = service.address.trim_start_matches("http://");
    room.works(r#"auth = { method = "gcp", role = "locust" }"#, &[("GCE_METADATA_HOST", host)]);
    let error = room.fails(r#"auth = { method = "gcp", role = "other" }"#, &[("GCE_METADATA_HOST", host)]);
    assert!(error.contains("Google's metadata service: it answers with status 403"), "{error}");
    let error = room.fails(r#"auth = { method = "gcp", role = "r" }"#, &[("GCE_METADATA_HOST", "127.0.0.1:1")]);
    assert!(error.contains("it cannot be reached"), "{error}");
}

#[test]
fn a_managed_identity_of_azure() {
    let Some(room) = Room::new() else { return };
    let signer = Signer::new().unwrap();
    jwt_method(&room, "azure", &signer, &["https://management.azure.com/"]);
    let service = Http::start(move |_, request| {
        let (path, query) = request.target.split_once('?').unwrap_or_default();
        let of_app = request.headers.get("x-identity-header").map(String::as_str) == Some("the-header");
        let of_machine = request.headers.get("metadata").map(String::as_str) == Some("true");
        match path {
            "/metadata/identity/oauth2/token"
                if of_machine && query.starts_with("api-version=2018-02-01&resource=") => {}
            "/app/token" if of_app && query.starts_with("api-version=2019-08-01&resource=") => {}
            "/metadata/instance" if of_machine => {
                let compute = json!({
                    "name": "load-1", "resourceGroupName": "tests", "subscriptionId": "0000-1111", "vmScaleSetName": "",
                });
                return (200, json!({ "compute": compute, "network": {} }).to_string());
            }
            _ => return (400, "{}".to_owned()),
        }
        let token = signer.sign(&claims("https://management.azure.com/")).unwrap();
        (200, json!({ "access_token": token, "expires_in": "3599", "token_type": "Bearer" }).to_string())
    })
    .unwrap();
    let auth = r#"auth = { method = "azure", role = "locust" }"#;
    room.works(auth, &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &service.address)]);
    let asked: Vec<_> = service.seen().into_iter().map(|request| request.target).collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    let endpoint = format!("{}/app/token", service.address);
    let fetched = room.works(auth, &[("IDENTITY_ENDPOINT", &endpoint), ("IDENTITY_HEADER", "the-header")]);
    assert!(fetched.consumed.contains("IDENTITY_HEADER"));
    let error = room.fails(auth, &[("IDENTITY_ENDPOINT", &endpoint), ("IDENTITY_HEADER", "another")]);
    assert!(error.contains("Azure's metadata service: it answers with status 400"), "{error}");
}

#[test]
fn a_token_helper_and_the_file_without_one() {
    let Some(room) = Room::new() else { return };
    let token = room.server.token(&["shop"]).unwrap();
    let helper = room.project.path().join("helper's own");
    room.project.write("helper's own", format!("#!/bin/sh\n[ \"$1\" = get ] && echo {token}\n")).unwrap();
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&helper, permissions).unwrap();
    room.project.write(".vault-token", "not-this-one\n").unwrap();
    room.project.write(".vault", format!("# ours\ntoken_helper = \"{}\"\n", helper.display())).unwrap();
    let reads = |variables: &[(&str, &str)]| {
        let fetched = room.try_fetch("", variables).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fetched.values[0].1.expose_str(), Ok(VALUE));
        assert_eq!(fetched.session.ending.end().unwrap().token, Revocation::NotOurs);
    };
    reads(&[]);
    assert!(room.fails("", &[("VAULT_TOKEN", "nor-this-one")]).contains("does not accept the token"));

    room.project.write("helper's own", "#!/bin/sh\necho the vault is locked >&2; echo hunter2; exit 3\n").unwrap();
    let error = room.fails("", &[]);
    assert!(error.contains("no token from the token helper") && error.contains("the vault is locked"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    room.project.write(".vault", "token_helper = \"helper\"\n").unwrap();
    assert!(room.fails("", &[]).contains("is not a whole path"));

    // A configuration elsewhere, without a helper: the file that `vault login` writes.
    room.project.write(".vault", "").unwrap();
    room.project.write(".vault-token", format!("{token}\n")).unwrap();
    reads(&[]);
    room.project.write("elsewhere", format!("token_helper = \"{}\"\n", helper.display())).unwrap();
    let error = room.fails("", &[("VAULT_CONFIG_PATH", "elsewhere")]);
    assert!(error.contains("the vault is locked"), "{error}");
}

#[test]
fn a_secret_id_that_is_gone_after_reading() {
    let Some(room) = Room::new() else { return };
    let role_id = room.server.approle("approle", "shop", "shop").unwrap();
    room.post("auth/approle/role/shop", json!({ "secret_id_num_uses": 0, "token_policies": ["shop"] }));
    let secret_id = room.server.secret_id("approle", "shop").unwrap();
    let auth = format!(
        r#"auth = {{ method = "approle", role_id = "{role_id}", secret_id = "file:id/secret", remove_after_reading = true }}"#
    );
    std::fs::create_dir(room.project.path().join("id")).unwrap();
    room.project.write("id/secret", &secret_id).unwrap();
    room.works(&auth, &[]);
    assert!(!room.project.path().join("id/secret").exists());

    // Refused: the file stays, and what is in it may be looked at.
    room.project.write("id/secret", "no-secret-id").unwrap();
    assert!(room.fails(&auth, &[]).contains("refused the login"));
    assert!(room.project.path().join("id/secret").exists());
}
