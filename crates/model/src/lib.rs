//! Model providers: request building, streaming, retry, the model catalogue, the simulator.
