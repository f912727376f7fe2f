//! What is in a manifest, and what a mistake in it says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;
use std::time::Duration;

use tegmen_sources::{Credential, Manifest, PlaceSpec, TlsPolicy, VaultAuth};

fn wrong(text: &str) -> String {
    Manifest::parse(Path::new("tegmen.toml"), text).expect_err("this manifest has a mistake").to_string()
}

#[test]
fn everything_at_once() {
    let manifest = Manifest::parse(
        Path::new("tegmen.toml"),
        r#"
[vault]
address = "https://vault.example.com:8200"
namespace = "team"
ca_cert = "ca.pem"
timeout = "20s"
max_retries = 3
auth = { method = "approle", role_id = "env:VAULT_ROLE_ID", secret_id = "file:/run/secrets/secret-id", wrapped = true }

[secrets.API_KEY]
source = "vault:secret/locust/shop#api_key"
env = ["LOCUST_API_KEY"]
hosts = ["shop.example.com", "http://plain.example:8080"]
places = ["header:Authorization", "body:token"]
max_age = "90d"

[secrets.CLIENT_CERT]
source = "file:client.pem"
as = "file"
reveal = true
tls = "unverified"
"#,
    )
    .unwrap();
    let vault = manifest.vault.as_ref().unwrap();
    assert_eq!(vault.timeout, Some(Duration::from_secs(20)));
    let Some(VaultAuth::AppRole { role_id, wrapped: true, mount, .. }) = &vault.auth else { panic!() };
    assert_eq!(role_id, &Credential::Source("env:VAULT_ROLE_ID".parse().unwrap()));
    assert_eq!(mount, "approle");
    let key = &manifest.secrets["API_KEY"];
    assert_eq!(key.line, 10);
    assert_eq!(key.variables("API_KEY"), ["LOCUST_API_KEY"]);
    assert_eq!(key.places, [PlaceSpec::Header("authorization".into()), PlaceSpec::Body(Some("token".into()))]);
    assert_eq!(key.max_age, Some(Duration::from_secs(90 * 86_400)));
    assert_eq!(key.hosts.as_ref().unwrap()[1].to_string(), "http://plain.example:8080");
    let cert = &manifest.secrets["CLIENT_CERT"];
    assert!(cert.as_file && cert.reveal && cert.tls == TlsPolicy::Unverified && cert.hosts.is_none());
    assert_eq!(cert.variables("CLIENT_CERT"), ["CLIENT_CERT", "LOCUST_CLIENT_CERT"]);
}

#[test]
fn unknown_keys() {
    insta::assert_snapshot!(wrong(
        r#"
[vaults]
address = "x"

[secrets.API_KEY]
sorce = "env:API_KEY"

[secrets.OTHER]
source = "env:OTHER"
value = "hunter2"
host = ["shop.example.com"]

[secrets]
INLINE = { source = "env:I", passwrd = "hunter2" }
"#
    ));
}

#[test]
fn wrong_types() {
    insta::assert_snapshot!(wrong(
        r#"
vault = "https://vault"
[secrets]
PLAIN = "hunter2"
MEANT = "env:MEANT"
[secrets.A]
source = 5
env = "A"
hosts = [1, "ok.example"]
places = { header = "x" }
max_age = "90 days"
reveal = "yes"
as = "fiel"
tls = "off"
"#
    ));
}

#[test]
fn invalid_texts() {
    insta::assert_snapshot!(wrong(
        r#"
[secrets.A]
source = "hunter2-hunter2"

[secrets.B]
source = "vault:secret/shop"
hosts = ["*.example.com", "shop.example.com/api", "https://user:hunter2@shop.example.com", "shop.example.com"]

[secrets.C]
source = "evn:C"
places = ["heder:X-Key", "cookie"]
env = ["C-D"]

[secrets."a b"]
source = "env:AB"

[secrets.D]
reveal = true
hosts = []
"#
    ));
}

