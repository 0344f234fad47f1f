//! People with a browser: Chromium goes through every page and flow, and axe-core looks at what it sees.
//!
//! The flows are scripts of `tests/real/browser`; each test gives one of them a gateway, an app behind it, an account and
//! an application, and fails if it does, or if Chromium logs an error, a policy is broken or anything is loaded from
//! elsewhere. `BROWSER_SCREENSHOTS` names a directory for pictures of every page.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::program::program;
use super::upstream::Upstream;
use super::world::{Serving, World};

macro_rules! flows {
    ($($name:ident: $flow:literal,)*) => {$(
        #[test]
        fn $name() {
            People::new().go_through("flows.js", &[$flow]);
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
    another_site_does_nothing_in_somebodys_name: "forgery",
}

macro_rules! looks {
    ($($name:ident: $language:literal $scheme:literal,)*) => {$(
        #[test]
        fn $name() {
            People::new().go_through("look.js", &[$language, $scheme]);
        }
    )*};
}

looks! {
    every_english_page_is_readable_by_everybody_on_any_screen: "en" "light",
    every_english_page_is_readable_by_everybody_in_the_dark: "en" "dark",
    every_german_page_is_readable_by_everybody_on_any_screen: "de" "light",
    every_german_page_is_readable_by_everybody_in_the_dark: "de" "dark",
}

#[test]
fn security_keys_are_added_shown_removed_and_not_cloned() {
    People::new().go_through("security_keys.js", &[]);
}

#[test]
fn no_redirect_url_leads_a_browser_elsewhere() {
    People::new().go_through("redirects.js", &["redirect_url"]);
}

#[test]
fn no_way_back_after_logging_in_leads_a_browser_elsewhere() {
    People::new().go_through("redirects.js", &["return_to"]);
}

/// A gateway that people can be sent to.
struct People {
    world: World,
    facts: Value,
    _app: Upstream,
    _serving: Serving,
}

impl People {
    fn new() -> Self {
        let app = Upstream::echo();
        let world = World::called("localhost", app.address, ROUTES);
        let user = world.user("jo");
        let callback = format!("http://{}/callback", app.address);
        let arguments = ["client", "add", "--name", "Notebook", "--redirect-url"];
        let client = world.run(&[&arguments[..], &[&callback]].concat());
        let invitation = world.run(&["user", "invite", "--email", "invited@example.org"]);
        let serving = world.serve();
        let facts = json!({
            "chromium": chromium(),
            "gateway": format!("http://localhost:{}", world.gateway.port()),
            "app": format!("http://{}", app.address),
            "callback": callback,
            "client": client,
            "user": { "id": user.id, "email": user.email, "password": user.password },
            "invitation": invitation,
            "mail": world.path("mail"),
        });
        Self {
            world,
            facts,
            _app: app,
            _serving: serving,
        }
    }

    /// Runs a script, which must end well.
    fn go_through(&self, script: &str, arguments: &[&str]) {
        let mut node = program("node", &self.world.path("."));
        for name in ["BROWSER_SCREENSHOTS", "BROWSER_REDIRECT_PAYLOADS"] {
            if let Some(value) = std::env::var_os(name) {
                node.env(name, value);
            }
        }
        let output = node
            .env("NODE_PATH", modules())
            .arg(scripts().join(script))
            .arg(self.facts.to_string())
            .args(arguments)
            .output()
            .expect("node is there: tests/run installs it");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script} {arguments:?}:\n{said}");
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/browser")
}

/// Where playwright-core and axe-core are; installed if they are not yet.
fn modules() -> String {
    let output = Command::new(scripts().join("setup"))
        .arg(env!("CARGO_TARGET_TMPDIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "tests/real/browser/setup failed");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn chromium() -> &'static str {
    let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
    let found = places.into_iter().find(|place| Path::new(place).exists());
    found.expect("Chromium is there: tests/run installs it")
}

const ROUTES: &str = r#"
[dialect.namespace]
[dialect.id_api]

[mail]
transport = "file"
directory = "mail"

[password]
memory = "64KiB"
iterations = 1

[upstream.gone]
servers = ["http://127.0.0.1:1"]

[[route]]
name = "app"
path = "/app/"
upstream = "app"
access = "required"
accept = ["bearer", "cookie"]

[[route]]
name = "staff"
path = "/staff/"
upstream = "app"
access = "required"
accept = ["cookie"]
roles = ["staff"]

[[route]]
name = "careful"
path = "/careful/"
upstream = "app"
access = "required"
accept = ["cookie"]
elevated = "10m"

[[route]]
name = "gone"
path = "/gone/"
upstream = "gone"
access = "none"
"#;
