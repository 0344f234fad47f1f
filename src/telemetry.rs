//! What the program says of itself: one JSON object a line, on stdout for `serve` and on stderr for every other command.
//!
//! No secret is told at any level, and not because every dependency is careful: only our own events can be turned up.
//! Everybody else's stop at warnings, since at `debug` and `trace` pingora writes whole heads, lettre whole SMTP dialogues
//! and h2 decoded fields, credentials and all. Our own code cannot log a secret, because secrets have a redacting `Debug`
//! and no `Display`.

use std::fmt::{self, Write as _};
use std::io;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::clock::{Clock, SystemClock};
use crate::config::section::{Log, LogFormat};
use crate::proxy::journal::Journal;
use crate::proxy::line::{write_escaped, write_timestamp};

/// Why the log cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `[log] level` is not a filter.
    #[error("log.level: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else has set up a log in this process.
    #[error("the log is set up already")]
    Twice,
}

/// Lets `serve` log into a journal.
///
/// # Errors
/// If the level is not a filter, or a log is set up already.
pub fn start(log: &Log, journal: Journal) -> Result<(), TelemetryError> {
    let out = move || journal.clone();
    install(&log.level, log.format, out)
}

/// Lets any other command log to stderr: for people, warnings and what is worse.
///
/// # Errors
/// If a log is set up already.
pub fn start_for_command() -> Result<(), TelemetryError> {
    install("warn", LogFormat::Text, io::stderr)
}

/// Whether requests leave a line: what is `info` is told of them.
#[must_use]
pub fn logs_requests() -> bool {
    tracing::enabled!(target: "countersign", Level::INFO)
}

fn install<W>(level: &str, format: LogFormat, out: W) -> Result<(), TelemetryError>
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(level)?
        .and(filter_fn(may_be_told));
    let layer = tracing_subscriber::fmt::layer().with_writer(out);
    let layer: Box<dyn Layer<_> + Send + Sync> = match format {
        LogFormat::Json => layer.event_format(Json::default()).boxed(),
        LogFormat::Text => layer.with_ansi(false).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Twice)?;
    // The `log` crate's users are all dependencies; this also makes their `debug!` cost one comparison.
    tracing_log::LogTracer::builder()
        .with_max_level(log::LevelFilter::Warn)
        .init()
        .map_err(|_| TelemetryError::Twice)
}

/// Ours, the audit's, or at least a warning. pingora's errors repeat, with the client's own words, what the request's line
/// tells.
fn may_be_told(event: &Metadata<'_>) -> bool {
    let target = event.target();
    target == "audit"
        || target.split("::").next() == Some("countersign")
        || *event.level() <= Level::WARN
}

/// A JSON object a line: `ts level target message` and the event's fields, absent ones left out.
#[derive(Debug, Clone, Copy, Default)]
struct Json {
    clock: SystemClock,
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields(b"{\"ts\":\"".to_vec());
        write_timestamp(&mut fields.0, self.clock.now().wall);
        fields.0.push(b'"');
        let metadata = event.metadata();
        fields.text("level", &metadata.level().as_str().to_ascii_lowercase());
        fields.text("target", metadata.target());
        event.record(&mut fields);
        fields.0.extend_from_slice(b"}\n");
        writer.write_str(std::str::from_utf8(&fields.0).map_err(|_| fmt::Error)?)
    }
}

/// A JSON object under construction.
struct Fields(Vec<u8>);

impl Fields {
    fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        self.0.push(b'"');
        write_escaped(&mut self.0, value);
        self.0.push(b'"');
    }

    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        self.key(field.name());
        self.0.extend_from_slice(value.to_string().as_bytes());
    }

    fn key(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        write_escaped(&mut self.0, name);
        self.0.extend_from_slice(b"\":");
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = write!(text, "{value:?}");
        self.text(field.name(), &text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.bare(field, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(say: impl FnOnce()) -> String {
        let sink = Sink::default();
        let out = {
            let sink = sink.clone();
            move || sink.clone()
        };
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(out)
            .event_format(Json::default())
            .with_filter(filter_fn(may_be_told));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), say);
        String::from_utf8(sink.0.lock().clone()).unwrap()
    }

    #[test]
    fn an_event_is_one_json_object_and_what_is_absent_is_left_out() {
        let text = told(|| {
            tracing::info!(
                target: "audit",
                event = "login",
                reason = None::<&str>,
                tries = 3_u64,
                "said \"so\"\nand so"
            );
        });
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["target"], "audit");
        assert_eq!(json["level"], "info");
        assert_eq!(json["tries"], 3);
        assert_eq!(json["message"], "said \"so\"\nand so");
        assert!(json.get("reason").is_none(), "{text}");
    }

    #[test]
    fn dependencies_cannot_be_turned_up_past_warnings() {
        let text = told(|| {
            tracing::trace!(target: "pingora_proxy", "Request header: secret");
            tracing::debug!(target: "lettre", "AUTH PLAIN secret");
            tracing::info!(target: "countersigner", "secret");
            tracing::warn!(target: "rustls", "heard");
            tracing::trace!(target: "countersign::auth", "ours");
        });
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("heard") && text.contains("ours"), "{text}");
    }
}
