//! An operator's colours, in the place of the stylesheet's.
//!
//! Three are given, and legible on each other ([`crate::config::pages`]); the others of a page are made of them, so that
//! whatever is read keeps its contrast.

use std::fmt::Write as _;

use crate::config::colour::Colour;
use crate::config::pages::{DARK, LIGHT, Pages, Palette, Scheme};

/// The rules to go after the stylesheet's own; empty where nothing was given.
pub(super) fn style(config: &Pages) -> String {
    let schemes = [
        ("light", &LIGHT, config.light),
        ("dark", &DARK, config.dark),
    ];
    let media = schemes.into_iter().filter_map(|(name, scheme, palette)| {
        let rules = rules(scheme, palette).into_iter();
        let rules = rules.fold(String::new(), |mut all, (name, colour)| {
            let _ = write!(all, "{name}: {colour}; ");
            all
        });
        let query = format!("@media (prefers-color-scheme: {name})");
        (!rules.is_empty()).then(|| format!("\n{query} {{ :root {{ {rules}}} }}\n"))
    });
    media.collect()
}

fn rules(scheme: &Scheme, palette: Palette) -> Vec<(&'static str, Colour)> {
    let mut rules = Vec::new();
    if let Some(accent) = palette.accent {
        let on_accent = [scheme.on_accent, WHITE, BLACK];
        let on_accent = on_accent.into_iter().find(|it| it.is_legible_on(accent));
        // One of black and white always is.
        rules.extend([
            ("--accent", accent),
            ("--on-accent", on_accent.unwrap_or(BLACK)),
        ]);
    }
    if palette.background.is_none() && palette.text.is_none() {
        return rules;
    }
    let paper = palette.background.unwrap_or(scheme.background.1);
    let ink = palette.text.unwrap_or(scheme.text.1);
    // Darker than what stands on it, in the dark too.
    let most = if ink.is_lighter_than(paper) { 35 } else { 6 };
    let ground = furthest(most, |share| {
        let ground = paper.towards(BLACK, share);
        (ink.is_legible_on(ground)).then_some(ground)
    });
    let ground = ground.unwrap_or(paper);
    let soft = furthest(35, |share| {
        let soft = ink.towards(paper, share);
        (soft.is_legible_on(paper) && soft.is_legible_on(ground)).then_some(soft)
    });
    let line = furthest(50, |share| {
        let line = ink.towards(paper, share);
        (line.contrast(paper) >= LEAST_OF_FRAMES).then_some(line)
    });
    let warn = furthest(16, |share| {
        let warn = paper.towards(AMBER, share);
        (ink.is_legible_on(warn)).then_some(warn)
    });
    rules.extend([
        ("--paper", paper),
        ("--ink", ink),
        ("--ground", ground),
        ("--soft", soft.unwrap_or(ink)),
        ("--line", line.unwrap_or(ink)),
        ("--faint", paper.towards(ink, 14)),
        ("--warn", warn.unwrap_or(paper)),
    ]);
    rules
}

/// The largest share with which it can be made.
fn furthest(most: u16, made: impl Fn(u16) -> Option<Colour>) -> Option<Colour> {
    (0..=most).rev().find_map(made)
}

const WHITE: Colour = Colour::new(0xff, 0xff, 0xff);
const BLACK: Colour = Colour::new(0, 0, 0);
/// What notices lean to.
const AMBER: Colour = Colour::new(0xf2, 0xa9, 0x00);
/// Source: WCAG 2.2, success criterion 1.4.11: what shows where a field is.
const LEAST_OF_FRAMES: f64 = 3.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_legible_colours_are_given_everything_made_of_them_is_legible() {
        let parts = [0, 60, 119, 187, 255];
        let colours: Vec<Colour> = parts
            .into_iter()
            .flat_map(|r| parts.map(|g| parts.map(|b| Colour::new(r, g, b))))
            .flatten()
            .collect();
        for (background, text) in colours
            .iter()
            .flat_map(|it| colours.iter().map(move |other| (*it, *other)))
        {
            if !text.is_legible_on(background) {
                continue;
            }
            let palette = Palette {
                background: Some(background),
                text: Some(text),
                accent: Some(text),
            };
            let rules = rules(&LIGHT, palette);
            let of = |name| rules.iter().find(|(own, _)| *own == name).unwrap().1;
            for (one, other, least) in [
                ("--ink", "--paper", 4.5),
                ("--ink", "--ground", 4.5),
                ("--ink", "--warn", 4.5),
                ("--soft", "--paper", 4.5),
                ("--soft", "--ground", 4.5),
                ("--on-accent", "--accent", 4.5),
                ("--line", "--paper", 3.0),
            ] {
                let ratio = of(one).contrast(of(other));
                assert!(
                    ratio >= least,
                    "{text} on {background}: {one} {other} {ratio}"
                );
            }
        }
    }

    #[test]
    fn nothing_given_is_no_rule() {
        assert_eq!(style(&Pages::default()), "");
    }
}
