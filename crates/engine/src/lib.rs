//! Threads and turns: one actor a thread, the turn loop, context, approvals.
