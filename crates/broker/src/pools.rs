//! Pools: a record for each simulated user, given out to one process after the other and taken back.
//!
//! The records are encrypted in memory ([`tegmen_sources::Records`]); one is opened when it is given out. Only then the
//! redactor learns its values: a value that was never given out is not in the command, and cannot come out of it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use tegmen_secret::SecretBytes;
use tegmen_sources::{OnEmpty, PoolSpec, Record, Records, is_secret_field};
use tegmen_wire::{
    protocol::{Ask, Lending, Lent, LentField, LentKind},
    table::Binding,
};

/// A pool as the broker is given it.
#[derive(Debug)]
pub struct PoolCharge {
    /// What it is called.
    pub name: String,
    /// What the manifest says of it.
    pub spec: PoolSpec,
    /// The rules of its secret fields; each gets a name of its own.
    pub binding: Binding,
    /// Its records.
    pub records: Records,
}

/// What became of a pool during a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// The name.
    pub name: String,
    /// How many records there are.
    pub size: u32,
    /// How many were given out at least once.
    pub used: usize,
    /// How many were out at the same time at most.
    pub most: usize,
    /// How often all were out when one was wanted.
    pub empty: u64,
    /// What happened then.
    pub on_empty: OnEmpty,
}

/// All pools of a run.
#[derive(Default)]
pub struct Pools(BTreeMap<String, Pool>);

/// What somebody has: the pool and the number of the record, and how often.
pub type Holdings = HashMap<(String, u32), u32>;

struct Pool {
    charge: PoolCharge,
    /// The number of the first record that was never given out.
    fresh: u32,
    /// Those that were given back; the first is the one that waits for longest.
    idle: VecDeque<u32>,
    /// How many have it, of each that is out.
    out: HashMap<u32, u32>,
    /// Those that are out in the order in which they were given out; some may be back by now.
    order: VecDeque<u32>,
    /// The number of the first token of each that was given out: it has the same placeholders each time.
    tokens: HashMap<u32, u32>,
    most: usize,
    empty: u64,
}

/// The secret fields of a record: their labels and values.
pub type Secrets<'r> = Vec<(String, &'r SecretBytes)>;

impl Pools {
    /// Those pools.
    pub fn new(charges: Vec<PoolCharge>) -> Self {
        let pool = |charge: PoolCharge| (charge.name.clone(), Pool::new(charge));
        Self(charges.into_iter().map(pool).collect())
    }

    /// What became of them.
    pub fn uses(&self) -> Vec<PoolUse> {
        let of = |pool: &Pool| PoolUse {
            name: pool.charge.name.clone(),
            size: pool.charge.records.len(),
            used: pool.tokens.len(),
            most: pool.most,
            empty: pool.empty,
            on_empty: pool.charge.spec.on_empty,
        };
        self.0.values().map(of).collect()
    }

    /// Answers a question; `None` where there is no answer to it. `learn` lets the redactor know the secret fields of a
    /// record, and gives the number of its first token; with a number it is given out again.
    pub fn answer(
        &mut self,
        ask: Ask,
        holdings: &mut Holdings,
        learn: impl FnOnce(&Secrets<'_>, Option<u32>) -> Result<u32, String>,
    ) -> Option<Lending> {
        let unknown = |pools: &Self| Lent::Unknown { pools: pools.0.keys().cloned().collect() };
        Some(match ask {
            Ask::Describe { id, pool } => {
                let lent = match self.0.get(&pool) {
                    Some(pool) => Lent::Description { size: pool.charge.records.len() },
                    None => unknown(self),
                };
                Lending { id, pool, lent }
            }
            Ask::Checkout { id, pool, again } => {
                let lent = match self.0.get_mut(&pool) {
                    Some(pool) => pool.lend(again, learn),
                    None => unknown(self),
                };
                if let Lent::Record { record, .. } = &lent {
                    *holdings.entry((pool.clone(), *record)).or_default() += 1;
                }
                Lending { id, pool, lent }
            }
            Ask::Return { pool, record } => {
                let key = (pool, record);
                // Nobody gives back what he does not have.
                if let Some(count) = holdings.get_mut(&key) {
                    *count -= 1;
                    if *count == 0 {
                        holdings.remove(&key);
                    }
                    self.take_back(&key.0, record);
                }
                return None;
            }
        })
    }

    /// Takes back all that somebody has who is gone.
    pub fn take_all(&mut self, holdings: Holdings) {
        for ((pool, record), count) in holdings {
            for _ in 0..count {
                self.take_back(&pool, record);
            }
        }
    }

    fn take_back(&mut self, pool: &str, record: u32) {
        let Some(pool) = self.0.get_mut(pool) else { return };
        let Some(count) = pool.out.get_mut(&record) else { return };
        *count -= 1;
        if *count == 0 {
            pool.out.remove(&record);
            pool.idle.push_back(record);
        }
    }
}

impl Pool {
    fn new(charge: PoolCharge) -> Self {
        Self {
            charge,
            fresh: 0,
            idle: VecDeque::new(),
            out: HashMap::new(),
            order: VecDeque::new(),
            tokens: HashMap::new(),
            most: 0,
            empty: 0,
        }
    }

