//! [`Rotator`]: does it, step by step, and takes it back when a step fails.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::SystemTime;

use tegmen_secret::SecretBytes;
use tegmen_vault::Login;

use super::command::{Hush, run};
use super::follow::{Follower, Order};
use super::journal::Journal;
use super::kv::{Found, Read, Vault};
use super::record::{Line, Origin, Outcome, Record, stamp};
use super::subject::{Subject, Way, rotate_role};
use super::{RotationKind, local, secret_id};
use crate::fetch::{Context, Trouble};
use crate::manifest::VaultAuth;
use crate::{Manifest, Source};

/// Whose token writes to Vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `rotate_auth` of the manifest, else `auth`.
    Manifest,
    /// The token of the person at the keyboard, as the command line tools find it.
    Own,
}

/// Rotates what a manifest names.
pub struct Rotator<'h> {
    pub(super) manifest: Manifest,
    pub(super) context: Context,
    record: Record,
    pub(super) lines: Vec<Line>,
    pub(super) vault: RefCell<Vault>,
    hush: Box<Hush<'h>>,
    progress: Box<dyn Fn(&str) + 'h>,
}

/// What became of a rotation.
#[derive(Debug, Default)]
pub struct Done {
    /// How it ended; `None`: it did not begin, and nothing was changed.
    pub outcome: Option<Outcome>,
    /// The version of KV v2 that holds the new value.
    pub version: Option<u64>,
    /// The places that got it beside the source.
    pub follow: Vec<String>,
    /// Whether a hook has told the target.
    pub hook: bool,
    /// Why it failed.
    pub trouble: Option<Trouble>,
    /// The places that could not be taken back, and why.
    pub torn: Vec<(String, Trouble)>,
    /// What somebody should know.
    pub notes: Vec<String>,
}

/// A rotation that can begin: everything was read, nothing was changed.
pub(super) struct Ready {
    pub(super) source: Place,
    old: Option<SecretBytes>,
    new: New,
}

/// Where the source is, as it was found.
pub(super) enum Place {
    Kv {
        field: String,
        read: Box<Read>,
    },
    /// The server makes the value, and it is read there afterwards.
    Role {
        rotate: String,
        path: String,
        field: Option<String>,
    },
    Root {
        rotate: String,
    },
    SecretId,
    Store {
        name: String,
    },
    /// A file, its content, and the line of it where it is a dotenv file.
    File {
        path: std::path::PathBuf,
        name: Option<String>,
    },
    /// The places that follow are all there is.
    Elsewhere,
}

pub(super) enum New {
    Value(SecretBytes, Origin),
    Server,
}

impl<'h> Rotator<'h> {
    /// For a manifest. `hush` takes values out of a text; `progress` is told what is being done.
    ///
    /// # Errors
    /// When the record of earlier rotations cannot be read.
    pub fn new(
        manifest: &Manifest,
        context: &Context,
        access: Access,
        hush: impl Fn(&[&SecretBytes], &str) -> String + 'h,
        progress: impl Fn(&str) + 'h,
    ) -> Result<Self, Trouble> {
        let mut manifest = manifest.clone();
        let vault = manifest.vault.get_or_insert_default();
        let own = VaultAuth::Token { token: None, wrapped: false, remove: false };
        let original = vault.auth.clone();
        match access {
            Access::Own => vault.auth = Some(own),
            Access::Manifest => {
                if let Some(auth) = vault.rotate_auth.clone() {
                    (vault.auth, vault.auth_namespace) = (Some(auth), vault.rotate_auth_namespace.clone());
                }
            }
        }
        let login = Vault::new(&manifest, context);
        if let Some(vault) = &mut manifest.vault {
            vault.auth = original;
        }
        let record = Record::of(&context.directory);
        let lines = record.read().map_err(|error| {
            Trouble::new(format!("{} cannot be read: {error}", record.path().display()), "check its permissions")
        })?;
        Ok(Self {
            manifest,
            context: context.clone(),
            record,
            lines,
            vault: RefCell::new(login),
            hush: Box::new(hush),
            progress: Box::new(progress),
        })
    }

