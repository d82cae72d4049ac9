//! Addresses that a customer names: only public ones may be spoken to, unless the operator allows others.
//!
//! Used by drivers whose cloud the customer gives an address of. Without this, Arcus would carry a customer's requests
//! into the operator's own network: to loopback, to private ranges, to a cloud's metadata service. Names are judged
//! after resolving, at every connection, so that a name that changes its address is judged again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::cloud::{CloudError, CloudResult, ErrorClass};

/// What is told of an address that is refused.
const REFUSED: &str = "that address is not public; the operator can allow private networks";

/// Resolves names to public addresses only.
#[derive(Debug, Default)]
pub struct PublicOnly;

// === impl PublicOnly ===

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(REFUSED.into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

/// Refuses a URL whose host is an address that is not public; such a host is never resolved.
pub fn check(url: &Url) -> CloudResult<()> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(address) if !is_public(address) => Err(CloudError::new(ErrorClass::Rejected, REFUSED)),
        _ => Ok(()),
    }
}

/// Whether an address belongs to the internet at large.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (b == 18 || b == 19);
    let protocol = (a, b, c) == (192, 0, 0);
    !(a == 0
        || a >= 224
        || shared
        || benchmark
        || protocol
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // An IPv4 address in another coat is judged as what it is.
    let embedded = address
        .to_ipv4_mapped()
        .or_else(|| match address.segments() {
            // NAT64 and 6to4.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
                Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
            }
            _ => None,
        });
    match embedded {
        Some(embedded) => is_public_v4(embedded),
        // Global unicast is 2000::/3; documentation is within it.
        None => first & 0xe000 == 0x2000 && (first, second) != (0x2001, 0x0db8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_the_internet_is_refused() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "ff02::1",
        ];
        for address in private {
            assert!(
                !is_public(address.parse().expect("an address")),
                "{address}"
            );
        }
        for address in ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"] {
            assert!(is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn a_url_of_a_private_address_is_refused_before_anything_is_sent() {
        for url in [
            "https://127.0.0.1:8443",
            "https://[::1]:8443",
            "https://0x7f.1:8443",
            "https://2130706433:8443",
        ] {
            let url = Url::parse(url).expect("a URL");
            assert_eq!(
                check(&url).expect_err("refused").class,
                ErrorClass::Rejected,
                "{url}"
            );
        }
        assert!(check(&Url::parse("https://incus.example.com:8443").expect("a URL")).is_ok());
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_not_resolved() {
        assert!(
            PublicOnly
                .resolve("localhost".parse().expect("a name"))
                .await
                .is_err()
        );
    }
}
