//! Making metrics, each registered as it is made.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry,
};

pub(super) fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: prometheus::Result<C>,
) -> C {
    let metric = metric.expect("names and labels are constants that fit the grammar");
    registry
        .register(Box::new(metric.clone()))
        .expect("every name is registered once");
    metric
}

pub(super) fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> IntCounterVec {
    register(
        registry,
        IntCounterVec::new(Opts::new(format!("countersign_{name}"), help), labels),
    )
}

pub(super) fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    register(
        registry,
        IntGaugeVec::new(Opts::new(format!("countersign_{name}"), help), labels),
    )
}

pub(super) fn seconds(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> HistogramVec {
    let opts = HistogramOpts::new(format!("countersign_{name}"), help).buckets(vec![
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ]);
    register(registry, HistogramVec::new(opts, labels))
}

pub(super) fn auth_seconds(registry: &Registry, source: &str) -> Histogram {
    let opts = HistogramOpts::new(
        "countersign_auth_duration_seconds",
        "Introspection of a credential.",
    )
    .const_label("source", source)
    .buckets(vec![
        0.000_001,
        0.000_002_5,
        0.000_005,
        0.000_01,
        0.000_025,
        0.000_05,
        0.000_1,
        0.001,
        0.01,
        0.1,
    ]);
    register(registry, Histogram::with_opts(opts))
}
