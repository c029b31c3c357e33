//! As whom an image wants to run.

/// Reads `user`, `user:group`, by name or number, as a `Dockerfile` has it. `None` when the image knows no such name.
pub(super) fn find(
    wanted: &str,
    passwd: &Option<String>,
    group: &Option<String>,
) -> Option<(u32, u32)> {
    let (user, of) = match wanted.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (wanted, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let passwd = passwd.as_deref().unwrap_or_default();
    let known = lines(passwd).find(|fields| match user.parse::<u32>() {
        Ok(_) => fields.get(2) == Some(&user),
        Err(_) => fields.first() == Some(&user),
    });
    let field = |index: usize| known.as_ref()?.get(index)?.parse::<u32>().ok();
    let uid = user.parse().ok().or_else(|| field(2))?;
    let gid = match of {
        None => field(3).unwrap_or(0),
        Some(group_name) => group_name.parse().ok().or_else(|| {
            let found = lines(group.as_deref().unwrap_or_default())
                .find(|fields| fields.first() == Some(&group_name))?;
            found.get(2)?.parse().ok()
        })?,
    };
    (uid < super::images::IDS && gid < super::images::IDS).then_some((uid, gid))
}

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split(':').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_runs_as_whom_it_names() {
        let passwd = Some("root:x:0:0::/:/bin/sh\nweb:x:33:44::/:\n".to_owned());
        let group = Some("staff:x:50:\n".to_owned());
        let of = |wanted| find(wanted, &passwd, &group);
        assert_eq!(of(""), Some((0, 0)));
        assert_eq!(of("web"), Some((33, 44)));
        assert_eq!(of("33"), Some((33, 44)));
        assert_eq!(of("7"), Some((7, 0)));
        assert_eq!(of("web:staff"), Some((33, 50)));
        assert_eq!(of("1:2"), Some((1, 2)));
        assert_eq!(of("who"), None);
        assert_eq!(of("web:who"), None);
        assert_eq!(of("70000"), None);
        assert_eq!(find("web", &None, &None), None);
    }
}
