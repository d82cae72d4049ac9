//! What a server will be when all that was asked for is done: what is asked for next is judged by that, since it comes
//! after.
//!
//! Called by the use cases that change a server, under its lock. What was asked for and fails leaves the server as it was;
//! so whoever does the work looks once more at what must be true then.

use domain::operation::OperationKind;
use domain::server::{Power, Server, Size};
use domain::{Image, Plan, Result};
use serde_json::Value;
use store::Session;

/// The server as it will be.
pub(super) async fn foresee(session: &mut Session, server: &Server) -> Result<Server> {
    let mut server = server.clone();
    for pending in store::servers::pending(session, server.id).await? {
        apply(&mut server, pending.kind, pending.input);
    }
    Ok(server)
}

fn apply(server: &mut Server, kind: OperationKind, mut input: Value) {
    let mut asked = |name: &str| input.get_mut(name).map(Value::take).unwrap_or_default();
    match kind {
        OperationKind::StartServer | OperationKind::RebootServer => server.power = Power::Running,
        OperationKind::StopServer => server.power = Power::Stopped,
        OperationKind::ResizeServer => {
            if let Ok(plan) = serde_json::from_value::<Plan>(asked("plan")) {
                server.size = Size::from(&plan);
                server.hourly = plan.hourly;
                server.monthly = plan.monthly;
                server.plan = plan.slug;
            }
        }
        OperationKind::RebuildServer => {
            server.power = Power::Running;
            if let Ok(image) = serde_json::from_value::<Image>(asked("image")) {
                server.login_user = image.login_user;
                server.image = image.slug;
            }
            if let Ok(packages) = serde_json::from_value(asked("packages")) {
                server.packages = packages;
            }
        }
        OperationKind::CreateServer
        | OperationKind::AdoptServer
        | OperationKind::DestroyServer
        | OperationKind::ChangePassword
        | OperationKind::RestoreSnapshot
        | OperationKind::CreateSnapshot
        | OperationKind::DestroySnapshot => {}
    }
}
