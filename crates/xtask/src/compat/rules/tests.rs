//! One case a rule.

#![expect(clippy::needless_pass_by_value, reason = "schemas are written where they are used")]

use serde_json::json;

use super::*;

/// What differs between two versions of one type that `sender` sends: `!` before what breaks, `?` before what is
/// notable.
fn found(sender: Sender, old: Value, new: Value) -> Vec<String> {
    let surface = |schema: Value| {
        let exchange = Exchange { params: Some("T".to_owned()), result: "Nothing".to_owned() };
        let mut stable = Stable::default();
        let calls = if sender == Sender::Client { &mut stable.requests } else { &mut stable.server_requests };
        calls.insert("m".to_owned(), exchange);
        let inner = json!({"type": "object", "properties": {"again": {"$ref": "#/definitions/T"}}});
        stable.types = Types::from([
            ("T".to_owned(), schema),
            ("Nothing".to_owned(), json!({"type": "object"})),
            ("Inner".to_owned(), inner),
        ]);
        stable
    };
    told(&surface(old), &surface(new))
}

fn told(old: &Stable, new: &Stable) -> Vec<String> {
    let findings = compare(old, new).into_iter();
    findings.map(|finding| format!("{}{}", if finding.breaking { '!' } else { '?' }, finding.text)).collect()
}

fn with(member: Value, required: bool) -> Value {
    let required = if required { json!(["a"]) } else { json!([]) };
    json!({"type": "object", "properties": {"a": member}, "required": required})
}

fn both(old: &Value, new: &Value) -> [Vec<String>; 2] {
    [Sender::Client, Sender::Server].map(|sender| found(sender, old.clone(), new.clone()))
}

const NONE: [&str; 0] = [];

#[test]
fn nothing_changed() {
    let schema = with(json!({"$ref": "#/definitions/Inner"}), true);
    assert_eq!(both(&schema, &schema), [NONE, NONE]);
}

#[test]
fn a_member_that_is_gone_breaks_both_ways() {
    let gone = json!({"type": "object", "properties": {}});
    for required in [true, false] {
        let old = with(json!({"type": "string"}), required);
        assert_eq!(both(&old, &gone), [["!m params.a: the member is gone"], ["!m params.a: the member is gone"]]);
    }
}

#[test]
fn a_member_that_is_added_breaks_only_clients_that_have_to_send_it() {
    let old = json!({"type": "object", "properties": {}});
    let text = json!({"type": "string"});
    assert_eq!(both(&old, &with(text.clone(), false)), [NONE, NONE]);
    assert_eq!(
        found(Sender::Client, old.clone(), with(text.clone(), true)),
        ["!m params.a: a new member must be there"]
    );
    assert_eq!(found(Sender::Server, old, with(text, true)), NONE);
}

#[test]
fn whether_a_member_must_be_there_may_change_in_one_direction_each() {
    let text = json!({"type": "string"});
    let (optional, required) = (with(text.clone(), false), with(text, true));
    assert_eq!(both(&optional, &required), [vec!["!m params.a: the member must be there now"], vec![]]);
    assert_eq!(both(&required, &optional), [vec![], vec!["!m params.a: the member may be absent now"]]);
}

#[test]
fn null_may_be_accepted_anew_but_not_sent_anew() {
    let text = with(json!({"type": "string"}), true);
    for nullable in [json!({"type": ["string", "null"]}), json!({"anyOf": [{"type": "string"}, {"type": "null"}]})] {
        let nullable = with(nullable, true);
        assert_eq!(both(&text, &nullable), [vec![], vec!["!m params.a: the server may send null now"]]);
        assert_eq!(both(&nullable, &text), [vec!["!m params.a: null is no longer accepted"], vec![]]);
    }
}

#[test]
fn another_type_breaks_both_ways() {
    assert_eq!(
        both(&with(json!({"type": "string"}), true), &with(json!({"type": "boolean"}), true)),
        [["!m params.a: string is no longer accepted"], ["!m params.a: the server may send boolean now"]]
    );
}

#[test]
fn a_wider_type_may_be_accepted_and_a_narrower_one_sent() {
    let pairs = [
        (json!({"type": "string", "enum": ["x"]}), json!({"type": "string"})),
        (json!({"type": "integer", "format": "int64"}), json!({"type": "number"})),
        (json!({"type": "boolean"}), json!({})),
    ];
    for (narrow, wide) in pairs {
        let (narrow, wide) = (with(narrow, true), with(wide, true));
        assert_eq!(found(Sender::Client, narrow.clone(), wide.clone()), NONE);
        assert_eq!(found(Sender::Server, wide.clone(), narrow.clone()), NONE);
        assert_eq!(found(Sender::Client, wide.clone(), narrow.clone()).len(), 1, "{wide} to {narrow}");
        assert_eq!(found(Sender::Server, narrow.clone(), wide.clone()).len(), 1, "{narrow} to {wide}");
    }
}

#[test]
fn ranges_of_numbers_may_grow_where_clients_send_and_shrink_where_they_read() {
    let number = |format: &str| with(json!({"type": "integer", "format": format}), true);
    let (small, large) = (number("uint16"), number("uint32"));
    let larger = ["!m params.a: the range of numbers the server may send is larger"];
    let smaller = ["!m params.a: the range of numbers that are accepted is smaller"];
    assert_eq!(both(&small, &large), [vec![], larger.to_vec()]);
    assert_eq!(both(&large, &small), [smaller.to_vec(), vec![]]);
    assert_eq!(both(&number("int64"), &number("uint64")), [smaller, larger]);
}

