//! Rotations that fail half-way: what is said must be what is there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;

use tegmen_sources::rotate::{Access, Outcome, Record, Rotator, Subject};
use tegmen_sources::{Context, Manifest};
use tegmen_testing::{Http, Project};

#[test]
fn a_password_that_the_server_has_changed_is_not_said_to_be_the_old_one() {
    let vault = Http::start(|_, request| match request.target.as_str() {
        "/v1/auth/token/lookup-self" => (200, r#"{"data": {"ttl": 60, "renewable": false}}"#.to_owned()),
        "/v1/database/rotate-role/shop" => (204, String::new()),
        // The policy allows the rotation, and not to read what came of it.
        _ => (403, r#"{"errors": ["1 error occurred:\n\t* permission denied\n\n"]}"#.to_owned()),
    })
    .unwrap();
    let text = format!(
        "[vault]\naddress = \"{}\"\n[secrets.DB]\nsource = \"vault-dynamic:database/static-creds/shop#password\"\n\
         [secrets.DB.rotate]\nfollow = [\"file:db.txt\"]\n",
        vault.address
    );
    let manifest = Manifest::parse(Path::new("tegmen.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    let project = Project::new().unwrap();
    let environment = [("VAULT_TOKEN", "token-of-a-test")].into_iter().collect();
    let context = Context { environment, directory: project.path().to_owned() };
    let mut rotator = Rotator::new(&manifest, &context, Access::Own, |_, text| text.to_owned(), |_| ()).unwrap();
    let done = rotator.rotate(&Subject::find(&manifest, "DB").unwrap(), None);
    assert!(done.trouble.unwrap().why.contains("permission denied"));
    assert_eq!(done.outcome, Some(Outcome::Torn), "the server has changed it");
    assert_eq!(done.torn.len(), 1);
    assert_eq!(done.torn[0].0, "vault-dynamic:database/static-creds/shop#password");
    assert!(!project.path().join("db.txt").exists());
    assert!(Record::torn(&Record::of(project.path()).read().unwrap(), "DB").is_some());
}
