//! People with a browser: Chromium goes through every page and flow, and axe-core looks at what it sees.
//!
//! The flows are scripts of `tests/real/browser`; each test gives one of them a gateway and what stands around it
//! ([`People`]), and fails if it does, or if Chromium logs an error, a policy is broken or anything is loaded from
//! elsewhere. `BROWSER_SCREENSHOTS` names a directory for pictures of every page.

use super::people::{People, Wanted};

macro_rules! flows {
    ($($name:ident: $flow:literal,)*) => {$(
        #[test]
        fn $name() {
            People::new(Wanted::default()).go_through("flows.js", &[$flow]);
        }
    )*};
}

flows! {
    somebody_logs_in_comes_back_and_logs_out: "logIn",
    somebody_proves_themselves_again_on_the_way_to_a_page: "careful",
    a_browser_that_loses_its_cookie_is_told_so: "bounce",
    everything_is_reached_by_keyboard: "keyboard",
    an_application_learns_who_somebody_is_once_they_agree: "application",
    people_see_to_their_own_account: "account",
    links_in_mails_lead_to_pages: "links",
    an_address_is_changed_through_its_mail: "address",
    accounts_elsewhere_are_connected_and_taken_away: "connections",
    another_site_does_nothing_in_somebodys_name: "forgery",
}

/// Every area of pages in every language and colour scheme.
macro_rules! looks {
    ($($area:ident)*) => {$(
        mod $area {
            use super::look;

            #[test]
            fn english_pages_are_readable_by_everybody_on_any_screen() {
                look("en", "light", stringify!($area));
            }

            #[test]
            fn english_pages_are_readable_by_everybody_in_the_dark() {
                look("en", "dark", stringify!($area));
            }

            #[test]
            fn german_pages_are_readable_by_everybody_on_any_screen() {
                look("de", "light", stringify!($area));
            }

            #[test]
            fn german_pages_are_readable_by_everybody_in_the_dark() {
                look("de", "dark", stringify!($area));
            }
        }
    )*};
}

looks! { login account factors keys addresses connections refusals }

#[test]
fn every_route_of_the_pages_and_every_english_text_is_seen() {
    People::new(BRANDED).go_through("look.js", &["en", "light", "everything"]);
}

#[test]
fn every_route_of_the_pages_and_every_german_text_is_seen() {
    People::new(BRANDED).go_through("look.js", &["de", "light", "everything"]);
}

#[test]
fn security_keys_are_added_shown_removed_and_not_cloned() {
    People::new(Wanted::default()).go_through("security_keys.js", &[]);
}

#[test]
fn no_redirect_url_leads_a_browser_elsewhere() {
    People::new(Wanted::default()).go_through("redirects.js", &["redirect_url"]);
}

#[test]
fn no_way_back_after_logging_in_leads_a_browser_elsewhere() {
    People::new(Wanted::default()).go_through("redirects.js", &["return_to"]);
}

fn look(language: &str, scheme: &str, area: &str) {
    People::new(Wanted::default()).go_through("look.js", &[language, scheme, area]);
}

const BRANDED: Wanted = Wanted {
    lines: "[pages]\nname = \"The Mill\"\nlogo = \"logo.svg\"\naccent = \"#7a1f5c\"\naccent_dark = \"#f0a8d8\"\n",
    is_tls: false,
};