    /// With a login that somebody has made already, in the place of one of its own.
    #[must_use]
    pub fn with_login(self, login: Arc<Login>) -> Self {
        self.vault.borrow_mut().lend(login);
        self
    }

    /// The record of what was rotated when.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The last rotation of a subject, where it was cut off or left its places different.
    pub fn torn(&self, subject: &Subject) -> Option<&Line> {
        Record::torn(&self.lines, &subject.name)
    }

    /// When a subject was last rotated from here.
    pub fn last(&self, subject: &Subject) -> Option<&Line> {
        Record::last(&self.lines, &subject.name)
    }

    /// The places that follow: for a SecretID that names none, where `[vault]` has it.
    pub(super) fn places(&self, subject: &Subject) -> Vec<Follower> {
        let follow = subject.rotate.as_ref().map(|rotate| rotate.follow.clone()).unwrap_or_default();
        match (&subject.way, follow.is_empty()) {
            (Way::Rotation(RotationKind::SecretId { .. }), true) => {
                secret_id::usual_place(&self.manifest).into_iter().collect()
            }
            _ => follow,
        }
    }

    /// Rotates. Whatever comes of it is in the result; nothing is left half done that could be taken back.
    pub fn rotate(&mut self, subject: &Subject, given: Option<SecretBytes>) -> Done {
        let ready = match self.ready(subject, given) {
            Ok(ready) => ready,
            Err(trouble) => return Done { trouble: Some(trouble), ..Done::default() },
        };
        if let Err(trouble) = self.note(subject, &ready.new, Outcome::Begun, &Done::default()) {
            return Done { trouble: Some(trouble), ..Done::default() };
        }
        let mut done = self.change(subject, &ready);
        if let Some(outcome) = done.outcome
            && let Err(trouble) = self.note(subject, &ready.new, outcome, &done)
        {
            done.notes.push(format!("the record lacks the end of this rotation: {}", trouble.why));
        }
        done
    }

    fn note(&mut self, subject: &Subject, new: &New, outcome: Outcome, done: &Done) -> Result<(), Trouble> {
        let line = Line {
            time: stamp(SystemTime::now()),
            name: subject.name.clone(),
            source: subject.source.clone(),
            outcome,
            value: Some(match new {
                New::Value(_, origin) => *origin,
                New::Server => Origin::Server,
            }),
            version: done.version,
            follow: done.follow.clone(),
            hook: done.hook,
        };
        self.record.add(&line).map_err(|error| {
            let path = self.record.path().display();
            Trouble::new(
                format!("{path} cannot be written: {error}"),
                "make its directory writable: nothing is rotated without a record",
            )
        })?;
        self.lines.push(line);
        Ok(())
    }

    /// Reads what is there, and makes the new value.
    pub(super) fn ready(&self, subject: &Subject, given: Option<SecretBytes>) -> Result<Ready, Trouble> {
        self.check(subject, given.is_some())?;
        let (source, old) = self.find(subject)?;
        let new = match (&source, given) {
            (Place::Role { .. } | Place::Root { .. } | Place::SecretId, None) => New::Server,
            (Place::Role { .. } | Place::Root { .. } | Place::SecretId, Some(_)) => {
                let why = format!("the value of {} is made by Vault", subject.name);
                return Err(Trouble::new(why, "leave --stdin out"));
            }
            (_, Some(value)) => New::Value(value, Origin::Given),
            (_, None) => {
                if let Some(shape) = old.as_ref().and_then(shape) {
                    return Err(Trouble::new(
                        format!("the value of {} is {shape}, which a rule cannot make", subject.name),
                        format!("give the new one: tegmen rotate --stdin {}", subject.name),
                    ));
                }
                let rule = subject.rotate.clone().unwrap_or_default().rule;
                let made = rule.make().map_err(|error| {
                    let next = "choose a longer `length`, or fewer sets";
                    Trouble::new(format!("{error} (secret {})", subject.name), next)
                })?;
                New::Value(made, Origin::Rule)
            }
        };
        if let New::Value(new, _) = &new
            && old.as_ref() == Some(new)
        {
            return Err(Trouble::new(format!("{} has that value already", subject.name), "give another one"));
        }
        Ok(Ready { source, old, new })
    }

