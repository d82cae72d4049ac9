//! Which call leads where: who may call, the faults, the time that it takes, and the list of what came in.
//!
//! What must stay true: a fault is used up by one call, and what it says about the effect is so.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;

use super::asked::{Asked, Fields};
use super::world::World;
use super::{Access, Call, Fault, StandIn, catalog, signature, xml};
use crate::serving;

/// A status, a code and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

/// The XML of an answer, or no.
pub(super) type Reply = Result<String, Refusal>;

pub(super) fn refuse(status: u16, code: &str, message: impl Into<String>) -> Refusal {
    Refusal {
        status,
        code: code.to_owned(),
        message: message.into(),
    }
}

pub(super) async fn answer(State(stand_in): State<StandIn>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    // A task of its own: what has arrived has its effect, whether its caller waits for it or not.
    let work = tokio::spawn(async move {
        let latency = stand_in.world().latency;
        tokio::time::sleep(latency / 2).await;
        let done = perform(&stand_in, &parts, &body);
        tokio::time::sleep(latency / 2).await;
        done
    });
    let (reply, fault) = work.await.expect("a call is answered");
    match fault {
        Some(Fault::HangUpBefore | Fault::HangUpAfter) => serving::hang_up(),
        Some(Fault::CutAfter) => cut(reply),
        Some(Fault::Throttle(Some(seconds))) => {
            let mut response = response(reply);
            let headers = response.headers_mut();
            headers.insert("retry-after", seconds.into());
            response
        }
        _ => response(reply),
    }
}

/// What a call is answered by, and what goes wrong with that.
fn perform(stand_in: &StandIn, parts: &Parts, body: &Bytes) -> (Reply, Option<Fault>) {
    let query = parts.uri.query().unwrap_or_default();
    let mut fields = Fields::read(query.as_bytes(), body);
    let action = fields.0.remove("Action").unwrap_or_default();
    fields.0.remove("Version");
    let region = signature::region(&parts.headers).unwrap_or_default();
    let mut call = Call {
        action: action.clone(),
        region: region.clone(),
        fields: fields.0.clone(),
        refused: None,
    };
    let asked = Asked {
        action,
        region,
        fields,
    };
    let mut world = stand_in.world();
    let token = world.session_token.clone();
    let allowed = signature::check(parts, body, token.as_deref())
        .and_then(|()| allowed(&world.access, &asked.action));
    let (reply, fault) = if let Err(refusal) = allowed {
        (Err(refusal), None)
    } else {
        let fault = world.fault(&call);
        (afflicted(&mut world, &asked, fault.as_ref()), fault)
    };
    call.refused = reply.as_ref().err().map(|refusal| refusal.code.clone());
    world.calls.push(call);
    (reply, fault)
}

fn afflicted(world: &mut World, asked: &Asked, fault: Option<&Fault>) -> Reply {
    match fault {
        Some(Fault::Refuse(status, code)) => Err(refuse(*status, code, words(code))),
        Some(Fault::Throttle(_)) => {
            let code = "RequestLimitExceeded";
            Err(refuse(503, code, words(code)))
        }
        Some(Fault::HangUpBefore) => Ok(String::new()),
        Some(Fault::FailAfter) => {
            route(world, asked, false)?;
            Err(refuse(500, "InternalError", words("InternalError")))
        }
        Some(Fault::EndAtOnce) => route(world, asked, true),
        Some(Fault::HangUpAfter | Fault::CutAfter) | None => route(world, asked, false),
    }
}

/// Amazon's words for a code.
fn words(code: &str) -> &'static str {
    match code {
        "InsufficientInstanceCapacity" => {
            "We currently do not have sufficient capacity in the Availability Zone you requested. Our system will be \
             working on provisioning additional capacity."
        }
        "InternalError" => "An internal error has occurred",
        "RequestLimitExceeded" => "Request limit exceeded.",
        "Unavailable" => "The server is overloaded and can't handle the request.",
        "VcpuLimitExceeded" => {
            "You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket that the \
             specified instance type belongs to."
        }
        _ => "The request was refused",
    }
}

