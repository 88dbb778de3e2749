//! The request's JSON, written straight from the request without an intermediate tree.
//!
//! Source of names, order and null members: recorded requests.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;
use types::{ReasoningSummary, ResponseItem, SearchLocation, ServiceTier, ToolSpec};

use crate::{ModelError, Reasoning, Request};

/// Writes the body. `stores`: the provider keeps responses, so items carry their ids.
pub(super) fn encode(request: &Request, stores: bool) -> Result<Vec<u8>, ModelError> {
    let body = Body {
        model: &request.model,
        instructions: request.instructions.as_deref().unwrap_or_default(),
        input: Input { items: &request.input, with_ids: stores },
        tools: Tools(&request.tools),
        tool_choice: "auto",
        parallel_tool_calls: request.parallel_tool_calls,
        reasoning: request.reasoning.as_ref().map(ReasoningBody::from),
        store: stores,
        stream: true,
        include: if request.reasoning.is_some() { &["reasoning.encrypted_content"] } else { &[] },
        service_tier: request.service_tier.map(tier),
        prompt_cache_key: &request.prompt_cache_key,
        text: Text::of(request),
        client_metadata: Pairs(&request.client_metadata),
    };
    serde_json::to_vec(&body)
        .map_err(|error| ModelError::Provider { reason: format!("the request has no JSON form: {error}") })
}

/// Writes the body of a request to make the input short.
pub(super) fn encode_compaction(request: &Request, stores: bool) -> Result<Vec<u8>, ModelError> {
    let body = CompactionBody {
        model: &request.model,
        input: Input { items: &request.input, with_ids: stores },
        instructions: request.instructions.as_deref().unwrap_or_default(),
        tools: Tools(&request.tools),
        parallel_tool_calls: request.parallel_tool_calls,
        reasoning: request.reasoning.as_ref().map(ReasoningBody::from),
        text: Text::of(request),
    };
    serde_json::to_vec(&body)
        .map_err(|error| ModelError::Provider { reason: format!("the request has no JSON form: {error}") })
}

#[derive(Serialize)]
struct CompactionBody<'a> {
    model: &'a str,
    input: Input<'a>,
    instructions: &'a str,
    tools: Tools<'a>,
    parallel_tool_calls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<ReasoningBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    instructions: &'a str,
    input: Input<'a>,
    tools: Tools<'a>,
    tool_choice: &'static str,
    parallel_tool_calls: bool,
    /// Null for models that do not reason.
    reasoning: Option<ReasoningBody>,
    store: bool,
    stream: bool,
    include: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    prompt_cache_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    client_metadata: Pairs<'a>,
}

#[derive(Serialize)]
struct ReasoningBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'static str>,
}

impl From<&Reasoning> for ReasoningBody {
    fn from(reasoning: &Reasoning) -> Self {
        Self {
            effort: reasoning.effort.map(types::ReasoningEffort::as_str),
            // No summary is asked for by not asking.
            summary: reasoning
                .summary
                .filter(|summary| *summary != ReasoningSummary::None)
                .map(ReasoningSummary::as_str),
        }
    }
}

#[derive(Serialize)]
struct Text<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
}

impl<'a> Text<'a> {
    fn of(request: &'a Request) -> Option<Self> {
        let verbosity = request.verbosity.map(types::Verbosity::as_str);
        let format = request.output_schema.as_ref().map(|schema| Format {
            kind: "json_schema",
            strict: true,
            schema,
            name: "codex_output_schema",
        });
        (verbosity.is_some() || format.is_some()).then_some(Self { verbosity, format })
    }
}

#[derive(Serialize)]
struct Format<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    strict: bool,
    schema: &'a Value,
    name: &'static str,
}

fn tier(tier: ServiceTier) -> &'static str {
    match tier {
        ServiceTier::Fast => "priority",
        ServiceTier::Flex => "flex",
    }
}

struct Pairs<'a>(&'a [(String, String)]);

impl Pairs<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

