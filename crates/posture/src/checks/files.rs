//! The project's files, and credentials within reach.

use std::path::Path;

use tegmen_findings::Severity;

use super::{listed, plural};
use crate::{
    check::{Check, Judgement, Outcome},
    facts::{Facts, ProjectFile, Protection, Role, Standing},
    fix::Repair,
};

pub(super) const ALL: &[&Check] = &[
    &LOCUSTFILE_WRITABLE,
    &MANIFEST_WRITABLE,
    &STORE_READABLE,
    &DOTENV_READABLE,
    &DOTENV_NOT_IGNORED,
    &FOLDER_WRITABLE,
    &CLOUD_CREDENTIALS,
    &CREDENTIALS_READABLE,
    &SSH_KEYS,
    &VAULT_TOKEN_ON_DISK,
    &SEARCH_FOLDER_WRITABLE,
];

/// A name as a person would write it: relative to the project.
fn shown(facts: &Facts, path: &Path) -> String {
    path.strip_prefix(&facts.files.root).unwrap_or(path).display().to_string()
}

/// Files of these roles that somebody else can change: another owner than the user or root, or a mode that lets others.
fn changeable(facts: &Facts, roles: &[Role], what: &str) -> Judgement {
    let files: Vec<&ProjectFile> = facts.files.project.iter().filter(|file| roles.contains(&file.role)).collect();
    if files.is_empty() {
        return Outcome::not_applicable(format!("there is no {what} here"));
    }
    let (mut found, mut outcome) = (Vec::new(), Outcome::fail(""));
    for file in &files {
        let standing = file.standing.get()?;
        let foreign = standing.uid != facts.files.uid && standing.uid != 0;
        if !foreign && !standing.is_writable_by_others() {
            continue;
        }
        let name = shown(facts, &file.path);
        outcome = outcome.at(&name, None);
        if foreign {
            found.push(format!("{name} belongs to the user {}", standing.uid));
        } else {
            outcome = outcome.fix(Repair::Mode { path: file.path.clone(), without: 0o022 });
            found.push(format!("{name} (mode {:03o})", standing.mode));
        }
    }
    if found.is_empty() {
        return Outcome::pass(format!("{}, none that others can change", plural(files.len(), what)));
    }
    Ok(with_found(outcome, listed(&found)))
}

/// Files of these roles that somebody else can read.
fn readable(facts: &Facts, roles: &[Role], what: &str) -> Judgement {
    let files: Vec<&ProjectFile> = facts.files.project.iter().filter(|file| roles.contains(&file.role)).collect();
    if files.is_empty() {
        return Outcome::not_applicable(format!("there is no {what} here"));
    }
    let (mut found, mut outcome) = (Vec::new(), Outcome::fail(""));
    for file in &files {
        let standing = file.standing.get()?;
        if standing.is_readable_by_others() {
            let name = shown(facts, &file.path);
            outcome = outcome.at(&name, None);
            if standing.uid == facts.files.uid {
                outcome = outcome.fix(Repair::Mode { path: file.path.clone(), without: 0o077 });
            }
            found.push(format!("{name} (mode {:03o})", standing.mode));
        }
    }
    if found.is_empty() {
        return Outcome::pass(format!("{}, none that others can read", plural(files.len(), what)));
    }
    Ok(with_found(outcome, listed(&found)))
}

fn with_found(outcome: Outcome, text: String) -> Outcome {
    match outcome {
        Outcome::Fail { severity, repair, places, fixes, .. } => {
            Outcome::Fail { found: text, severity, repair, places, fixes }
        }
        other => other,
    }
}

check! {
    LOCUSTFILE_WRITABLE: "TGM560" "locustfile-writable" High Files,
    title: "others can change the scripts of the load test",
    why: "Whoever can change a script of the test is handed its secrets at the next run: in the test, `reveal()` gives them out.",
    repair: "`chmod go-w` the files, and let them belong to you",
    references: [
        ("CWE-732: Incorrect Permission Assignment for Critical Resource", "https://cwe.mitre.org/data/definitions/732.html"),
    ],
    judge: |facts| changeable(facts, &[Role::Locustfile], "script"),
}

check! {
    MANIFEST_WRITABLE: "TGM561" "manifest-writable" High Files,
    title: "others can change the manifest",
    why: "tegmen.toml says to which hosts a secret may be sent, and which commands are run to fetch one (`exec:`).",
    repair: "`chmod go-w tegmen.toml`, and let it belong to you",
    references: [
        ("CWE-732: Incorrect Permission Assignment for Critical Resource", "https://cwe.mitre.org/data/definitions/732.html"),
    ],
    judge: |facts| changeable(facts, &[Role::Manifest], "manifest"),
}

