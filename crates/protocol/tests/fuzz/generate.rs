//! Values that a schema accepts, and damage to them.

use serde_json::{Map, Number, Value, json};

/// How deep values that need not be there are made.
const DEPTH: usize = 6;

/// Numbers that are as good as random, from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).expect("it is smaller than a usize")
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.roll(choices.len())]
    }
}

/// What was done to a value.
#[derive(Debug)]
pub(crate) enum Damage {
    /// A member of this name is gone.
    Removed(String),
    /// A member nobody knows is there.
    Added,
    /// A value has another type.
    Retyped,
    /// A text is another one.
    Reworded,
    /// A number is out of any range.
    Overflowed,
    /// There was nothing to damage.
    None,
}

impl Damage {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Removed(_) => "removed",
            Self::Added => "added",
            Self::Retyped => "retyped",
            Self::Reworded => "reworded",
            Self::Overflowed => "overflowed",
            Self::None => "unharmed",
        }
    }
}

pub(crate) struct Generator<'a> {
    dice: Dice,
    schema: &'a Value,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(seed: u64, schema: &'a Value) -> Self {
        Self { dice: Dice(seed), schema }
    }

    /// A value that the schema accepts.
    pub(crate) fn value(&mut self) -> Value {
        self.make(self.schema, 0)
    }

    fn make(&mut self, schema: &'a Value, depth: usize) -> Value {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let name = name.trim_start_matches("#/definitions/");
            if name == "AbsolutePathBuf" {
                return (*self.dice.pick(&["/", "/a/b", "/a b/ü"])).into();
            }
            return self.make(&self.schema["definitions"][name], depth);
        }
        if let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
            return self.make(only, depth);
        }
        if let Some(variants) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
            let leaf = variants.iter().find(|variant| variant.get("enum").is_some() || variant["type"] == "null");
            let variant = match leaf.filter(|_| depth > DEPTH) {
                Some(leaf) => leaf,
                None => self.dice.pick(variants),
            };
            let mut made = self.make(variant, depth + 1);
            // Members may stand beside the variants.
            if let (Some(_), Value::Object(own), Value::Object(shared)) =
                (schema.get("properties"), &mut made, self.object(schema, depth))
            {
                own.extend(shared);
            }
            return made;
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.dice.pick(values).clone();
        }
        let kind = match &schema["type"] {
            Value::String(kind) => kind.as_str(),
            Value::Array(kinds) => self.dice.pick(kinds).as_str().unwrap_or_default(),
            _ => return self.anything(),
        };
        match kind {
            "null" => Value::Null,
            "boolean" => (self.dice.roll(2) == 0).into(),
            "string" => {
                (*self.dice.pick(&["", "a", "Grüße 🦀", "/a/b", "null", "\u{0}\"\\\n", "x".repeat(300).as_str()]))
                    .into()
            }
            "number" => json!(*self.dice.pick(&[0.0, 1.5, -2.0e10])),
            "integer" if schema["minimum"] == 1.0 => 1.into(),
            "integer" => self.integer(schema["format"].as_str().unwrap_or_default()),
            "array" => self.array(schema, depth),
            _ => self.object(schema, depth),
        }
    }

    fn integer(&mut self, format: &str) -> Value {
        match format {
            "uint8" => (*self.dice.pick(&[0, 1, u8::MAX])).into(),
            "uint16" => (*self.dice.pick(&[0, 1, u16::MAX])).into(),
            "uint32" => (*self.dice.pick(&[0, 1, u32::MAX])).into(),
            "uint" | "uint64" => (*self.dice.pick(&[0, 1, u64::MAX])).into(),
            "int32" => (*self.dice.pick(&[0, -1, i32::MIN, i32::MAX])).into(),
            _ => (*self.dice.pick(&[0, -1, i64::MIN, i64::MAX])).into(),
        }
    }

    fn array(&mut self, schema: &'a Value, depth: usize) -> Value {
        match &schema["items"] {
            Value::Array(items) => items.iter().map(|item| self.make(item, depth + 1)).collect(),
            items => {
                let length = if depth > DEPTH { 0 } else { self.dice.roll(3) };
                (0..length).map(|_| self.make(items, depth + 1)).collect()
            }
        }
    }

    fn object(&mut self, schema: &'a Value, depth: usize) -> Value {
        let mut object = Map::new();
        let required = schema["required"].as_array();
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let required = required.is_some_and(|required| required.iter().any(|known| known == name));
            if required || (depth <= DEPTH && self.dice.roll(2) == 0) {
                object.insert(name.clone(), self.make(member, depth + 1));
            }
        }
        if let Some(further) = schema.get("additionalProperties")
            && *further != false
            && depth <= DEPTH
        {
            for _ in 0..self.dice.roll(3) {
                let name = self.dice.pick(&["x", "a.b", "ключ"]);
                object.insert((*name).to_owned(), self.make(further, depth + 1));
            }
        }
        object.into()
    }

    /// Any JSON.
    fn anything(&mut self) -> Value {
        let choices = [
            json!(null),
            json!(true),
            json!("text"),
            json!(-7),
            json!(1.5),
            json!([]),
            json!([[1], {"a": null}]),
            json!({}),
            json!({"a": {"b": [false]}}),
        ];
        self.dice.pick(&choices).clone()
    }

    /// Damages one place of a value.
    pub(crate) fn damage(&mut self, value: &mut Value) -> Damage {
        let mut place = value;
        // Somewhere on the way down, more often deep than not.
        loop {
            let children = match place {
                Value::Object(members) => members.len(),
                Value::Array(items) => items.len(),
                _ => 0,
            };
            if children == 0 || self.dice.roll(4) == 0 {
                break;
            }
            let child = self.dice.roll(children);
            place = match place {
                Value::Object(members) => members.values_mut().nth(child),
                Value::Array(items) => items.get_mut(child),
                _ => None,
            }
            .expect("it has so many children");
        }
        self.damage_here(place)
    }

    fn damage_here(&mut self, place: &mut Value) -> Damage {
        match (self.dice.roll(3), &mut *place) {
            (0, Value::Object(members)) if !members.is_empty() => {
                let name = members.keys().nth(self.dice.roll(members.len())).expect("it has so many members").clone();
                members.remove(&name);
                return Damage::Removed(name);
            }
            (1, Value::Object(members)) => {
                members.insert("unheardOf".to_owned(), self.anything());
                return Damage::Added;
            }
            (0 | 1, Value::String(text)) => {
                *text = (*self.dice.pick(&["bogus", "", "relative/path"])).to_owned();
                return Damage::Reworded;
            }
            (0 | 1, Value::Number(number)) => {
                let huge = Number::from_f64(1e300).expect("it is finite");
                *number = self.dice.pick(&[Number::from(-1), Number::from(u64::MAX), huge, Number::from(300)]).clone();
                return Damage::Overflowed;
            }
            (0, Value::Null) => return Damage::None,
            _ => {}
        }
        let before = place.clone();
        *place = self.anything();
        if *place == before { Damage::None } else { Damage::Retyped }
    }
}
