//! What a header block of HTTP/2 says in its pseudo fields, before h2 has read it: h2 cuts a fragment (`#…`) off a `:path`
//! and overlooks pseudo fields among trailers, and neither may pass. Source: RFC 7541, RFC 9113 §8.3.
//!
//! The table of fields that a client refers to is kept without the fields: of each what matters here, and how long it is,
//! so that it forgets what h2 forgets.

use std::collections::VecDeque;
use std::sync::LazyLock;

/// The fields that a client may refer to.
#[derive(Debug)]
pub(super) struct Table {
    /// The newest first.
    entries: VecDeque<Field>,
    size: usize,
    most: usize,
}

/// What a block says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// There is a field whose name begins with `:`.
    pub(super) has_pseudo: bool,
    /// There is a `:path` with a `#`.
    pub(super) has_fragment: bool,
}

/// What matters of a field.
#[derive(Debug, Clone, Copy)]
struct Field {
    name: Name,
    name_length: usize,
    value_length: usize,
    has_hash: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Path,
    Pseudo,
    Other,
}

/// What is still to be read of a block.
struct Rest<'a>(&'a [u8]);

/// A string as it is coded.
struct Coded<'a> {
    bytes: &'a [u8],
    is_huffman: bool,
}

impl Table {
    /// The table of a connection on which nothing was said yet.
    pub(super) fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            most: LARGEST,
        }
    }

    /// Reads a whole block. `None` if it cannot be read, after which no other can.
    pub(super) fn read(&mut self, block: &[u8]) -> Option<Seen> {
        let mut rest = Rest(block);
        let mut seen = Seen::default();
        while let Some(first) = rest.0.first() {
            let field = match first.leading_zeros() {
                0 => self.field(rest.integer(7)?)?,
                1 => {
                    let field = self.literal(&mut rest, 6, true)?;
                    self.insert(field);
                    field
                }
                2 => {
                    let most = rest.integer(5).filter(|most| *most <= LARGEST)?;
                    self.most = most;
                    self.evict(0);
                    continue;
                }
                _ => self.literal(&mut rest, 4, false)?,
            };
            seen.has_pseudo |= field.name != Name::Other;
            seen.has_fragment |= field.name == Name::Path && field.has_hash;
        }
        Some(seen)
    }

    /// Source: RFC 7541 §6.2.
    fn literal(&self, rest: &mut Rest<'_>, bits: u32, is_kept: bool) -> Option<Field> {
        let (name, name_length) = match rest.integer(bits)? {
            0 => rest.string()?.name()?,
            index => {
                let field = self.field(index)?;
                (field.name, field.name_length)
            }
        };
        let value = rest.string()?;
        let (mut value_length, mut has_hash) = (0, false);
        if is_kept || name == Name::Path {
            value.each(|byte| {
                value_length += 1;
                has_hash |= byte == b'#';
            })?;
        }
        Some(Field {
            name,
            name_length,
            value_length,
            has_hash,
        })
    }

    fn field(&self, index: usize) -> Option<Field> {
        let at = index.checked_sub(1)?;
        let Some(name_length) = STATIC_NAMES.get(at) else {
            return self.entries.get(at - STATIC_NAMES.len()).copied();
        };
        let name = match index {
            4 | 5 => Name::Path,
            ..=14 => Name::Pseudo,
            _ => Name::Other,
        };
        // A value of that table has no `#`, and how long it is is never asked.
        Some(Field {
            name,
            name_length: usize::from(*name_length),
            value_length: 0,
            has_hash: false,
        })
    }

    fn insert(&mut self, field: Field) {
        self.evict(field.size());
        if field.size() <= self.most {
            self.size += field.size();
            self.entries.push_front(field);
        }
    }

    /// Forgets the oldest until there is room. Source: RFC 7541 §4.4.
    fn evict(&mut self, room: usize) {
        while self.size + room > self.most {
            let Some(oldest) = self.entries.pop_back() else {
                return;
            };
            self.size -= oldest.size();
        }
    }
}

impl Field {
    /// Source: RFC 7541 §4.1.
    fn size(&self) -> usize {
        self.name_length + self.value_length + 32
    }
}