    fn lend(&mut self, again: bool, learn: impl FnOnce(&Secrets<'_>, Option<u32>) -> Result<u32, String>) -> Lent {
        let Some(number) = self.next(again) else {
            let spec = &self.charge.spec;
            let limit = spec.wait.map(|wait| wait.min(Duration::from_secs(86_400 * 365)).as_millis() as u64);
            return Lent::Empty { size: self.charge.records.len(), waits: spec.on_empty == OnEmpty::Wait, limit };
        };
        let lent = self.charge.records.get(number).map_err(|error| error.to_string()).and_then(|record| {
            let secrets = self.secrets(&record);
            let token = learn(&secrets, self.tokens.get(&number).copied())?;
            drop(secrets);
            Ok((record, token))
        });
        let (record, token) = match lent {
            Ok(lent) => lent,
            Err(reason) => {
                self.idle.push_back(number);
                return Lent::Failed { reason };
            }
        };
        self.tokens.insert(number, token);
        let count = self.out.entry(number).or_default();
        *count += 1;
        let shared = *count > 1;
        if self.charge.spec.on_empty == OnEmpty::Cycle {
            self.order.push_back(number);
            self.keep_order_short();
        }
        self.most = self.most.max(self.out.len());
        let fields = record.fields.into_iter().map(|field| self.field(&field)).collect();
        Lent::Record { record: number, token, fields, binding: Box::new(self.charge.binding.clone()), shared }
    }

    /// One that was never out, else the one that has been back for longest, else what is to be done when all are out.
    fn next(&mut self, again: bool) -> Option<u32> {
        if self.fresh < self.charge.records.len() {
            self.fresh += 1;
            return Some(self.fresh - 1);
        }
        if let Some(number) = self.idle.pop_front() {
            return Some(number);
        }
        self.empty += u64::from(!again);
        if self.charge.spec.on_empty != OnEmpty::Cycle {
            return None;
        }
        while let Some(number) = self.order.pop_front() {
            if self.out.contains_key(&number) {
                return Some(number);
            }
        }
        None
    }

    /// Of each record that is out only the last time counts.
    fn keep_order_short(&mut self) {
        if self.order.len() > 2 * self.out.len() + 64 {
            let mut seen = HashSet::new();
            let mut kept: VecDeque<u32> = VecDeque::with_capacity(self.out.len());
            for number in self.order.iter().rev().filter(|number| self.out.contains_key(number)) {
                if seen.insert(*number) {
                    kept.push_front(*number);
                }
            }
            self.order = kept;
        }
    }

    /// The fields that are secret and have something in them.
    fn secrets<'r>(&self, record: &'r Record) -> Secrets<'r> {
        let fields = record.fields.iter().filter(|field| self.is_secret(&field.name, &field.value));
        fields.map(|field| (format!("{}.{}", self.charge.name, field.name), &field.value)).collect()
    }

    fn is_secret(&self, name: &str, value: &SecretBytes) -> bool {
        !value.is_empty() && is_secret_field(&self.charge.spec, name)
    }

