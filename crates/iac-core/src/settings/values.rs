//! The content of a place: a single value, the items of a list, the entries of a table, a variant, a secret. A value that cannot
//! be used is noted, and another one is given in its stead.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::Value as Json;

use super::input::{Input, Scalar};
use super::kind::Kind;
use super::reader::{DEEPEST, Reader};
use super::report::Trouble;
use crate::config::ConfigValue;
use crate::provider::Phase;
use crate::value::{OutputRef, Secret, Source, token};

impl<'a> Reader<'a, '_> {
    /// A single value, or one that the field can go on with.
    pub(super) fn scalar<T>(&self, kind: &Kind, parse: impl FnOnce(&str) -> Option<T>, filler: T) -> T {
        self.takes(kind);
        self.used(false);
        if let Some(text) = self.found.borrow().instead(&self.at) {
            return parse(text).unwrap_or(filler);
        }
        match &self.input {
            Input::Filler | Input::Probe => return filler,
            Input::Absent => self.note(Trouble::Missing {
                takes: kind.to_string(),
            }),
            input => match input.scalar() {
                Scalar::Text(text) => {
                    if let Some(config) = self.config {
                        config.learn_by_name(&self.at.key(), &text);
                    }
                    match parse(&text) {
                        Some(value) => return value,
                        None => self.wrong(kind),
                    }
                }
                Scalar::Secret => self.note(Trouble::Secret),
                Scalar::Other(_) => self.wrong(kind),
            },
        }
        filler
    }

    pub(super) fn whole<T: FromStr + Display>(&self, lowest: &T, highest: &T, filler: T) -> T {
        let kind = Kind::Whole(lowest.to_string(), highest.to_string());
        self.scalar(&kind, |text| text.trim().parse().ok(), filler)
    }

    pub(super) fn text(&self) -> String {
        self.scalar(&Kind::Text, |text| Some(text.to_owned()), String::new())
    }

    /// The items of a list; `length` where the type says how many.
    pub(super) fn items(&self, length: Option<usize>) -> Vec<Input<'a>> {
        let kind = Kind::List(None);
        self.takes(&kind);
        self.used(false);
        let instead = |input: Input<'a>| vec![input; length.unwrap_or(0)];
        match &self.input {
            Input::Probe if self.at.depth() < DEEPEST => vec![Input::Probe; length.unwrap_or(1)],
            Input::Probe | Input::Filler => instead(Input::Filler),
            Input::Absent => {
                self.note(Trouble::Missing {
                    takes: kind.to_string(),
                });
                instead(Input::Filler)
            }
            input => match input.list() {
                Ok(items) => items,
                Err(_) => {
                    self.wrong(&kind);
                    instead(Input::Filler)
                }
            },
        }
    }

    /// The entries of a table whose names are the user's; none where there is no table.
    pub(super) fn entries(&self) -> Vec<(String, Input<'a>)> {
        self.takes(&Kind::Map);
        self.used(false);
        match &self.input {
            Input::Node(node) => {
                if node.value.is_some() {
                    self.wrong(&Kind::Map);
                }
                let children = node.children.iter();
                let own = children.map(|(name, child)| ((*name).to_owned(), Input::Node(child)));
                let defaults = self.defaults.as_object().into_iter().flatten();
                let others = defaults.filter(|(name, _)| node.child(name).is_none());
                own.chain(others.map(|(name, json)| (name.clone(), Input::Json(json.clone(), None))))
                    .collect()
            }
            Input::Json(Json::Object(map), entry) => {
                let children = map.iter();
                children
                    .map(|(name, child)| (name.clone(), Input::Json(child.clone(), *entry)))
                    .collect()
            }
            Input::Json(..) | Input::Text(..) => {
                self.wrong(&Kind::Map);
                Vec::new()
            }
            Input::Probe if self.at.depth() < DEEPEST => vec![("<name>".to_owned(), Input::Probe)],
            Input::Probe | Input::Filler | Input::Absent => Vec::new(),
        }
    }

    /// The variant of an enum that is chosen here, and what belongs to it.
    pub(super) fn variant(&self, variants: &'static [&'static str]) -> Option<(&'static str, Input<'a>)> {
        let kind = Kind::OneOf(variants.iter().map(|&name| name.to_owned()).collect());
        self.takes(&kind);
        self.used(false);
        let known = |name: &str| variants.iter().find(|&&known| known == name).copied();
        let instead = |input| Some((*variants.first()?, input));
        let chosen = match &self.input {
            Input::Probe if self.at.depth() < DEEPEST => return instead(Input::Probe),
            Input::Probe | Input::Filler => return instead(Input::Filler),
            Input::Absent => {
                self.note(Trouble::Missing {
                    takes: kind.to_string(),
                });
                return instead(Input::Filler);
            }
            input => match input.scalar() {
                Scalar::Text(text) => known(&text).map(|name| (name, Input::Absent)),
                // `storage.s3.bucket = …`: the variant is the only name in the table.
                _ => match self.only_child() {
                    Some((name, content)) => known(&name).map(|name| (name, content)),
                    None => None,
                },
            },
        };
        chosen.or_else(|| {
            self.wrong(&kind);
            instead(Input::Filler)
        })
    }

    fn only_child(&self) -> Option<(String, Input<'a>)> {
        let mut children = match &self.input {
            Input::Node(node) if node.value.is_none() => {
                let children = node.children.iter();
                children
                    .map(|(name, child)| ((*name).to_owned(), Input::Node(child)))
                    .collect::<Vec<_>>()
            }
            Input::Json(Json::Object(map), entry) => {
                let children = map.iter();
                children
                    .map(|(name, child)| (name.clone(), Input::Json(child.clone(), *entry)))
                    .collect()
            }
            _ => Vec::new(),
        };
        children.pop().filter(|_| children.is_empty())
    }

    /// The token of a secret, which is kept for the stack.
    pub(super) fn secret(&self) -> String {
        self.takes(&Kind::Secret);
        self.used(true);
        let secret = match &self.input {
            // The program's own default.
            Input::Json(Json::String(text), None) if token::is_token(text) => return text.clone(),
            Input::Node(node) if node.value.is_some_and(|(_, entry)| !entry.is_list()) => {
                node.value.map(|(_, entry)| match &entry.value {
                    ConfigValue::Plain(text) => Secret::from(text.as_str()),
                    ConfigValue::Secret(secret) => secret.clone(),
                })
            }
            Input::Absent => {
                self.note(Trouble::Missing {
                    takes: Kind::Secret.to_string(),
                });
                None
            }
            Input::Filler | Input::Probe => None,
            Input::Node(_) => {
                self.wrong(&Kind::Secret);
                None
            }
            Input::Json(..) | Input::Text(..) => {
                self.note(Trouble::Refused {
                    why: "a secret cannot stand in a list; give it a key of its own".to_owned(),
                });
                None
            }
        };
        let key = self.at.key();
        let reference = OutputRef {
            source: Source::Config(key.clone()),
            path: String::new(),
            phase: Phase::Exists,
            secret: true,
            transforms: Vec::new(),
        };
        if let Some(secret) = secret {
            self.found.borrow_mut().secrets.insert(key, secret);
        }
        token::encode(&reference)
    }
}
