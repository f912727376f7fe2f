//! The records of pools: read once, at the start.

use std::fs::File;
use std::io::{Cursor, Read};

use tegmen_secret::SecretBytes;

use super::context::Context;
use super::error::Trouble;
use super::local::Local;
use super::vault::VaultLife;
use super::{exec, files};
use crate::Source;
use crate::manifest::PoolSpec;
use crate::records::{Records, Unusable};

impl From<Unusable> for Trouble {
    fn from(Unusable { why, next }: Unusable) -> Self {
        Self::new(why, next)
    }
}

/// The most that a command may print for a pool, in bytes.
const PRINTED: usize = 1 << 30;

/// The records of a pool that is not in Vault. A file is read piece by piece.
pub(super) fn local(spec: &PoolSpec, context: &Context, local: &mut Local) -> Result<Records, Trouble> {
    let read = |source: &mut dyn Read| Ok(Records::read(spec, source)?);
    match &spec.source {
        Source::File { path } => {
            let path = context.path(path);
            read(&mut File::open(&path).map_err(|error| files::told(&path, &error))?)
        }
        Source::Exec { command } => read(&mut Cursor::new(exec::exec_long(context, command, PRINTED)?.expose())),
        source => read(&mut Cursor::new(local.get(context, source)?.0.expose())),
    }
}

/// The records of a pool in Vault: a field that holds them all, or all fields of the path.
pub(super) fn vault(spec: &PoolSpec, life: &mut VaultLife) -> Result<Records, Trouble> {
    let secret = life.once(&spec.source)?;
    if let Some(field) = spec.source.field() {
        let value: SecretBytes = secret.field(field)?;
        return Ok(Records::read(spec, value.expose())?);
    }
    let mut fields = Vec::new();
    for name in secret.names() {
        let Ok(value) = secret.field(name) else { continue };
        fields.push((name.to_owned(), value, secret.is_text(name)));
    }
    Ok(Records::of_fields(spec, &fields)?)
}
