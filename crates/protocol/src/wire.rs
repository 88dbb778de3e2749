//! What every type in the method tables can do.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Data that crosses the wire: decodes, encodes, and may be handed to another task.
#[cfg(not(feature = "export"))]
pub trait Wire: DeserializeOwned + Serialize + Send + 'static {}

#[cfg(not(feature = "export"))]
impl<T: DeserializeOwned + Serialize + Send + 'static> Wire for T {}

/// Data that crosses the wire: decodes, encodes, may be handed to another task, and knows its schemas.
#[cfg(feature = "export")]
pub trait Wire: DeserializeOwned + Serialize + Send + schemars::JsonSchema + ts_rs::TS + 'static {}

#[cfg(feature = "export")]
impl<T: DeserializeOwned + Serialize + Send + schemars::JsonSchema + ts_rs::TS + 'static> Wire for T {}
