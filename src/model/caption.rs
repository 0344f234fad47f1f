//! What people read in lists and pages: the name of a client, a label, what an account elsewhere is called.

/// A caption is one line of 1 to 200 characters; white space around it is not part of it. `None` for anything else.
#[must_use]
pub fn caption(text: &str) -> Option<Box<str>> {
    let text = text.trim();
    let fits = (1..=LONGEST).contains(&text.chars().count()) && !text.contains(char::is_control);
    fits.then(|| text.into())
}

/// What a person is told whose text is none.
pub const EXPECTED: &str = "use 1 to 200 characters and no control characters";

const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caption_is_one_line_of_some_length() {
        assert_eq!(
            caption("  An app \u{e4} ").as_deref(),
            Some("An app \u{e4}")
        );
        assert!(caption(&"\u{e4}".repeat(200)).is_some());
        for bad in ["", " ", "a\nb", "a\0", &"a".repeat(201)] {
            assert_eq!(caption(bad), None, "{bad:?}");
        }
    }
}
