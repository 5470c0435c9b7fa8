//! Loopback ports, one for each service.

use std::io;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::cloud::{Cloud, Endpoints};
use crate::connection::{Connection, Connections};
use crate::error::Error;
use crate::gate::{self, Operation};
use crate::service::Service;
use crate::{
    distribution, ecr, ecr_public, generic_registry, imds, issuer, kubernetes, pod_identity, public_registry,
    registry, sts,
};

/// Makes the answering part of a service.
type Answers = fn(Arc<Cloud>) -> Router;

/// The ports, open but not yet answering.
pub(crate) struct Listeners {
    ecr: TcpListener,
    ecr_public: TcpListener,
    generic_registry: TcpListener,
    generic_tokens: TcpListener,
    imds: TcpListener,
    issuer: TcpListener,
    kubernetes: TcpListener,
    layers: TcpListener,
    pod_identity: TcpListener,
    public_registry: TcpListener,
    registry: TcpListener,
    sts: TcpListener,
}

impl Listeners {
    pub(crate) async fn open() -> Result<Self, Error> {
        Ok(Self {
            ecr: listen("the ECR API").await?,
            ecr_public: listen("the ECR Public API").await?,
            generic_registry: listen("the generic registry").await?,
            generic_tokens: listen("the generic registry's token service").await?,
            imds: listen("the instance metadata service").await?,
            issuer: listen("the token issuer").await?,
            kubernetes: listen("the Kubernetes API").await?,
            layers: listen("the layers").await?,
            pod_identity: listen("the Pod Identity agent").await?,
            public_registry: listen("the public registry").await?,
            registry: listen("the registry").await?,
            sts: listen("STS").await?,
        })
    }

    pub(crate) fn endpoints(&self) -> Result<Endpoints, Error> {
        Ok(Endpoints {
            ecr: url(&self.ecr)?,
            ecr_public: url(&self.ecr_public)?,
            generic_registry: url(&self.generic_registry)?,
            generic_tokens: url(&self.generic_tokens)?,
            imds: url(&self.imds)?,
            issuer: url(&self.issuer)?,
            kubernetes: url(&self.kubernetes)?,
            // By another name than the registry: most clients keep a login back from another host only.
            layers: url(&self.layers)?.replace("127.0.0.1", "localhost"),
            pod_identity: url(&self.pod_identity)?,
            public_registry: url(&self.public_registry)?,
            registry: url(&self.registry)?,
            sts: url(&self.sts)?,
        })
    }

    /// Starts to answer. The tasks end with the set, and connections with the channel of `cloud.running`.
    pub(crate) fn serve(self, cloud: &Arc<Cloud>) -> JoinSet<io::Result<()>> {
        let services: [(TcpListener, Service, Answers, Operation); 12] = [
            (self.ecr, Service::Ecr, ecr::router, ecr::operation),
            (self.ecr_public, Service::EcrPublic, ecr_public::router, ecr_public::operation),
            (
                self.generic_registry,
                Service::GenericRegistry,
                generic_registry::router,
                distribution::operation,
            ),
            (
                self.generic_tokens,
                Service::GenericTokens,
                generic_registry::tokens_router,
                generic_registry::tokens_operation,
            ),
            (self.imds, Service::Imds, imds::router, imds::operation),
            (self.issuer, Service::Issuer, issuer::router, issuer::operation),
            (self.kubernetes, Service::Kubernetes, kubernetes::router, kubernetes::operation),
            (self.layers, Service::Layers, registry::layers_router, registry::layers_operation),
            (self.pod_identity, Service::PodIdentity, pod_identity::router, pod_identity::operation),
            (
                self.public_registry,
                Service::PublicRegistry,
                public_registry::router,
                public_registry::operation,
            ),
            (self.registry, Service::Registry, registry::router, distribution::operation),
            (self.sts, Service::Sts, sts::router, sts::operation),
        ];
        let mut servers = JoinSet::new();
        for (listener, service, router, operation) in services {
            let mut running = cloud.running.clone();
            let stopped = async move {
                let _ = running.changed().await;
            };
            let router = gate::before(router(Arc::clone(cloud)), service, operation, Arc::clone(cloud));
            let server = axum::serve(
                Connections(listener),
                router.into_make_service_with_connect_info::<Connection>(),
            )
            .with_graceful_shutdown(stopped);
            servers.spawn(async move { server.await });
        }
        servers
    }
}

async fn listen(service: &'static str) -> Result<TcpListener, Error> {
    TcpListener::bind(("127.0.0.1", 0)).await.map_err(|source| Error::Listen { service, source })
}

fn url(listener: &TcpListener) -> Result<String, Error> {
    let address = listener.local_addr().map_err(|source| Error::Listen { service: "a service", source })?;
    Ok(format!("http://{address}"))
}
