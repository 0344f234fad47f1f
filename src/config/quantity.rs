//! Durations `"15m"`, sizes `"64KiB"`, rates `"10/5m"`: how they are written and how they are shown again.

use std::time::Duration;

use super::section::Rate;

/// Reads a duration: whole numbers with `ms s m h d w`, largest first: `"500ms"`, `"14d"`, `"1h30m"`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let fail =
        || format!("{text:?} is not a duration; write \"500ms\", \"10s\", \"15m\" or \"14d\"");
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let (number, after) = leading_number(rest).ok_or_else(fail)?;
        let end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, millis) = TIME_UNITS
            .into_iter()
            .find(|(name, millis)| *name == unit && *millis < last)
            .ok_or_else(fail)?;
        let part = number.checked_mul(millis).ok_or_else(fail)?;
        total = total
            .checked_add(Duration::from_millis(part))
            .ok_or_else(fail)?;
        (rest, last) = (after, millis);
    }
    (last != u64::MAX).then_some(total).ok_or_else(fail)
}

/// Reads a size in bytes: a whole number with `B KiB MiB GiB TiB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let fail =
        || format!("{text:?} is not a size; write \"512B\", \"64KiB\", \"19MiB\" or \"1GiB\"");
    let (number, unit) = leading_number(text).ok_or_else(fail)?;
    SIZE_UNITS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .and_then(|(_, bytes)| number.checked_mul(bytes))
        .ok_or_else(fail)
}

/// Reads a rate: how many, `/`, in how long.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let fail = || format!("{text:?} is not a rate; write \"10/5m\" for ten in five minutes");
    let (count, per) = text.split_once('/').ok_or_else(fail)?;
    let count = count.parse().map_err(|_| fail())?;
    let per = duration(per).map_err(|_| fail())?;
    let fits = (1..=1_000_000).contains(&count)
        && (Duration::from_secs(1)..=Duration::from_hours(24)).contains(&per);
    fits.then_some(Rate { count, per })
        .ok_or_else(|| format!("{text:?} is out of range; write 1 to 1000000 in \"1s\" to \"24h\""))
}

/// The same duration in the largest unit that divides it.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    in_largest_unit(millis, &TIME_UNITS, "s")
}

/// The same size in the largest unit that divides it.
pub(super) fn show_size(bytes: u64) -> String {
    in_largest_unit(bytes, &SIZE_UNITS, "B")
}

/// The same rate as it is written.
pub(super) fn show_rate(rate: Rate) -> String {
    format!("{}/{}", rate.count, show_duration(rate.per))
}

fn in_largest_unit(number: u64, units: &[(&str, u64)], of_zero: &str) -> String {
    units
        .iter()
        .find(|(_, worth)| number != 0 && number.is_multiple_of(*worth))
        .map_or_else(
            || format!("0{of_zero}"),
            |(unit, worth)| format!("{}{unit}", number / worth),
        )
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

const TIME_UNITS: [(&str, u64); 6] = [
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];
const SIZE_UNITS: [(&str, u64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        for (text, millis) in [
            ("500ms", 500),
            ("10s", 10_000),
            ("15m", 900_000),
            ("14d", 1_209_600_000),
            ("1h30m", 5_400_000),
            ("0s", 0),
        ] {
            let read = duration(text).expect(text);
            assert_eq!(read, Duration::from_millis(millis), "{text}");
            assert_eq!(duration(&show_duration(read)), Ok(read), "{text}");
        }
        for bad in [
            "",
            "10",
            "s",
            "10 s",
            "-1s",
            "1.5s",
            "1s1s",
            "1s1h",
            "1y",
            "99999999999999999999s",
            "18446744073709551615w",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_read_and_shown() {
        for (text, bytes) in [
            ("512B", 512),
            ("64KiB", 65_536),
            ("1GiB", 1 << 30),
            ("0B", 0),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
            assert_eq!(show_size(bytes), text);
        }
        for bad in ["", "64", "64KB", "64 KiB", "KiB", "-1B", "99999999TiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_are_read_and_shown() {
        let rate_of = rate("10/5m").expect("it is one");
        assert_eq!((rate_of.count, rate_of.per), (10, Duration::from_mins(5)));
        assert_eq!(show_rate(rate_of), "10/5m");
        for bad in ["", "10", "10/", "/5m", "0/5m", "10/0s", "10/5", "10/2d"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }
}