#[test]
fn a_value_may_be_added_and_is_notable_where_clients_read_it() {
    let (few, more) = (json!({"type": "string", "enum": ["x"]}), json!({"type": "string", "enum": ["x", "y"]}));
    let (few, more) = (with(few, true), with(more, true));
    let notable = "?m params.a: the server may send \"y\", which older clients do not know";
    assert_eq!(both(&few, &more), [vec![], vec![notable]]);
    assert_eq!(both(&more, &few), [vec!["!m params.a: \"y\" is no longer accepted"], vec![]]);
}

#[test]
fn variants_of_unions_are_as_values() {
    let tagged = |name: &str| json!({"type": "object", "properties": {"type": {"type": "string", "enum": [name]}}, "required": ["type"]});
    let keyed = |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}}, "required": [name], "additionalProperties": false});
    for (few, more, name) in [
        (vec![tagged("x")], vec![tagged("x"), tagged("y")], "the object with type \"y\""),
        (vec![keyed("x")], vec![keyed("x"), keyed("y")], "the object with y"),
    ] {
        let (few, more) = (json!({"oneOf": few}), json!({"oneOf": more}));
        let notable = format!("?m params: the server may send {name}, which older clients do not know");
        assert_eq!(both(&few, &more), [vec![], vec![notable]]);
        assert_eq!(both(&more, &few), [vec![format!("!m params: {name} is no longer accepted")], vec![]]);
    }
}

#[test]
fn members_of_variants_are_compared() {
    let variant = |member: Value| {
        let properties = json!({"type": {"type": "string", "enum": ["x"]}, "a": member});
        json!({"oneOf": [{"type": "object", "properties": properties, "required": ["type", "a"]}]})
    };
    let changed = both(&variant(json!({"type": "string"})), &variant(json!({"type": "null"})));
    assert_eq!(changed, [["!m params.a: string is no longer accepted"], ["!m params.a: the server may send null now"]]);
}

#[test]
fn members_beside_variants_are_compared() {
    let variant =
        json!({"type": "object", "properties": {"type": {"type": "string", "enum": ["x"]}}, "required": ["type"]});
    let with_shared =
        |kind: &str| json!({"type": "object", "properties": {"shared": {"type": kind}}, "oneOf": [variant.clone()]});
    let changed = found(Sender::Client, with_shared("string"), with_shared("boolean"));
    assert_eq!(changed, ["!m params.shared: string is no longer accepted"]);
}

#[test]
fn items_and_values_of_maps_are_compared() {
    let list = |kind: &str| json!({"type": "array", "items": {"type": kind}});
    assert_eq!(found(Sender::Client, list("string"), list("boolean")), ["!m params[]: string is no longer accepted"]);
    let map = |kind: &str| json!({"type": "object", "additionalProperties": {"type": kind}});
    assert_eq!(found(Sender::Server, map("string"), map("boolean")), ["!m params{}: the server may send boolean now"]);
    assert_eq!(found(Sender::Client, map("string"), with(json!({"type": "string"}), false)).len(), 1);
}

#[test]
fn what_references_lead_to_is_compared_however_deep() {
    let inner =
        json!({"type": "object", "properties": {"inner": {"$ref": "#/definitions/Inner"}, "a": {"type": "string"}}});
    let mut other = inner.clone();
    other["properties"]["a"] = json!({"type": "null"});
    assert_eq!(found(Sender::Client, inner.clone(), inner.clone()), NONE, "types may refer to each other in circles");
    assert_eq!(found(Sender::Client, inner, other), ["!m params.a: string is no longer accepted"]);
}

/// A surface of one request, one server request and one notification, all with the same type.
fn surface() -> Stable {
    let exchange = Exchange { params: Some("T".to_owned()), result: "T".to_owned() };
    Stable {
        requests: [("r".to_owned(), exchange.clone())].into(),
        server_requests: [("s".to_owned(), exchange)].into(),
        notifications: [("n".to_owned(), "T".to_owned())].into(),
        types: [("T".to_owned(), json!({"type": "string"}))].into(),
    }
}

#[test]
fn messages_may_be_added_and_none_may_go() {
    let (all, none) = (surface(), Stable { types: surface().types, ..Stable::default() });
    assert_eq!(told(&none, &all), ["?s: the server asks something new; older clients refuse it"]);
    assert_eq!(
        told(&all, &none),
        ["!r: the request is gone", "!s: the server no longer asks it", "!n: the server no longer tells it"]
    );
}

#[test]
fn a_renamed_message_is_one_that_is_gone() {
    let mut new = surface();
    let exchange = new.requests.remove("r").unwrap();
    new.requests.insert("renamed".to_owned(), exchange);
    assert_eq!(told(&surface(), &new), ["!r: the request is gone"]);
}

#[test]
fn a_type_may_be_renamed() {
    let mut new = surface();
    new.types.insert("U".to_owned(), json!({"type": "string"}));
    new.notifications.insert("n".to_owned(), "U".to_owned());
    assert_eq!(told(&surface(), &new), NONE);
}

#[test]
fn parameters_may_neither_come_nor_go() {
    let mut without = surface();
    without.requests.get_mut("r").unwrap().params = None;
    assert_eq!(told(&without, &surface()), ["!r: it takes parameters now"]);
    assert_eq!(told(&surface(), &without), ["!r: it takes no parameters any more"]);
}

#[test]
fn results_are_read_by_who_asked() {
    let mut new = surface();
    new.types.insert("T".to_owned(), json!({"type": ["string", "null"]}));
    assert_eq!(
        told(&surface(), &new),
        [
            "!r result: the server may send null now",
            "!s params: the server may send null now",
            "!n: the server may send null now",
        ]
    );
}
