//! Second factors: their section of the account page, and the pages on which one is set up or a change is allowed.

use http::StatusCode;
use maud::{Markup, PreEscaped, html};
use serde_json::Value;

use super::account::{Overview, when};
use super::key::KeyForm;
use super::second_factor::{Notice, code_field, hint, typed};
use super::text::Text;
use super::{Language, Page, qr};
use crate::model::account::Email;
use crate::model::factor::{Enrolled, FactorKind, RecoveryCode, SecurityKey};

/// A form that goes on with a change: where it is posted to, and what it carries.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// The reader's language.
    pub language: Language,
    /// What waits for a proof.
    pub why: Why,
    /// Where the form goes.
    pub action: &'a str,
    /// The session's token for forms.
    pub token: &'a str,
    /// What else it carries: names and values of hidden fields.
    pub carried: Vec<(&'static str, &'a str)>,
}

/// What waits for a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A change on the account page.
    Change,
    /// A page of an application.
    Passage,
}

/// The page on which people prove themselves again before a change.
#[derive(Debug)]
pub struct Prove<'a> {
    /// The change that waits.
    pub step: Step<'a>,
    /// What the account has.
    pub kinds: &'a [FactorKind],
    /// What its security keys are asked with; `None` if none can be.
    pub key: Option<&'a Value>,
    /// Where a code was mailed to, if one was.
    pub mailed_to: Option<&'a Email>,
    /// What is to be said before anything else.
    pub notice: Option<Obstacle>,
}

/// Why a change does not go on yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// What was typed.
    Code(Notice),
    /// Too many codes were mailed.
    TooManyMails,
    /// A code can be mailed nowhere.
    Unmailable,
}

/// The page on which an app is set up.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The form that confirms it.
    pub step: Step<'a>,
    /// The secret as an app takes it by hand.
    pub secret: &'a str,
    /// What the QR code says.
    pub uri: &'a str,
    /// What is to be said before anything else.
    pub notice: Option<Notice>,
}