#[test]
fn variables_of_locust_and_of_others() {
    insta::assert_snapshot!(wrong(
        r#"
[secrets.HOST]
source = "env:THE_HOST"

[secrets.LOCUST_USERS]
source = "env:U"

[secrets.WEB]
source = "env:W"
env = ["LOCUST_WEB_AUTH", "WEB"]

[secrets.API_KEY]
source = "env:A"

[secrets.LOCUST_API_KEY]
source = "env:B"
"#
    ));
}

#[test]
fn the_vault_table() {
    insta::assert_snapshot!(wrong(
        r#"
[vault]
address = "vault.example.com:8200"
max_retries = 99
auth = { method = "aprole", role_id = "x" }
"#
    ));
    insta::assert_snapshot!(wrong(
        r#"
[vault]
auth = { method = "approle", secret_id = "hunter2", wrapped = true, monut = "x" }
"#
    ));
    insta::assert_snapshot!(wrong(
        r#"
[vault.auth]
method = "token"
token = "vault:secret/a#token"
role_id = "x"
"#
    ));
    insta::assert_snapshot!(wrong("[vault]\nauth = { token = \"env:T\" }\n"));
}

#[test]
fn the_methods_of_logging_in() {
    let texts = [
        "method = \"userpas\"",
        "method = \"oidc\"",
        "method = \"userpass\", username = \"me\", pasword = \"hunter2\"",
        "method = \"ldap\", username = \"me\", password = \"hunter2\"",
        "method = \"kubernetes\", jwt = \"env:T\", audience = \"x\"",
        "method = \"jwt\", role = 3, jwt = \"env:J\", remove_after_reading = true",
        "method = \"approle\", role_id = \"r\", secret_id = \"env:S\", remove_after_reading = true",
        "method = \"aws\", secret_access_key = \"hunter2\", regoin = \"x\"",
        "method = \"cert\", role = \"\"",
    ];
    let all = texts.map(|text| wrong(&format!("[vault]\nauth = {{ {text} }}\n"))).join("\n\n");
    assert!(!all.contains("hunter2"), "{all}");
    insta::assert_snapshot!(all);
}

#[test]
fn what_is_left_out_of_a_method_has_its_usual_place() {
    let auth = |text: &str| {
        let manifest = Manifest::parse(Path::new("tegmen.toml"), &format!("[vault]\nauth = {{ {text} }}\n"));
        manifest.unwrap_or_else(|error| panic!("{error}")).vault.unwrap().auth.unwrap()
    };
    let VaultAuth::Kubernetes { jwt, mount, .. } = auth("method = \"kubernetes\", role = \"r\"") else { panic!() };
    let usual = "file:/var/run/secrets/kubernetes.io/serviceaccount/token".parse().unwrap();
    assert_eq!((jwt, mount.as_str()), (Credential::Source(usual), "kubernetes"));
    let VaultAuth::Aws { keys, mount, .. } = auth("method = \"aws\", mount = \"/auth/cloud/\"") else { panic!() };
    assert_eq!(keys[1], Credential::Source("env:AWS_SECRET_ACCESS_KEY".parse().unwrap()));
    assert_eq!(mount, "cloud");
    let precious = |text: &str| auth(text).is_precious();
    assert!(precious("method = \"jwt\", jwt = \"file:j\", remove_after_reading = true"));
    assert!(!precious("method = \"jwt\", jwt = \"file:j\""));
}

#[test]
fn the_key_of_the_cluster() {
    let key = "[cluster]\nkey = \"file:/run/secrets/cluster\"\n";
    let mut manifest = Manifest::parse(Path::new("tegmen.toml"), key).unwrap();
    assert_eq!(manifest.cluster_key, Some("file:/run/secrets/cluster".parse().unwrap()));
    manifest.fetch_cluster_key_as("CLUSTER_KEY").unwrap();
    let spec = &manifest.secrets["CLUSTER_KEY"];
    assert!(spec.variables("CLUSTER_KEY").is_empty(), "the test does not get it");

    for (text, expected) in [
        ("[cluster]\n", "[cluster] has no `key`"),
        ("[cluster]\nkey = \"hunter2\"\n", "`key`"),
        ("[cluster]\nkye = \"env:A\"\n", "did you mean `key`?"),
        ("[cluster]\nkey = \"vault:secret/locust/cluster\"\n", "this source has several fields"),
    ] {
        let message = wrong(text);
        assert!(message.contains(expected) && !message.contains("hunter2"), "{message}");
    }
    // Neither under its name nor from its source: as a secret it would have a placeholder, and could be revealed.
    for secret in
        ["[secrets.CLUSTER_KEY]\nsource = \"env:A\"\n", "[secrets.A]\nsource = \"file:/run/secrets/cluster\"\n"]
    {
        let mut manifest = Manifest::parse(Path::new("tegmen.toml"), &format!("{key}{secret}")).unwrap();
        let message = manifest.fetch_cluster_key_as("CLUSTER_KEY").unwrap_err().to_string();
        assert!(message.contains("the cluster key") && message.contains("leave the secret out"), "{message}");
    }
}

