//! Messages made from the schemas, whole and damaged: what the schema accepts decodes, what it rejects is refused, and
//! what was decoded encodes to something that decodes to the same.
//!
//! Few cases by default; `PROPTEST_CASES` asks for more. A failure prints the message.
#![cfg(feature = "export")]

mod generate;
mod validate;

use std::collections::BTreeMap;

use proptest::prelude::*;
use protocol::export::documented_schema;
use protocol::methods::{Method, MethodVisitor, visit_methods};
use protocol::notifications::{Notification, NotificationVisitor, visit_notifications};
use protocol::server_requests::{ServerMethod, ServerMethodVisitor, visit_server_methods};
use protocol::wire::Wire;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::generate::{Damage, Generator};
use crate::validate::{accepts, tolerates};

/// A type that crosses the wire.
struct Carried {
    /// The message it belongs to, and whether it is its params or its result.
    name: String,
    schema: Value,
    /// Decodes, and encodes again.
    recode: fn(&Value) -> Result<Value, String>,
}

#[derive(Default)]
struct All(Vec<Carried>);

impl All {
    fn add<T: Wire>(&mut self, name: String) {
        self.0.push(Carried { name, schema: documented_schema::<T>(), recode: recode::<T> });
    }
}

fn recode<T: Wire>(value: &Value) -> Result<Value, String> {
    let raw = RawValue::from_string(value.to_string()).expect("a value is JSON");
    let decoded = protocol::decode::<T>(Some(&raw)).map_err(|error| error.to_string())?;
    Ok(serde_json::to_value(decoded).expect("what was decoded can be encoded"))
}

impl MethodVisitor for All {
    fn visit<M: Method>(&mut self) {
        self.add::<M::Params>(format!("{} params", M::NAME));
        self.add::<M::Response>(format!("{} result", M::NAME));
    }
}

impl ServerMethodVisitor for All {
    fn visit<M: ServerMethod>(&mut self) {
        self.add::<M::Params>(format!("{} params", M::NAME));
        self.add::<M::Response>(format!("{} result", M::NAME));
    }
}

impl NotificationVisitor for All {
    fn visit<N: Notification>(&mut self) {
        self.add::<N>(format!("{} params", N::METHOD));
    }
}

/// One in four of all types, another quarter with every seed.
fn some(all: &[Carried], seed: u64) -> impl Iterator<Item = &Carried> {
    all.iter().skip(usize::try_from(seed % 4).expect("it is small")).step_by(4)
}

fn all() -> Vec<Carried> {
    let mut all = All::default();
    visit_methods(&mut all);
    visit_server_methods(&mut all);
    visit_notifications(&mut all);
    all.0
}

thread_local! {
    static ALL: Vec<Carried> = all();
}

/// A seed says all; a smaller one says nothing more.
fn configuration() -> ProptestConfig {
    ProptestConfig { max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(configuration())]

    #[test]
    fn what_the_schema_accepts_decodes_and_encodes_to_a_fixed_point(seed in any::<u64>()) {
        ALL.with(|all| for carried in some(all, seed) {
            let mut generator = Generator::new(seed, &carried.schema);
            let value = generator.value();
            let name = &carried.name;
            assert!(accepts(&carried.schema, &value), "{name}: the schema's own {value}");
            let once = (carried.recode)(&value).unwrap_or_else(|error| panic!("{name}: {error}\n  in {value}"));
            let twice = (carried.recode)(&once).unwrap_or_else(|error| panic!("{name}: {error}\n  in {once}\n  of {value}"));
            assert_eq!(once, twice, "{name}: {value}");
            assert!(accepts(&carried.schema, &once), "{name}: encoded as {once}\n  of {value}");
        });
    }

    #[test]
    fn damaged_messages_are_accepted_as_far_as_the_schema_accepts_them(seed in any::<u64>()) {
        ALL.with(|all| for carried in some(all, seed) {
            let mut generator = Generator::new(seed, &carried.schema);
            let mut value = generator.value();
            let damage = generator.damage(&mut value);
            check_damaged(carried, &value, &damage);
        });
    }
}

fn check_damaged(carried: &Carried, value: &Value, damage: &Damage) {
    let name = &carried.name;
    let outcome = (carried.recode)(value);
    match (accepts(&carried.schema, value), &outcome) {
        (true, Ok(_)) | (false, Err(_)) => {}
        (true, Err(error)) => panic!("{name}: the schema accepts what is refused ({error})\n  {damage:?}\n  {value}"),
        (false, Ok(_)) if tolerates(&carried.schema, value) => {}
        (false, Ok(_)) => panic!("{name}: the schema rejects what is accepted\n  {damage:?}\n  {value}"),
    }
    if let (Err(error), Damage::Removed(member)) = (&outcome, damage)
        && error.starts_with("missing field")
    {
        assert_eq!(*error, format!("missing field `{member}`"), "{name}: {value}");
    }
    if let Err(error) = &outcome {
        assert!(!error.is_empty() && !error.contains(" at line "), "{name}: {error}");
    }
}

/// A summary of what was tried, for whoever runs it for long.
#[test]
fn every_type_can_be_made_whole_and_damaged() {
    let mut kinds = BTreeMap::new();
    for carried in all() {
        for seed in 0..20 {
            let mut generator = Generator::new(seed, &carried.schema);
            let mut value = generator.value();
            *kinds.entry(generator.damage(&mut value).kind()).or_insert(0) += 1;
        }
    }
    println!("{kinds:?}");
    for kind in ["removed", "added", "retyped", "reworded", "overflowed"] {
        assert!(kinds.contains_key(kind), "nothing was ever {kind}: {kinds:?}");
    }
}