impl Overview<'_> {
    /// The section.
    pub(super) fn factors(&self, text: &Text) -> Markup {
        let Enrolled {
            totp,
            keys,
            recovery_codes,
        } = self.factors;
        let has_any = totp.is_some() || !keys.is_empty() || *recovery_codes > 0;
        html! {
            section aria-labelledby="factors" {
                h2 id="factors" { (text.factors_heading) }
                p { (text.factors_lead) }
                ul.cards {
                    li {
                        div {
                            strong { (text.totp) }
                            @if let Some(since) = totp {
                                dl { dt { (text.since) } dd { (when(*since)) } }
                            } @else {
                                p.small { (text.totp_lead) }
                            }
                        }
                        @if totp.is_some() {
                            (self.change("remove-totp", None, text.remove, text.totp))
                        } @else {
                            (self.change("totp", None, text.set_up, text.totp))
                        }
                    }
                    @for key in keys { li { (self.key(key, text)) } }
                    @if self.knows_keys {
                        li {
                            div { strong { (text.new_key) } p.small { (text.new_key_lead) } }
                            (self.change("add-key", None, text.set_up, text.new_key))
                        }
                    }
                    @if has_any {
                        li {
                            div {
                                strong { (text.recovery_codes) }
                                p.small { (text.codes_left) " " (recovery_codes) ". " (text.recovery_codes_lead) }
                            }
                            div.row {
                                (self.change("recovery-codes", None, text.make_anew, text.recovery_codes))
                                @if *recovery_codes > 0 {
                                    (self.change("remove-recovery-codes", None, text.remove, text.recovery_codes))
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn key(&self, key: &SecurityKey, text: &Text) -> Markup {
        let id = key.id.to_string();
        html! {
            div {
                strong { (key.name) } " " span.mark { (text.security_key) }
                dl {
                    dt { (text.since) }
                    dd { (when(key.created_at)) }
                    @if let Some(used) = key.last_used_at {
                        dt { (text.last_used) }
                        dd { (when(used)) }
                    }
                }
            }
            (self.change("remove-key", Some(&id), text.remove, &key.name))
        }
    }

    fn change(&self, change: &str, id: Option<&str>, button: &str, what: &str) -> Markup {
        self.form(
            self.paths.factor,
            &html! {
                input type="hidden" name="change" value=(change);
                @if let Some(id) = id { input type="hidden" name="id" value=(id); }
                button.quiet type="submit" aria-label=(format!("{button}: {what}")) { (button) }
            },
        )
    }
}

impl Step<'_> {
    fn form(&self, fields: &Markup) -> Markup {
        html! { form method="post" action=(self.action) { (self.fields()) (fields) } }
    }

    /// What it carries.
    pub(super) fn fields(&self) -> Markup {
        html! {
            input type="hidden" name="token" value=(self.token);
            @for (name, value) in &self.carried { input type="hidden" name=(name) value=(value); }
        }
    }
}

impl Why {
    const fn lead(self, text: &Text) -> &'static str {
        match self {
            Self::Change => text.prove_lead,
            Self::Passage => text.prove_passage_lead,
        }
    }
}

impl Prove<'_> {
    /// The page.
    #[must_use]
    pub fn page(&self) -> Page {
        let text = self.step.language.text();
        let codes = typed(self.kinds);
        let can_type = !codes.is_empty();
        let has_others = can_type || self.key.is_some() || self.mailed_to.is_some();
        let content = html! {
            @if let Some(obstacle) = self.notice { (obstacle.markup(text)) }
            p { (self.step.why.lead(text)) }
            @if let Some(options) = self.key {
                (self.key_form(options, text))
                p { (text.or) }
            }
            @if let Some(email) = self.mailed_to {
                p id="hint" role="status" { (text.code_mailed_to) " " strong { (email) } ". " (text.code_mailed) }
            } @else if can_type {
                p id="hint" { (hint(&codes, text)) }
            }
            @if self.mailed_to.is_some() || can_type {
                (self.step.form(&html! {
                    (code_field(text, "code"))
                    @if self.mailed_to.is_some() { input type="hidden" name="mailed" value="1"; }
                    button type="submit" { (text.factor_button) }
                }))
            }
            (self.step.form(&html! {
                button.quiet[has_others] type="submit" name="mail" value="1" { (text.mail_a_code) }
            }))
        };
        let status = self.notice.map_or(StatusCode::OK, Obstacle::status);
        let way_back = self
            .step
            .carried
            .iter()
            .find(|(name, _)| *name == RETURN_TO);
        let page = Page::new(self.step.language, status, text.prove_heading, &content)
            .with_forms()
            .leading_back(way_back.map(|(_, path)| *path));
        if self.key.is_some() {
            page.with_keys()
        } else {
            page
        }
    }

    fn key_form(&self, options: &Value, text: &Text) -> Markup {
        KeyForm {
            action: self.step.action,
            options,
            field: KEY_PROOF,
            button: text.key_button,
            hidden: self.step.fields(),
            fields: html! { p { (text.key_lead) } },
        }
        .markup(text)
    }
}

impl Obstacle {
    const fn status(self) -> StatusCode {
        match self {
            Self::Code(notice) => notice.status(),
            Self::TooManyMails => StatusCode::TOO_MANY_REQUESTS,
            Self::Unmailable => StatusCode::CONFLICT,
        }
    }

    fn markup(self, text: &Text) -> Markup {
        let says = match self {
            Self::Code(notice) => return notice.markup(text),
            Self::TooManyMails => text.too_many_mails,
            Self::Unmailable => text.unmailable,
        };
        html! { p.notice role="alert" { (says) } }
    }
}

impl Setup<'_> {
    /// The page.
    #[must_use]
    pub fn page(&self) -> Page {
        let text = self.step.language.text();
        let content = html! {
            @if let Some(notice) = self.notice { (notice.markup(text)) }
            p { (text.totp_scan) }
            @if let Some(svg) = qr::svg(self.uri, text.qr_code) { p { (PreEscaped(svg)) } }
            p { (text.totp_by_hand) }
            p { code { (grouped(self.secret)) } }
            p id="hint" { (text.totp_confirm) }
            (self.step.form(&html! {
                (code_field(text, "app_code"))
                button type="submit" { (text.set_up) }
            }))
        };
        let status = self.notice.map_or(StatusCode::OK, Notice::status);
        Page::new(self.step.language, status, text.totp_heading, &content).with_forms()
    }
}

/// Shows new recovery codes, this once.
#[must_use]
pub fn new_recovery_codes(language: Language, codes: &[RecoveryCode], back: &str) -> Page {
    let text = language.text();
    let content = html! {
        p role="status" { (text.recovery_codes_made) }
        ol { @for code in codes { li { code { (code.expose()) } } } }
        p { a href=(back) { (text.back_to_account) } }
    };
    Page::new(
        language,
        StatusCode::OK,
        text.recovery_codes_heading,
        &content,
    )
}

/// Whether an account has a factor that can be typed.
#[must_use]
pub fn has_code(kinds: &[FactorKind]) -> bool {
    !typed(kinds).is_empty()
}

/// The field in which a key's answer comes that is a proof, and not a new key.
pub const KEY_PROOF: &str = "proof";

/// The field with the path that a proof leads back to.
pub const RETURN_TO: &str = "return_to";

/// A secret that people can type without losing their place.
fn grouped(secret: &str) -> String {
    let characters: Vec<char> = secret.chars().collect();
    let groups = characters.chunks(4).map(String::from_iter);
    groups.collect::<Vec<_>>().join(" ")
}
