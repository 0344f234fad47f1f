//! What is wrong with a configuration: every mistake at once, each with where it stands and what to do about it.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// Everything that is wrong with a configuration. Prints a line per mistake, then their number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes {
    file: Arc<str>,
    list: Vec<Mistake>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Where it stands.
    pub location: Location,
    /// The full key, such as `route[2].access`; empty if it is about the file as a whole.
    pub key: Box<str>,
    /// What is wrong and what to do, in one sentence. Never holds a secret.
    pub what: Box<str>,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// The file as a whole.
    File,
    /// A place in the file, both counted from one.
    Line {
        /// Which line.
        line: usize,
        /// Which character of it.
        column: usize,
    },
    /// The environment variable of that name.
    Variable(Arc<str>),
}

/// Where mistakes are noted while a configuration is read.
#[derive(Debug, Default)]
pub(super) struct Notes(RefCell<Vec<Mistake>>);

impl Mistakes {
    pub(super) fn one(file: &str, location: Location, what: impl Into<Box<str>>) -> Self {
        Self {
            file: file.into(),
            list: vec![Mistake {
                location,
                key: "".into(),
                what: what.into(),
            }],
        }
    }

    /// Each of them, in the order of the file; those of the environment last.
    #[must_use]
    pub fn list(&self) -> &[Mistake] {
        &self.list
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.list {
            match &mistake.location {
                Location::File => write!(f, "{}", self.file)?,
                Location::Line { line, column } => write!(f, "{}:{line}:{column}", self.file)?,
                Location::Variable(name) => write!(f, "{name}")?,
            }
            if mistake.key.is_empty() {
                writeln!(f, ": {}", mistake.what)?;
            } else {
                writeln!(f, ": {}: {}", mistake.key, mistake.what)?;
            }
        }
        match self.list.len() {
            1 => f.write_str("1 mistake"),
            count => write!(f, "{count} mistakes"),
        }
    }
}

impl Notes {
    pub(super) fn add(&self, location: Location, key: &str, what: impl Into<Box<str>>) {
        self.0.borrow_mut().push(Mistake {
            location,
            key: key.into(),
            what: what.into(),
        });
    }

    /// The mistakes so far, in order; `None` if there are none.
    pub(super) fn take(&self, file: &str) -> Option<Mistakes> {
        let mut list = self.0.take();
        list.sort();
        list.dedup();
        (!list.is_empty()).then(|| Mistakes {
            file: file.into(),
            list,
        })
    }
}

/// The word that was probably meant; `None` if none is near.
pub(super) fn nearest<'a>(word: &str, of: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    let (distance, near) = of
        .into_iter()
        .map(|known| {
            let flat = known.to_ascii_lowercase().replace('-', "_");
            (strsim::osa_distance(&word, &flat), known)
        })
        .min()?;
    (distance <= near.len().div_ceil(3)).then_some(near)
}
