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
    an_app_may_send_whoever_has_logged_in_on_to_another_site: "onward",
    an_application_learns_who_somebody_is_once_they_agree: "application",
    people_see_to_their_own_account: "account",
    links_in_mails_lead_to_pages: "links",
    an_address_is_changed_through_its_mail: "address",
    accounts_elsewhere_are_connected_and_taken_away: "connections",
    another_site_does_nothing_in_somebodys_name: "forgery",
    scripts_get_401_and_other_sites_what_the_app_lets_them_have: "scripts",
}

/// Every area of pages in both languages and colour schemes, with a brand and without: each language meets both schemes,
/// and so does the brand.
macro_rules! looks {
    ($($area:ident)*) => {$(
        mod $area {
            use super::{look, look_branded};

            #[test]
            fn english_pages_are_readable_by_everybody() {
                look("en", "light", stringify!($area));
            }

            #[test]
            fn german_pages_are_readable_by_everybody_in_the_dark() {
                look("de", "dark", stringify!($area));
            }

            #[test]
            fn german_pages_with_a_brand_are_readable_by_everybody() {
                look_branded("de", "light", stringify!($area));
            }

            #[test]
            fn english_pages_with_a_brand_are_readable_by_everybody_in_the_dark() {
                look_branded("en", "dark", stringify!($area));
            }
        }
    )*};
}

looks! { login account factors keys addresses connections refusals }

#[test]
fn every_route_of_the_pages_and_every_english_text_is_seen() {
    look_branded("en", "light", "everything");
}

#[test]
fn every_route_of_the_pages_and_every_german_text_is_seen() {
    look_branded("de", "light", "everything");
}

#[test]
fn over_tls_the_cookie_is_the_hosts_alone() {
    let wanted = Wanted {
        is_tls: true,
        ..Wanted::default()
    };
    People::new(wanted).go_through("flows.js", &["secure"]);
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

fn look_branded(language: &str, scheme: &str, area: &str) {
    let wanted = Wanted {
        lines: BRAND,
        ..Wanted::default()
    };
    People::new(wanted).go_through("look.js", &[language, scheme, area]);
}

/// A mill of two colours, and contrasts that are only just enough.
const BRAND: &str = r##"
[pages]
name = "The Mill at the Long Brook"
logo = "logo.svg"
background = "#fff4dc"
text = "#6b5a3a"
accent = "#8c2f6b"
background_dark = "#2b1a2e"
text_dark = "#b9a3bd"
accent_dark = "#e08cc4"
"##;
