//! What a monitor reads: OpenMetrics text. Never an account or a tx_id as a label: they would be
//! without number, and they are nobody's business.

use std::fmt;
use std::time::Instant;

use axum::extract::State as Shared;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use engine::histogram::Buckets;
use engine::query::Totals;
use engine::vitals::{DatabaseVitals, FolderVitals};
use engine::{Query, Reading, Vitals};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use server::access::Act;

use crate::caller::Caller;
use crate::problem::Problem;
use crate::state::State;

mod disk;
mod process;

use disk::Room;

/// The media type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers a monitor. While the totals cannot be read, their metrics are absent and the others stand.
pub(crate) async fn page(state: Shared<State>, caller: Caller) -> Result<Response, Problem> {
    state.may(&caller, Act::Metrics)?;
    let asked = Instant::now();
    let totals = match state.read(&caller, Query::Totals).await {
        Ok(Reading::Totals(totals)) => Some(totals),
        Ok(_) | Err(_) => None,
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Collected {
        vitals: state.engine().vitals(),
        totals,
        read_seconds: asked.elapsed().as_secs_f64(),
        room: Room::of(state.options()).await,
    }));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)
        .map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

/// Numbers of one moment.
#[derive(Debug)]
struct Collected {
    vitals: Vitals,
    totals: Option<Totals>,
    read_seconds: f64,
    room: Room,
}

impl Collector for Collected {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page { encoder };
        let engine = match &self.vitals {
            Vitals::Folder(_) => "folder",
            Vitals::Database(_) => "postgres",
        };
        page.info(engine)?;
        match &self.vitals {
            Vitals::Folder(vitals) => page.folder(vitals)?,
            Vitals::Database(vitals) => page.database(vitals)?,
        }
        if let Some(totals) = &self.totals {
            page.totals(totals)?;
        }
        page.room(&self.room)?;
        page.gauge(
            "saldo_totals_read_seconds",
            "time that reading the totals took",
            self.read_seconds,
        )?;
        page.process()
    }
}

struct Page<'e> {
    encoder: DescriptorEncoder<'e>,
}

impl Page<'_> {
    fn info(&mut self, engine: &'static str) -> fmt::Result {
        let labels = [("version", env!("CARGO_PKG_VERSION")), ("engine", engine)];
        self.encoder
            .encode_descriptor("saldo_build", "what runs", None, MetricType::Info)?
            .encode_info(&labels)
    }

    fn folder(&mut self, vitals: &FolderVitals) -> fmt::Result {
        self.gauge(
            "saldo_journal_seq_staged",
            "last event with a place in the log",
            vitals.seq_staged.get(),
        )?;
        self.gauge(
            "saldo_journal_seq_durable",
            "last event that is on disk",
            vitals.seq_durable.get(),
        )?;
        self.counter("saldo_journal_bytes", "bytes of log written", vitals.journal_bytes)?;
        self.histogram(
            "saldo_journal_group_events",
            "events per group commit",
            None,
            &vitals.group_events,
            1.0,
        )?;
        self.histogram(
            "saldo_journal_sync_duration",
            "time to write and sync a group",
            Some(&Unit::Seconds),
            &vitals.commit_us,
            1e6,
        )?;
        self.gauge(
            "saldo_index_lag_events",
            "events that wait for the history index",
            vitals.index_lag_events,
        )?;
        let Some(made) = vitals.checkpoint else { return Ok(()) };
        self.gauge(
            "saldo_snapshot_seq",
            "where replay starts behind the last checkpoint",
            made.seq.get(),
        )?;
        self.gauge(
            "saldo_snapshot_timestamp_seconds",
            "when the last checkpoint was made",
            seconds(made.at_us),
        )?;
        self.gauge(
            "saldo_snapshot_duration_seconds",
            "how long the last checkpoint took",
            seconds(made.took_us),
        )
    }

    fn database(&mut self, vitals: &DatabaseVitals) -> fmt::Result {
        self.gauge(
            "saldo_journal_seq_durable",
            "last event known to be replicated",
            vitals.seq_durable.get(),
        )?;
        self.gauge(
            "saldo_postgres_reached",
            "whether the database answers",
            u64::from(vitals.is_reached),
        )?;
        let mut retries = self.encoder.encode_descriptor(
            "saldo_postgres_retries",
            "attempts that were made again, by reason",
            None,
            MetricType::Counter,
        )?;
        for (reason, count) in [
            ("rolled_back", vitals.retried_count),
            ("lost", vitals.lost_count),
            ("no_room", vitals.refused_count),
            ("commit_in_doubt", vitals.doubtful_count),
        ] {
            let labels = [("reason", reason)];
            ConstCounter::new(count).encode(retries.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn totals(&mut self, totals: &Totals) -> fmt::Result {
        self.gauge("saldo_accounts", "accounts there are", totals.accounts_count)?;
        // Money that came in and did not go out is what all accounts hold: anything else is a fault.
        let off = totals.sum - (totals.money_in - totals.money_out);
        self.gauge(
            "saldo_money_sum",
            "sum over all accounts, the bank's own included: always 0",
            i64::try_from(off).unwrap_or(i64::MAX),
        )
    }

    fn gauge<N>(&mut self, name: &str, help: &str, value: N) -> fmt::Result
    where
        ConstGauge<N>: prometheus_client::encoding::EncodeMetric,
    {
        let gauge = ConstGauge::new(value);
        gauge.encode(self.encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
    }

    /// The name gets `_total` behind it.
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        counter.encode(self.encoder.encode_descriptor(name, help, None, counter.metric_type())?)
    }

    fn counter_f64(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        counter.encode(self.encoder.encode_descriptor(name, help, None, counter.metric_type())?)
    }

    /// `per_unit`: how many of the values make one unit of the metric.
    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        buckets: &Buckets,
        per_unit: f64,
    ) -> fmt::Result {
        let bounds =
            buckets.bounds.iter().map(|bound| float(*bound) / per_unit).chain([f64::INFINITY]);
        let pairs: Vec<(f64, u64)> = bounds.zip(buckets.counts.iter().copied()).collect();
        self.encoder
            .encode_descriptor(name, help, unit, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(
                float(buckets.sum) / per_unit,
                buckets.count(),
                &pairs,
                None,
            )
    }
}

fn seconds(micros: u64) -> f64 {
    float(micros) / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a metric is read to a few digits")]
fn float(value: u64) -> f64 {
    value as f64
}
