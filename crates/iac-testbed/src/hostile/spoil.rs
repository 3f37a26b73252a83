//! Spoils answers, each time in another way, and for the same number always in the same.

use serde_json::{Map, Number, Value as Json, json};

use super::{Answer, Body};

/// Draws what is done to an answer.
#[derive(Debug, Clone)]
pub struct Spoiler {
    state: u64,
}

/// Status codes, of which some mean something to a client.
const CODES: [u16; 18] = [
    100, 200, 201, 202, 204, 206, 301, 304, 400, 401, 403, 404, 409, 410, 422, 500, 599, 999,
];

/// Texts that are read as something: times, sizes, versions, names, addresses.
const TEXTS: [&str; 16] = [
    "",
    "\u{0}",
    "\u{1b}[2J",
    "-1",
    "99999999999999999999999999",
    "1e999",
    "9999-99-99T99:99:99Z",
    "-262144-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "🦀\u{202e}é",
    "../../etc",
    "a=b,c",
    "9.9999999999999999999",
    "999999999Ei",
    "[::1",
    "/",
];

/// The depth and the width that inserted values may have.
const DEEP: u64 = 200;

/// The most small things that are put in the place of an answer.
const WIDE: u64 = 1 << 17;

/// Things of few bytes that take much more memory.
const SMALL: [&str; 4] = [r#"{"a":0}"#, "{}", "[[0]]", r#""""#];

impl Spoiler {
    /// Returns a spoiler whose draws depend on this number alone.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        // SplitMix64, by Steele, Lea and Flood.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    /// The answer as it is, or spoilt.
    pub fn spoil(&mut self, mut answer: Answer) -> Answer {
        match self.below(20) {
            0..8 => return answer,
            8 => answer.status = CODES[self.index(CODES.len())],
            9 => answer.headers = self.headers(),
            _ => {}
        }
        let bytes = match answer.body {
            Body::Whole(bytes) => bytes,
            Body::Parts(parts) => parts.concat(),
            body => return Answer { body, ..answer },
        };
        let bytes = match serde_json::from_slice::<Json>(&bytes) {
            Ok(tree) if self.below(12) == 0 => self.widen(&tree),
            Ok(mut tree) if self.below(8) > 0 => {
                for _ in 0..=self.below(4) {
                    self.change(&mut tree);
                }
                tree.to_string().into_bytes()
            }
            _ => self.garble(bytes),
        };
        answer.body = match self.below(24) {
            0 => {
                let end = self.index(bytes.len());
                Body::Cut(bytes[..end].to_vec())
            }
            1 => Body::Raw(self.garble(bytes)),
            2 => Body::Endless(bytes),
            3..8 => {
                let size = 1 + self.index(bytes.len());
                Body::Parts(bytes.chunks(size).map(<[u8]>::to_vec).collect())
            }
            _ => Body::Whole(bytes),
        };
        answer
    }

    /// A text with parts of it doubled, moved, taken out, or replaced by words that mean something where it is read.
    pub fn edit(&mut self, text: &[u8], words: &[&str]) -> Vec<u8> {
        let mut text = text.to_vec();
        for _ in 0..=self.below(6) {
            let from = self.index(text.len() + 1);
            let length = self.index((text.len() - from).min(64) + 1);
            let part = text[from..from + length].to_vec();
            let with = match self.below(6) {
                0 => Vec::new(),
                1 => [&part[..], &part[..]].concat(),
                2 => part.repeat(1 + self.index(200)),
                3 => self.garble(part),
                _ => words[self.index(words.len())].as_bytes().to_vec(),
            };
            text.splice(from..from + length, with);
        }
        text
    }

    fn headers(&mut self) -> Vec<(String, String)> {
        let name = ["warning", "retry-after", "location", "connection", "content-encoding"];
        let value = ["299 - \"", "99999999999999999999", "http://[", "close", "gzip"];
        let number = self.index(name.len());
        let text = value[self.index(value.len())].repeat(1 + self.index(100));
        vec![(name[number].to_owned(), text)]
    }

    /// Puts something else in one place of a tree.
    fn change(&mut self, tree: &mut Json) {
        let stops = self.below(5) == 0;
        match tree {
            Json::Array(items) if !items.is_empty() && !stops => {
                let number = self.index(items.len());
                match self.below(8) {
                    0 => drop(items.remove(number)),
                    1 => items.push(items[number].clone()),
                    _ => self.change(&mut items[number]),
                }
            }
            Json::Object(map) if !map.is_empty() && !stops => {
                let key = map.keys().nth(self.index(map.len())).cloned().unwrap_or_default();
                match self.below(8) {
                    0 => drop(map.remove(&key)),
                    _ => map.get_mut(&key).into_iter().for_each(|value| self.change(value)),
                }
            }
            other => *other = self.value(),
        }
    }

    fn value(&mut self) -> Json {
        match self.below(12) {
            0 => Json::Null,
            1 => json!([true, false][self.index(2)]),
            2 => json!([i64::MIN, -1, 0, 1, i64::MAX][self.index(5)]),
            3 => json!(u64::MAX),
            4 => Number::from_f64([1e308, -0.5, 1e-300][self.index(3)]).map_or(Json::Null, Json::Number),
            5 => json!([]),
            6 => json!({}),
            7 => Json::String("x".repeat(self.index(1 << 16))),
            8 => (0..self.below(DEEP)).fold(Json::Null, |inner, _| json!([inner])),
            9 => {
                let names = (0..self.below(DEEP)).map(|number| (number.to_string(), Json::Null));
                Json::Object(names.collect::<Map<_, _>>())
            }
            _ => json!(TEXTS[self.index(TEXTS.len())]),
        }
    }

    /// Many small things, where a list is expected or in the place of all.
    fn widen(&mut self, tree: &Json) -> Vec<u8> {
        let number = usize::try_from(self.below(WIDE)).unwrap_or_default();
        let many = vec![SMALL[self.index(SMALL.len())]; number].join(",");
        let text = match tree.is_object() {
            true => format!(r#"{{"metadata":{{}},"items":[{many}]}}"#),
            false => format!("[{many}]"),
        };
        text.into_bytes()
    }

    /// Bytes with some of them changed, or others in their place.
    pub fn garble(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if self.below(4) == 0 || bytes.is_empty() {
            bytes = (0..self.below(300)).map(|_| self.below(256).to_le_bytes()[0]).collect();
        }
        for _ in 0..self.below(8) {
            if !bytes.is_empty() {
                let place = self.index(bytes.len());
                bytes[place] = self.below(256).to_le_bytes()[0];
            }
        }
        bytes
    }
}
