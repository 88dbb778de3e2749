//! The tools the model can call: their descriptions, arguments and work.
