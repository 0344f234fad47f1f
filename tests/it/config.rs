//! The configuration: what is read, what is refused, and in which words.

use std::path::Path;

use countersign::config::{Config, EXAMPLE, Environment, Mistakes};

fn read(text: &str) -> Result<Config, Mistakes> {
    Config::from_text(text, "c.toml", Path::new("/etc/c"), &Environment::empty())
}

#[test]
fn the_annotated_default_is_good_and_shows_itself() {
    let config = read(EXAMPLE).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let shown = config.show();
    let again = read(&shown).unwrap_or_else(|mistakes| panic!("{shown}\n{mistakes}"));
    assert_eq!(shown, again.show());
}