fn allowed(access: &Access, action: &str) -> Result<(), Refusal> {
    let denied = || {
        let message = "You are not authorized to perform this operation. Encoded authorization failure message: AbCdEf";
        Err(refuse(403, "UnauthorizedOperation", message))
    };
    match access {
        Access::Revoked => {
            let message = "AWS was not able to validate the provided access credentials";
            Err(refuse(401, "AuthFailure", message))
        }
        Access::Expired => Err(refuse(400, "RequestExpired", "Request has expired.")),
        Access::TokenExpired => {
            let message = "The security token included in the request is expired";
            Err(refuse(403, "ExpiredToken", message))
        }
        Access::Denied => denied(),
        Access::Without(without) if *without == action => denied(),
        Access::Whole | Access::Without(_) => Ok(()),
    }
}

/// Does what is asked for. `ends` says that an instance which is made ends at once.
pub(super) fn route(world: &mut World, asked: &Asked, ends: bool) -> Reply {
    let inner = match asked.action.as_str() {
        "AuthorizeSecurityGroupIngress" => world.authorize(asked),
        "CreateImage" => world.create_image(asked),
        "CreateSecurityGroup" => world.create_group(asked),
        "CreateTags" => world.create_tags(asked),
        "DeleteKeyPair" => Ok(world.delete_key(asked)),
        "DeleteSecurityGroup" => world.delete_group(asked),
        "DeleteSnapshot" => world.delete_snapshot(asked),
        "DeleteTags" => world.delete_tags(asked),
        "DeregisterImage" => world.deregister(asked),
        "DescribeAddresses" => Ok(super::networks::addresses()),
        "DescribeImages" => world.describe_images(asked),
        "DescribeInstanceAttribute" => world.attribute(asked),
        "DescribeInstances" => world.describe_instances(asked),
        "DescribeInstanceTypeOfferings" => catalog::offerings(world, asked),
        "DescribeInstanceTypes" => catalog::types(world, asked),
        "DescribeKeyPairs" => world.describe_keys(asked),
        "DescribeRegions" => Ok(catalog::regions()),
        "DescribeSecurityGroups" => world.describe_groups(asked),
        "DescribeSnapshots" => world.describe_snapshots(asked),
        "DescribeSubnets" => super::networks::subnets(asked),
        "DescribeVolumes" => world.describe_volumes(asked),
        "DescribeVolumesModifications" => Ok(world.describe_modifications(asked)),
        "DescribeVpcs" => Ok(super::networks::vpcs(asked)),
        "GetConsoleOutput" => world.console(asked),
        "ImportKeyPair" => world.import_key(asked),
        "ModifyInstanceAttribute" => world.modify(asked),
        "ModifyVolume" => world.modify_volume(asked),
        "RebootInstances" => world.reboot(asked),
        "RunInstances" => world.run(asked, ends),
        "StartInstances" => world.start(asked),
        "StopInstances" => world.stop(asked),
        "TerminateInstances" => world.terminate(asked),
        unknown => {
            let message = format!("The action {unknown} is not valid for this web service.");
            Err(refuse(400, "InvalidAction", message))
        }
    };
    inner.map(|inner| xml::answer(&asked.action, &inner))
}

fn response(reply: Reply) -> Response {
    let (status, body) = written(reply);
    Response::builder()
        .status(status)
        .header("content-type", "text/xml;charset=UTF-8")
        .body(Body::from(body))
        .expect("a response")
}

fn written(reply: Reply) -> (StatusCode, String) {
    match reply {
        Ok(body) => (StatusCode::OK, body),
        Err(refusal) => (
            StatusCode::from_u16(refusal.status).expect("a status"),
            xml::refusal(&refusal.code, &refusal.message),
        ),
    }
}

/// The connection ends in the middle of the answer.
fn cut(reply: Reply) -> Response {
    let (status, body) = written(reply);
    let length = body.len();
    let half = Bytes::from(body).slice(..length / 2);
    serving::cut(status.as_u16(), Some(length), half)
}
