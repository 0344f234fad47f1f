//! How the table is written down: `tests/vectors/*.txt`, a vector a line, so that whoever knows HTTP can read and add one.
//!
//! ```text
//! 400!  .   GET /pub/../in                                     -- a dot segment
//! 200+  jo  GET /in ~ Authorization: Bearer {jo} ~ {A|B}: x    -- two vectors, one for each name
//! 400!  .   raw GET /pub HTTP/1.1\nHost: app.example\n\n       -- a bare line feed
//! ```
//!
//! In order: the statuses of the answers, by commas, and whether the connection then closes (`!`) or carries another
//! request (`+`); who the app is told is asking, for each request that it gets (`-` is nobody, `.` is no request, in `( )` if its answer is not passed on); the request; and after ` -- `
//! the reason why. A request is a request line without version and its fields, between ` ~ `, and after ` ~> ` its body;
//! `Host: app.example` is added if there is no `Host`. After `raw` come the bytes themselves.
//!
//! `{a|b}` makes a vector of each word; `{a*9}` is nine of them; `{name}` is a secret of that name; `{pause}` is where a
//! packet ends; `{eof}` is where the client stops sending. `\r \n \t \s \\ \xff` are bytes.

use std::collections::BTreeMap;

/// One request, or several, and what has to come of it.
#[derive(Debug, Clone)]
pub(crate) struct Vector {
    /// File and line.
    pub(crate) place: String,
    pub(crate) statuses: Vec<u16>,
    pub(crate) then: Then,
    /// Whom the app is told of, for each request that it gets.
    pub(crate) users: Vec<String>,
    pub(crate) why: String,
    pub(crate) text: String,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Closes,
    GoesOn,
    /// Nothing is promised.
    Either,
}

/// What is done to send a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Bytes(Vec<u8>),
    Pause,
    Eof,
}

/// Every vector of a file.
pub(crate) fn read(name: &str, text: &str) -> Vec<Vector> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .flat_map(|(number, line)| {
            let place = format!("{name}:{}", number + 1);
            alternatives(line)
                .into_iter()
                .map(move |line| Vector::read(place.clone(), &line))
        })
        .collect()
}

impl Vector {
    fn read(place: String, line: &str) -> Self {
        let wrong = || panic!("{place}: not a vector: {line}");
        let (line, why) = line.rsplit_once(" -- ").unwrap_or_else(wrong);
        let (statuses, rest) = line.split_once(' ').unwrap_or_else(wrong);
        let (users, text) = rest.trim_start().split_once(' ').unwrap_or_else(wrong);
        let then = match statuses.chars().last() {
            Some('!') => Then::Closes,
            Some('+') => Then::GoesOn,
            _ => Then::Either,
        };
        let statuses = statuses.trim_end_matches(['!', '+']).split(',');
        let statuses = statuses.map(|it| it.parse().unwrap_or_else(|_| wrong_status(&place)));
        let users = users.split(',').filter(|user| *user != ".");
        Self {
            statuses: statuses.collect(),
            then,
            users: users.map(str::to_owned).collect(),
            why: why.trim().to_owned(),
            text: text.trim().to_owned(),
            place,
        }
    }

    /// Whether its answers have no body.
    pub(crate) fn is_head(&self) -> bool {
        self.text.starts_with("HEAD ")
    }

    /// What to send, with secrets in the place of their names.
    pub(crate) fn steps(&self, secrets: &BTreeMap<String, String>) -> Vec<Step> {
        let text = match self.text.strip_prefix("raw ") {
            Some(raw) => raw.to_owned(),
            None => request(&self.text),
        };
        let mut steps = Vec::new();
        let mut bytes = Vec::new();
        let mut rest = text.as_str();
        while let Some(character) = rest.chars().next() {
            let (before, after) = rest.split_at(character.len_utf8());
            rest = match character {
                '\\' => escape(after, &mut bytes),
                '{' => {
                    let (name, after) = after.split_once('}').unwrap_or_else(|| self.wrong());
                    match name {
                        "pause" => {
                            steps.extend([Step::Bytes(std::mem::take(&mut bytes)), Step::Pause]);
                        }
                        "eof" => steps.extend([Step::Bytes(std::mem::take(&mut bytes)), Step::Eof]),
                        _ => self.placeholder(name, secrets, &mut bytes),
                    }
                    after
                }
                _ => {
                    bytes.extend_from_slice(before.as_bytes());
                    after
                }
            };
        }
        steps.push(Step::Bytes(bytes));
        steps
    }