struct Input<'a> {
    items: &'a [ResponseItem],
    with_ids: bool,
}

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.with_ids {
            return serializer.collect_seq(self.items);
        }
        let mut seq = serializer.serialize_seq(Some(self.items.len()))?;
        for item in self.items {
            seq.serialize_element(&WithId { item, id: id(item) })?;
        }
        seq.end()
    }
}

#[derive(Serialize)]
struct WithId<'a> {
    #[serde(flatten)]
    item: &'a ResponseItem,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

/// The id that the item's own form leaves out.
fn id(item: &ResponseItem) -> Option<&str> {
    match item {
        ResponseItem::Message { id, .. }
        | ResponseItem::Reasoning { id, .. }
        | ResponseItem::LocalShellCall { id, .. }
        | ResponseItem::FunctionCall { id, .. }
        | ResponseItem::CustomToolCall { id, .. }
        | ResponseItem::ToolSearchCall { id, .. }
        | ResponseItem::WebSearchCall { id, .. } => id.as_deref().filter(|id| !id.is_empty()),
        ResponseItem::FunctionCallOutput { .. }
        | ResponseItem::CustomToolCallOutput { .. }
        | ResponseItem::ToolSearchOutput { .. }
        | ResponseItem::ImageGenerationCall { .. }
        | ResponseItem::GhostSnapshot { .. }
        | ResponseItem::Compaction { .. }
        | ResponseItem::Other(_) => None,
    }
}

struct Tools<'a>(&'a [ToolSpec]);

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Tool))
    }
}

struct Tool<'a>(&'a ToolSpec);

impl Serialize for Tool<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            ToolSpec::Function { name, description, parameters, strict } => {
                map.serialize_entry("type", "function")?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("description", description)?;
                map.serialize_entry("strict", strict)?;
                map.serialize_entry("parameters", parameters)?;
            }
            ToolSpec::Freeform { name, description, grammar } => {
                map.serialize_entry("type", "custom")?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("description", description)?;
                map.serialize_entry("format", &Grammar { kind: "grammar", syntax: "lark", definition: grammar })?;
            }
            ToolSpec::Namespace { name, description, tools } => {
                map.serialize_entry("type", "namespace")?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("description", description)?;
                map.serialize_entry("tools", &Tools(tools))?;
            }
            ToolSpec::WebSearch(search) => {
                map.serialize_entry("type", "web_search")?;
                map.serialize_entry("external_web_access", &search.live)?;
                if let Some(allowed_domains) = &search.allowed_domains {
                    map.serialize_entry("filters", &Filters { allowed_domains })?;
                }
                if let Some(SearchLocation { country, region, city, timezone }) = &search.location {
                    let location = UserLocation { kind: "approximate", country, region, city, timezone };
                    map.serialize_entry("user_location", &location)?;
                }
                if let Some(size) = search.context_size {
                    map.serialize_entry("search_context_size", size)?;
                }
            }
            ToolSpec::ImageGeneration { output_format } => {
                map.serialize_entry("type", "image_generation")?;
                map.serialize_entry("output_format", output_format)?;
            }
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Grammar<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    syntax: &'static str,
    definition: &'a str,
}

#[derive(Serialize)]
struct Filters<'a> {
    allowed_domains: &'a [String],
}

