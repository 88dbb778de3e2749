//! Looks names up, not too many at a time.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use tokio::sync::Semaphore;
use types::Host;

/// How many names one command may have looked up at once; more wait. The system takes a thread for each for as long as
/// name servers do, also when nobody wants to know any more, and the server has other work for its threads.
const MOST_LOOKUPS: usize = 8;

/// Looks up the names of one command. Clones count together.
#[derive(Debug, Clone)]
pub struct Lookups(Arc<Semaphore>);

impl Default for Lookups {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_LOOKUPS)))
    }
}

impl Lookups {
    /// The addresses of a host, as the system finds them.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// A lookup that has begun goes on and keeps its place.
    pub async fn look_up(&self, host: &Host) -> io::Result<Vec<IpAddr>> {
        let name = host.to_string();
        let found = self.run(move || (name.as_str(), 0).to_socket_addrs()).await??;
        Ok(found.map(|address| SocketAddr::ip(&address)).collect())
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let place = Arc::clone(&self.0).acquire_owned().await.expect("it is never closed");
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        Ok(done.await?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn lookups_that_nobody_waits_for_keep_their_places() {
        let lookups = Lookups::default();
        let (begun, begins) = mpsc::channel();
        let mut held = Vec::new();
        for _ in 0..2 * MOST_LOOKUPS {
            let (release, released) = mpsc::channel::<()>();
            let begun = begun.clone();
            let lookup = lookups.run(move || {
                begun.send(()).expect("the test listens");
                let _ = released.recv();
            });
            // It begins, if there is a place, and is given up.
            poll_once(lookup).await;
            held.push(release);
        }
        for _ in 0..MOST_LOOKUPS {
            begins.recv().expect("as many begin as there are places");
        }
        assert_eq!(lookups.0.available_permits(), 0);
        assert!(begins.try_recv().is_err(), "and no more");
        drop(held);
        lookups.run(|| ()).await.expect("places become free");
    }

    /// Polls once.
    async fn poll_once(lookup: impl Future) {
        let mut lookup = std::pin::pin!(lookup);
        std::future::poll_fn(|cx| std::task::Poll::Ready(lookup.as_mut().poll(cx).is_ready())).await;
    }
}
