//! Threads on disk: rollouts and their index.