check! {
    STORE_READABLE: "TGM562" "store-readable" High Files,
    title: "others can read the store or its key",
    why: "The store is encrypted, but its key lies beside it on most machines; the key file is as good as the values.",
    repair: "`chmod 600` both files",
    references: [
        ("CWE-732: Incorrect Permission Assignment for Critical Resource", "https://cwe.mitre.org/data/definitions/732.html"),
    ],
    judge: |facts| {
        let key = facts.files.project.iter().filter(|file| file.role == Role::StoreKey);
        let open = key.filter(|file| file.standing.ok().is_some_and(Standing::is_readable_by_others)).count() > 0;
        let judged = readable(facts, &[Role::Store, Role::StoreKey], "store file")?;
        // What is encrypted may be read.
        Ok(if open { judged } else { judged.severity(Severity::Low) })
    },
}

check! {
    DOTENV_READABLE: "TGM563" "dotenv-readable" Medium Files,
    title: "others can read files with secrets",
    why: "A `.env` file, or a file that the manifest names as a source, holds values in clear: every user of the machine who can read it \
          has them.",
    repair: "`chmod 600` the files; better, `tegmen secrets import` takes the values into the encrypted store",
    references: [
        ("CWE-732: Incorrect Permission Assignment for Critical Resource", "https://cwe.mitre.org/data/definitions/732.html"),
        ("OWASP Secrets Management Cheat Sheet", "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html"),
    ],
    judge: |facts| readable(facts, &[Role::Dotenv, Role::Source], "file with secrets"),
}

check! {
    DOTENV_NOT_IGNORED: "TGM564" "dotenv-not-ignored" High Files,
    title: "git would take a file with secrets in",
    why: "One `git add .` later the values are in every clone for good.",
    repair: "add the file to .gitignore; if it was committed already, rotate what is in it",
    references: [
        ("gitignore(5)", "https://git-scm.com/docs/gitignore"),
        ("CWE-540: Inclusion of Sensitive Information in Source Code", "https://cwe.mitre.org/data/definitions/540.html"),
    ],
    judge: |facts| {
        if !facts.files.project.iter().any(|file| file.role == Role::Dotenv) {
            return Outcome::not_applicable("there is no `.env` file here");
        }
        let open = facts.files.unignored.get()?;
        if open.is_empty() {
            return Outcome::pass("git ignores every `.env` file");
        }
        let names: Vec<String> = open.iter().map(|path| shown(facts, Path::new(path))).collect();
        let outcome = Outcome::fail(format!("not ignored: {}", listed(&names)));
        Ok(open.iter().zip(&names).fold(outcome, |outcome, (path, name)| {
            let pattern = Path::new(path).file_name().map_or_else(|| name.clone(), |name| name.to_string_lossy().into_owned());
            outcome.at(name, None).fix(Repair::Ignore { file: facts.files.gitignore.clone(), pattern })
        }))
    },
}

check! {
    FOLDER_WRITABLE: "TGM565" "project-folder-writable" Medium Files,
    title: "others can put files into the project's folder",
    why: "Python takes modules from the folder of the locustfile first: a file called `requests.py` in it is run in the place of the \
          library.",
    repair: "`chmod go-w` the folder",
    references: [
        ("Python: the module search path", "https://docs.python.org/3/library/sys_path_init.html"),
        ("CWE-427: Uncontrolled Search Path Element", "https://cwe.mitre.org/data/definitions/427.html"),
    ],
    judge: |facts| {
        let standing = facts.files.folder.get()?;
        let name = facts.files.root.display().to_string();
        if standing.is_writable_by_others() {
            let outcome = Outcome::fail(format!("{name} has mode {:03o}", standing.mode)).at(&name, None);
            return Ok(outcome.fix(Repair::Mode { path: facts.files.root.clone(), without: 0o022 }));
        }
        if standing.uid != facts.files.uid && standing.uid != 0 {
            return Ok(Outcome::fail(format!("{name} belongs to the user {}", standing.uid)).at(&name, None));
        }
        Outcome::pass(format!("mode {:03o}", standing.mode))
    },
}

check! {
    CLOUD_CREDENTIALS: "TGM566" "credentials-in-reach" Medium Files,
    title: "credentials of other systems are within reach of the test",
    why: "A package that the test imports reads them as easily as you do, and they open far more than the target: cloud accounts, \
          clusters, registries, repositories.",
    repair: "run load tests as a user, or on a machine, that does not have them; `tegmen run --sandbox` closes the home folder to the \
             test",
    references: [
        ("AWS: security best practices in IAM", "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html"),
        ("CWE-522: Insufficiently Protected Credentials", "https://cwe.mitre.org/data/definitions/522.html"),
    ],
    judge: |facts| {
        let all = facts.files.credentials.get()?;
        let others: Vec<_> = all.iter().filter(|credential| credential.what != "Vault").collect();
        if others.is_empty() {
            return Outcome::pass("none of the files that Tegmen knows is there");
        }
        let names: Vec<String> = others.iter().map(|credential| format!("{} ({})", credential.path.display(), credential.what)).collect();
        Ok(others.iter().fold(Outcome::fail(listed(&names)), |outcome, credential| outcome.at(credential.path.display().to_string(), None)))
    },
}

