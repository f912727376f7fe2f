//! Rules that are asked only if somebody selects them, and the prefix of sensitive variables.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::collections::BTreeMap;

use tegmen_audit::{Options, audit_texts};

const SCRIPT: &str = r#"import base64, os
import hvac
import paho.mqtt.client as mqtt
from locust import HttpUser, task

TOKEN = os.environ["SHOP_TOKEN"]
KEY = os.environ["LOCUST_SHOP_KEY"]
AWS = os.environ["AWS_SECRET_ACCESS_KEY"]
vault = hvac.Client(url="https://vault.corp:8200")
vault.auth.approle.login(role_id=os.environ["ROLE"], secret_id=os.environ["LOCUST_SECRET_ID"])
client = mqtt.Client()
client.username_pw_set("device", KEY)
client.connect("broker.shop.io", 1883)


def encrypt_password(text):
    return base64.b64encode(text.encode())


def encrypt_body(text):
    return Fernet(KEY).encrypt(base64.b64encode(text))


class Shopper(HttpUser):
    host = "http://shop.io"

    def on_start(self):
        self.client.get("/", headers={"Authorization": f"Bearer {TOKEN}"})


class Inside(HttpUser):
    host = "http://shop.test.svc.cluster.local"
"#;

fn found(options: &Options) -> Vec<(u32, &'static str)> {
    let files = BTreeMap::from([("locustfile.py".to_owned(), SCRIPT.to_owned())]);
    audit_texts(&files, options).findings.iter().map(|finding| (finding.location().line, finding.rule.id)).collect()
}

#[test]
fn nothing_is_said_where_nobody_asks() {
    assert_eq!(found(&Options::default()), []);
}

#[test]
fn what_is_selected_is_said() {
    let select = |rule: &str| Options { select: vec![rule.to_owned()], ..Options::default() };
    assert_eq!(found(&select("variable-naming")), [(6, "variable-naming")]);
    assert_eq!(found(&select("vault-token-never-renewed")), [(10, "vault-token-never-renewed")]);
    assert_eq!(found(&select("credentials-in-clear")), [(12, "credentials-in-clear"), (25, "credentials-in-clear")]);
    assert_eq!(found(&select("encoding-as-encryption")), [(16, "encoding-as-encryption")]);
    assert_eq!(found(&select("all")).len(), 5);
}

#[test]
fn a_project_has_its_own_prefix() {
    let options =
        Options { select: vec!["TGM203".to_owned()], variable_prefix: Some("SHOP_".to_owned()), ..Options::default() };
    let lines: Vec<u32> = found(&options).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [7, 10]);
}
