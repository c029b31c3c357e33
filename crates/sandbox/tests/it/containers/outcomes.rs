//! How runs end.

use std::{fs, time::Duration};

use canut_sandbox::{EngineKind, Failure, Fault, Runtime};
use serde_json::json;

use super::place::{DONE, Place, busybox, runtimes, save};

#[tokio::test]
async fn an_app_reads_its_inputs_and_leaves_a_result() {
    let place = Place::new();
    fs::write(place.folder.path().join("in/name"), "world").unwrap();
    let script = format!("echo hello $(cat $IEXEC_IN/name) >$IEXEC_OUT/result; echo done; {DONE}");
    let mut digests = Vec::new();
    for (runtime, _folder) in runtimes().await {
        let outcome = place.run(&runtime, &script).await.unwrap();
        assert!(outcome.verdict.is_ok(), "{outcome:?}");
        assert_eq!(outcome.stdout.bytes, b"done\n");
        let result = fs::read(place.output().join("result")).unwrap();
        assert_eq!(result, b"hello world\n");
        digests.push(outcome.digest);
    }
    digests.dedup();
    assert!(digests.len() <= 1, "engines agree: {digests:?}");
}

#[tokio::test]
async fn an_app_that_fails_says_so_everywhere_alike() {
    let place = Place::new();
    for (runtime, _folder) in runtimes().await {
        for (script, expected) in [
            ("echo broken >&2; exit 3", Failure::ExitStatus(3)),
            (
                "ln -s /etc/passwd /iexec_out/link",
                Failure::Result("it is neither a file nor a folder"),
            ),
        ] {
            let outcome = place.run(&runtime, script).await.unwrap();
            assert_eq!(outcome.verdict, Err(expected), "{script}");
        }
        let outcome = place.run(&runtime, "true").await.unwrap();
        assert_eq!(outcome.verdict.unwrap_err().code(), 10);
    }
}

#[tokio::test]
async fn what_an_image_does_not_say_is_no_program() {
    let place = Place::empty();
    for (runtime, _folder) in runtimes().await {
        for config in [
            json!({}),
            json!({ "Cmd": ["/bin/nothing"] }),
            json!({ "Cmd": ["/bin"] }),
        ] {
            save(&place.app, &[busybox()], &config);
            let outcome = runtime.run(&place.job(&[]), &place.limits).await;
            assert_eq!(
                outcome.unwrap().verdict,
                Err(Failure::InvalidApp),
                "{config}"
            );
        }
        // A user by name, a folder to work in, a command of the image, and variables of its own.
        let config = json!({
            "Cmd": ["sh", "-c", format!("{{ id; pwd; echo $GREETING; }} >/iexec_out/result; {DONE}")],
            "User": "12:34",
            "WorkingDir": "/bin",
            "Env": ["GREETING=hello", "PATH=/bin"],
        });
        save(&place.app, &[busybox()], &config);
        let outcome = runtime.run(&place.job(&[]), &place.limits).await.unwrap();
        assert!(outcome.verdict.is_ok(), "{outcome:?}");
        let result = fs::read_to_string(place.output().join("result")).unwrap();
        assert_eq!(result, "uid=12 gid=34\n/bin\nhello\n");
    }
}

#[tokio::test]
async fn time_is_up_for_the_app_and_all_it_started() {
    let mut place = Place::new();
    place.limits.time = Duration::from_millis(1_500);
    for (runtime, _folder) in runtimes().await {
        let script = "sleep 1000 & (trap '' TERM HUP INT; sleep 1000) & wait";
        let fault = place.run(&runtime, script).await.unwrap_err();
        assert!(matches!(fault, Fault::WallTime(_)), "{fault}");
    }
}

#[tokio::test]
async fn memory_and_disk_are_bounded() {
    let place = Place::new();
    for (runtime, _folder) in runtimes().await {
        let hungry = place
            .run(&runtime, "x=a; while true; do x=$x$x; done")
            .await;
        if runtime.engine() == EngineKind::Runc {
            let verdict = hungry.unwrap().verdict.unwrap_err();
            assert_eq!(verdict.code(), 6, "{verdict}");
        } else {
            // The kernel of gVisor is killed with the app: nobody can say why.
            assert!(matches!(hungry, Err(Fault::Engine(_))), "{hungry:?}");
        }
        let full = "dd if=/dev/zero of=/iexec_out/big bs=1M count=100";
        let outcome = place.run(&runtime, full).await.unwrap();
        assert_eq!(
            outcome.verdict.as_ref().unwrap_err().code(),
            9,
            "{outcome:?}"
        );
        let full = "dd if=/dev/zero of=/tmp/big bs=1M count=100";
        let outcome = place.run(&runtime, full).await.unwrap();
        assert_eq!(
            outcome.verdict.as_ref().unwrap_err().code(),
            9,
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn sizes_of_results_are_added_up_whatever_they_share() {
    let place = Place::new();
    let shared = "dd if=/dev/zero of=/iexec_out/a bs=1M count=20; ln /iexec_out/a /iexec_out/b";
    let sparse = "dd if=/dev/zero of=/iexec_out/a bs=1 count=1 seek=1000000000";
    for (runtime, _folder) in runtimes().await {
        for script in [shared, sparse] {
            let outcome = place.run(&runtime, script).await.unwrap();
            assert_eq!(outcome.verdict.unwrap_err().code(), 7, "{script}");
        }
    }
}
