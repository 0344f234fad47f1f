//! What a client is told when its request was permitted and could not be carried.

use std::io;

use http::StatusCode;
use pingora_core::{Error, ErrorSource, ErrorType, Result};

use crate::gateway::outbound::Unsendable;

/// A body that can be read in more than one way, or does not come: how whoever reads it says so to us, through pingora.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body cannot be read: {reason}")]
pub struct BrokenBody {
    /// What the request is answered with.
    pub status: StatusCode,
    /// What the client reads.
    pub detail: &'static str,
    /// Why; a word from a closed set.
    pub reason: &'static str,
}

impl BrokenBody {
    /// One that comes too slowly, or no longer.
    pub const TOO_SLOW: Self = Self {
        status: StatusCode::REQUEST_TIMEOUT,
        detail: "The request did not arrive in time.",
        reason: "client_timeout",
    };
}

/// A failure, in a client's words and in the log's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed {
    /// `None` if nobody is left to be told.
    pub(super) status: Option<StatusCode>,
    pub(super) detail: &'static str,
    pub(super) reason: &'static str,
}

/// Says what a failure of pingora's is to the client. An app that was not sent the whole request is not to blame for not
/// answering it: `is_client_awaited` says whether that is so.
pub(super) fn of(error: &Error, is_client_awaited: bool) -> Failed {
    if matches!(error.etype(), ErrorType::HTTPStatus(413)) {
        return failed(413, super::TOO_LARGE, "body_too_large");
    }
    if matches!(error.etype(), ErrorType::HTTPStatus(503)) {
        let detail = "Who you are cannot be signed at the moment. Try again soon.";
        return failed(503, detail, "unsigned");
    }
    if let Some(broken) = broken_body(error) {
        return Failed {
            status: Some(broken.status),
            detail: broken.detail,
            reason: broken.reason,
        };
    }
    let is_timeout = matches!(
        error.etype(),
        ErrorType::ConnectTimedout
            | ErrorType::TLSHandshakeTimedout
            | ErrorType::ReadTimedout
            | ErrorType::WriteTimedout
    );
    let is_gone = matches!(
        error.etype(),
        ErrorType::ReadError | ErrorType::WriteError | ErrorType::ConnectionClosed
    );
    match (error.esource(), is_timeout) {
        (ErrorSource::Upstream, true) if is_client_awaited => too_slow(),
        (ErrorSource::Upstream, true) => failed(
            504,
            "The app behind this did not answer in time.",
            "upstream_timeout",
        ),
        (ErrorSource::Upstream, false) => failed(
            502,
            "The app behind this cannot be reached.",
            "upstream_failed",
        ),
        (ErrorSource::Downstream, true) => too_slow(),
        (ErrorSource::Downstream, false) if is_gone => Failed {
            status: None,
            detail: "",
            reason: "client_gone",
        },
        (ErrorSource::Downstream, false) => failed(400, "The request is malformed.", "malformed"),
        (ErrorSource::Internal | ErrorSource::Unset, _) => {
            failed(500, "Something went wrong here.", "internal")
        }
    }
}

/// An upstream that leaves HTTP though nobody asked it to: what it says next is no answer to anything.
pub(super) fn unasked_upgrade<T>() -> Result<T> {
    let what = "the upstream switched protocols unasked";
    Err(Error::explain(ErrorType::InvalidHTTPHeader, what).into_up())
}

fn broken_body(error: &Error) -> Option<&BrokenBody> {
    let cause = error.root_cause().downcast_ref::<io::Error>()?;
    cause.get_ref()?.downcast_ref()
}

/// A request that may pass and cannot be sent on, as pingora carries it to [`of`].
pub(super) fn unsendable<T>(why: &Unsendable) -> Result<T> {
    let status = match why {
        Unsendable::Unspeakable(_) => 500,
        Unsendable::Unsigned(_) => 503,
    };
    Error::e_explain(ErrorType::HTTPStatus(status), why.to_string())
}

fn too_slow() -> Failed {
    let BrokenBody { detail, reason, .. } = BrokenBody::TOO_SLOW;
    failed(408, detail, reason)
}

fn failed(status: u16, detail: &'static str, reason: &'static str) -> Failed {
    Failed {
        status: StatusCode::from_u16(status).ok(),
        detail,
        reason,
    }
}