    /// The source, and the value that is there.
    fn find(&self, subject: &Subject) -> Result<(Place, Option<SecretBytes>), Trouble> {
        Ok(match &subject.way {
            Way::Vault { path, field } => match self.vault.borrow_mut().read(path, field)? {
                Found::Kv(read) => {
                    let old = read.value.clone();
                    (Place::Kv { field: read.field.clone(), read: Box::new(read) }, Some(old))
                }
                Found::StaticRole(rotate) => {
                    (Place::Role { rotate, path: path.clone(), field: Some(field.clone()) }, None)
                }
            },
            Way::StaticRole { path } => {
                let rotate = rotate_role(path).unwrap_or_default();
                let field =
                    self.manifest.secrets.get(&subject.name).and_then(|spec| spec.source.field().map(str::to_owned));
                (Place::Role { rotate, path: path.clone(), field }, None)
            }
            Way::Rotation(RotationKind::DatabaseRoot { mount, connection }) => {
                (Place::Root { rotate: format!("{mount}/rotate-root/{connection}") }, None)
            }
            Way::Rotation(RotationKind::SecretId { wrap, .. }) => {
                let old = if wrap.is_some() { None } else { secret_id::current(&self.context, &self.places(subject))? };
                (Place::SecretId, old)
            }
            Way::Store { name } => {
                let old = local::store(&self.context)?.read()?.get(name).map(|entry| entry.value().clone());
                if old.is_none() {
                    let next = format!("write its first value: tegmen secrets set {name}");
                    return Err(Trouble::new(format!("the store has no {name}"), next));
                }
                (Place::Store { name: name.clone() }, old)
            }
            Way::File { path } => {
                let path = self.context.path(path);
                let old = local::content(&path)?.map(|content| local::file_value(&content));
                (Place::File { path, name: None }, old)
            }
            Way::Dotenv { file, name } => {
                let source = Source::Dotenv { file: file.clone(), name: name.clone() };
                let (old, _) = crate::fetch::Local::default().get(&self.context, &source)?;
                (Place::File { path: self.context.path(file), name: Some(name.clone()) }, Some(old))
            }
            Way::Env { name } => {
                let old = self.context.environment.get(name).filter(|value| !value.is_empty());
                (Place::Elsewhere, old.map(|value| SecretBytes::new(value.as_encoded_bytes().to_vec())))
            }
            Way::Exec | Way::Secretspec | Way::PerRun | Way::WholePath { .. } | Way::Pinned => (Place::Elsewhere, None),
        })
    }

    /// Does it: source, followers, hook. A failure takes everything back that was done before.
    fn change(&self, subject: &Subject, ready: &Ready) -> Done {
        let (mut journal, mut done) = (Journal::default(), Done::default());
        match self.try_change(subject, ready, &mut journal, &mut done) {
            Ok(()) => done.outcome = Some(Outcome::Rotated),
            Err(trouble) => {
                (self.progress)("taking it back");
                done.trouble = Some(trouble);
                done.torn.extend(journal.roll_back());
                (done.version, done.hook) = (None, false);
                done.follow.clear();
                done.outcome = Some(if done.torn.is_empty() { Outcome::RolledBack } else { Outcome::Torn });
            }
        }
        done
    }

