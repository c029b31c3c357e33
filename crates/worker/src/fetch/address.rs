//! Which addresses a worker connects to on behalf of strangers.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

/// Whether `address` is of the public Internet: not loopback, private, link-local, shared, multicast, reserved or for
/// documentation (RFC 6890), nor one of those dressed as IPv6 (mapped, NAT64, 6to4, Teredo).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && b & 0xfe == 18)
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let [a, b, ..] = address.segments();
    // Global unicast is 2000::/3; NAT64 and the like lie outside of it.
    a & 0xe000 == 0x2000
        && a != 0x2002
        && !(a == 0x2001 && (b < 0x200 || b == 0xdb8))
        && !(a == 0x3fff && b & 0xf000 == 0)
}

/// Resolves names, and hides the addresses that are not public unless they are allowed.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    pub(crate) private: bool,
    /// What names are said to mean instead of asking the system. All of it is on this machine.
    #[cfg(test)]
    pub(crate) names: Option<std::sync::Arc<std::collections::BTreeMap<String, IpAddr>>>,
}

impl Resolver {
    pub(crate) const fn new(private: bool) -> Self {
        Self {
            private,
            #[cfg(test)]
            names: None,
        }
    }

    async fn find(self, name: Name) -> io::Result<std::vec::IntoIter<SocketAddr>> {
        let mut found = self.ask(name.as_str()).await?;
        found.retain(|found| self.private || is_public(found.ip()));
        if found.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "a private network",
            ));
        }
        #[cfg(test)]
        if self.names.is_some() {
            found = vec![(Ipv4Addr::LOCALHOST, 0).into()];
        }
        Ok(found.into_iter())
    }

    async fn ask(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        #[cfg(test)]
        if let Some(names) = &self.names {
            let said = names.get(name).ok_or(io::ErrorKind::NotFound)?;
            return Ok(vec![(*said, 0).into()]);
        }
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().find(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_told_from_the_public_one() {
        for public in [
            "1.1.1.1",
            "192.0.1.1",
            "100.63.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "127.0.0.1",
            "127.8.8.8",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "203.0.113.7",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:0:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }
}
