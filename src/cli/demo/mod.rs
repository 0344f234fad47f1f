//! `demo`: everything at once, with no other set-up. A temporary store, a sample client and account, a small upstream that
//! tells what it receives, and the gateway, all on loopback.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, Environment};
use crate::server::Server;
use crate::telemetry;

use super::{output, setup};

mod echo;
mod lines;
mod sample;

use lines::Place;
use sample::Sample;

/// Sets everything up, prints what to try, and serves until Ctrl-C. The directory goes with it.
pub(super) fn run() -> Result<()> {
    telemetry::start_for_command()?;
    let directory = tempfile::Builder::new()
        .prefix("countersign-demo-")
        .tempdir()
        .context("cannot make a temporary directory")?;
    let runtime = setup::runtime()?;
    let done = runtime.block_on(serve(&directory.path().join("countersign.toml")));
    runtime.shutdown_background();
    done
}

async fn serve(file: &Path) -> Result<()> {
    // From here on a signal ends the demo in order, and so the directory with it.
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let echo = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let [gateway, admin] = [free_port(8080).await?, free_port(9090).await?];
    let settings = [
        ("@GATEWAY@", gateway),
        ("@ADMIN@", admin),
        ("@ECHO@", echo.local_addr()?.port()),
    ];
    let mut text = include_str!("config.toml").to_owned();
    for (name, port) in settings {
        text = text.replace(name, &port.to_string());
    }
    std::fs::write(file, text).context("cannot write the demo's configuration")?;
    let own = file.to_owned();
    let load = move || Config::load(&own, &Environment::empty());
    let config = load()?;
    let cookie_name = config.server.cookie_name();
    let server = Server::open(config, Arc::new(load), None).await?;
    let sample = Sample::make(&server, cookie_name).await?;
    tokio::spawn(echo::serve(echo));
    let place = Place {
        gateway: format!("http://127.0.0.1:{gateway}"),
        admin: format!("http://127.0.0.1:{admin}"),
        config: file.display().to_string(),
    };
    output::print(&lines::text(&place, &sample))?;
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    server.run(stop).await;
    Ok(())
}

/// The port that people expect if nobody has it, and otherwise any.
async fn free_port(expected: u16) -> Result<u16> {
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, expected)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("there is no free port on loopback")?,
    };
    Ok(listener.local_addr()?.port())
}