#[test]
fn broken_toml_shows_no_value() {
    let texts = [
        "[secrets.A]\nsource = hunter2\n",
        "[secrets.A]\nsource = \"hunter2\n",
        "[secrets.A\nsource = \"env:A\"\n",
        "hunter2\n",
        "[secrets.A]\nsource = \"env:A\"\nsource = \"env:hunter2\"\n",
        "\u{feff}[secrets.A]\nsource = \"env:A\" x\n",
    ];
    let all = texts.map(wrong).join("\n\n");
    assert!(!all.contains("hunter2"), "{all}");
    insta::assert_snapshot!(all);
}

#[test]
fn a_missing_file_says_so() {
    let error = Manifest::load(Path::new("/nonexistent/tegmen.toml")).unwrap_err();
    insta::assert_snapshot!(error);
}

#[test]
fn found_in_a_parent_but_not_beyond_the_repository() {
    let outer = tempfile::tempdir().unwrap();
    let repository = outer.path().join("repository");
    let deep = repository.join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::create_dir(repository.join(".git")).unwrap();
    std::fs::write(outer.path().join("tegmen.toml"), "").unwrap();
    assert_eq!(Manifest::find(&deep), None);
    std::fs::write(repository.join("tegmen.toml"), "").unwrap();
    assert_eq!(Manifest::find(&deep), Some(repository.join("tegmen.toml")));
    // One that leads nowhere is there, and an error when it is read.
    std::os::unix::fs::symlink("nowhere", deep.join("tegmen.toml")).unwrap();
    assert_eq!(Manifest::find(&deep), Some(deep.join("tegmen.toml")));
    assert!(Manifest::load(&deep.join("tegmen.toml")).is_err());
    let manifest = Manifest::load(&repository.join("tegmen.toml")).unwrap();
    assert_eq!(manifest.directory(), Some(repository.as_path()));
}

#[test]
fn pools() {
    let manifest = Manifest::parse(
        Path::new("tegmen.toml"),
        r#"
seal_responses = true

[pools.shoppers]
source = "vault:secret/locust/shoppers"
secret_fields = ["password", "pin"]
format = "json"
key = "user"
on_empty = "wait"
wait = "30s"
share = "2/3"
hosts = ["shop.example.com"]
places = ["body"]
"#,
    )
    .unwrap();
    assert!(manifest.seal && manifest.secrets.is_empty());
    let pool = &manifest.pools["shoppers"];
    assert_eq!((pool.line, pool.key.as_str(), pool.value.as_str()), (4, "user", "value"));
    assert_eq!((pool.on_empty, pool.format), (tegmen_sources::OnEmpty::Wait, Some(tegmen_sources::PoolFormat::Json)));
    assert_eq!(pool.share.unwrap().to_string(), "2/3");
    assert_eq!(pool.wait, Some(Duration::from_secs(30)));
}

#[test]
fn mistakes_in_pools() {
    insta::assert_snapshot!(wrong(
        r#"
[pools."shop pers"]
source = "vault-dynamic:database/creds/shop"
secret_field = ["password"]

[pools.a]
source = "file:a.csv"
secret_fields = []
wait = "3s"
share = "4/3"
on_empty = "stop"

[pools.b]
"#
    ));
}
