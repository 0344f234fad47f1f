//! The demo's upstream: answers every request with what it received, so that people see the identity headers and that
//! nothing else gets through. Not a server for anything but a demo: one request per connection, bodies unread.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Answers for as long as it is polled.
pub(super) async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(timeout(PATIENCE, answer(stream)));
    }
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader.take(HEAD_LIMIT));
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let body = format!("{:#}\n", echo(&head));
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    writer.write_all(answer.as_bytes()).await?;
    writer.shutdown().await?;
    // A socket that is closed with unread bytes is reset, and the answer with it.
    tokio::io::copy(
        &mut reader.into_inner().into_inner(),
        &mut tokio::io::sink(),
    )
    .await?;
    Ok(())
}

/// What a request's head says: the method, the target, and each header as it came.
fn echo(head: &[String]) -> Value {
    let mut words = head.first().map_or("", String::as_str).split(' ');
    let (method, path) = (words.next(), words.next());
    let headers: Map<String, Value> = head
        .iter()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), Value::from(value.trim())))
        .collect();
    json!({ "method": method, "path": path, "headers": headers })
}

const HEAD_LIMIT: u64 = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_back() {
        let head = ["GET /a?b HTTP/1.1", "Host: x", "X-Forwarded-User: 42"].map(str::to_owned);
        assert_eq!(
            echo(&head),
            json!({"method": "GET", "path": "/a?b", "headers": {"Host": "x", "X-Forwarded-User": "42"}})
        );
    }
}
