//! The little CBOR that keys speak: maps with short keys, nested a few deep.

use ciborium::Value;
use ciborium::value::Integer;

use super::Refused;

/// A map, each of whose keys is asked for by name.
pub(super) struct Map(Vec<(Value, Value)>);

impl Map {
    /// Takes one map from the front.
    pub(super) fn take(rest: &mut &[u8]) -> Result<Self, Refused> {
        let unreadable = Refused::Unreadable("not a CBOR map");
        match ciborium::de::from_reader_with_recursion_limit(rest, DEPTH) {
            Ok(Value::Map(entries)) => Ok(Self(entries)),
            _ => Err(unreadable),
        }
    }

    /// Reads bytes that are one map and nothing more.
    pub(super) fn read(mut bytes: &[u8]) -> Result<Self, Refused> {
        let map = Self::take(&mut bytes)?;
        if !bytes.is_empty() {
            return Err(Refused::Unreadable("more than a CBOR map"));
        }
        Ok(map)
    }

    /// The value of a key that stands there once.
    pub(super) fn get(&self, key: impl Into<Value>) -> Option<&Value> {
        let key = key.into();
        let mut found = self.0.iter().filter(|(name, _)| *name == key);
        let value = found.next().map(|(_, value)| value);
        value.filter(|_| found.next().is_none())
    }

    /// A number under a number.
    pub(super) fn number(&self, key: i64) -> Option<i64> {
        let number: Integer = self.get(key)?.as_integer()?;
        number.try_into().ok()
    }

    /// Bytes under a number.
    pub(super) fn bytes(&self, key: i64) -> Option<&[u8]> {
        self.get(key)?.as_bytes().map(Vec::as_slice)
    }
}

/// Leaves one map out.
pub(super) fn skip_map(rest: &mut &[u8]) -> Result<(), Refused> {
    Map::take(rest).map(drop)
}

/// The `authData` of an attestation object. Its statement is not evaluated, but has to be there. Source: WebAuthn 2 §6.5.4
/// and §8.7.
pub(super) fn authenticator_data_of(attestation_object: &[u8]) -> Result<Vec<u8>, Refused> {
    let unreadable = Refused::Unreadable("attestationObject");
    let object = Map::read(attestation_object)?;
    let format = object.get("fmt").and_then(Value::as_text);
    let statement = object.get("attStmt").and_then(Value::as_map);
    let (Some(format), Some(statement)) = (format, statement) else {
        return Err(unreadable);
    };
    if format.len() > FORMAT || (format == "none" && !statement.is_empty()) {
        return Err(unreadable);
    }
    let bytes = object.get("authData").and_then(Value::as_bytes);
    bytes.cloned().ok_or(unreadable)
}

/// CTAP2 nests four deep at most. Source: CTAP 2.1 §8.
const DEPTH: usize = 8;
/// Source: WebAuthn 2 §8.1: an identifier has at most 32 bytes.
const FORMAT: usize = 32;