impl<'a> Rest<'a> {
    /// Source: RFC 7541 §5.1; as large as h2 takes them.
    fn integer(&mut self, bits: u32) -> Option<usize> {
        let (first, mut rest) = self.0.split_first()?;
        let most = (1_usize << bits) - 1;
        let mut value = usize::from(*first) & most;
        if value == most {
            for shift in [0, 7, 14, 21] {
                let (next, after) = rest.split_first()?;
                rest = after;
                value += usize::from(next & 0x7f) << shift;
                if *next < 0x80 {
                    self.0 = rest;
                    return Some(value);
                }
            }
            return None;
        }
        self.0 = rest;
        Some(value)
    }

    /// Source: RFC 7541 §5.2.
    fn string(&mut self) -> Option<Coded<'a>> {
        let is_huffman = self.0.first()? & 0x80 != 0;
        let length = self.integer(7)?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Coded { bytes, is_huffman })
    }
}

impl Coded<'_> {
    /// Which name it is, and how long.
    fn name(&self) -> Option<(Name, usize)> {
        let (mut start, mut length) = ([0; PATH.len() + 1], 0);
        self.each(|byte| {
            if let Some(place) = start.get_mut(length) {
                *place = byte;
            }
            length += 1;
        })?;
        let name = match start {
            [b':', b'p', b'a', b't', b'h', 0] if length == PATH.len() => Name::Path,
            [b':', ..] => Name::Pseudo,
            _ => Name::Other,
        };
        Some((name, length))
    }

    /// Every byte of it, decoded; `None` if it cannot be.
    fn each(&self, mut each: impl FnMut(u8)) -> Option<()> {
        if !self.is_huffman {
            self.bytes.iter().copied().for_each(each);
            return Some(());
        }
        let (mut bits, mut count) = (0_u64, 0_u32);
        for byte in self.bytes {
            bits = bits << 8 | u64::from(*byte);
            count += 8;
            while let Some((symbol, length)) = CODE.first(bits, count) {
                each(symbol);
                count -= length;
                bits &= (1 << count) - 1;
            }
            if count >= LONGEST {
                return None;
            }
        }
        // What is left fills the byte with the first bits of the end's code, which are ones. Source: RFC 7541 §5.2.
        (count < 8 && bits == (1 << count) - 1).then_some(())
    }
}

/// The code of RFC 7541 appendix B, in which codes of a length follow each other by their symbols, and shorter codes
/// precede longer ones.
struct Code {
    /// By length: the first code, where its symbol stands, and how many there are.
    rows: Vec<(u64, usize, u64)>,
    symbols: Vec<u8>,
}

impl Code {
    fn new() -> Self {
        let length_of = |symbol: &u8| LENGTHS.get(usize::from(*symbol)).copied();
        let mut symbols: Vec<u8> = (0..=u8::MAX).collect();
        symbols.sort_by_key(length_of);
        let (mut rows, mut code, mut start) = (Vec::new(), 0, 0);
        for length in 0..=LONGEST {
            let own = symbols.iter().filter_map(length_of);
            let count = own.filter(|own| u32::from(*own) == length).count();
            let codes = u64::try_from(count).unwrap_or_default();
            rows.push((code, start, codes));
            code = (code + codes) << 1;
            start += count;
        }
        Self { rows, symbols }
    }

    /// The symbol that so many bits begin with, and how long its code is.
    fn first(&self, bits: u64, count: u32) -> Option<(u8, u32)> {
        (SHORTEST..=count.min(LONGEST)).find_map(|length| {
            let code = bits >> (count - length);
            let (first, start, codes) = self.rows.get(usize::try_from(length).ok()?)?;
            let at = code.checked_sub(*first).filter(|at| at < codes)?;
            let symbol = self.symbols.get(start + usize::try_from(at).ok()?)?;
            Some((*symbol, length))
        })
    }
}

static CODE: LazyLock<Code> = LazyLock::new(Code::new);

const PATH: &str = ":path";

/// What we say that we keep, by saying nothing. Source: RFC 9113 §6.5.2.
const LARGEST: usize = 4096;

const SHORTEST: u32 = 5;
const LONGEST: u32 = 30;

