//! Memory limits. A binary of its own with one test: the allocator counts what all threads of it do.

use peak_alloc::PeakAlloc;
use rpc::{Incoming, Reader};
use tokio::io::AsyncReadExt as _;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MIB: usize = 1024 * 1024;
const LIMIT: usize = 20 * MIB;

/// Reads one line of `length` bytes that is made up as it goes, and says what the most memory in use was.
async fn peak_of_reading(head: &'static [u8], length: u64, tail: &'static [u8], expect_message: bool) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let input = head.chain(Numbers.take(length)).chain(tail);
    let mut reader = Reader::with_limit(input, LIMIT);
    if expect_message {
        assert!(matches!(reader.next().await.unwrap(), Some(Incoming::Request { .. })));
    }
    let Some(Incoming::Notification { method, .. }) = reader.next().await.unwrap() else { panic!("no second line") };
    assert_eq!(method, "next");
    assert!(reader.next().await.unwrap().is_none());
    assert!(ALLOCATOR.current_usage() - before < MIB, "a long line's memory is given back");
    ALLOCATOR.peak_usage() - before
}

/// An endless `1,1,1,…`.
struct Numbers;

impl tokio::io::AsyncRead for Numbers {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let pairs = buf.remaining() / 2;
        for _ in 0..pairs {
            buf.put_slice(b"1,");
        }
        if pairs == 0 {
            buf.put_slice(b"1");
        }
        std::task::Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn long_lines_cost_a_small_multiple_of_their_text_and_overlong_ones_no_more_than_the_limit() {
    const END: &[u8] = b"1]}\n{\"method\":\"next\"}\n";
    let peak = peak_of_reading(b"{\"id\":1,\"method\":\"a\",\"params\":[", 20_000_000, END, true).await;
    assert!(peak < 60 * MIB, "20 MB of small numbers took {} MiB", peak / MIB);

    let peak = peak_of_reading(b"{\"id\":1,\"method\":\"a\",\"params\":[", 100_000_000, END, false).await;
    assert!(peak < 2 * LIMIT + MIB, "an overlong line took {} MiB", peak / MIB);
}
