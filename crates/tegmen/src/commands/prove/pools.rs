//! The pools of the test: records of the same fields, in which each secret field is a canary.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value};
use tegmen_broker::pools::{PoolCharge, Pools};
use tegmen_prove::{canary::Canary, verdict::Subject, world::authority::Authority};
use tegmen_secret::SecretBytes;
use tegmen_sources::{Context, Manifest, PoolFormat, PoolSpec, Records, Source, fetch_all, is_secret_field};

use super::{
    literals::Replaced,
    secrets::{hosts, places},
};
use crate::commands::run;

/// More records are never out at once: there are fewer users.
const MOST: u32 = 200;
/// So many there are of a pool whose records are not at hand.
const MADE_UP: usize = 50;
/// Fields that records of users usually have, for a pool whose records are not at hand.
const USUAL: [&str; 5] = ["username", "user", "email", "name", "id"];

/// A pool of the test.
pub struct Pool {
    name: String,
    spec: PoolSpec,
    /// Its records, with canaries in them.
    records: Vec<Map<String, Value>>,
}

/// What the pools of a manifest bring into the test.
#[derive(Default)]
pub struct Gathered {
    pub pools: Vec<Pool>,
    /// One canary and one subject for each secret field of each pool: `POOL.FIELD`.
    pub canaries: Vec<Canary>,
    pub subjects: Vec<Subject>,
    pub remarks: Vec<String>,
    /// The values of the real records that lie open, and the canaries in their place.
    pub replaced: Replaced,
}

/// Makes them. Only records that lie open are read, for their shape.
pub fn gather(manifest: &Manifest, context: &Context, authority: &Authority) -> anyhow::Result<Gathered> {
    let mut all = Gathered::default();
    for (name, spec) in &manifest.pools {
        let mut spec = spec.clone();
        let real = open(manifest, name, &spec, context);
        if real.is_none() {
            all.remarks.push(format!(
                "the records of the pool {name} are not at hand here: made-up ones have the fields {}",
                fields(&spec).join(", ")
            ));
        }
        let mut records = Vec::new();
        let mut canaries: Vec<Canary> = Vec::new();
        for record in real.unwrap_or_else(|| made_up(&spec)) {
            let mut shown = Map::new();
            for (field, shape, is_text) in record {
                if !is_secret_field(&spec, &field) {
                    shown.insert(field, value(&shape.unwrap_or_default(), is_text));
                    continue;
                }
                let label = format!("{name}.{field}");
                let shape = shape.map(SecretBytes::from);
                let canary = Canary::new(&label, shape.as_ref(), authority)?;
                all.replaced.extend(shape.map(|shape| (shape, canary.value.clone())));
                shown.insert(field, Value::from(canary.value.expose_str().unwrap_or_default()));
                match canaries.iter_mut().find(|known| known.name == label) {
                    Some(known) => known.parts.extend(canary.parts),
                    None => canaries.push(canary),
                }
            }
            records.push(shown);
        }
        for canary in canaries {
            all.subjects.push(Subject {
                name: canary.name.clone(),
                origin: "manifest".to_owned(),
                hosts: hosts(spec.hosts.as_deref()),
                places: places(&spec.places),
                unprovable: canary.unprovable.clone(),
            });
            all.canaries.push(canary);
        }
        spec.format = Some(PoolFormat::Json);
        spec.share = None;
        all.pools.push(Pool { name: name.clone(), spec, records });
    }
    Ok(all)
}

type Fields = Vec<(String, Option<String>, bool)>;

/// The records of a pool that lies open: names, values, whether they are texts.
fn open(manifest: &Manifest, name: &str, spec: &PoolSpec, context: &Context) -> Option<Vec<Fields>> {
    if !matches!(spec.source, Source::Env { .. } | Source::Dotenv { .. } | Source::File { .. }) {
        return None;
    }
    let mut alone = Manifest { path: manifest.path.clone(), ..Manifest::default() };
    alone.pools.insert(name.to_owned(), spec.clone());
    let records: Records = fetch_all(&alone, context).ok()?.pools.into_iter().next()?.1;
    let record = |number| {
        let record = records.get(number).ok()?;
        let field = |field: &tegmen_sources::RecordField| {
            Some((field.name.clone(), Some(field.value.expose_str().ok()?.to_owned()), field.is_text))
        };
        record.fields.iter().map(field).collect::<Option<Fields>>()
    };
    (0..records.len().min(MOST)).map(record).collect()
}

fn fields(spec: &PoolSpec) -> Vec<&str> {
    let secret = spec.secret_fields.iter().map(String::as_str).filter(|field| *field != "*");
    let others = [spec.key.as_str(), spec.value.as_str()].into_iter().chain(USUAL);
    let mut names: Vec<&str> = Vec::new();
    for name in secret.chain(others) {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn made_up(spec: &PoolSpec) -> Vec<Fields> {
    let record = |number: usize| {
        let field = |field: &str| {
            let open = (!is_secret_field(spec, field)).then(|| format!("{field}-{number}"));
            (field.to_owned(), open, true)
        };
        fields(spec).into_iter().map(field).collect()
    };
    (1..=MADE_UP).map(record).collect()
}

fn value(text: &str, is_text: bool) -> Value {
    let other = (!is_text).then(|| serde_json::from_str(text).ok()).flatten();
    other.unwrap_or_else(|| Value::from(text))
}

/// What the broker is to lend.
pub fn lendable(pools: &[Pool], manifest: &Manifest) -> anyhow::Result<Pools> {
    let charge = |pool: &Pool| -> anyhow::Result<PoolCharge> {
        let json = serde_json::to_vec(&pool.records)?;
        let records = Records::read(&pool.spec, json.as_slice())
            .with_context(|| format!("the made-up records of the pool {} cannot be used", pool.name))?;
        run::pool(manifest, pool.name.clone(), records).context("a pool is not in the manifest")
    };
    Ok(Pools::new(pools.iter().map(charge).collect::<anyhow::Result<Vec<_>>>()?))
}

/// Writes the records for a test without protection.
pub fn write(pools: &[Pool], path: &Path) -> anyhow::Result<()> {
    let records: Map<String, Value> =
        pools.iter().map(|pool| (pool.name.clone(), serde_json::json!(pool.records))).collect();
    std::fs::write(path, serde_json::to_vec(&records)?).context("no temporary file can be written")
}
