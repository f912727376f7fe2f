//! `secretspec:`, the providers of the library of that name. Only in a build with the feature `secretspec`: the library brings an
//! asynchronous runtime and the clients of every cloud into the process that holds the values.

use tegmen_secret::SecretBytes;

use super::context::Context;
use super::error::Trouble;
use crate::source::Managed;

/// Without the feature: how to get it.
#[cfg(not(feature = "secretspec"))]
pub(super) fn get(_: &Context, _: &Managed) -> Result<SecretBytes, Trouble> {
    Err(Trouble::new(
        "this tegmen was built without `secretspec:`",
        "build it in: cargo build --release -p tegmen --features secretspec; or let its command line be asked: \
         exec:secretspec get NAME",
    ))
}

/// The value.
#[cfg(feature = "secretspec")]
pub(super) fn get(context: &Context, managed: &Managed) -> Result<SecretBytes, Trouble> {
    library::get(context, managed)
}

#[cfg(feature = "secretspec")]
mod library {
    use std::path::Path;

    use secretspec::{NamedResolution, NativeAddress, ResolvedSecret, Secret, Secrets, Spec};
    use tegmen_secret::SecretBytes;

    use super::super::LONGEST;
    use super::{Context, Managed, Trouble};

    /// What the one secret of a specification of ours is called.
    const OWN: &str = "VALUE";
    /// How much of what the library says is shown.
    const SHOWN: usize = 500;

    pub(super) fn get(context: &Context, managed: &Managed) -> Result<SecretBytes, Trouble> {
        let (secrets, name) = match managed {
            Managed::Declared { name } => (declared(context)?, name.as_str()),
            Managed::Item { provider, item, field } => {
                (own(context, provider, item, field.as_deref()).map_err(|error| told(&error))?, OWN)
            }
        };
        // What it writes into its record of accesses.
        let secrets = secrets.with_default_reason("a load test under tegmen run");
        match secrets.resolve_named_bytes(name).map_err(|error| told(&error))? {
            NamedResolution::Resolved(found) => value(found),
            NamedResolution::Missing { .. } => {
                Err(Trouble::new("its provider has no such secret", "check name and profile: secretspec check"))
            }
            NamedResolution::Undeclared => Err(Trouble::new(
                format!("secretspec.toml declares no {name} in this profile"),
                "declare it there, or set SECRETSPEC_PROFILE",
            )),
        }
    }

    /// The specification of the project: beside the manifest, or above.
    fn declared(context: &Context) -> Result<Secrets, Trouble> {
        let file =
            context.directory.ancestors().map(|folder| folder.join("secretspec.toml")).find(|file| file.is_file());
        let Some(file) = file else {
            return Err(Trouble::new(
                format!("there is no secretspec.toml in {} or above", context.directory.display()),
                "write one, or name provider and item: secretspec:PROVIDER://…#ITEM",
            ));
        };
        Secrets::load_from(&file).map_err(|error| told(&error))
    }

    /// A specification of one secret.
    fn own(context: &Context, provider: &str, item: &str, field: Option<&str>) -> secretspec::Result<Secrets> {
        let address = NativeAddress {
            item: item.to_owned(),
            field: field.map(str::to_owned),
            vault: None,
            section: None,
            version: None,
        };
        let secret = Secret::required("a secret of tegmen.toml").providers(["own"]).reference(address);
        let spec = Spec::builder("tegmen").provider("own", provider).secret(OWN, secret).build()?;
        Secrets::from_spec_at(spec, context.directory.clone())
    }

    fn value(found: ResolvedSecret<secretspec::SecretBytes>) -> Result<SecretBytes, Trouble> {
        let bytes = match (found.value, found.path) {
            (Some(value), _) => value.to_vec(),
            // One that is declared as a file was written to one.
            (None, Some(path)) => from_file(Path::new(&path))?,
            (None, None) => Vec::new(),
        };
        if bytes.is_empty() {
            return Err(Trouble::new("its value is empty", "give it a value"));
        }
        let (value, length) = (SecretBytes::from(bytes), LONGEST);
        if value.expose().len() > length {
            return Err(Trouble::new(format!("its value has more than {length} bytes"), "check the name"));
        }
        Ok(value)
    }

    fn from_file(path: &Path) -> Result<Vec<u8>, Trouble> {
        let read = std::fs::read(path);
        let _ = std::fs::remove_file(path);
        read.map_err(|error| {
            Trouble::new(format!("{}: {error}", path.display()), "leave as_path out of secretspec.toml")
        })
    }

    fn told(error: &secretspec::SecretSpecError) -> Trouble {
        let text = error.to_string();
        let text = text.char_indices().nth(SHOWN).map_or(text.as_str(), |(at, _)| &text[..at]);
        Trouble::new(
            format!("secretspec says: {}", text.trim()),
            "look at its documentation: https://secretspec.dev/providers",
        )
    }
}
