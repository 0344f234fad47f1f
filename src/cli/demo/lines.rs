//! What the demo prints: a comment and a `curl` line for each thing to try, made to be pasted into a shell.
//!
//! Each line stands for itself: those that end something (a logout, a refresh) have a login of their own.

use std::fmt::Write;

use super::sample::Sample;
use crate::model::token::PlainToken;

/// Where the demo listens, and where its files are.
#[derive(Debug)]
pub(super) struct Place {
    /// The gateway.
    pub(super) gateway: String,
    /// The admin listener.
    pub(super) admin: String,
    /// The configuration file.
    pub(super) config: String,
}

/// The whole text.
pub(super) fn text(place: &Place, sample: &Sample) -> String {
    let mut text = String::new();
    let gateway = &place.gateway;
    for (title, curl) in lines(place, sample) {
        _ = write!(text, "\n# {title}\n{curl}\n");
    }
    format!(
        "countersign is at {gateway}, before an upstream that tells what it receives.\n\
         The account is {email} (username {username}), its password {password}\n\
         Paste any of these lines into another terminal:\n\
         {text}\n\
         # Other commands work beside it, for example\n\
         countersign --config {config} session list\n\n\
         Everything here is temporary. Stop it with Ctrl-C.",
        email = sample.email,
        username = sample.username,
        password = sample.password,
        config = place.config,
    )
}

fn lines(place: &Place, sample: &Sample) -> Vec<(&'static str, String)> {
    let mut lines = credentials(&place.gateway, sample);
    lines.extend(logins(&place.gateway, sample));
    lines.extend(limits(place, sample));
    lines
}

/// Each kind of credential, once.
fn credentials(gateway: &str, sample: &Sample) -> Vec<(&'static str, String)> {
    let (key, token) = (sample.keyed.key.expose(), sample.keyed.token.expose());
    let [access, api, session, browser, elevated] = [
        &sample.access,
        &sample.api,
        &sample.session,
        &sample.browser,
        &sample.elevated,
    ]
    .map(PlainToken::expose);
    let cookie = sample.cookie_name;
    vec![
        (
            "A key and a token over Basic: the upstream sees who is asking, never the credential",
            format!("curl -fsS -u '{key}:{token}' {gateway}/hello"),
        ),
        (
            "An access token as Authorization without a scheme",
            format!("curl -fsS -H 'Authorization: {access}' {gateway}/hello"),
        ),
        (
            "The same in X-Auth",
            format!("curl -fsS -H 'X-Auth: {access}' {gateway}/hello"),
        ),
        (
            "The same as Bearer",
            format!("curl -fsS -H 'Authorization: Bearer {access}' {gateway}/hello"),
        ),
        (
            "A named API token, as `token issue` makes it",
            format!("curl -fsS -H 'Authorization: Bearer {api}' {gateway}/hello"),
        ),
        (
            "A session token",
            format!("curl -fsS -H 'Authorization: Bearer {session}' {gateway}/hello"),
        ),
        (
            "A browser's cookie",
            format!("curl -fsS -b '{cookie}={browser}' {gateway}/hello"),
        ),
        (
            "An elevated token beside an access token, where the route asks for one",
            format!(
                "curl -fsS -H 'Authorization: Bearer {access}' -H 'Elevated-Access-Token: {elevated}' {gateway}/adm/hello"
            ),
        ),
    ]
}

/// How a client gets, renews and gives back its tokens.
fn logins(gateway: &str, sample: &Sample) -> Vec<(&'static str, String)> {
    let (client, email, password) = (sample.client, sample.email, &sample.password);
    let (key, refresh) = (
        sample.to_refresh.key.expose(),
        sample.to_refresh.refresh.expose(),
    );
    let (old_key, old_token) = (sample.to_end.key.expose(), sample.to_end.token.expose());
    vec![
        (
            "Log in and get a key, a token and a refresh token",
            format!(
                "curl -fsS {gateway}/users/token -d client={client} -d email={email} -d password={password}"
            ),
        ),
        (
            "Renew them",
            format!(
                "curl -fsS {gateway}/users/token/refresh -d client={client} -d key={key} -d refresh={refresh}"
            ),
        ),
        (
            "Log out: 204, and from then on the token is refused",
            format!(
                "curl -fsS -i -X DELETE -u '{old_key}:{old_token}' {gateway}/users/token -d client={client}"
            ),
        ),
        (
            "Log in and get an access token, in the other dialect",
            format!(
                "curl -fsS {gateway}/auth/login -d client_guid={client} -d acctname={email} -d acctpass={password}"
            ),
        ),
    ]
}

/// What does not get through, and what can be watched.
fn limits(place: &Place, sample: &Sample) -> Vec<(&'static str, String)> {
    let (gateway, admin, access) = (&place.gateway, &place.admin, sample.access.expose());
    vec![
        (
            "A public path needs no credential",
            format!("curl -fsS {gateway}/pub/hello"),
        ),
        (
            "Anything else does: 401 and a challenge",
            format!("curl -sS -i {gateway}/hello"),
        ),
        (
            "An identity that the client made up does not reach the upstream",
            format!(
                "curl -fsS -H 'X-Forwarded-User: root' -H 'Remote_User: root' {gateway}/pub/hello"
            ),
        ),
        (
            "Neither beside a good credential",
            format!(
                "curl -fsS -H 'Authorization: Bearer {access}' -H 'X-Forwarded-User: root' {gateway}/hello"
            ),
        ),
        (
            "Numbers for Prometheus",
            format!("curl -fsS {admin}/metrics"),
        ),
    ]
}
