//! Just enough HTTP/1.1 to tell messages apart, and strict about it: what these tests cannot read is a failure.

/// A request or response as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Everything before the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The request line or status line.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// A response's status.
    pub(crate) fn status(&self) -> u16 {
        let status = self.line().split(' ').nth(1).unwrap_or_default();
        status.parse().unwrap_or_else(|_| panic!("{}", self.head))
    }

    /// Every value of a field, by its exact name but for letter case.
    pub(crate) fn fields(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// The value of a field that stands there once.
    pub(crate) fn field(&self, name: &str) -> &str {
        match self.fields(name)[..] {
            [value] => value,
            _ => panic!("{name} does not stand there once:\n{}", self.head),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }
}

/// Takes a whole message off the front of what was read; `None` if it is not whole yet. `bodiless` is for answers to HEAD.
pub(crate) fn take_message(unread: &mut Vec<u8>, bodiless: bool) -> Option<Message> {
    let end = unread.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&unread[..end]).into_owned();
    let mut message = Message {
        head,
        body: Vec::new(),
    };
    let is_response = message.head.starts_with("HTTP/");
    let never = bodiless || (is_response && [101, 204, 304].contains(&message.status()));
    let rest = &unread[end..];
    let length = if never {
        0
    } else if message.fields("transfer-encoding") == ["chunked"] {
        let (body, length) = chunks(rest)?;
        message.body = body;
        length
    } else {
        let length = message.fields("content-length");
        let length = length.first().map_or(0, |length| length.parse().unwrap());
        message.body = rest.get(..length)?.to_vec();
        length
    };
    unread.drain(..end + length);
    Some(message)
}

/// A chunked body and how many bytes it took; `None` if it is not whole yet.
fn chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = bytes[at..].windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[at..at + line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        at += line + 2;
        body.extend_from_slice(bytes.get(at..at + size)?);
        at += size;
        assert_eq!(bytes.get(at..at + 2)?, b"\r\n");
        at += 2;
        if size == 0 {
            return Some((body, at));
        }
    }
}
