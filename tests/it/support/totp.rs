//! An app that shows codes: `oathtool`, which knows nothing of us.

use std::process::Command;

use countersign::model::time::Timestamp;

/// The code that an app with this secret shows then.
pub(crate) fn code_of_app(secret: &str, at: Timestamp) -> String {
    let now = at.to_string().replace('T', " ").replace('Z', " UTC");
    let shown = Command::new("oathtool")
        .args(["--totp", "--base32", "--now", &now, secret])
        .output()
        .expect("oathtool is installed: tests/run does it");
    assert!(shown.status.success(), "{shown:?}");
    String::from_utf8(shown.stdout).unwrap().trim().to_owned()
}
