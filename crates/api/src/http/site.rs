//! Which site a request comes from: a web page must not use the browser that shows it to reach an Arcus.
//!
//! Called by the edge for every request. Most calls need a header that no page of another site can send; registering and
//! logging in do not. Two ways in are closed: a page that calls across sites, and one whose own name was made to lead to
//! this machine (DNS rebinding). Both are known by headers that browsers send; what sends none of them is untouched.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, Request};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};

use super::edge::Failure;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Refuses what would change something on another site's behalf.
pub(super) fn check(request: &Request) -> Result<(), Failure> {
    if request.method().is_safe() {
        return Ok(());
    }
    let refuse = |message| Err(Failure::http(StatusCode::FORBIDDEN, message));
    if is_of_another_site(request.headers()) {
        return refuse("a web page of another site may not call this; nothing was done");
    }
    if is_by_a_foreign_name(request) {
        return refuse(
            "Arcus listens on loopback here, where it goes by localhost or an IP address and not by the name that was \
             sent as Host; use one of these, or a proxy that sets X-Forwarded-For (with HTTPS, for browsers); nothing \
             was done",
        );
    }
    Ok(())
}

/// Whether it came through a proxy, or says so: the peer is not the caller then.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED_FOR) || headers.contains_key(header::FORWARDED)
}

/// On a listener on loopback: whether it was sent to a name that may be anybody's.
pub(super) fn is_by_a_foreign_name(request: &Request) -> bool {
    let headers = request.headers();
    let foreign = |host| !is_local_name(host);
    // A rebound page may claim to be forwarded. It can't hide its origin, and as Arcus speaks no TLS that is plain HTTP.
    let is_plain = |origin: &HeaderValue| origin.as_bytes().starts_with(b"http://");
    is_on_loopback(request)
        && headers.get_all(header::HOST).iter().any(foreign)
        && (!is_forwarded(headers) || headers.get_all(header::ORIGIN).iter().any(is_plain))
}

fn is_of_another_site(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST);
    let another = |site: &HeaderValue| {
        ["cross-site", "same-site"]
            .iter()
            .any(|word| site.as_bytes().eq_ignore_ascii_case(word.as_bytes()))
    };
    headers.get_all(SEC_FETCH_SITE).iter().any(another)
        || headers
            .get_all(header::ORIGIN)
            .iter()
            .any(|origin| !is_same(origin, host))
}

/// Whether a page of that origin was answered by that host. The scheme is the proxy's affair.
fn is_same(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let (Some(origin), Some(host)) = (parse::<Uri>(origin), host.and_then(parse::<Authority>))
    else {
        return false;
    };
    let usual = match origin.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        // "null" too: a page that hides where it is from.
        _ => return false,
    };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(usual);
    origin.authority().is_some_and(|origin| {
        origin.host().eq_ignore_ascii_case(host.host()) && port(origin) == port(&host)
    })
}

/// Whether both ends are on this machine. Behind a listener on all addresses the machine may go by any name.
fn is_on_loopback(request: &Request) -> bool {
    let listener = request.extensions().get::<SocketAddr>();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    listener.is_some_and(|listener| listener.ip().is_loopback())
        && peer.is_some_and(|ConnectInfo(peer)| peer.ip().is_loopback())
}

/// A name that nobody's name server can lead elsewhere.
fn is_local_name(host: &HeaderValue) -> bool {
    let Some(host) = parse::<Authority>(host) else {
        return false;
    };
    let name = host.host().trim_end_matches('.').to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.ends_with(".localhost") || address.parse::<IpAddr>().is_ok()
}

fn parse<T: FromStr>(value: &HeaderValue) -> Option<T> {
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(origin: &'static str, host: &'static str) -> bool {
        let host = HeaderValue::from_static(host);
        is_same(&HeaderValue::from_static(origin), Some(&host))
    }

    #[test]
    fn an_origin_is_the_hosts_when_name_and_port_agree() {
        for (origin, host) in [
            ("http://localhost:8080", "localhost:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("https://arcus.example.com", "arcus.example.com"),
            ("https://arcus.example.com", "Arcus.Example.com:443"),
            ("http://arcus.example.com", "arcus.example.com:80"),
        ] {
            assert!(same(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn an_origin_is_foreign_when_name_or_port_differ_or_it_is_none() {
        for (origin, host) in [
            ("http://localhost:3000", "localhost:8080"),
            ("http://evil.example", "localhost:8080"),
            ("http://localhost.evil.example:8080", "localhost:8080"),
            ("https://arcus.example.com", "arcus.example.com:80"),
            ("chrome-extension://localhost:8080", "localhost:8080"),
            ("file://", "localhost:8080"),
            ("null", "null"),
            ("", ""),
        ] {
            assert!(!same(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn a_local_name_is_localhost_or_below_it_or_an_address() {
        for host in [
            "localhost",
            "localhost.",
            "LocalHost:8080",
            "arcus.localhost:8080",
            "127.0.0.1:8080",
            "192.0.2.7",
            "[::1]:8080",
        ] {
            assert!(is_local_name(&HeaderValue::from_static(host)), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "",
        ] {
            assert!(!is_local_name(&HeaderValue::from_static(host)), "{host}");
        }
    }
}
