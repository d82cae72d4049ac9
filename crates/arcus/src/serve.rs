//! `arcus serve`: the listener, the runner, the reconcilers and the metering, from start to drain.

use std::io::IsTerminal;
use std::time::Duration;

use api::MetricsAccess;
use control::catalog::house;
use control::operations::Runner;
use control::{App, Registration, accounts, billing, metering, reconcile};
use domain::{Error, Result, Role};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::config::{Configuration, File, Place, Serve};
use crate::listen::{self, Limits};
use crate::{context, discover};

/// How long a start waits for an Incus on this machine.
const PROMPT: Duration = Duration::from_secs(3);

/// How long open requests may take once the process is told to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

pub(crate) async fn run(place: &Place, flags: Serve) -> Result<()> {
    log_to_stderr();
    let configuration = Configuration::read(place, flags)?;
    let store = context::store(place).await?;
    let app = App::new(store, configuration.settings).await?;
    billing::take_up(&app).await?;
    apply(&app, configuration.file, configuration.find_incus).await?;
    welcome(&app).await?;

    let listener = TcpListener::bind(configuration.listen)
        .await
        .map_err(|error| {
            Error::invalid(format!(
                "{} can't be listened on: {error}",
                configuration.listen
            ))
        })?;
    let address = listener.local_addr().unwrap_or(configuration.listen);
    let shutdown = app.shutdown.clone();
    let runner = tokio::spawn(Runner::new(app.clone()).run(shutdown.clone()));
    let reconcilers = tokio::spawn(reconcile::run(app.clone(), shutdown.clone()));
    let metering = tokio::spawn(metering::run(app.clone(), shutdown.clone()));
    let metrics = MetricsAccess {
        token: configuration.metrics_token,
    };
    let router = api::router(app.clone(), metrics);
    tracing::info!(%address, "Arcus listens");

    let limits = Limits::of_this_process();
    let server = tokio::spawn(listen::serve(listener, router, limits, shutdown.clone()));
    stopped().await;
    tracing::info!("stopping: nothing new is begun, and what runs finishes or is handed back");
    shutdown.cancel();
    let _ = tokio::time::timeout(LAST_REQUESTS, server).await;
    // The runner bounds its own drain; a panic in it was logged where it happened.
    let _ = runner.await;
    reconcilers.abort();
    metering.abort();
    app.store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Waits for SIGTERM or SIGINT.
async fn stopped() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        tracing::error!("signals can't be received; stop this process by SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("ARCUS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // For people on a terminal, and one JSON object a line for everything else.
    if std::io::stderr().is_terminal() {
        log.with_target(false).init();
    } else {
        log.json().flatten_event(true).init();
    }
}

/// Lays the file's regions, plans and images down, and offers what is found on this machine.
async fn apply(app: &App, file: File, find_incus: bool) -> Result<()> {
    for plan in file.plans {
        house::put_plan(app, &plan.plan()?, "config").await?;
    }
    for image in file.images {
        house::put_image(app, &image.image(), "config").await?;
    }
    for region in file.regions {
        let region = region.region();
        if let Err(error) = discover::put(app, &region).await {
            // One region that is away must not keep the others from being served.
            tracing::warn!(
                region = region.slug,
                error = error.message(),
                "a region can't be reached; it stays as it was"
            );
        }
    }
    discover::sandbox(app).await?;
    if !find_incus {
        return Ok(());
    }
    // An Incus that hangs must not keep the rest from being served: it is found whenever it answers.
    let looking = tokio::spawn(look_for_incus(app.clone()));
    if tokio::time::timeout(PROMPT, looking).await.is_err() {
        tracing::warn!(
            "Incus on this machine takes its time; it is a region as soon as it answers"
        );
    }
    Ok(())
}

async fn look_for_incus(app: App) {
    if let Err(error) = discover::incus(&app).await {
        tracing::warn!(
            error = error.private(),
            message = error.message(),
            "Incus was not looked for"
        );
    }
}

/// Where nobody has registered yet, prints the token with which the first user does.
async fn welcome(app: &App) -> Result<()> {
    let mut session = app.store.read().await?;
    let empty = store::accounts::is_empty(&mut session).await?;
    drop(session);
    if !empty || app.settings.registration == Registration::Open {
        return Ok(());
    }
    let mut session = app.store.write().await?;
    let first = store::settings::first_time(&mut session, "setup-token").await?;
    session.commit().await?;
    if first {
        let token =
            accounts::invite(app, None, Role::Owner, Duration::from_secs(24 * 60 * 60)).await?;
        // Not by way of the log, which others may read.
        eprintln!(
            "\nSetup token, good for one registration within a day (\"invitation\" in POST /accounts/register):\n\n    {}\n",
            token.expose_secret()
        );
    }
    Ok(())
}