    fn try_change<'a>(
        &'a self,
        subject: &'a Subject,
        ready: &'a Ready,
        journal: &mut Journal<'a>,
        done: &mut Done,
    ) -> Result<(), Trouble> {
        let new = self.write_source(subject, ready, journal, done)?;
        let spec = subject.rotate.clone().unwrap_or_default();
        let values: Vec<&SecretBytes> = new.iter().chain(&ready.old).collect();
        if let Some(new) = &new {
            for place in self.places(subject) {
                (self.progress)(&format!("writing to {place}"));
                self.follow(subject, &place, new, ready.old.as_ref(), journal)
                    .map_err(|trouble| Trouble::new(format!("{place}: {}", trouble.why), trouble.next))?;
                done.follow.push(place.to_string());
            }
        }
        if let Some(hook) = &spec.hook {
            (self.progress)("running the hook");
            let input = new.clone().unwrap_or_else(|| SecretBytes::from(String::new()));
            let order = |command: &str, input| Order { words: shlex::split(command).unwrap_or_default(), input };
            if let Err(trouble) = run(&self.context, &subject.name, "set", order(hook, input), &values, &*self.hush) {
                if let (Some(undo), Some(old)) = (&spec.undo, &ready.old) {
                    let undone =
                        run(&self.context, &subject.name, "undo", order(undo, old.clone()), &values, &*self.hush);
                    done.torn.extend(undone.err().map(|trouble| ("the target".to_owned(), trouble)));
                }
                return Err(Trouble::new(format!("the hook: {}", trouble.why), trouble.next));
            }
            done.hook = true;
        }
        self.finish(subject, ready, done);
        Ok(())
    }

    /// The first step. Gives back the new value, where there is one in our hands.
    fn write_source<'a>(
        &'a self,
        subject: &'a Subject,
        ready: &'a Ready,
        journal: &mut Journal<'a>,
        done: &mut Done,
    ) -> Result<Option<SecretBytes>, Trouble> {
        (self.progress)(&format!("writing {}", subject.source));
        let new = match &ready.new {
            New::Value(value, _) => Some(value.clone()),
            New::Server => None,
        };
        match (&ready.source, new) {
            (Place::Kv { field, read }, Some(new)) => {
                let version = self.vault.borrow_mut().write(field, read, &new)?;
                done.version = version;
                journal
                    .changed(subject.source.clone(), move || self.vault.borrow_mut().write_back(field, read, version));
                if version.is_none() {
                    done.notes
                        .push("KV version 1 has no check-and-set: a change made at the same moment is lost".into());
                }
                Ok(Some(new))
            }
            (Place::Role { rotate, path, field }, _) => {
                self.vault.borrow_mut().order(rotate)?;
                // Before anything else can fail: the old password is gone.
                journal.changed(subject.source.clone(), || Err(final_by_server()));
                let named =
                    subject.rotate.as_ref().is_some_and(|rotate| rotate.hook.is_some() || !rotate.follow.is_empty());
                let Some(field) = field.as_ref().filter(|_| named) else { return Ok(None) };
                let read = self.vault.borrow_mut().login()?.read(path, &[])?;
                Ok(Some(read.secret.field(field)?))
            }
            (Place::Root { rotate }, _) => {
                self.vault.borrow_mut().order(rotate)?;
                journal.changed(subject.source.clone(), || Err(final_by_server()));
                Ok(None)
            }
            (Place::SecretId, _) => {
                let Way::Rotation(RotationKind::SecretId { role, wrap }) = &subject.way else { return Ok(None) };
                let login = self.vault.borrow_mut().login()?;
                let made = login.new_secret_id(role, *wrap)?;
                if wrap.is_none() {
                    let ours = made.clone();
                    journal.changed(subject.source.clone(), move || Ok(login.destroy_secret_id(role, &ours)?));
                }
                Ok(Some(made))
            }
            (Place::Store { name }, Some(new)) => {
                self.store(subject.source.clone(), name, &new, journal)?;
                Ok(Some(new))
            }
            (Place::File { path, name }, Some(new)) => {
                self.file(path.clone(), name.as_deref(), &new, journal)?;
                Ok(Some(new))
            }
            (_, new) => Ok(new),
        }
    }

    fn store<'a>(
        &'a self,
        place: String,
        name: &str,
        new: &SecretBytes,
        journal: &mut Journal<'a>,
    ) -> Result<(), Trouble> {
        let name = name.to_owned();
        let old = local::stored(&self.context, &name, Some(new))?;
        journal.changed(place, move || local::stored(&self.context, &name, old.as_ref()).map(drop));
        Ok(())
    }

    fn file<'a>(
        &'a self,
        path: std::path::PathBuf,
        name: Option<&str>,
        new: &SecretBytes,
        journal: &mut Journal<'a>,
    ) -> Result<(), Trouble> {
        let old = local::content(&path)?;
        let content = match (name, &old) {
            (Some(name), Some(old)) => local::dotenv_with(&self.context, &path, old, name, new)?,
            (Some(_), None) => {
                let next = "check the path; a dotenv file is not made, only rewritten";
                return Err(Trouble::new(format!("there is no file {}", path.display()), next));
            }
            (None, old) => local::file_with(old.as_ref().map(|old| old.as_slice()), new),
        };
        local::replace(&path, &content)?;
        journal
            .changed(path.display().to_string(), move || local::restore(&path, old.as_ref().map(|old| old.as_slice())));
        Ok(())
    }

    fn follow<'a>(
        &'a self,
        subject: &'a Subject,
        place: &Follower,
        new: &SecretBytes,
        old: Option<&'a SecretBytes>,
        journal: &mut Journal<'a>,
    ) -> Result<(), Trouble> {
        match place {
            Follower::Dotenv { file, name } => {
                return self.file(self.context.path(file), Some(name), new, journal);
            }
            Follower::File { path } => return self.file(self.context.path(path), None, new, journal),
            Follower::Store { name } => return self.store(place.to_string(), name, new, journal),
            _ => {}
        }
        let Some(order) = place.order(new) else { return Ok(()) };
        let name = &subject.name;
        let place = place.clone();
        let shown = place.to_string();
        let new_again = new.clone();
        let undo = move || {
            let Some(old) = old else {
                return Err(Trouble::new("the old value is not known here", "set it by hand"));
            };
            match place.order(old) {
                Some(order) => run(&self.context, name, "undo", order, &[&new_again, old], &*self.hush),
                None => Ok(()),
            }
        };
        let values: Vec<&SecretBytes> = std::iter::once(new).chain(old).collect();
        let result = run(&self.context, name, "set", order, &values, &*self.hush);
        if result.is_ok() {
            journal.changed(shown, undo);
        }
        result
    }

    /// What comes after everything has its new value; a failure here takes nothing back.
    fn finish(&self, subject: &Subject, ready: &Ready, done: &mut Done) {
        let Way::Rotation(RotationKind::SecretId { role, wrap }) = &subject.way else { return };
        (self.progress)("destroying the old SecretID");
        let result = match (&ready.old, wrap) {
            (Some(old), None) => {
                self.vault.borrow_mut().login().and_then(|login| Ok(login.destroy_secret_id(role, old)?))
            }
            _ => Err(Trouble::new("it is not known here", "")),
        };
        if let Err(trouble) = result {
            done.notes.push(format!("the old SecretID stays good until it ends by itself: {}", trouble.why));
        }
    }
}

