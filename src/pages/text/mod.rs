//! What the pages say: one file per language.

mod english;
mod german;

use http::StatusCode;

use super::Language;

/// Every text of every page, in one language.
pub(super) struct Text {
    pub(super) confirm_heading: &'static str,
    pub(super) confirm_lead: &'static str,
    pub(super) confirm_button: &'static str,
    pub(super) confirm_not_me: &'static str,
    pub(super) confirmed_heading: &'static str,
    pub(super) confirmed: &'static str,
    pub(super) link_stale_heading: &'static str,
    pub(super) link_stale: &'static str,
    pub(super) confirm_unavailable: &'static str,
    pub(super) invitation_heading: &'static str,
    pub(super) invitation_lead: &'static str,
    pub(super) invitation_once: &'static str,
    pub(super) invitation_damaged: &'static str,
    pub(super) unavailable: &'static str,
    pub(super) unreadable: &'static str,
    pub(super) login_heading: &'static str,
    pub(super) login_for_client: &'static str,
    pub(super) username: &'static str,
    pub(super) password: &'static str,
    pub(super) login_button: &'static str,
    pub(super) login_unrecognized: &'static str,
    pub(super) login_throttled: &'static str,
    pub(super) login_sent_twice: &'static str,
    pub(super) login_stale: &'static str,
    pub(super) factor_heading: &'static str,
    pub(super) factor_button: &'static str,
    pub(super) code: &'static str,
    pub(super) hint_totp: &'static str,
    pub(super) hint_recovery_code: &'static str,
    pub(super) hint_totp_or_recovery_code: &'static str,
    pub(super) wrong_code: &'static str,
    pub(super) tries_used_up: &'static str,
    pub(super) logout_heading: &'static str,
    pub(super) logout_button: &'static str,
    pub(super) logout_everywhere: &'static str,
    pub(super) logout_everywhere_hint: &'static str,
    pub(super) cross_site_heading: &'static str,
    pub(super) cross_site: &'static str,
    pub(super) consent_heading: &'static str,
    pub(super) consent_lead: &'static str,
    pub(super) consent_id: &'static str,
    pub(super) consent_email: &'static str,
    pub(super) consent_once: &'static str,
    pub(super) consent_yes: &'static str,
    pub(super) consent_no: &'static str,
    pub(super) unregistered_heading: &'static str,
    pub(super) unregistered: &'static str,
    pub(super) declined_heading: &'static str,
    pub(super) declined: &'static str,
    pub(super) connections_heading: &'static str,
    pub(super) connections_lead: &'static str,
    pub(super) connect: &'static str,
    pub(super) connected: &'static str,
    pub(super) disconnect: &'static str,
    pub(super) leaving_heading: &'static str,
    pub(super) leaving: &'static str,
    pub(super) leaving_link: &'static str,
    pub(super) not_connected_heading: &'static str,
    pub(super) connect_unreachable: &'static str,
    pub(super) connect_stale: &'static str,
    pub(super) connect_declined: &'static str,
    pub(super) connect_unbelievable: &'static str,
    pub(super) connect_taken: &'static str,
    pub(super) connect_elsewhere: &'static str,
    pub(super) account_heading: &'static str,
    pub(super) signed_in_as: &'static str,
    pub(super) pending: &'static str,
    pub(super) sessions_heading: &'static str,
    pub(super) this_session: &'static str,
    pub(super) browser_session: &'static str,
    pub(super) end_session: &'static str,
    pub(super) tokens_heading: &'static str,
    pub(super) tokens_lead: &'static str,
    pub(super) revoke_token: &'static str,
    pub(super) token_label: &'static str,
    pub(super) token_life: &'static str,
    pub(super) days: &'static str,
    pub(super) no_end: &'static str,
    pub(super) token_button: &'static str,
    pub(super) token_made_heading: &'static str,
    pub(super) token_made: &'static str,
    pub(super) back_to_account: &'static str,
    pub(super) label_missing: &'static str,
    pub(super) clients_heading: &'static str,
    pub(super) clients_lead: &'static str,
    pub(super) no_clients: &'static str,
    pub(super) refuse: &'static str,
    pub(super) allow: &'static str,
    pub(super) refused: &'static str,
    pub(super) allowed: &'static str,
    pub(super) email_heading: &'static str,
    pub(super) email_lead: &'static str,
    pub(super) email_new: &'static str,
    pub(super) email_button: &'static str,
    pub(super) email_given: &'static str,
    pub(super) email_unusable: &'static str,
    pub(super) password_heading: &'static str,
    pub(super) password_lead: &'static str,
    pub(super) password_current: &'static str,
    pub(super) password_new: &'static str,
    pub(super) password_repeated: &'static str,
    pub(super) password_button: &'static str,
    pub(super) password_changed: &'static str,
    pub(super) wrong_password: &'static str,
    pub(super) passwords_differ: &'static str,
    pub(super) password_too_short: &'static str,
    pub(super) began: &'static str,
    pub(super) last_used: &'static str,
    pub(super) ends: &'static str,
    pub(super) from_address: &'static str,
    pub(super) key_lead: &'static str,
    pub(super) key_button: &'static str,
    pub(super) key_needs_script: &'static str,
    pub(super) key_failed: &'static str,
    pub(super) wrong_key: &'static str,
    pub(super) key_elsewhere: &'static str,
    pub(super) or: &'static str,
    /// What went wrong, by the status that says so to programs.
    pub(super) failures: &'static [(u16, Failure)],
    pub(super) other_failure: Failure,
}

/// What is said when something went wrong.
pub(super) struct Failure {
    pub(super) heading: &'static str,
    pub(super) says: &'static str,
}

impl Text {
    /// What is said of a status.
    pub(super) fn failure(&self, status: StatusCode) -> &Failure {
        let code = status.as_u16();
        let known = self.failures.iter().find(|(known, _)| *known == code);
        known.map_or(&self.other_failure, |(_, failure)| failure)
    }
}

impl Language {
    /// Its texts.
    pub(super) const fn text(self) -> &'static Text {
        match self {
            Self::English => &english::TEXT,
            Self::German => &german::TEXT,
        }
    }
}
