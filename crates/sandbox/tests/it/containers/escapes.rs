//! What an app tries, and does not get.

use std::{fs, net::TcpListener, process::Command};

use super::place::{DONE, Place, runtimes};

#[tokio::test]
async fn nobody_is_on_the_network_of_an_app() {
    let place = Place::new();
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for (runtime, _folder) in runtimes().await {
        let mut script = "n() { echo \"$@\"; echo | nc -w 2 \"$@\" && echo REACHED; }; ".to_owned();
        for address in own_addresses() {
            script += &format!("n {address} {port}; ");
        }
        script += &format!(
            "n 127.0.0.1 {port}; n 169.254.169.254 80; n 10.0.0.1 80; n 172.16.0.1 80; n 192.168.1.1 80; \
             n 1.1.1.1 53; n ::1 {port}; n fe80::1 80; n fd00::1 80; n 2606:4700::1111 53; "
        );
        script += "ping -c 1 -W 1 1.1.1.1 && echo REACHED; ip link set lo down && echo REACHED; ls /sys/class/net";
        let said = place.read(&runtime, &script).await;
        assert!(!said.contains("REACHED"), "{said}");
    }
}

/// Addresses of this machine.
fn own_addresses() -> Vec<String> {
    let said = Command::new("hostname").arg("-I").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    said.unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn the_machine_is_out_of_sight() {
    let place = Place::new();
    let secret = place.folder.path().join("secret");
    fs::write(&secret, "the owner's").unwrap();
    for (runtime, _folder) in runtimes().await {
        let script = format!(
            "cat {} && echo GOT; ls /proc/1/root/root /root && echo GOT; ls /home && echo GOT; \
             cat /proc/kcore | head -c 1 | grep -q . && echo GOT; ls -d /proc/[0-9]* | grep -v self; hostname",
            secret.display()
        );
        let said = place.read(&runtime, &script).await;
        assert!(!said.contains("GOT"), "{said}");
        assert!(said.ends_with("canut\n"), "{said}");
        let processes = said
            .lines()
            .filter(|line| line.starts_with("/proc/"))
            .count();
        assert!(processes < 10, "only its own processes: {said}");
    }
}

#[tokio::test]
async fn nothing_can_be_changed_but_its_own_files() {
    let place = Place::new();
    fs::write(place.folder.path().join("in/data"), "data").unwrap();
    let tries = [
        "touch /file",
        "touch /bin/file",
        "echo x >/iexec_in/data",
        "touch /iexec_in/file",
        "mount -t tmpfs none /tmp",
        "mount -o remount,rw /",
        "mount -t proc proc /tmp",
        "chroot / /bin/ls",
        "mknod /tmp/disk b 8 0",
        "mknod /tmp/memory c 1 1",
        "echo 1 >/proc/sys/kernel/panic",
        "echo b >/proc/sysrq-trigger",
        "echo -1000 >/proc/1/oom_score_adj",
        "hostname other",
        "cat /dev/mem",
        "cat /dev/vda",
        "ls /dev/kvm",
    ];
    for (runtime, _folder) in runtimes().await {
        for script in tries {
            // gVisor's kernel has a score of its own.
            let said = place
                .read(&runtime, &format!("{script} && echo DONE"))
                .await;
            let virtually = script.contains("oom_score") && runtime.engine().name() == "runsc";
            assert!(virtually || !said.contains("DONE"), "{script}: {said}");
        }
        assert_eq!(
            fs::read(place.folder.path().join("in/data")).unwrap(),
            b"data"
        );
    }
}

#[tokio::test]
async fn it_has_no_privileges_and_cannot_get_any() {
    let place = Place::new();
    for (runtime, _folder) in runtimes().await {
        let said = place.read(&runtime, "cat /proc/self/status; nproc").await;
        for line in said.lines().filter(|line| line.starts_with("Cap")) {
            assert!(line.ends_with("0000000000000000"), "{line}");
        }
        if runtime.engine().name() != "runsc" {
            assert!(
                said.contains("NoNewPrivs:\t1") && said.contains("Seccomp:\t2"),
                "{said}"
            );
            assert!(said.ends_with("\n1\n"), "one core: {said}");
        }
    }
}

#[tokio::test]
async fn what_fills_a_disk_fills_its_own() {
    let place = Place::new();
    for (runtime, _folder) in runtimes().await {
        for script in [
            "dd if=/dev/zero of=/dev/shm/big bs=1M count=200",
            "dd if=/dev/zero of=/dev/big bs=1M count=200",
            "dd if=/dev/zero of=/tmp/big bs=1M count=200",
            "dd if=/dev/zero of=/big bs=1M count=200",
            // Names alone take room as well.
            "i=0; while : >/tmp/$i; do i=$((i+1)); [ $i -lt 40000 ] || exit 0; done; exit 1",
        ] {
            let outcome = place.run(&runtime, script).await;
            // What its kernel holds in memory, gVisor counts as the app's: it may end with it.
            let bounded = match (&outcome, runtime.engine().name()) {
                (Ok(outcome), _) => matches!(outcome.verdict.as_ref().unwrap_err().code(), 6 | 9),
                (Err(_), engine) => engine == "runsc",
            };
            assert!(bounded, "{script}: {outcome:?}");
        }
        assert_eq!(place.read(&runtime, "echo calm").await, "calm\n");
    }
}

#[tokio::test]
async fn what_an_app_leaves_is_read_only_if_it_is_a_file() {
    let place = Place::new();
    for (runtime, _folder) in runtimes().await {
        // A pipe would never end, and a device is somebody else's.
        for script in [
            "mkfifo /iexec_out/result",
            "ln -s /dev/zero /iexec_out/result",
            "ln -s ../../../../../etc/shadow /iexec_out/result",
        ] {
            let outcome = place.run(&runtime, &format!("{script} && {DONE}")).await;
            let verdict = outcome.unwrap().verdict;
            // gVisor may keep a pipe to itself: then there is no result.
            assert!(matches!(verdict.unwrap_err().code(), 11 | 12), "{script}");
        }
    }
}

#[tokio::test]
async fn a_bomb_of_processes_goes_off_inside() {
    let mut place = Place::new();
    place.limits.time = std::time::Duration::from_secs(5);
    for (runtime, _folder) in runtimes().await {
        // It ends somehow; what counts is that this machine goes on, and that nothing is left.
        let _ = place.run(&runtime, "b() { b | b & b; }; b; sleep 2").await;
        let after = place.read(&runtime, "echo calm").await;
        assert_eq!(after, "calm\n");
    }
}
