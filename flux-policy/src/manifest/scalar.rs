//! Fields that hold a text or a truth value, and what YAML makes of those that lack their quotes.
//!
//! The errors are raised while the parser is at the field, so that it can say which one.

use core::marker::PhantomData;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads a text and makes a `T` of it.
pub(super) fn parsed<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(Parsed { parse, made: PhantomData })
}

pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    parsed(deserializer, |text| Ok(text.to_owned()))
}

pub(super) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Text>::deserialize(deserializer)?.map(|text| text.0))
}

pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<Text>::deserialize(deserializer)?.into_iter().map(|text| text.0).collect())
}

pub(super) fn text_map<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let map = BTreeMap::<String, Text>::deserialize(deserializer)?;
    Ok(map.into_iter().map(|(name, text)| (name, text.0)).collect())
}

pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    deserializer.deserialize_any(Flag)
}

struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer).map(Self)
    }
}

struct Parsed<T, F> {
    parse: F,
    made: PhantomData<T>,
}

impl<T, F: Fn(&str) -> Result<T, String>> Parsed<T, F> {
    /// What is wrong with the value itself comes before the quotes that it lacks.
    fn unquoted<E: Error>(&self, value: &str, what: &str) -> Result<T, E> {
        let problem = (self.parse)(value).err();
        Err(E::custom(problem.unwrap_or_else(|| format!("is a {what}, put it in quotes"))))
    }
}

impl<T, F: Fn(&str) -> Result<T, String>> Visitor<'_> for Parsed<T, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<T, E> {
        self.unquoted(&value.to_string(), "truth value")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        self.unquoted(&value.to_string(), "number")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        self.unquoted(&value.to_string(), "number")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        self.unquoted(&value.to_string(), "number")
    }
}

struct Flag;

impl Visitor<'_> for Flag {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        Err(E::custom(format_args!("{text:?} is a text, write true or false without quotes")))
    }
}
