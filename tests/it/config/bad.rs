//! Bad configurations: each with the line, the key and the words of the one mistake in it.

use countersign::config::{Location, Mistake};

use super::{MINIMAL, read};

/// What stands before a case's own lines: an upstream, a mapping and one good route, in 11 lines.
const BEFORE: &str = r#"[upstream.app]
servers = ["http://127.0.0.1:9000"]

[identity.mine]
X-User = "id"

[[route]]
name = "first"
path = "/first/"
upstream = "app"

"#;

/// The text after [`BEFORE`], the line of the mistake counted from there, its key, and words of what is wrong or to do.
#[rustfmt::skip] // a line per case
const CASES: &[(&str, usize, &str, &[&str])] = &[
    ("[server]\nexternal_url = \"ftp://x\"", 2, "server.external_url", &["https://host"]),
    ("[server]\nexternal_url = \"https://x/path\"", 2, "server.external_url", &["without path"]),
    ("[server]\nexternal_url = \"app.example\"", 2, "server.external_url", &["https://host"]),
    ("[server]\nrealm = \"a\\\"b\"", 2, "server.realm", &["printable ASCII"]),
    ("[server]\nrealm = \"\"", 2, "server.realm", &["1 to 128"]),
    ("[server]\ntrusted_proxies = [\"10.0.0.0/33\"]", 2, "server.trusted_proxies[0]", &["10.0.0.0/8"]),
    ("[server]\ntrusted_proxies = [\n  \"10.0.0.0/8\",\n  \"proxy\",\n]", 4, "server.trusted_proxies[1]", &["\"proxy\"", "not a network"]),
    ("[server]\ntrusted_proxies = \"10.0.0.0/8\"", 2, "server.trusted_proxies", &["a text", "a list"]),
    ("[server]\nworkers = \"4\"", 2, "server.workers", &["a text", "a whole number"]),
    ("[server]\nworkers = -1", 2, "server.workers", &["0 to 1024"]),
    ("[server]\nworkers = 1.5", 2, "server.workers", &["a fraction"]),
    ("[server]\ndrain = 20", 2, "server.drain", &["a number", "in quotes"]),
    ("[server]\ndrain = \"20\"", 2, "server.drain", &["not a duration", "10s"]),
    ("[server]\ndrain = \"2h\"", 2, "server.drain", &["0s to 1h"]),
    ("[server]\nworkrs = 1", 2, "server.workrs", &["no such key", "`workers`"]),
    ("[servr]\nworkers = 1", 1, "servr", &["no such key", "`server`"]),
    ("[wholly]\nelse = 1", 1, "wholly", &["no such key", "server, listen"]),
    ("[[server]]\nworkers = 1", 1, "server", &["a list", "a table"]),
    ("[[listen]]\naddress = \"localhost\"", 2, "listen[0].address", &["127.0.0.1:8080"]),
    ("[[listen]]\n", 1, "listen[0].address", &["missing"]),
    ("[listen]\naddress = \"127.0.0.1:80\"", 1, "listen", &["[[listen]]"]),
    ("[[listen]]\naddress = \"127.0.0.1:80\"\n[[listen]]\naddress = \"127.0.0.1:80\"", 4, "listen[1].address", &["twice"]),
    ("[[listen]]\naddress = \"unix:\"", 2, "listen[0].address", &["empty"]),
    ("[[listen]]\naddress = \"127.0.0.1:80\"\ntls = []", 3, "listen[0].tls", &["empty", "leave it out"]),
    ("[[listen]]\naddress = \"127.0.0.1:80\"\ntls = [\"a.pem\"]", 3, "listen[0].tls[0]", &["a table"]),
    ("[[listen]]\naddress = \"127.0.0.1:80\"\nclient_ca = \"ca.pem\"", 3, "listen[0].client_ca", &["add tls"]),
    ("[[listen]]\naddress = \"127.0.0.1:80\"\nhttp2 = true", 3, "listen[0].http2", &["no", "add tls"]),
    ("[[listen]]\naddress = \"127.0.0.1:80\"\nproxy_protocol = true", 1, "listen", &["server.trusted_proxies"]),
    ("[[listen]]\naddress = \"127.0.0.1:80\"\nproxy_protocol = 2", 3, "listen[0].proxy_protocol", &["true or false"]),
    ("[[listen]]\naddress = \"127.0.0.1:80\"\nmode = \"0660\"", 3, "listen[0].mode", &["unix sockets", "leave it out"]),
    ("[[listen]]\naddress = \"unix:a\"\nmode = \"rw\"", 3, "listen[0].mode", &["0660"]),
    ("[[listen]]\naddress = \"unix:a\"\nmode = \"1777\"", 3, "listen[0].mode", &["0660"]),
    ("[[listen]]\naddress = \"unix:a\"\nmode = 660", 3, "listen[0].mode", &["a number", "in quotes"]),
    ("[limits]\nheader_bytes = \"64KB\"", 2, "limits.header_bytes", &["not a size", "64KiB"]),
    ("[limits]\nheader_bytes = 65536", 2, "limits.header_bytes", &["in quotes"]),
    ("[limits]\nheader_fields = 0", 2, "limits.header_fields", &["1 to 10000"]),
    ("[limits]\nheader_bytes = \"1KiB\"", 1, "limits.target_bytes", &["more than header_bytes"]),
    ("[limits]\nidle_timeout = \"0s\"", 2, "limits.idle_timeout", &["10ms to 1d"]),
    ("[admin]\naddress = \"9090\"", 2, "admin.address", &["127.0.0.1:9090"]),
    ("[admin]\naddress = \"127.0.0.1:8080\"", 1, "admin", &["one of its own"]),
    ("[admin]\ntoken_file = \"no/such/file\"", 2, "admin.token_file", &["cannot be read"]),
    ("[store]\nurl = \"postgres://u@h/d\"", 2, "store.url", &["PostgreSQL", "yet", "sqlite:"]),
    ("[store]\nurl = \"mysql://u@h/d\"", 2, "store.url", &["sqlite:PATH"]),
    ("[store]\nurl = \"sqlite://x.db\"", 2, "store.url", &["//"]),
    ("[store]\nrevocation_bound = \"10ms\"", 2, "store.revocation_bound", &["100ms to 1m"]),
    ("[cache]\nttl = \"30d\"", 2, "cache.ttl", &["100ms to 1h"]),
    ("[cache]\nentries = -1", 2, "cache.entries", &["0 to"]),
    ("[password]\nmemory = \"4KiB\"", 2, "password.memory", &["8KiB to 1GiB"]),
    ("[password]\nmemory = \"8GiB\"", 2, "password.memory", &["8KiB to 1GiB"]),
    ("[password]\nmemory = \"10000B\"", 2, "password.memory", &["whole number of KiB"]),
    ("[password]\nmemory = \"8KiB\"\nparallelism = 2", 2, "password.memory", &["`parallelism`"]),
    ("[password]\niterations = 0", 2, "password.iterations", &["1 to 64"]),
    ("[password]\nmin_length = 1000", 2, "password.min_length", &["1 to 128"]),
    ("[accounts]\nconfirm_email = \"yes\"", 2, "accounts.confirm_email", &["true or false"]),
    ("[throttle]\nper_ip = \"100\"", 2, "throttle.per_ip", &["10/5m"]),
    ("[throttle]\nper_ip = \"0/5m\"", 2, "throttle.per_ip", &["out of range"]),
    ("[mail]\ntransport = \"sendmail\"", 2, "mail.transport", &["\"smtp\", \"file\", \"none\""]),
    ("[mail]\ntransport = \"smtp\"", 1, "mail.url", &["missing", "smtp://"]),
    ("[mail]\ntransport = \"smtp\"\nurl = \"mail.example\"", 3, "mail.url", &["smtp://"]),
    ("[mail]\nlanguage = \"fr\"", 2, "mail.language", &["write one of them"]),
    ("[mail]\nfrom = \"nobody\"", 2, "mail.from", &["Name <a@b.example>"]),
    ("[mail]\nfrom = \"a\\nBcc: x <a@b>\"", 2, "mail.from", &["not a sender"]),
    ("[upstream.b]\n", 1, "upstream.b.servers", &["missing"]),
    ("[upstream.b]\nservers = []", 2, "upstream.b.servers", &["no server"]),
    ("[upstream.b]\nservers = [\"127.0.0.1:9000\"]", 2, "upstream.b.servers[0]", &["http://host:port"]),
    ("[upstream.b]\nservers = [\"http://a/b\"]", 2, "upstream.b.servers[0]", &["without path"]),
    ("[upstream.b]\nservers = [\"ws://a\"]", 2, "upstream.b.servers[0]", &["https, h2, h2c"]),
    ("[upstream.b]\nservers = [\"http://a\"]\nhealth = { path = \"health\" }", 3, "upstream.b.health.path", &["begin with /"]),
    ("[upstream.b]\nservers = [\"http://a\"]\nhealth = {}", 3, "upstream.b.health.path", &["missing"]),
    ("[upstream.\"a b\"]\nservers = [\"http://a\"]", 1, "upstream.a b", &["cannot be a name"]),
    ("[identity.b]\nAuthorization = \"id\"", 2, "identity.b.Authorization", &["another header"]),
    ("[identity.b]\nConnection = \"id\"", 2, "identity.b.Connection", &["another header"]),
    ("[identity.b]\nX-Forwarded-For = \"id\"", 2, "identity.b.X-Forwarded-For", &["another header"]),
    ("[identity.b]\nX-User = \"mail\"", 2, "identity.b.X-User", &["\"email\""]),
    ("[identity.b]\nX-User = \"id\"\nx_user = \"email\"", 1, "identity.b", &["twice"]),
    ("[identity.b]\n", 1, "identity.b", &["says nothing"]),
    ("[identity.remote]\nX-User = \"id\"", 1, "identity.remote", &["preset"]),
    ("[pages]\naccent = \"blue\"", 2, "pages.accent", &["#0b57a4"]),
    ("[pages]\naccent = \"#77777\"", 2, "pages.accent", &["not a colour"]),
    ("[pages]\naccent = \"#+12345\"", 2, "pages.accent", &["not a colour"]),
    ("[pages]\naccent = \"#777777\"", 2, "pages.accent", &["contrast of 4.47 to the background, #ffffff", "4.5"]),
    ("[pages]\naccent_dark = \"#0b57a4\"", 2, "pages.accent_dark", &["contrast of 2.19", "#1e2328", "background_dark"]),
    ("[pages]\nbackground = \"#ffe9c0\"\ntext = \"#9a7b4f\"", 3, "pages.text", &["contrast of 3.32 to the background, #ffe9c0"]),
    ("[pages]\ntext = \"#ffffff\"", 2, "pages.text", &["contrast of 1.00 to the background, #ffffff", "change this one, or background"]),
    ("[pages]\nbackground = \"#333333\"\ntext = \"#eeeeee\"", 2, "pages.background", &["to the accent, #0b57a4", "or accent"]),
    ("[pages]\nbackground_dark = \"#9aa0a6\"\naccent_dark = \"#000000\"", 2, "pages.background_dark", &["to the text, #e8ebee", "or text_dark"]),
    ("[pages]\ntext = \"black\"", 2, "pages.text", &["not a colour"]),
    ("[pages]\nname = \"\"", 2, "pages.name", &["no name"]),
    ("[pages]\nname = \"a\"\nlogo = \"nowhere.svg\"", 3, "pages.logo", &["cannot be read"]),
    ("[connection.a]\nclient_id = \"x\"\nclient_secret = \"s\"", 1, "connection.a.issuer", &["missing"]),
    ("[connection.a]\nissuer = \"https://a\"\nclient_secret = \"s\"", 1, "connection.a.client_id", &["missing"]),
    ("[connection.a]\nissuer = \"https://a\"\nclient_id = \"x\"", 1, "connection.a.client_secret", &["missing", "client_secret_file"]),
    ("[connection.a]\nissuer = \"http://a.example\"\nclient_id = \"x\"\nclient_secret = \"s\"", 2, "connection.a.issuer", &["https://"]),
    ("[connection.a]\nissuer = \"https://u:s3cret@a\"\nclient_id = \"x\"\nclient_secret = \"s\"", 2, "connection.a.issuer", &["https://"]),
    ("[connection.a]\nissuer = \"https://a?b\"\nclient_id = \"x\"\nclient_secret = \"s\"", 2, "connection.a.issuer", &["query"]),
    ("[connection.a]\nissuer = \"https://a\"\nclient_id = \"x\"\nclient_secret = \"\"", 4, "connection.a.client_secret", &["empty"]),
    ("[connection.a]\nissuer = \"https://a\"\nclient_id = \"x\"\nclient_secret_file = \"nowhere\"", 4, "connection.a.client_secret_file", &["cannot be read"]),
    ("[connection.a]\nissuer = \"https://a\"\nclient_id = \"x\"\nclient_secret = \"s\"\nscopes = [\"a b\"]", 5, "connection.a.scopes[0]", &["one word"]),
    ("[connection.a]\nissuer = \"https://a\"\nclient_id = \"x\"\nclient_secret = \"s\"\nca_file = \"nowhere\"", 5, "connection.a.ca_file", &["cannot be read"]),
    ("[connection.\"a b\"]\nissuer = \"https://a\"\nclient_id = \"x\"\nclient_secret = \"s\"", 1, "connection.a b", &["cannot be a name"]),
    ("[[route]]\nupstream = \"app\"", 1, "route[1].name", &["missing"]),
    ("[[route]]\nname = \"r\"", 1, "route[1].upstream", &["missing"]),
    ("[[route]]\nname = \"first\"\nupstream = \"app\"", 2, "route[1].name", &["route above"]),
    ("[[route]]\nname = \"a\\\"b\"\nupstream = \"app\"", 2, "route[1].name", &["cannot be a name"]),
    ("[[route]]\nname = \"r\"\nupstream = \"ap\"", 3, "route[1].upstream", &["no upstream \"ap\"", "\"app\""]),
    ("[[route]]\nname = \"r\"\nupstream = \"wiki\"", 3, "route[1].upstream", &["[upstream.wiki]"]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\nidentity = \"forward\"", 4, "route[1].identity", &["\"forwarded\""]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\npath = \"adm/\"", 4, "route[1].path", &["\"/adm/\""]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\npath = \"/a/../b\"", 4, "route[1].path", &["segment"]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\npath = \"/a%2Fb\"", 4, "route[1].path", &["encoded-slash"]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\npath = \"/%61\"", 4, "route[1].path", &["'a'", "plainly"]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\npath = \"/ä\"", 4, "route[1].path", &["percent-encode"]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\nhost = \"a.example:443\"", 4, "route[1].host", &["port"]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\naccess = \"public\"", 4, "route[1].access", &["\"none\""]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\naccept = []", 4, "route[1].accept", &["nobody could pass"]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\naccept = [\"digest\"]", 4, "route[1].accept[0]", &["\"bearer\""]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\nforeign = \"pass\"", 4, "route[1].foreign", &["\"optional\" or \"none\""]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\naccess = \"none\"\nroles = [\"a\"]", 5, "route[1].roles", &["access = \"required\""]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\naccess = \"optional\"\nelevated = \"5m\"", 5, "route[1].elevated", &["access = \"required\""]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\nroles = [\"a,b\"]", 4, "route[1].roles[0]", &["not a role"]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\nscopes = [\"a b\"]", 4, "route[1].scopes[0]", &["not a scope"]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\nmethods = []", 4, "route[1].methods", &["leave it out"]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\nmethods = [\"get\"]", 4, "route[1].methods[0]", &["\"GET\""]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\nmethods = [\"TRACE\"]", 4, "route[1].methods[0]", &["never allowed"]),
    ("[[route]]\nname = \"r\"\nupstream = \"app\"\nallow = [\"dots\"]", 4, "route[1].allow[0]", &["\"double-slash\""]),
    ("[dialect.key_tokens]\n", 1, "dialect.key_tokens", &["`key_token`"]),
    ("[dialect.key_token]\nprefix = \"api\"", 2, "dialect.key_token.prefix", &["\"/api\""]),
    ("[dialect.key_token]\nregistration = \"off\"", 2, "dialect.key_token.registration", &["\"closed\""]),
    ("[dialect.key_token]\naccess_ttl = \"0s\"", 2, "dialect.key_token.access_ttl", &["1s to"]),
    ("[dialect.x_auth]\nhttp_status = \"200\"", 2, "dialect.x_auth.http_status", &["\"always-200\""]),
    ("[dialect.id_api]\nelevated_ttl = \"30d\"", 2, "dialect.id_api.elevated_ttl", &["1s to 1d"]),
    ("[dialect.namespace]\nlogin_path = \"login\"", 2, "dialect.namespace.login_path", &["\"/login\""]),
    ("[log]\nformat = \"xml\"", 2, "log.format", &["\"json\", \"text\""]),
    ("[log]\nlevel = \"loud\"", 2, "log.level", &["info"]),
    ("[server\nworkers = 1", 1, "", &["not TOML"]),
    ("[log]\nlevel = \"info\"\nlevel = \"warn\"", 3, "", &["not TOML", "duplicate"]),
    ("[log]\nlevel = info", 2, "", &["not TOML"]),
    ("[log]\nlevel = \"info", 2, "", &["not TOML"]),
];

#[test]
fn each_mistake_is_named_with_its_line_its_key_and_what_to_do() {
    let lines_before = BEFORE.lines().count();
    for (text, line, key, words) in CASES {
        let Err(mistakes) = read(&format!("{BEFORE}{text}\n")) else {
            panic!("taken:\n{text}");
        };
        let [
            Mistake {
                location,
                key: named,
                what,
            },
        ] = mistakes.list()
        else {
            panic!("not one mistake:\n{text}\n{mistakes}");
        };
        let Location::Line { line: at, .. } = location else {
            panic!("no line:\n{text}\n{mistakes}");
        };
        assert_eq!(
            (*at, &**named),
            (lines_before + line, *key),
            "{text}\n{mistakes}"
        );
        for word in *words {
            assert!(what.contains(word), "{word:?} is not in {what:?}\n{text}");
        }
    }
}

#[test]
fn all_mistakes_are_named_at_once_in_the_order_of_the_file() {
    let text = format!(
        "[log]\nlevel = \"loud\"\n[server]\nworkrs = 1\ndrain = 5\n[upstream.b]\nservers = [\"x\", \"y\"]\n{MINIMAL}acces = \"none\"\n"
    );
    let said = read(&text).unwrap_err().to_string();
    let starts = [
        "c.toml:2:1: log.level: ",
        "c.toml:4:1: server.workrs: ",
        "c.toml:5:1: server.drain: ",
        "c.toml:7:12: upstream.b.servers[0]: ",
        "c.toml:7:17: upstream.b.servers[1]: ",
        "c.toml:14:1: route[0].acces: ",
        "6 mistakes",
    ];
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), starts.len(), "{said}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}\n{said}");
    }
}