    fn placeholder(&self, name: &str, secrets: &BTreeMap<String, String>, bytes: &mut Vec<u8>) {
        if let Some(secret) = secrets.get(name) {
            return bytes.extend_from_slice(secret.as_bytes());
        }
        let (word, count) = name.rsplit_once('*').unwrap_or_else(|| self.wrong());
        let mut word_bytes = Vec::new();
        let mut rest = word;
        while let Some(character) = rest.chars().next() {
            let (before, after) = rest.split_at(character.len_utf8());
            rest = if character == '\\' {
                escape(after, &mut word_bytes)
            } else {
                word_bytes.extend_from_slice(before.as_bytes());
                after
            };
        }
        bytes.extend(word_bytes.repeat(count.parse().unwrap_or_else(|_| self.wrong())));
    }

    fn wrong<T>(&self) -> T {
        panic!("{}: not readable: {}", self.place, self.text)
    }
}

fn wrong_status(place: &str) -> u16 {
    panic!("{place}: not a status")
}

/// A request line and fields as bytes, still with escapes and names in them.
fn request(text: &str) -> String {
    let (head, body) = text.split_once(" ~> ").unwrap_or((text, ""));
    let mut parts = head.split(" ~ ");
    let line = parts.next().unwrap_or_default();
    let fields: Vec<&str> = parts.collect();
    let has_host = fields.iter().any(|field| {
        field
            .get(..5)
            .is_some_and(|it| it.eq_ignore_ascii_case("host:"))
    });
    let host = if has_host {
        ""
    } else {
        "Host: app.example\\r\\n"
    };
    let fields: Vec<String> = fields
        .iter()
        .map(|field| format!("{field}\\r\\n"))
        .collect();
    format!("{line} HTTP/1.1\\r\\n{host}{}\\r\\n{body}", fields.concat())
}

/// The byte of an escape, and what follows it.
fn escape<'a>(text: &'a str, bytes: &mut Vec<u8>) -> &'a str {
    let (letter, rest) = text.split_at(1);
    match letter {
        "r" => bytes.push(b'\r'),
        "n" => bytes.push(b'\n'),
        "t" => bytes.push(b'\t'),
        "s" => bytes.push(b' '),
        "x" => {
            let (digits, rest) = rest.split_at(2);
            bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
            return rest;
        }
        other => bytes.extend_from_slice(other.as_bytes()),
    }
    rest
}

/// A line for each way to choose one word of each `{a|b}`.
fn alternatives(line: &str) -> Vec<String> {
    let choice = line.match_indices('{').find_map(|(start, _)| {
        let inside = line.get(start + 1..)?;
        let words = inside.get(..inside.find('}')?)?;
        words.contains('|').then_some((start, words))
    });
    let Some((start, words)) = choice else {
        return vec![line.to_owned()];
    };
    let (before, after) = (&line[..start], &line[start + words.len() + 2..]);
    words
        .split('|')
        .flat_map(|word| alternatives(&format!("{before}{word}{after}")))
        .collect()
}

#[test]
fn a_line_is_read_as_its_manual_says() {
    let text = "# no vector\n\n200,401+ jo GET /{a|b} ~ X: {jo}\\x00{-*3} ~> b{pause}c{eof} -- why not\n400! . raw a\\r\\nb -- raw\n";
    let all = read("file", text);
    assert_eq!(all.len(), 3);
    let secrets = BTreeMap::from([("jo".to_owned(), "secret".to_owned())]);
    let first = &all[0];
    assert_eq!(
        (first.place.as_str(), first.why.as_str()),
        ("file:3", "why not")
    );
    assert_eq!(
        (first.statuses.as_slice(), first.then),
        (&[200, 401][..], Then::GoesOn)
    );
    assert_eq!(first.users, ["jo"]);
    let head = b"GET /a HTTP/1.1\r\nHost: app.example\r\nX: secret\0---\r\n\r\nb";
    assert_eq!(
        first.steps(&secrets),
        [
            Step::Bytes(head.to_vec()),
            Step::Pause,
            Step::Bytes(b"c".to_vec()),
            Step::Eof,
            Step::Bytes(Vec::new()),
        ]
    );
    assert_eq!(all[2].steps(&secrets), [Step::Bytes(b"a\r\nb".to_vec())]);
}