fn final_by_server() -> Trouble {
    Trouble::new("Vault has changed it, and keeps no old password", "correct what failed, then rotate once more")
}

/// What a value is, where a rule cannot make one like it.
fn shape(value: &SecretBytes) -> Option<&'static str> {
    let Ok(text) = value.expose_str() else { return Some("no text") };
    let is_document = || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if text.trim_start().starts_with(['{', '[']) && is_document() {
        return Some("a JSON document");
    }
    if text.contains("-----BEGIN ") {
        return Some("a key or certificate");
    }
    if text.trim_end().contains('\n') {
        return Some("a text of several lines");
    }
    if text.contains("://") {
        return Some("a URL");
    }
    (text.starts_with("eyJ") && text.matches('.').count() == 2).then_some("a JWT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotate::RotateSpec;

    #[test]
    fn what_a_rule_cannot_make() {
        let shape = |text: &str| shape(&SecretBytes::from(text.to_owned()));
        assert_eq!(shape("{\"user\":\"a\"}"), Some("a JSON document"));
        assert_eq!(shape("postgres://me:pw@db/shop"), Some("a URL"));
        assert_eq!(shape(&["eyJhbGciOiJub25lIn0", "e30", ""].join(".")), Some("a JWT"));
        assert_eq!(shape("a\nb"), Some("a text of several lines"));
        for text in ["{hunter2", "1234", "correct horse", "a\n"] {
            assert_eq!(shape(text), None, "{text}");
        }
    }

    #[test]
    fn no_spec_is_the_empty_one() {
        assert_eq!(RotateSpec::default().rule, super::super::Rule::default());
    }
}
