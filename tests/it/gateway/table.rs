//! What is decided about which request.
#![expect(clippy::too_many_lines, reason = "tables")]

use super::{Request, World, words};

/// `METHOD target [host]`; the headers; what is decided.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

const AUTH: &str = "Authorization";
const EAT: &str = "Elevated-Access-Token";
const COOKIE: &str = "__Host-countersign={browser}";
const DEAD: &str = "__Host-countersign={browser-unknown}";

async fn check(rows: &[Row<'_>]) {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for (line, headers, expected) in rows {
        let mut parts = line.split(' ');
        let request = Request {
            method: parts.next().unwrap_or_default(),
            target: parts.next().unwrap_or_default(),
            host: parts.next().unwrap_or("app.example"),
            headers,
        };
        let decided = words(&world.admit(request).await);
        if decided != *expected {
            wrong.push(format!(
                "{line} {headers:?}\n  is {decided}, not {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn each_form_carries_its_tokens_where_the_route_takes_it() {
    check(&[
        ("GET /bearer", &[(AUTH, "Bearer {access}")], "jo bearer"),
        ("GET /bearer", &[(AUTH, "Bearer {session}")], "jo bearer"),
        ("GET /bearer", &[(AUTH, "Bearer {api}")], "jo bearer"),
        ("GET /x-auth", &[("X-Auth", "{access}")], "jo x-auth"),
        ("GET /x-auth", &[("X-Auth", "{api}")], "jo x-auth"),
        ("GET /bare", &[(AUTH, "{access}")], "jo bare"),
        ("GET /bare", &[(AUTH, "{api}")], "jo bare"),
        ("GET /basic", &[(AUTH, "Basic {pair}")], "jo basic"),
        ("GET /pages", &[("Cookie", COOKIE)], "jo cookie"),
        ("GET /api", &[(AUTH, "Bearer {access}")], "jo bearer"),
        ("GET /api", &[("X-Auth", "{access}")], "jo x-auth"),
        ("GET /api", &[(AUTH, "{access}")], "jo bare"),
        ("GET /api", &[(AUTH, "Basic {pair}")], "jo basic"),
        ("GET /root", &[(AUTH, "Bearer {member}")], "mo bearer"),
        // A session token is bearer's alone, a keyed token basic's with its key.
        ("GET /x-auth", &[("X-Auth", "{session}")], "401 rejected"),
        ("GET /bare", &[(AUTH, "{session}")], "401 rejected"),
        ("GET /api", &[(AUTH, "Bearer {keyed}")], "401 rejected"),
        ("GET /api", &[(AUTH, "Bearer {key}")], "401 rejected"),
        ("GET /api", &[(AUTH, "{keyed}")], "401 rejected"),
        (
            "GET /api",
            &[(AUTH, "Basic {pair-unknown}")],
            "401 rejected",
        ),
        (
            "GET /api",
            &[(AUTH, "Basic {pair-damaged}")],
            "401 rejected",
        ),
        // A refresh, elevated or hand-off token authenticates nothing by itself; nor does a browser session elsewhere.
        ("GET /root", &[(AUTH, "Bearer {refresh}")], "401 rejected"),
        ("GET /root", &[(AUTH, "Bearer {elevated}")], "401 rejected"),
        ("GET /root", &[(AUTH, "Bearer {handoff}")], "401 rejected"),
        ("GET /root", &[(AUTH, "Bearer {browser}")], "401 rejected"),
        ("GET /root", &[(EAT, "{elevated}")], "401 missing"),
        (
            "GET /root",
            &[("Cookie", "__Host-countersign={access}")],
            "401 missing, clears",
        ),
        // A form that the route does not take.
        ("GET /bearer", &[("X-Auth", "{access}")], "401 rejected"),
        ("GET /bearer", &[(AUTH, "{access}")], "401 rejected"),
        ("GET /bearer", &[(AUTH, "Basic {pair}")], "401 rejected"),
        ("GET /x-auth", &[(AUTH, "Bearer {access}")], "401 rejected"),
        ("GET /basic", &[(AUTH, "Bearer {access}")], "401 rejected"),
        ("GET /pages", &[(AUTH, "Bearer {access}")], "401 rejected"),
        ("GET /api", &[("Cookie", COOKIE)], "401 missing"),
        ("GET /maybe/bearer", &[("Cookie", COOKIE)], "anonymous"),
        (
            "GET /maybe/bearer",
            &[("X-Auth", "{access}")],
            "401 rejected",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_credential_that_is_not_good_is_refused() {
    check(&[
        ("GET /root", &[], "401 missing"),
        (
            "GET /root",
            &[(AUTH, "Bearer {access-unknown}")],
            "401 rejected",
        ),
        (
            "GET /root",
            &[(AUTH, "Bearer {access-expired}")],
            "401 rejected",
        ),
        (
            "GET /root",
            &[(AUTH, "Bearer {access-damaged}")],
            "401 rejected",
        ),
        ("GET /root", &[(AUTH, "{access-unknown}")], "401 rejected"),
        (
            "GET /root",
            &[("X-Auth", "{access-damaged}")],
            "401 rejected",
        ),
        ("GET /root", &[("X-Auth", "hello")], "401 rejected"),
        ("GET /root", &[("X-Auth", "")], "401 rejected"),
        (
            "GET /root",
            &[("X-Auth", "Bearer {access}")],
            "401 rejected",
        ),
        ("GET /maybe/", &[], "anonymous"),
        ("GET /maybe/", &[(AUTH, "Bearer {access}")], "jo bearer"),
        (
            "GET /maybe/",
            &[(AUTH, "Bearer {access-unknown}")],
            "401 rejected",
        ),
        (
            "GET /maybe/",
            &[(AUTH, "Bearer {access-expired}")],
            "401 rejected",
        ),
        (
            "GET /maybe/",
            &[("X-Auth", "{access-damaged}")],
            "401 rejected",
        ),
        ("GET /maybe/", &[("X-Auth", "hello")], "401 rejected"),
        ("GET /pass/", &[("X-Auth", "hello")], "401 rejected"),
        (
            "GET /pass/",
            &[(AUTH, "Bearer {access-damaged}")],
            "401 rejected",
        ),
        (
            "GET /pub/",
            &[(AUTH, "Bearer {access-unknown}")],
            "anonymous",
        ),
    ])
    .await;
}

#[tokio::test]
async fn one_primary_credential_per_request() {
    check(&[
        (
            "GET /root",
            &[(AUTH, "Bearer {access}"), (AUTH, "Bearer {access}")],
            "400",
        ),
        (
            "GET /root",
            &[("X-Auth", "{access}"), ("X-Auth", "{access}")],
            "400",
        ),
        (
            "GET /root",
            &[(AUTH, "Bearer {access}"), ("X-Auth", "{access}")],
            "400",
        ),
        ("GET /root", &[(AUTH, "Digest x"), ("X-Auth", "")], "400"),
        (
            "GET /pub/",
            &[(AUTH, "Bearer {access}"), (AUTH, "x")],
            "400",
        ),
        ("GET /pub/", &[("X-Auth", "x"), ("X-Auth", "y")], "400"),
        ("GET /pub/", &[(AUTH, "x"), ("X-Auth", "y")], "400"),
        ("GET /pass/", &[(AUTH, "x"), (AUTH, "y")], "400"),
        ("GET /maybe/", &[(AUTH, "x"), ("X-Auth", "y")], "400"),
        ("GET /shadow", &[(AUTH, "x"), ("X-Auth", "y")], "400"),
        // The header decides beside our cookie.
        (
            "GET /root",
            &[(AUTH, "Bearer {member}"), ("Cookie", COOKIE)],
            "mo bearer",
        ),
        (
            "GET /root",
            &[("X-Auth", "{member}"), ("Cookie", COOKIE)],
            "mo x-auth",
        ),
        (
            "GET /root",
            &[(AUTH, "Bearer {access-unknown}"), ("Cookie", COOKIE)],
            "401 rejected",
        ),
        (
            "GET /root",
            &[("X-Auth", "hello"), ("Cookie", COOKIE)],
            "401 rejected",
        ),
        (
            "GET /maybe/",
            &[(AUTH, "{access-damaged}"), ("Cookie", COOKIE)],
            "401 rejected",
        ),
        (
            "GET /pages",
            &[(AUTH, "Bearer {access}"), ("Cookie", COOKIE)],
            "401 rejected",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_dead_cookie_is_no_credential_and_is_cleared() {
    check(&[
        ("GET /root", &[("Cookie", DEAD)], "401 missing, clears"),
        (
            "GET /root",
            &[("Cookie", "__Host-countersign={browser-expired}")],
            "401 missing, clears",
        ),
        (
            "GET /root",
            &[("Cookie", "__Host-countersign=junk")],
            "401 missing, clears",
        ),
        (
            "GET /root",
            &[("Cookie", "__Host-countersign=")],
            "401 missing, clears",
        ),
        (
            "GET /root",
            &[("Cookie", "__Host-countersign=\"{browser}\"")],
            "401 missing, clears",
        ),
        ("GET /maybe/", &[("Cookie", DEAD)], "anonymous, clears"),
        (
            "GET /maybe/",
            &[("Cookie", "__Host-countersign=junk")],
            "anonymous, clears",
        ),
        ("GET /maybe/", &[("Cookie", COOKIE)], "jo cookie"),
        (
            "GET /maybe/",
            &[(
                "Cookie",
                "__Host-countersign={browser}; __Host-countersign={browser}",
            )],
            "anonymous, clears",
        ),
        (
            "GET /root",
            &[("Cookie", COOKIE), ("Cookie", COOKIE)],
            "401 missing, clears",
        ),
        (
            "GET /root",
            &[("Cookie", "a=b"), ("Cookie", COOKIE)],
            "jo cookie",
        ),
        (
            "GET /root",
            &[("Cookie", "a=b; __Host-countersign={browser}; c=d")],
            "jo cookie",
        ),
        (
            "GET /root",
            &[("Cookie", "countersign={browser}")],
            "401 missing",
        ),
        (
            "GET /root",
            &[("Cookie", "__host-countersign={browser}")],
            "401 missing",
        ),
        (
            "GET /root",
            &[("Cookie", DEAD), (AUTH, "Bearer {access}")],
            "jo bearer",
        ),
        ("GET /pub/", &[("Cookie", DEAD)], "anonymous"),
        ("GET /pub/", &[("Cookie", COOKIE)], "anonymous"),
    ])
    .await;
}

#[tokio::test]
async fn a_foreign_authorization_is_bad_unless_a_cookie_decides_or_the_route_passes_it() {
    check(&[
        ("GET /root", &[(AUTH, "Bearer eyJhbGciOi")], "401 rejected"),
        (
            "GET /root",
            &[(AUTH, "Basic {pair-foreign}")],
            "401 rejected",
        ),
        (
            "GET /root",
            &[(AUTH, "Digest username=\"jo\"")],
            "401 rejected",
        ),
        ("GET /root", &[(AUTH, "whatever")], "401 rejected"),
        (
            "GET /maybe/",
            &[(AUTH, "Bearer eyJhbGciOi")],
            "401 rejected",
        ),
        ("GET /maybe/", &[(AUTH, "Negotiate YII=")], "401 rejected"),
        (
            "GET /root",
            &[(AUTH, "Bearer eyJhbGciOi"), ("Cookie", COOKIE)],
            "jo cookie",
        ),
        (
            "GET /maybe/",
            &[(AUTH, "Basic {pair-foreign}"), ("Cookie", COOKIE)],
            "jo cookie",
        ),
        (
            "GET /root",
            &[(AUTH, "whatever"), ("Cookie", DEAD)],
            "401 rejected, clears",
        ),
        (
            "GET /maybe/",
            &[(AUTH, "whatever"), ("Cookie", DEAD)],
            "401 rejected, clears",
        ),
        (
            "GET /api",
            &[(AUTH, "whatever"), ("Cookie", COOKIE)],
            "401 rejected",
        ),
        // foreign = "pass"
        (
            "GET /pass/",
            &[(AUTH, "Bearer eyJhbGciOi")],
            "anonymous, keeps",
        ),
        (
            "GET /pass/",
            &[(AUTH, "Basic {pair-foreign}")],
            "anonymous, keeps",
        ),
        (
            "GET /pass/",
            &[(AUTH, "whatever"), ("Cookie", COOKIE)],
            "jo cookie, keeps",
        ),
        (
            "GET /pass/",
            &[(AUTH, "whatever"), ("Cookie", DEAD)],
            "anonymous, clears, keeps",
        ),
        ("GET /pass/", &[(AUTH, "Bearer {access}")], "jo bearer"),
        (
            "GET /pass/",
            &[(AUTH, "Bearer {access-unknown}")],
            "401 rejected",
        ),
        ("GET /pass/", &[], "anonymous"),
        // access = "none": a foreign or malformed one passes, one of ours is removed.
        (
            "GET /pub/",
            &[(AUTH, "Bearer eyJhbGciOi")],
            "anonymous, keeps",
        ),
        (
            "GET /pub/",
            &[(AUTH, "Basic {pair-foreign}")],
            "anonymous, keeps",
        ),
        ("GET /pub/", &[(AUTH, "Basic !!!")], "anonymous, keeps"),
        ("GET /pub/", &[(AUTH, "Bearer a b")], "anonymous, keeps"),
        ("GET /pub/", &[(AUTH, "Bearer {access}")], "anonymous"),
        ("GET /pub/", &[(AUTH, "{access-damaged}")], "anonymous"),
        ("GET /pub/", &[(AUTH, "Basic {pair}")], "anonymous"),
        (
            "GET /pub/",
            &[(AUTH, "Bearer {access} {access}")],
            "anonymous",
        ),
        ("GET /pub/", &[("X-Auth", "{access}")], "anonymous"),
    ])
    .await;
}

#[tokio::test]
async fn nothing_is_lenient_but_a_schemes_case_and_spaces() {
    check(&[
        ("GET /root", &[(AUTH, "bearer {access}")], "jo bearer"),
        ("GET /root", &[(AUTH, "BEARER    {access}")], "jo bearer"),
        ("GET /root", &[(AUTH, "bAsIc  {pair}")], "jo basic"),
        ("GET /root", &[(AUTH, "Bearer")], "400"),
        ("GET /root", &[(AUTH, "Basic")], "400"),
        ("GET /root", &[(AUTH, "")], "400"),
        ("GET /root", &[(AUTH, "Bearer\t{access}")], "400"),
        ("GET /root", &[(AUTH, "Bearer {access} x")], "400"),
        ("GET /root", &[(AUTH, "Bearer {access},{access}")], "400"),
        ("GET /root", &[(AUTH, "Bearer \"{access}\"")], "400"),
        ("GET /root", &[(AUTH, "Basic {pair}=")], "400"),
        ("GET /root", &[(AUTH, "Basic {pair} {pair}")], "400"),
        ("GET /root", &[(AUTH, "Basic !!!")], "400"),
        ("GET /root", &[(AUTH, "Basic {access}")], "400"),
        ("GET /root", &[(AUTH, "Basic bm8gY29sb24=")], "400"),
        ("GET /maybe/", &[(AUTH, "Basic bm8gY29sb24=")], "400"),
        ("GET /pass/", &[(AUTH, "Basic bm8gY29sb24=")], "400"),
        ("GET /pass/", &[(AUTH, "Basic am86AA==")], "400"),
        (
            "GET /maybe/",
            &[(AUTH, "Bearer a b"), ("Cookie", COOKIE)],
            "400",
        ),
    ])
    .await;
}

#[tokio::test]
async fn an_elevated_route_asks_for_a_fresh_elevated_token_of_the_same_session() {
    const BEARER: (&str, &str) = (AUTH, "Bearer {access}");
    check(&[
        (
            "GET /adm",
            &[BEARER, (EAT, "{elevated}")],
            "jo bearer elevated",
        ),
        (
            "GET /adm",
            &[("Cookie", COOKIE), (EAT, "{elevated}")],
            "jo cookie elevated",
        ),
        (
            "GET /adm",
            &[(AUTH, "Basic {pair}"), (EAT, "{elevated}")],
            "jo basic elevated",
        ),
        ("GET /adm", &[BEARER], "401 elevation"),
        ("GET /adm", &[BEARER, (EAT, "")], "401 elevation"),
        ("GET /adm", &[BEARER, (EAT, "junk")], "401 elevation"),
        ("GET /adm", &[BEARER, (EAT, "{access}")], "401 elevation"),
        (
            "GET /adm",
            &[BEARER, (EAT, "{elevated-unknown}")],
            "401 elevation",
        ),
        (
            "GET /adm",
            &[BEARER, (EAT, "{elevated-expired}")],
            "401 elevation",
        ),
        (
            "GET /adm",
            &[BEARER, (EAT, "{elevated-old}")],
            "401 elevation",
        ),
        (
            "GET /adm",
            &[BEARER, (EAT, "{elevated-other}")],
            "401 elevation",
        ),
        (
            "GET /adm",
            &[(AUTH, "Bearer {member}"), (EAT, "{elevated}")],
            "401 elevation",
        ),
        // A named API token is a session of its own.
        (
            "GET /adm",
            &[(AUTH, "Bearer {api}"), (EAT, "{elevated}")],
            "401 elevation",
        ),
        ("GET /adm", &[(EAT, "{elevated}")], "401 missing"),
        (
            "GET /adm",
            &[BEARER, (EAT, "{elevated}"), (EAT, "{elevated}")],
            "400",
        ),
        ("GET /pub/", &[(EAT, "x"), (EAT, "y")], "400"),
        // Where none is asked for, one that is not good is ignored.
        ("GET /root", &[BEARER, (EAT, "junk")], "jo bearer"),
        (
            "GET /root",
            &[BEARER, (EAT, "{elevated-other}")],
            "jo bearer",
        ),
        (
            "GET /root",
            &[BEARER, (EAT, "{elevated}")],
            "jo bearer elevated",
        ),
        (
            "GET /root",
            &[BEARER, (EAT, "{elevated-old}")],
            "jo bearer elevated",
        ),
        ("GET /maybe/", &[(EAT, "{elevated}")], "anonymous"),
    ])
    .await;
}

#[tokio::test]
async fn the_elevated_token_that_a_browser_keeps_counts_beside_its_session_alone() {
    const KEPT: &str = "__Host-countersign-elevation={elevated}";
    let both = |kept: &str| format!("{COOKIE}; a=b; __Host-countersign-elevation={kept}");
    let (good, junk) = (both("{elevated}"), both("junk"));
    let misspelled = good.replace("elevation=", "elevation =");
    let of_mo = good.replace("{browser}", "{member-browser}");
    check(&[
        ("GET /adm", &[("Cookie", &good)], "jo cookie elevated"),
        (
            "GET /adm",
            &[("Cookie", KEPT), ("Cookie", COOKIE)],
            "jo cookie elevated",
        ),
        ("GET /adm", &[("Cookie", COOKIE)], "401 elevation"),
    ])
    .await;
    for bad in [
        "",
        "junk",
        "{access}",
        "{browser}",
        "{elevated-old}",
        "{elevated-expired}",
        "{elevated-unknown}",
        "{elevated-other}",
        "\"{elevated}\"",
        "{elevated} ",
    ] {
        check(&[("GET /adm", &[("Cookie", &both(bad))], "401 elevation")]).await;
    }
    check(&[
        // Twice, or misspelled, it is none; a header decides before it.
        (
            "GET /adm",
            &[("Cookie", &good), ("Cookie", KEPT)],
            "401 elevation",
        ),
        ("GET /adm", &[("Cookie", &misspelled)], "401 elevation"),
        (
            "GET /adm",
            &[("Cookie", &good), (EAT, "{elevated-old}")],
            "401 elevation",
        ),
        (
            "GET /adm",
            &[("Cookie", &junk), (EAT, "{elevated}")],
            "jo cookie elevated",
        ),
        // It proves nothing by itself, and nothing beside another credential or somebody else's session.
        ("GET /adm", &[("Cookie", KEPT)], "401 missing"),
        (
            "GET /adm",
            &[(AUTH, "Bearer {access}"), ("Cookie", KEPT)],
            "401 elevation",
        ),
        (
            "GET /adm",
            &[(AUTH, "Bearer {access}"), ("Cookie", &good)],
            "401 elevation",
        ),
        ("GET /adm", &[("Cookie", &of_mo)], "401 elevation"),
        // Nobody looks for it where no elevation is asked for.
        ("GET /root", &[("Cookie", &good)], "jo cookie"),
        ("GET /maybe/", &[("Cookie", KEPT)], "anonymous"),
        ("GET /pub/", &[("Cookie", &good)], "anonymous"),
    ])
    .await;
}

#[tokio::test]
async fn who_is_known_may_still_not_be_allowed() {
    const JO: &[(&str, &str)] = &[(AUTH, "Bearer {access}")];
    const MO: &[(&str, &str)] = &[(AUTH, "Bearer {member}")];
    check(&[
        ("GET /roles", JO, "jo bearer"),
        ("GET /roles", MO, "403 role"),
        ("GET /roles", &[], "401 missing"),
        (
            "GET /roles",
            &[("Cookie", "__Host-countersign={member-browser}")],
            "403 role",
        ),
        ("GET /groups", JO, "jo bearer"),
        ("GET /groups", MO, "403 group"),
        ("GET /clients", JO, "jo bearer"),
        ("GET /clients", MO, "403 client"),
        ("GET /clients", &[(AUTH, "Bearer {api}")], "403 client"),
        ("GET /scopes", &[(AUTH, "Bearer {api-all}")], "jo bearer"),
        ("GET /scopes", &[(AUTH, "Bearer {api}")], "403 scope"),
        ("GET /scopes", JO, "403 scope"),
        ("GET /shadow", JO, "jo bearer"),
        ("GET /shadow", MO, "shadow role_missing"),
        ("GET /shadow", &[], "shadow credential_missing"),
        (
            "GET /shadow",
            &[(AUTH, "Bearer {access-unknown}")],
            "shadow credential_rejected",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_method_is_looked_at_before_any_credential() {
    const ALL: &str = "405 GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    const JO: &[(&str, &str)] = &[(AUTH, "Bearer {access}")];
    check(&[
        ("GET /methods", JO, "jo bearer"),
        ("HEAD /methods", JO, "jo bearer"),
        ("POST /methods", JO, "jo bearer"),
        ("PUT /methods", JO, "405 GET, HEAD, POST"),
        ("OPTIONS /methods", &[], "405 GET, HEAD, POST"),
        (
            "DELETE /methods",
            &[(AUTH, "Basic !!!")],
            "405 GET, HEAD, POST",
        ),
        ("get /methods", JO, "405 GET, HEAD, POST"),
        ("GET /methods", &[], "401 missing"),
        ("TRACE /pub/", &[], ALL),
        ("TRACE /root", JO, ALL),
        ("CONNECT app.example:443", JO, ALL),
        ("PROPFIND /root", JO, "jo bearer"),
        ("OPTIONS /root", &[], "401 missing"),
    ])
    .await;
}

#[tokio::test]
async fn a_route_covers_whole_segments_in_matching_form() {
    check(&[
        ("GET /pub", &[], "anonymous"),
        ("GET /pub/", &[], "anonymous"),
        ("GET /pub/x/y?z=/../", &[], "anonymous"),
        ("GET /public", &[], "404"),
        ("GET /pu", &[], "404"),
        ("GET /", &[], "404"),
        ("GET /%70ub/x", &[], "anonymous"),
        ("GET /pub;v=1/x", &[], "anonymous"),
        ("GET /Pub/", &[], "404"),
        ("GET /folded", &[], "anonymous"),
        ("GET /FOLDED/x", &[], "anonymous"),
        ("GET /%46olded/x", &[], "anonymous"),
        ("GET /foldedx", &[], "404"),
        ("GET /%61dm/x", &[], "401 missing"),
        ("GET /adm;x/y", &[], "401 missing"),
        ("GET /maybe/bearer", &[(AUTH, "{access}")], "401 rejected"),
        ("GET /maybe/bearers", &[(AUTH, "{access}")], "jo bare"),
        // A route for the host comes before a longer path for every host.
        ("GET /root other.example", &[], "anonymous"),
        ("GET /root OTHER.example.:8443", &[], "anonymous"),
        ("GET /anything other.example", &[], "anonymous"),
        ("GET /anything another.example", &[], "404"),
        ("GET /root", &[("Host", "app.example")], "401 missing"),
        ("GET /root", &[("Host", "other.example")], "400"),
        (
            "GET /pub/",
            &[("Host", "app.example"), ("Host", "app.example")],
            "400",
        ),
        ("GET /pub/ app_example..", &[], "400"),
        ("GET /pub/ a@b", &[], "400"),
    ])
    .await;
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_refused() {
    check(&[
        ("GET //pub/", &[], "400"),
        ("GET /pub//x", &[], "400"),
        ("GET /pub/../root", &[], "400"),
        ("GET /pub/..;/root", &[], "400"),
        ("GET /pub/%2e%2e/root", &[], "400"),
        ("GET /pub/%2E", &[], "400"),
        ("GET /pub/a%2fb", &[], "400"),
        ("GET /pub/a%5cb", &[], "400"),
        ("GET /pub/a%00", &[], "400"),
        ("GET /pub/a\\b", &[], "400"),
        ("GET /pub/#x", &[], "400"),
        ("GET /pub/%zz", &[], "400"),
        ("GET /pub/?a=%zz", &[], "anonymous"),
        ("GET /pub/?a=<", &[], "400"),
        ("GET /pub/ä", &[], "400"),
        ("GET http://app.example/pub/", &[], "anonymous"),
        ("GET http://evil.example/pub/", &[], "400"),
        ("GET pub/", &[], "400"),
        ("GET *", &[], "400"),
        ("OPTIONS *", &[], "404"),
        ("OPTIONS * other.example", &[], "anonymous"),
        // What a route allows it allows for itself, never where another route would be meant.
        ("GET /loose/a%2Fb", &[], "anonymous"),
        ("GET /loose//b", &[], "anonymous"),
        ("GET /loose/..%2fb", &[], "400"),
        ("GET /loose/b%2f..%2fc", &[], "400"),
        ("GET /loose/strict%2fx", &[], "400"),
        ("GET /loose//strict/x", &[], "400"),
        ("GET //loose/x", &[], "400"),
        ("GET /loose%2fx", &[], "400"),
        // Nobody may have what decides removed on the way.
        (
            "GET /pub/",
            &[("Connection", "close, x_forwarded_user")],
            "400",
        ),
        ("GET /pub/", &[("Connection", "Cookie")], "400"),
        ("GET /pub/", &[("Connection", "HOST")], "400"),
        ("GET /pub/", &[("Connection", "X.Odd.User")], "400"),
        ("GET /pub/", &[("Connection", "x-auth")], "400"),
        (
            "GET /pub/",
            &[("Connection", "keep-alive, TE")],
            "anonymous",
        ),
    ])
    .await;
}

#[tokio::test]
async fn each_decision_is_counted_with_its_route_form_and_reason() {
    let world = World::new().await;
    for (target, headers) in [
        ("/root", &[(AUTH, "Bearer {access}")][..]),
        ("/root", &[(AUTH, "Bearer {access-unknown}")]),
        ("/roles", &[("X-Auth", "{member}")]),
        ("/root", &[]),
        ("/pub/", &[]),
        ("/root", &[(AUTH, "Bearer")]),
        ("/shadow", &[]),
    ] {
        let request = Request {
            method: "GET",
            target,
            host: "app.example",
            headers,
        };
        let _ = world.admit(request).await;
    }
    let text = world.metrics.render();
    for (kind, outcome, reason, route) in [
        ("bearer", "permit", "ok", "root"),
        ("bearer", "deny", "credential_rejected", "root"),
        ("x-auth", "deny", "role_missing", "roles"),
        ("none", "deny", "credential_missing", "root"),
        ("none", "permit", "anonymous", "public"),
        ("none", "reject", "malformed", "root"),
        ("none", "shadow", "credential_missing", "shadow"),
    ] {
        let line = format!(
            "countersign_auth_decisions_total{{kind=\"{kind}\",outcome=\"{outcome}\",reason=\"{reason}\",route=\"{route}\"}} 1"
        );
        assert!(text.contains(&line), "{line}\n{text}");
    }
}
