//! Giving memory back to the system.

#![expect(unsafe_code, reason = "the allocator is asked through its C interface")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How many clients have to leave before it is worth looking for what they left behind: half a megabyte and more.
const CROWD: usize = 32;

/// How long to wait for others to leave too. A look takes a few milliseconds.
const PAUSE: Duration = Duration::from_millis(500);

/// Clients that have left since the last look.
#[derive(Default)]
pub(crate) struct Departures {
    count: AtomicUsize,
    happened: Notify,
}

impl Departures {
    /// One has left.
    pub(crate) fn add(&self) {
        if self.count.fetch_add(1, Ordering::Relaxed) + 1 >= CROWD {
            self.happened.notify_one();
        }
    }

    /// Gives back what crowds leave behind, for ever.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn clear_up(&self) {
        loop {
            self.happened.notified().await;
            tokio::time::sleep(PAUSE).await;
            self.count.store(0, Ordering::Relaxed);
            // It holds the locks of the allocator, one after the other, but no thread of the runtime.
            if let Err(error) = tokio::task::spawn_blocking(give_back).await {
                tracing::warn!(%error, "memory could not be given back");
            }
        }
    }
}

/// Gives back what is free. The system's allocator keeps pages between others that are in use; after a thousand clients
/// that is nearly all they had.
fn give_back() {
    // SAFETY: may be called at any time, from any thread; what is allocated stays as it is.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}
