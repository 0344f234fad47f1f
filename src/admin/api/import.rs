//! Accounts of other systems, many at once.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::given::Given;
use super::{Api, Done};
use crate::admin::rows::{ImportedRow, UserRow};
use crate::auth::import::ImportMode;

/// What `POST /api/imports` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Import {
    accounts: Vec<ImportedRow>,
    #[serde(default)]
    atomic: bool,
}

/// What became of them.
#[derive(Serialize)]
pub(super) struct Outcome {
    added: Vec<UserRow>,
    refused: Vec<Refused>,
}

/// An account that was not imported.
#[derive(Serialize)]
struct Refused {
    /// Its place in the request, from 0.
    place: usize,
    why: String,
}

/// How large the body may be: some ten thousand accounts.
pub(super) const LARGEST_BODY: usize = 4 << 20;

pub(super) async fn import(
    State(api): State<Api>,
    Given(import): Given<Import>,
) -> Done<Json<Outcome>> {
    let rows = import.accounts.into_iter().enumerate();
    let rows = rows.map(|(place, row)| Ok(row.on(place))).collect();
    let mode = if import.atomic {
        ImportMode::Atomic
    } else {
        ImportMode::EachItself
    };
    let imported = api.auth.accounts.import(rows, mode, &api.action()).await?;
    let refused = imported.refused.into_iter();
    Ok(Json(Outcome {
        added: imported.added.iter().map(UserRow::from).collect(),
        refused: refused.map(|(place, why)| Refused { place, why }).collect(),
    }))
}
