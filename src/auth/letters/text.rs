//! What the letters say, in every language; a function where something is put in.

use super::FactorChange;
use crate::model::language::Language;
use crate::model::time::Timestamp;

/// The letters in one language.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) from: fn(&str) -> String,
    pub(super) confirm_subject: &'static str,
    pub(super) confirm: fn(&str) -> String,
    pub(super) confirm_open: &'static str,
    pub(super) invitation_subject: &'static str,
    pub(super) invitation: fn(&str) -> String,
    pub(super) sign_in_subject: &'static str,
    pub(super) sign_in: fn(&Told<'_>, &str) -> String,
    pub(super) sign_in_not_you: &'static str,
    pub(super) code_subject: &'static str,
    pub(super) code: fn(&Told<'_>) -> String,
    pub(super) code_not_you: &'static str,
    pub(super) linked_subject: &'static str,
    pub(super) linked: fn(&Told<'_>, &str, &str) -> String,
    pub(super) unlinked_subject: &'static str,
    pub(super) unlinked: fn(&Told<'_>, &str, &str) -> String,
    pub(super) link_not_you: &'static str,
    pub(super) changed_subject: &'static str,
    pub(super) changed: fn(&Told<'_>, &str) -> String,
    pub(super) changed_not_you: &'static str,
    pub(super) taken_subject: &'static str,
    pub(super) taken: fn(&str) -> String,
    /// The subject, and what happened.
    pub(super) factor: fn(FactorChange) -> (&'static str, &'static str),
    pub(super) factor_changed: fn(&Told<'_>, &str) -> String,
    pub(super) factor_not_you: &'static str,
}

/// Of what is told.
#[derive(Debug)]
pub(super) struct Told<'a> {
    /// What people know us by.
    pub(super) house: &'a str,
    /// When it was, or until when it is.
    pub(super) at: Timestamp,
    /// From where, in the words of [`Text::from`]; empty if that is not known.
    pub(super) from: &'a str,
}

impl Text {
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &super::english::TEXT,
            Language::German => &super::german::TEXT,
        }
    }
}
