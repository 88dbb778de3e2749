//! As much of HTTP/1.1 as a test's client needs: one request at a time, bodies with a length, chunked answers.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Reads the next request of a connection; `None` at its end.
pub(crate) async fn read_request(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if input.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a request line"));
    };
    let mut headers = Vec::new();
    loop {
        line.clear();
        input.read_line(&mut line).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(Ok(0), |(_, value)| value.parse());
    let length = length.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let mut body = vec![0; length];
    input.read_exact(&mut body).await?;
    Ok(Some(Request { method, path, headers, body }))
}

/// Writes status and headers.
pub(crate) async fn write_head(
    output: &mut (impl AsyncWrite + Unpin),
    status: u16,
    headers: &[(String, String)],
) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    output.write_all(head.as_bytes()).await?;
    output.flush().await
}

/// Writes a whole answer.
pub(crate) async fn write_whole(
    output: &mut (impl AsyncWrite + Unpin),
    status: u16,
    headers: &[(String, String)],
    body: &str,
) -> io::Result<()> {
    let mut all = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("content-length".to_owned(), body.len().to_string()),
    ];
    all.extend_from_slice(headers);
    write_head(output, status, &all).await?;
    output.write_all(body.as_bytes()).await?;
    output.flush().await
}

/// Writes one chunk of an answer. An empty one ends it.
pub(crate) async fn write_chunk(output: &mut (impl AsyncWrite + Unpin), chunk: &str) -> io::Result<()> {
    output.write_all(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes()).await?;
    output.flush().await
}
