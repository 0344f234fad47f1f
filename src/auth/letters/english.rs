//! The letters in English.

use super::FactorChange;
use super::text::{Text, Told};
use crate::model::factor::FactorKind;

pub(super) const TEXT: Text = Text {
    from: |ip| format!(" from {ip}"),
    confirm_subject: "Confirm your e-mail address",
    confirm: |house| format!("This address was given to {house}."),
    confirm_open: "If it was you, open this link to confirm it. If not, do nothing: without it the address is not used.",
    invitation_subject: "You are invited",
    invitation: |house| {
        format!("You are invited to make an account at {house}. The link is good once.")
    },
    sign_in_subject: "First sign-in to an application",
    sign_in: |Told { house, at, from }, client| {
        format!("Your account at {house} signed in to {client} for the first time, at {at}{from}.")
    },
    sign_in_not_you: "If that was not you, change your password.",
    code_subject: "Your verification code",
    code: |Told { house, at, from }| {
        format!(
            "Somebody who is logged in to your account at {house} asked{from} for this code. It is good until {at}, once, and \
             only where it was asked for."
        )
    },
    code_not_you: "If that was not you, tell nobody the code, and change your password.",
    linked_subject: "An account was connected to yours",
    linked: |Told { house, at, from }, name, provider| {
        format!(
            "The account {name} at {provider} was connected to your account at {house}, at {at}{from}."
        )
    },
    unlinked_subject: "An account was disconnected from yours",
    unlinked: |Told { house, at, from }, name, provider| {
        format!(
            "The account {name} at {provider} was disconnected from your account at {house}, at {at}{from}."
        )
    },
    link_not_you: "If that was not you, change your password and look at the connections on your account page.",
    changed_subject: "The e-mail address of your account was changed",
    changed: |Told { house, at, from }, new| {
        format!(
            "Your account at {house} has the address {new} since {at}{from}. This one is no longer its own."
        )
    },
    changed_not_you: "If that was not you, tell whoever runs it.",
    taken_subject: "Your e-mail address was given by another account",
    taken: |house| {
        format!(
            "Another account at {house} gave this address as its own. It is still yours alone, and nothing was changed."
        )
    },
    factor,
    factor_changed: |Told { house, at, from }, happened| {
        format!("Your account at {house}, {at}{from}: {happened}")
    },
    factor_not_you: "If that was not you, change your password, and look at your account's sessions and second factors.",
};

fn factor(change: FactorChange) -> (&'static str, &'static str) {
    match change {
        FactorChange::Added(FactorKind::RecoveryCode) => (
            "New recovery codes",
            "New recovery codes were made. Older ones are good no longer.",
        ),
        FactorChange::Added(FactorKind::Totp) => (
            "Second factor added",
            "An app that shows codes was set up as a second factor.",
        ),
        FactorChange::Added(FactorKind::SecurityKey) => (
            "Second factor added",
            "A security key was added as a second factor.",
        ),
        FactorChange::Removed(FactorKind::RecoveryCode) => {
            ("Recovery codes removed", "The recovery codes were removed.")
        }
        FactorChange::Removed(FactorKind::Totp) => (
            "Second factor removed",
            "The app that shows codes was removed.",
        ),
        FactorChange::Removed(FactorKind::SecurityKey) => {
            ("Second factor removed", "A security key was removed.")
        }
        FactorChange::Reset => (
            "Second factors removed",
            "An operator removed all second factors.",
        ),
    }
}
