//! What a rotation would do, and what keeps it from beginning.

use tegmen_secret::SecretBytes;

use super::RotationKind;
use super::subject::{Subject, Way, rotate_role};
use super::work::{Place, Rotator};
use crate::fetch::Trouble;

impl Rotator<'_> {
    /// What a rotation would do, a line each; reads what it would read and changes nothing.
    ///
    /// # Errors
    /// With what would keep it from beginning.
    pub fn plan(&self, subject: &Subject, given: bool) -> Result<Vec<String>, Trouble> {
        let mut steps = Vec::new();
        let in_vault = matches!(subject.way, Way::Vault { .. } | Way::StaticRole { .. } | Way::Rotation(_));
        if in_vault && self.vault.borrow().login_is_precious() {
            self.check(subject, given)?;
            steps.push(
                "write the source (Vault is not asked now: the login would use up what is good for one only)"
                    .to_owned(),
            );
        } else {
            let ready = self.ready(subject, given.then(|| SecretBytes::from("-".repeat(32))))?;
            steps.push(self.source_step(subject, &ready.source)?);
        }
        let rotate = subject.rotate.clone().unwrap_or_default();
        for place in self.places(subject) {
            steps.push(match place.order(&SecretBytes::from(String::new())) {
                Some(order) => format!("write it to {place}: {}", shlex_joined(&order.words)),
                None => format!("write it to {place}"),
            });
        }
        if let Some(hook) = &rotate.hook {
            steps.push(format!("tell the target: {hook}"));
        }
        if matches!(subject.way, Way::Rotation(RotationKind::SecretId { wrap: None, .. })) {
            steps.push("destroy the old SecretID".to_owned());
        }
        Ok(steps)
    }

    /// What writing the source would do, and whether the token may.
    fn source_step(&self, subject: &Subject, place: &Place) -> Result<String, Trouble> {
        let may = |path: &str, wanted: &[&str]| match self.vault.borrow_mut().lacks(path, wanted)? {
            Some(true) => Err(Trouble::new(
                format!("the token may not write to {path}"),
                format!("add to its policy: path \"{path}\" {{ capabilities = [\"{}\"] }}", wanted[0]),
            )),
            _ => Ok(()),
        };
        Ok(match place {
            Place::Kv { read, .. } => {
                let (path, version) = (read.secret.path(), read.secret.version());
                let api = read
                    .mount
                    .as_ref()
                    .and_then(|mount| path.strip_prefix(&mount.path))
                    .map(|below| (&read.mount, below));
                if let (Some((Some(mount), below)), Some(_)) = (api, version) {
                    may(&format!("{}/data{below}", mount.path), &["update", "create"])?;
                } else {
                    may(path, &["update", "create"])?;
                }
                match version {
                    Some(version) => {
                        format!("write version {} of {path}, if {version} is still the latest", version + 1)
                    }
                    None => format!("write {path}: KV version 1, so a change made at the same moment is lost"),
                }
            }
            Place::Role { rotate, .. } | Place::Root { rotate } => {
                may(rotate, &["update"])?;
                format!("have Vault do {rotate}")
            }
            Place::SecretId => {
                let Way::Rotation(RotationKind::SecretId { role, .. }) = &subject.way else { return Ok(String::new()) };
                let path = format!("auth/{}/role/{}/secret-id", role.mount, role.role);
                may(&path, &["update", "create"])?;
                format!("ask for a SecretID at {path}")
            }
            Place::Store { name } => format!("write the entry {name} of the store"),
            Place::File { path, name: Some(name) } => format!("rewrite the line {name} of {}", path.display()),
            Place::File { path, name: None } => format!("rewrite {}", path.display()),
            Place::Elsewhere => "the source itself cannot be written; the places that follow hold it".to_owned(),
        })
    }

    /// What can be said without looking anywhere.
    pub(super) fn check(&self, subject: &Subject, given: bool) -> Result<(), Trouble> {
        let name = &subject.name;
        let server_makes = matches!(subject.way, Way::Rotation(_) | Way::StaticRole { .. });
        match &subject.way {
            Way::PerRun => {
                return Err(Trouble::new(
                    format!("{name} is made anew for each run: there is nothing to rotate"),
                    "the connection behind it is rotated with database_root under [rotations.NAME]",
                ));
            }
            Way::WholePath { .. } => {
                return Err(Trouble::new(
                    format!("{name} stands for all fields of a path"),
                    format!("name one of them: tegmen rotate {name}.FIELD"),
                ));
            }
            Way::Pinned => {
                return Err(Trouble::new(
                    format!("{name} is a version that the manifest names by its number"),
                    "leave ?version= out of its source, so that the test gets the new one",
                ));
            }
            _ => {}
        }
        let places = self.places(subject);
        let told = subject.rotate.as_ref().is_some_and(|rotate| rotate.hook.is_some());
        let what = match subject.way {
            Way::Env { .. } => Some("its variable"),
            Way::Exec => Some("what its command prints"),
            Way::Secretspec => Some("what its provider has"),
            _ => None,
        };
        if let Some(what) = what.filter(|_| places.is_empty() && !told) {
            return Err(Trouble::new(
                format!("{name} has to be changed by hand: {what} is set by something that is not known here"),
                format!("name what sets it: follow = [\"github:{name}\"] under [secrets.{name}.rotate]"),
            ));
        }
        if server_makes && given {
            return Err(Trouble::new(format!("the value of {name} is made by Vault"), "leave --stdin out"));
        }
        if !given && !server_makes && subject.rotate.is_none() && !self.may_be_role(subject) {
            return Err(Trouble::new(
                format!("nothing says what a new value of {name} looks like"),
                format!("add [secrets.{name}.rotate] to the manifest, or give the value with --stdin"),
            ));
        }
        if matches!(subject.way, Way::Rotation(RotationKind::SecretId { .. })) && places.is_empty() {
            return Err(Trouble::new(
                format!("nothing says where a new SecretID for {name} is to be written"),
                format!("add follow = [\"file:PATH\"] under [rotations.{name}]"),
            ));
        }
        Ok(())
    }

    /// Whether the path may turn out to be that of a static role.
    fn may_be_role(&self, subject: &Subject) -> bool {
        matches!(&subject.way, Way::Vault { path, .. } if rotate_role(path).is_some())
    }
}

/// A command line, as a shell would read it.
fn shlex_joined(words: &[String]) -> String {
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default()
}
