//! The engine over PostgreSQL keeps the promises of an engine.

use std::sync::Arc;

use crate::cluster::Cluster;
use engine::BoxFuture;
use engine::conformance::Instance;
use postgres::{Address, Options, PostgresEngine};

engine::conformance_suite!(fresh, 32);

async fn fresh() -> Instance {
    let cluster = Cluster::any();
    let address = cluster.bank().await.address();
    over(Arc::new(cluster), address).await
}

fn over(cluster: Arc<Cluster>, address: Address) -> BoxFuture<'static, Instance> {
    Box::pin(async move {
        let options = Options { mode: cluster.mode(), ..Options::default() };
        let engine = Arc::new(PostgresEngine::open(address.clone(), options).await.unwrap());
        Instance {
            engine: engine.clone(),
            reopen: Box::new(move || {
                Box::pin(async move {
                    let engine = Arc::into_inner(engine).expect("nobody else holds the engine");
                    engine.close().await;
                    over(cluster, address).await
                })
            }),
        }
    })
}