    fn field(&self, field: &tegmen_sources::RecordField) -> LentField {
        let kind = match (self.is_secret(&field.name, &field.value), field.is_text) {
            (true, _) => LentKind::Secret,
            (false, true) => LentKind::Text,
            (false, false) => LentKind::Json,
        };
        // It was looked at when it was read: it is UTF-8.
        let value = field.value.expose_str().unwrap_or_default().to_owned();
        LentField { name: field.name.clone(), value, kind }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn pools(more: &str, count: usize) -> Pools {
        let rows: String = (0..count).map(|number| format!("user-{number},password-{number}\n")).collect();
        let text = format!("[pools.p]\nsource = \"env:P\"\nsecret_fields = [\"password\"]\n{more}\n");
        let manifest = tegmen_sources::Manifest::parse(Path::new("tegmen.toml"), &text).unwrap();
        let spec = manifest.pools["p"].clone();
        let records = Records::read(&spec, format!("user,password\n{rows}").as_bytes()).unwrap();
        Pools::new(vec![PoolCharge { name: "p".into(), spec, binding: Binding::default(), records }])
    }

    fn checkout(pools: &mut Pools, holdings: &mut Holdings) -> Lent {
        let ask = Ask::Checkout { id: 3, pool: "p".into(), again: false };
        let answer = pools.answer(ask, holdings, |secrets, known| {
            assert_eq!(secrets[0].0, "p.password");
            Ok(known.unwrap_or(secrets[0].1.len() as u32))
        });
        answer.unwrap().lent
    }

    fn number(lent: Lent) -> Option<u32> {
        match lent {
            Lent::Record { record, fields, .. } => {
                assert_eq!(fields[1].value, format!("password-{record}"));
                assert_eq!((fields[0].kind, fields[1].kind), (LentKind::Text, LentKind::Secret));
                Some(record)
            }
            _ => None,
        }
    }

    #[test]
    fn no_record_is_out_twice_until_it_is_back() {
        let (mut pools, mut one, mut two) = (pools("", 4), Holdings::new(), Holdings::new());
        let mut taken: Vec<_> = (0..2).map(|_| number(checkout(&mut pools, &mut one)).unwrap()).collect();
        taken.extend((0..2).map(|_| number(checkout(&mut pools, &mut two)).unwrap()));
        assert_eq!(taken, [0, 1, 2, 3]);
        assert!(matches!(checkout(&mut pools, &mut one), Lent::Empty { size: 4, waits: false, .. }));
        // Not his.
        assert!(pools.answer(Ask::Return { pool: "p".into(), record: 2 }, &mut one, |_, _| Ok(0)).is_none());
        assert!(number(checkout(&mut pools, &mut one)).is_none());
        pools.answer(Ask::Return { pool: "p".into(), record: 1 }, &mut one, |_, _| Ok(0));
        assert_eq!(number(checkout(&mut pools, &mut two)), Some(1));
        // A process ends.
        pools.take_all(std::mem::take(&mut two));
        let mut back: Vec<_> = (0..3).map(|_| number(checkout(&mut pools, &mut one)).unwrap()).collect();
        back.sort_unstable();
        assert_eq!(back, [1, 2, 3]);
        let told = PoolUse { name: "p".into(), size: 4, used: 4, most: 4, empty: 2, on_empty: OnEmpty::Fail };
        assert_eq!(pools.uses(), [told]);
    }

    #[test]
    fn a_pool_that_cycles_gives_the_oldest_out_again() {
        let (mut pools, mut one) = (pools("on_empty = \"cycle\"", 3), Holdings::new());
        let mut numbers = Vec::new();
        for round in 0..7 {
            let lent = checkout(&mut pools, &mut one);
            assert!(matches!(lent, Lent::Record { shared, .. } if shared == (round > 2)));
            numbers.extend(number(lent));
        }
        assert_eq!(numbers, [0, 1, 2, 0, 1, 2, 0]);
        for _ in 0..3 {
            pools.answer(Ask::Return { pool: "p".into(), record: 0 }, &mut one, |_, _| Ok(0));
        }
        assert_eq!(number(checkout(&mut pools, &mut one)), Some(0), "that one is free now");
        for _ in 0..1000 {
            pools.answer(Ask::Return { pool: "p".into(), record: 0 }, &mut one, |_, _| Ok(0));
            assert_eq!(number(checkout(&mut pools, &mut one)), Some(0));
        }
        assert!(pools.0["p"].order.len() < 100, "what was given back is forgotten");
    }

    #[test]
    fn what_waits_says_how_long() {
        let (mut pools, mut one) = (pools("on_empty = \"wait\"\nwait = \"2s\"", 1), Holdings::new());
        assert!(number(checkout(&mut pools, &mut one)).is_some());
        assert!(matches!(checkout(&mut pools, &mut one), Lent::Empty { waits: true, limit: Some(2000), .. }));
        let ask = Ask::Checkout { id: 1, pool: "q".into(), again: false };
        let answer = pools.answer(ask, &mut one, |_, _| Ok(0)).unwrap();
        assert!(matches!(answer.lent, Lent::Unknown { pools } if pools == ["p"]));
    }
}
