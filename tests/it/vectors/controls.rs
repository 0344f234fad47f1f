//! The table sees what it is there to see: with one rule broken on purpose it fails, for every rule.

use countersign::control::{Rule, break_one};

use super::{BEHIND_A_PROXY, TRUSTED, hold, read_all, stage::Stage};

/// The files in which a broken rule has to be seen. A new rule does not build without one.
fn files(rule: Rule) -> &'static [&'static str] {
    match rule {
        Rule::Strip => &["a-identity", BEHIND_A_PROXY],
        Rule::Aliases => &["b-aliases", "c-connection"],
        Rule::Nomination => &["c-connection"],
        Rule::Forwarding => &["d-forwarding"],
        Rule::Framing => &["g-framing"],
        Rule::Chunks | Rule::BodyEnd => &["g-chunks"],
        Rule::Dots | Rule::Matching => &["e-path"],
        Rule::Doubled => &["k-doubled"],
        Rule::Credentials | Rule::Rejected | Rule::Revocation | Rule::Redaction => {
            &["j-credentials"]
        }
        Rule::Cookie => &["u-cookies"],
        Rule::Origin => &["h-upgrade"],
    }
}

/// On its own in its process: what is broken is broken for every test in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rule_that_is_broken_is_seen_by_the_table() {
    for rule in Rule::ALL {
        for file in files(rule) {
            let vectors = read_all(|name| name == *file);
            let is_behind = *file == BEHIND_A_PROXY;
            let stage = Stage::open(if is_behind { TRUSTED } else { "[]" }).await;
            break_one(Some(rule));
            let faults = hold(&stage, &vectors, 1).await;
            break_one(None);
            assert!(
                !faults.is_empty(),
                "{rule:?} is broken, and {file} does not see it"
            );
        }
    }
}