#[test]
fn what_only_looks_like_a_mistake_is_taken() {
    for text in [
        "[[listen]]\naddress = \"127.0.0.1:80\"\nhttp2 = false",
        "[[listen]]\naddress = \"127.0.0.1:0\"\n[[listen]]\naddress = \"127.0.0.1:0\"",
        "[[listen]]\naddress = \"[::]:80\"",
        "[server]\ntrusted_proxies = [\"::1\"]\n[[listen]]\naddress = \"unix:a\"\nmode = \"666\"\nproxy_protocol = true",
        "[server]\nexternal_url = \"https://app.example/\"\ntrusted_proxies = [\"::1\", \"10.1.2.3/8\"]",
        "[[route]]\nname = \"the route\"\nupstream = \"app\"\npath = \"/first\"",
        "[[route]]\nname = \"r\"\nupstream = \"app\"\npath = \"/a%2Fb\"\nallow = [\"encoded-slash\"]",
        "[[route]]\nname = \"r\"\nupstream = \"app\"\nmethods = [\"PURGE\", \"M-SEARCH\"]",
        "[[route]]\nname = \"r\"\nupstream = \"app\"\nforeign = \"pass\"\naccess = \"none\"",
        "[[route]]\nname = \"r\"\nupstream = \"app\"\nidentity = \"mine\"",
        "[upstream.b]\nservers = [\"https://a.example\", \"h2://a:1\", \"h2c://[::1]:1\", \"unix:a.sock\"]",
        "[dialect.key_token]\n[dialect.x_auth]\n[dialect.id_api]\n[dialect.namespace]\nlogin_path = \"/\"",
        "[log]\nlevel = \"warn,countersign::auth=debug\"",
        "[mail]\nfrom = \"Jo <jo@example.org>\"",
    ] {
        if let Err(mistakes) = read(&format!("{BEFORE}{text}\n")) {
            panic!("{text}\n{mistakes}");
        }
    }
}
