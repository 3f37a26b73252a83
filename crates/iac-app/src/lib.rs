//! Applications described once, and run on Kubernetes or on Docker.
//!
//! A description names parts (web services, workers, jobs, databases), binds them to each other, and says what each needs.
//! [`App`] lowers it to `k8s_openapi` objects or to compose services, through the public scopes of the two providers.
//! Each trait means the same on both targets, or is refused on one of them with what to write instead; the table is in
//! `docs/app.md`.
//!
//! ```
//! use iac_app::{App, Container, PostgresOptions, Probe, Publish};
//! use iac_compose::Compose;
//! use iac_core::{Stack, config::Config};
//!
//! fn shop(app: &App) -> iac_app::Web {
//!     let db = app.postgres("db", PostgresOptions::image("postgres:16").database("shop"));
//!     let code = Container::image("shop:1").env("DATABASE_URL", db.url("postgresql"));
//!     let migrate = app.job("migrate", code.clone().command(["alembic", "upgrade", "head"]));
//!     app.web("web", code.port("http", 8000).ready(Probe::http("/health")).after(migrate.completed()))
//! }
//!
//! let stack = Stack::new("dev", Config::default());
//! let app = App::on(&Compose::project(&stack, "shop"));
//! let web = shop(&app);
//! web.publish(Publish::local(8000));
//! stack.export("url", web.published_url());
//!
//! let declaration = stack.finish().expect("nothing is wrong with it");
//! // A password, a volume, the default network and three services.
//! assert_eq!(declaration.resources.len(), 6);
//! ```

mod amount;
mod app;
mod backup;
mod binding;
mod check;
mod container;
mod dashboard;
mod docker;
mod environment;
mod external;
mod isolation;
mod kubernetes;
mod name;
mod observe;
mod part;
mod probe;
mod route;
mod scale;
mod schedule;
mod scraping;
mod text;
mod timing;
mod upload;

pub use self::amount::{AmountError, Amounts, Cpu, Memory, Resources};
pub use self::app::{App, Target};
pub use self::backup::{Backup, BackupTimes};
pub use self::binding::{Binding, Provides};
pub use self::container::{After, Container, Volume};
pub use self::environment::Environment;
pub use self::external::{External, Server};
pub use self::isolation::Peer;
pub use self::name::{Name, name};
pub use self::observe::Alert;
pub use self::part::{
    Exporter, Grafana, GrafanaOptions, Job, Lowered, Postgres, PostgresOptions, Prometheus, PrometheusOptions, Redis,
    RedisOptions, Scheduled, Stateful, Web, Worker,
};
pub use self::probe::Probe;
pub use self::route::{Publish, Route};
pub use self::scale::{Autoscale, Autoscaler};
pub use self::schedule::{Schedule, ScheduleError};
pub use self::text::Text;
pub use self::timing::Timing;
pub use self::upload::Upload;