/// How long the names of the static table are. Source: RFC 7541 appendix A.
const STATIC_NAMES: [u8; 61] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14,
    16, 13, 12, 6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10,
    25, 17, 10, 4, 3, 16,
];

/// How long the code of each byte is. Source: RFC 7541 appendix B.
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: String = hex.split_whitespace().collect();
        (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect()
    }

    fn read(table: &mut Table, hex: &str) -> Option<(bool, bool)> {
        let seen = table.read(&bytes(hex))?;
        Some((seen.has_pseudo, seen.has_fragment))
    }

    fn decoded(hex: &str) -> Option<String> {
        let (bytes, mut text) = (bytes(hex), String::new());
        let coded = Coded {
            bytes: &bytes,
            is_huffman: true,
        };
        coded.each(|byte| text.push(char::from(byte)))?;
        Some(text)
    }

    #[test]
    fn the_examples_of_the_rfc_fill_the_table_as_it_says() {
        // RFC 7541 C.3 and C.4: the same requests, plain and in Huffman's code.
        for requests in [
            [
                "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                "8286 84be 5808 6e6f 2d63 6163 6865",
                "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
            ],
            [
                "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
                "8286 84be 5886 a8eb 1064 9cbf",
                "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
            ],
        ] {
            let mut table = Table::new();
            for (request, size) in requests.into_iter().zip([57, 110, 164]) {
                assert_eq!(read(&mut table, request), Some((true, false)));
                assert_eq!(table.size, size);
            }
        }
    }

    #[test]
    fn text_in_huffmans_code_is_read_and_what_is_none_is_not() {
        for (hex, text) in [
            ("f1e3 c2e5 f23a 6ba0 ab90 f4ff", Some("www.example.com")),
            (
                "d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff",
                Some("Mon, 21 Oct 2013 20:13:21 GMT"),
            ),
            ("ffaf", Some("#")),
            ("", Some("")),
            // Padding of a whole byte, padding with a zero, and the end itself.
            ("07 ff", None),
            ("1e", None),
            ("ffff fffc", None),
        ] {
            assert_eq!(decoded(hex).as_deref(), text, "{hex}");
        }
    }

    #[test]
    fn a_fragment_is_seen_however_it_is_said() {
        for block in [
            "04 03 2f6123",             // /a# without indexing
            "14 03 2f6123",             // never indexed
            "05 03 2f6123",             // by the other entry of that name
            "00 05 3a70617468 02 2f23", // with the name in letters
            "00 84 b958d33f 02 2f23",   // and in Huffman's code
            "04 83 607ff5",             // the value in Huffman's code
            "44 03 2f6123",             // kept
        ] {
            let mut table = Table::new();
            assert_eq!(read(&mut table, block), Some((true, true)), "{block}");
        }
        let mut table = Table::new();
        assert_eq!(read(&mut table, "44 03 2f6123 8286"), Some((true, true)));
        // Referred to, whole or by its name, and behind another.
        assert_eq!(read(&mut table, "be"), Some((true, true)));
        assert_eq!(read(&mut table, "7e 01 2f"), Some((true, false)));
        assert_eq!(read(&mut table, "bf"), Some((true, true)));
        assert_eq!(read(&mut table, "be"), Some((true, false)));
        // Forgotten, with everything else.
        assert_eq!(read(&mut table, "20 82"), Some((true, false)));
        assert_eq!(table.size, 0);
        assert_eq!(read(&mut table, "be"), None);
    }

    #[test]
    fn a_hash_elsewhere_is_nothing_and_neither_is_a_name_that_is_longer() {
        for (block, seen) in [
            ("00 01 78 01 23", (false, false)),
            ("01 01 23", (true, false)),
            ("00 06 3a7061746878 01 23", (true, false)),
            ("00 04 70617468 01 23", (false, false)),
            ("0f 2b 01 23", (false, false)),
            ("", (false, false)),
        ] {
            assert_eq!(read(&mut Table::new(), block), Some(seen), "{block}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not() {
        for block in [
            "80",
            "be",
            "ff",
            "ff 80 80 80 80 01",
            "44",
            "44 03 2f",
            "00 01",
            "3f e2 1f",
            "04 81 00",
        ] {
            assert_eq!(read(&mut Table::new(), block), None, "{block}");
        }
    }
}