#[derive(Serialize)]
struct UserLocation<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: &'a Option<String>,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use types::{ReasoningEffort, Verbosity, WebSearch};

    use super::*;

    fn written(request: &Request, stores: bool) -> String {
        String::from_utf8(encode(request, stores).unwrap()).unwrap()
    }

    fn request() -> Request {
        Request {
            model: "mock-model".to_owned(),
            instructions: Some("Be good.".to_owned()),
            input: Arc::new(vec![ResponseItem::user("hello")]),
            prompt_cache_key: "thread".to_owned(),
            client_metadata: vec![("x-codex-installation-id".to_owned(), "i".to_owned())],
            ..Request::default()
        }
    }

    #[test]
    fn a_request_without_wishes_has_the_members_that_are_always_there() {
        insta::assert_snapshot!(written(&request(), false), @r#"{"model":"mock-model","instructions":"Be good.","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}],"tools":[],"tool_choice":"auto","parallel_tool_calls":false,"reasoning":null,"store":false,"stream":true,"include":[],"prompt_cache_key":"thread","client_metadata":{"x-codex-installation-id":"i"}}"#);
    }

    #[test]
    fn wishes_and_tools_have_their_members_in_order() {
        let function = ToolSpec::Function {
            name: "f".to_owned(),
            description: "d".to_owned(),
            parameters: json!({"type": "object"}),
            strict: false,
        };
        let request = Request {
            tools: Arc::new([
                function.clone(),
                ToolSpec::Freeform { name: "p".to_owned(), description: "d".to_owned(), grammar: "g".to_owned() },
                ToolSpec::Namespace { name: "n".to_owned(), description: "d".to_owned(), tools: vec![function] },
                ToolSpec::WebSearch(WebSearch::default()),
                ToolSpec::WebSearch(WebSearch {
                    live: true,
                    allowed_domains: Some(vec!["example.org".to_owned()]),
                    location: Some(SearchLocation { city: Some("Bonn".to_owned()), ..SearchLocation::default() }),
                    context_size: Some("high"),
                }),
                ToolSpec::ImageGeneration { output_format: "png".to_owned() },
            ]),
            parallel_tool_calls: true,
            reasoning: Some(Reasoning { effort: Some(ReasoningEffort::Low), summary: Some(ReasoningSummary::Concise) }),
            verbosity: Some(Verbosity::Low),
            output_schema: Some(json!({"type": "object"})),
            service_tier: Some(ServiceTier::Fast),
            ..request()
        };
        insta::assert_snapshot!(written(&request, false).replace(r#"},{"type""#, "},\n{\"type\""), @r#"
        {"model":"mock-model","instructions":"Be good.","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}],"tools":[{"type":"function","name":"f","description":"d","strict":false,"parameters":{"type":"object"}},
        {"type":"custom","name":"p","description":"d","format":{"type":"grammar","syntax":"lark","definition":"g"}},
        {"type":"namespace","name":"n","description":"d","tools":[{"type":"function","name":"f","description":"d","strict":false,"parameters":{"type":"object"}}]},
        {"type":"web_search","external_web_access":false},
        {"type":"web_search","external_web_access":true,"filters":{"allowed_domains":["example.org"]},"user_location":{"type":"approximate","city":"Bonn"},"search_context_size":"high"},
        {"type":"image_generation","output_format":"png"}],"tool_choice":"auto","parallel_tool_calls":true,"reasoning":{"effort":"low","summary":"concise"},"store":false,"stream":true,"include":["reasoning.encrypted_content"],"service_tier":"priority","prompt_cache_key":"thread","text":{"verbosity":"low","format":{"type":"json_schema","strict":true,"schema":{"type":"object"},"name":"codex_output_schema"}},"client_metadata":{"x-codex-installation-id":"i"}}
        "#);
    }

    #[test]
    fn a_provider_that_stores_gets_the_items_ids_back() {
        let mut request = request();
        Arc::make_mut(&mut request.input).push(ResponseItem::FunctionCall {
            id: Some("fc-1".to_owned()),
            name: "f".to_owned(),
            namespace: None,
            arguments: "{}".to_owned(),
            call_id: "c".to_owned(),
        });
        assert!(!written(&request, false).contains("fc-1"));
        let body: Value = serde_json::from_str(&written(&request, true)).unwrap();
        assert_eq!(body["store"], true);
        assert_eq!(body["input"][1]["id"], "fc-1");
        assert_eq!(body["input"][1]["type"], "function_call");
        assert_eq!(body["input"][0].get("id"), None);
    }

    #[test]
    fn no_summary_is_asked_for_by_leaving_it_out() {
        let request =
            Request { reasoning: Some(Reasoning { effort: None, summary: Some(ReasoningSummary::None) }), ..request() };
        assert!(written(&request, false).contains(r#""reasoning":{},"#));
    }
}