check! {
    CREDENTIALS_READABLE: "TGM567" "credentials-readable" High Files,
    title: "other users can read your credentials",
    why: "Every user of the machine, and every service on it, can use them.",
    repair: "`chmod 600` the files",
    references: [
        ("CWE-732: Incorrect Permission Assignment for Critical Resource", "https://cwe.mitre.org/data/definitions/732.html"),
    ],
    judge: |facts| {
        let all = facts.files.credentials.get()?;
        if all.is_empty() {
            return Outcome::not_applicable("there are none");
        }
        let open: Vec<_> =
            all.iter().filter(|credential| credential.standing.ok().is_some_and(Standing::is_readable_by_others)).collect();
        if open.is_empty() {
            return Outcome::pass(format!("{}, for you alone", plural(all.len(), "file")));
        }
        let names: Vec<String> = open.iter().map(|credential| credential.path.display().to_string()).collect();
        Ok(open.iter().fold(Outcome::fail(listed(&names)), |outcome, credential| {
            let outcome = outcome.at(credential.path.display().to_string(), None);
            let own = credential.standing.ok().is_some_and(|standing| standing.uid == facts.files.uid);
            if own { outcome.fix(Repair::Mode { path: credential.path.clone(), without: 0o077 }) } else { outcome }
        }))
    },
}

check! {
    SSH_KEYS: "TGM568" "ssh-keys-in-reach" Medium Files,
    title: "SSH keys without a passphrase are within reach of the test",
    why: "Whatever runs inside the test can copy them and log in wherever they fit.",
    repair: "give them a passphrase (`ssh-keygen -p -f FILE`) and use an agent, or hardware keys; `tegmen run --sandbox` closes \
             ~/.ssh to the test",
    references: [
        ("ssh-keygen(1)", "https://man.openbsd.org/ssh-keygen"),
        ("CWE-522: Insufficiently Protected Credentials", "https://cwe.mitre.org/data/definitions/522.html"),
    ],
    judge: |facts| {
        let keys = facts.files.keys.get()?;
        let bare: Vec<String> =
            keys.iter().filter(|key| key.protection == Protection::None).map(|key| key.path.display().to_string()).collect();
        if !bare.is_empty() {
            return Ok(bare.iter().fold(Outcome::fail(listed(&bare)), |outcome, path| outcome.at(path, None)));
        }
        if keys.iter().any(|key| key.protection == Protection::Unknown) {
            return Outcome::not_known("a private key is of a kind whose protection does not show");
        }
        Outcome::pass(if keys.is_empty() { "no private key is there".to_owned() } else { format!("{}, each with a passphrase", plural(keys.len(), "key")) })
    },
}

check! {
    VAULT_TOKEN_ON_DISK: "TGM569" "vault-token-on-disk" Medium Files,
    title: "a token of Vault lies in the home folder",
    why: "`vault login` leaves it in clear in ~/.vault-token, for every program that you run; often it may do far more than a load \
          test needs.",
    repair: "`vault token revoke -self && rm ~/.vault-token`; let `tegmen run` log in by itself (AppRole, Kubernetes, a CI token) and \
             revoke at the end, or use a token helper",
    references: [
        ("Vault: token helper", "https://developer.hashicorp.com/vault/docs/commands/token-helper"),
        ("CWE-522: Insufficiently Protected Credentials", "https://cwe.mitre.org/data/definitions/522.html"),
    ],
    judge: |facts| {
        let all = facts.files.credentials.get()?;
        match all.iter().find(|credential| credential.what == "Vault") {
            Some(token) => Ok(Outcome::fail("there is one").at(token.path.display().to_string(), None)),
            None => Outcome::pass("there is none"),
        }
    },
}

check! {
    SEARCH_FOLDER_WRITABLE: "TGM570" "search-folder-writable" High Files,
    title: "others can put programs or modules where yours are looked for",
    why: "The next `locust`, `python` or `import requests` would be theirs, with your secrets.",
    repair: "take the folder out of PATH or PYTHONPATH, or `chmod go-w` it",
    references: [
        ("CWE-427: Uncontrolled Search Path Element", "https://cwe.mitre.org/data/definitions/427.html"),
        ("CIS Benchmarks: root PATH integrity", "https://www.cisecurity.org/cis-benchmarks"),
    ],
    judge: |facts| {
        let open = facts.files.open_search_folders.get()?;
        if open.is_empty() { Outcome::pass("every folder in PATH and PYTHONPATH belongs to you or to root alone") } else { Ok(Outcome::fail(listed(open))) }
    },
}
