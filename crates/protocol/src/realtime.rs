//! Talking with the agent.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "export")]
use ts_rs::TS;

/// Parameters of `thread/realtime/start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeStartParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// What to answer with.
    pub output_modality: RealtimeOutputModality,
    /// The session's instructions. The configured ones when absent, none when `null`.
    #[serde(default, deserialize_with = "crate::double_option::deserialize", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(as = "Option<Option<String>>", optional = nullable))]
    pub prompt: Option<Option<String>>,
    /// Names the session for the provider; the thread's id when absent.
    pub session_id: Option<String>,
    /// How sound travels; through the server when absent.
    pub transport: Option<ThreadRealtimeStartTransport>,
    /// Whose voice.
    pub voice: Option<RealtimeVoice>,
}

/// What a realtime session answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum RealtimeOutputModality {
    /// Text.
    Text,
    /// Speech, with a transcript.
    Audio,
}

/// How the sound of a realtime session travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ThreadRealtimeStartTransport {
    /// Through the server.
    Websocket,
    /// Between client and provider, by WebRTC.
    Webrtc {
        /// The client's session description.
        sdp: String,
    },
}

/// A voice, by the name the provider gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum RealtimeVoice {
    /// Alloy.
    Alloy,
    /// Arbor.
    Arbor,
    /// Ash.
    Ash,
    /// Ballad.
    Ballad,
    /// Breeze.
    Breeze,
    /// Cedar.
    Cedar,
    /// Coral.
    Coral,
    /// Cove.
    Cove,
    /// Echo.
    Echo,
    /// Ember.
    Ember,
    /// Juniper.
    Juniper,
    /// Maple.
    Maple,
    /// Marin.
    Marin,
    /// Sage.
    Sage,
    /// Shimmer.
    Shimmer,
    /// Sol.
    Sol,
    /// Spruce.
    Spruce,
    /// Vale.
    Vale,
    /// Verse.
    Verse,
}

/// Result of `thread/realtime/start`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadRealtimeStartResponse {}

/// Parameters of `thread/realtime/appendAudio`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeAppendAudioParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The sound.
    pub audio: ThreadRealtimeAudioChunk,
}

/// A piece of sound.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeAudioChunk {
    /// The samples: 16 bits, little-endian, in base64.
    pub data: String,
    /// Samples per second.
    pub sample_rate: u32,
    /// How many channels.
    pub num_channels: u16,
    /// How many samples each channel has.
    pub samples_per_channel: Option<u32>,
    /// The item it belongs to, if known.
    pub item_id: Option<String>,
}

/// Result of `thread/realtime/appendAudio`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadRealtimeAppendAudioResponse {}

/// Parameters of `thread/realtime/appendText`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeAppendTextParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The text.
    pub text: String,
}

/// Result of `thread/realtime/appendText`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadRealtimeAppendTextResponse {}

/// Parameters of `thread/realtime/stop`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeStopParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
}

/// Result of `thread/realtime/stop`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadRealtimeStopResponse {}

/// Parameters of `thread/realtime/listVoices`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadRealtimeListVoicesParams {}

/// Result of `thread/realtime/listVoices`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadRealtimeListVoicesResponse {
    /// The voices.
    pub voices: RealtimeVoicesList,
}

/// The voices there are, by generation of sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct RealtimeVoicesList {
    /// Those of the first generation.
    pub v1: Vec<RealtimeVoice>,
    /// Those of the second.
    pub v2: Vec<RealtimeVoice>,
    /// The one used in the first generation when none is asked for.
    pub default_v1: RealtimeVoice,
    /// The one used in the second generation when none is asked for.
    pub default_v2: RealtimeVoice,
}

/// A realtime session has begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeStartedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The provider's name for it.
    pub session_id: Option<String>,
    /// Its generation.
    pub version: RealtimeConversationVersion,
}

/// Which generation of realtime sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum RealtimeConversationVersion {
    /// The first.
    V1,
    /// The second.
    V2,
}

/// A realtime session has something the other notifications do not cover.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeItemAddedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// What, as the provider spells it.
    pub item: Value,
}

/// What is said in a realtime session, as it comes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeTranscriptDeltaNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// Who speaks.
    pub role: String,
    /// What is added to what came before.
    pub delta: String,
}

/// What was said in a realtime session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeTranscriptDoneNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// Who spoke.
    pub role: String,
    /// All of it.
    pub text: String,
}

/// A realtime session speaks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeOutputAudioDeltaNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The sound.
    pub audio: ThreadRealtimeAudioChunk,
}

/// The provider's side of a WebRTC connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeSdpNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The session description.
    pub sdp: String,
}

/// A realtime session has failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeErrorNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// What happened, in words for people. Programs do not rely on them.
    pub message: String,
}

/// A realtime session has ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRealtimeClosedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// Why, for people.
    pub reason: Option<String>,
}
