//! The letters in German.

use super::FactorChange;
use super::text::{Text, Told};
use crate::model::factor::FactorKind;

pub(super) const TEXT: Text = Text {
    from: |ip| format!(" von {ip} aus"),
    confirm_subject: "Bestätigen Sie Ihre E-Mail-Adresse",
    confirm: |house| format!("Diese Adresse wurde bei {house} angegeben."),
    confirm_open: "Wenn Sie das waren, öffnen Sie diesen Link, um sie zu bestätigen. Wenn nicht, tun Sie nichts: Ohne ihn wird die \
        Adresse nicht verwendet.",
    invitation_subject: "Sie sind eingeladen",
    invitation: |house| {
        format!("Sie sind eingeladen, bei {house} ein Konto anzulegen. Der Link gilt einmal.")
    },
    sign_in_subject: "Erste Anmeldung bei einer Anwendung",
    sign_in: |Told { house, at, from }, client| {
        format!(
            "Ihr Konto bei {house} hat sich zum ersten Mal bei {client} angemeldet, {at}{from}."
        )
    },
    sign_in_not_you: "Wenn Sie das nicht waren, ändern Sie Ihr Passwort.",
    code_subject: "Ihr Bestätigungscode",
    code: |Told { house, at, from }| {
        format!(
            "Jemand, der mit Ihrem Konto bei {house} angemeldet ist, hat{from} nach diesem Code gefragt. Er gilt bis {at}, \
             einmal, und nur dort, wo nach ihm gefragt wurde."
        )
    },
    code_not_you: "Wenn Sie das nicht waren, nennen Sie niemandem den Code, und ändern Sie Ihr Passwort.",
    linked_subject: "Ein Konto wurde mit Ihrem verbunden",
    linked: |Told { house, at, from }, name, provider| {
        format!(
            "Das Konto {name} bei {provider} wurde mit Ihrem Konto bei {house} verbunden, {at}{from}."
        )
    },
    unlinked_subject: "Ein Konto wurde von Ihrem getrennt",
    unlinked: |Told { house, at, from }, name, provider| {
        format!(
            "Das Konto {name} bei {provider} wurde von Ihrem Konto bei {house} getrennt, {at}{from}."
        )
    },
    link_not_you: "Wenn Sie das nicht waren, ändern Sie Ihr Passwort, und sehen Sie sich die Verbindungen auf Ihrer Kontoseite an.",
    changed_subject: "Die E-Mail-Adresse Ihres Kontos wurde geändert",
    changed: |Told { house, at, from }, new| {
        format!(
            "Die Adresse Ihres Kontos bei {house} wurde in {new} geändert, {at}{from}. Diese hier gehört nicht mehr dazu."
        )
    },
    changed_not_you: "Wenn Sie das nicht waren, wenden Sie sich an den Betreiber.",
    taken_subject: "Ein anderes Konto hat Ihre E-Mail-Adresse angegeben",
    taken: |house| {
        format!(
            "Ein anderes Konto bei {house} hat diese Adresse als seine angegeben. Sie gehört weiterhin Ihnen allein, und nichts \
             wurde geändert."
        )
    },
    factor,
    factor_changed: |Told { house, at, from }, happened| {
        format!("Ihr Konto bei {house}, {at}{from}: {happened}")
    },
    factor_not_you: "Wenn Sie das nicht waren, ändern Sie Ihr Passwort, und sehen Sie sich die Sitzungen und zweiten Faktoren Ihres \
        Kontos an.",
};

fn factor(change: FactorChange) -> (&'static str, &'static str) {
    match change {
        FactorChange::Added(FactorKind::RecoveryCode) => (
            "Neue Wiederherstellungscodes",
            "Es wurden neue Wiederherstellungscodes angelegt. Ältere gelten nicht mehr.",
        ),
        FactorChange::Added(FactorKind::Totp) => (
            "Zweiter Faktor eingerichtet",
            "Eine App, die Codes anzeigt, wurde als zweiter Faktor eingerichtet.",
        ),
        FactorChange::Added(FactorKind::SecurityKey) => (
            "Zweiter Faktor eingerichtet",
            "Ein Sicherheitsschlüssel wurde als zweiter Faktor hinzugefügt.",
        ),
        FactorChange::Removed(FactorKind::RecoveryCode) => (
            "Wiederherstellungscodes entfernt",
            "Die Wiederherstellungscodes wurden entfernt.",
        ),
        FactorChange::Removed(FactorKind::Totp) => (
            "Zweiter Faktor entfernt",
            "Die App, die Codes anzeigt, wurde entfernt.",
        ),
        FactorChange::Removed(FactorKind::SecurityKey) => (
            "Zweiter Faktor entfernt",
            "Ein Sicherheitsschlüssel wurde entfernt.",
        ),
        FactorChange::Reset => (
            "Zweite Faktoren entfernt",
            "Ein Betreiber hat alle zweiten Faktoren entfernt.",
        ),
    }
}
