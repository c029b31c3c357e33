//! A Debian image made on the spot, and real programs of it.

use std::{fs, time::Duration};

use canut_sandbox::{EngineKind, Runtime};

use super::place::{Place, debian_image, runtimes};

const STATISTICS: &str = r#"
import numpy, os, json
table = numpy.genfromtxt(os.environ["IEXEC_IN"] + "/data.csv", delimiter=",", names=True)
out = os.environ["IEXEC_OUT"]
with open(out + "/result", "w") as result:
    for name in table.dtype.names:
        result.write(f"{name} {table[name].mean():.3f} {table[name].std():.3f}\n")
json.dump({"deterministic-output-path": out + "/result"}, open(out + "/computed.json", "w"))
"#;

const THUMBNAIL: &str = r#"convert "$IEXEC_IN/picture.ppm" -resize 8x8 -depth 8 /iexec_out/result.ppm &&
echo '{"deterministic-output-path":"/iexec_out/result.ppm"}' >/iexec_out/computed.json"#;

/// Sockets that packets, hypervisors and kernel keys are reached through, and calls of the system that made escapes.
const SOCKETS: &str = r#"
import ctypes, json, socket, os
tries = [(17, 3, 0), (2, 3, 1), (40, 1, 0), (38, 5, 0), (15, 3, 0)]
got = []
for family, kind, protocol in tries:
    try:
        socket.socket(family, kind, protocol)
        got.append(family)
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
for name, number in dict(bpf=321, keyctl=250, unshare=272, userfaultfd=323, io_uring_setup=425, ptrace=101, mount=165, setns=308).items():
    if libc.syscall(number, 0x10000000 if name == "unshare" else 0, 0, 0, 0, 0) >= 0:
        got.append(name)
open("/iexec_out/result", "w").write(json.dumps(got))
open("/iexec_out/computed.json", "w").write('{"deterministic-output-path":"/iexec_out/result"}')
"#;

#[tokio::test]
async fn real_programs_of_debian_run() {
    let runtimes = runtimes().await;
    if runtimes.is_empty() {
        return;
    }
    let Some(image) = debian_image() else {
        return;
    };
    let mut place = Place::empty();
    fs::hard_link(&image, &place.app)
        .or_else(|_| fs::copy(&image, &place.app).map(|_| ()))
        .unwrap();
    place.limits.time = Duration::from_secs(200);
    place.limits.memory_bytes = 1 << 30;
    let input = place.folder.path().join("in");
    fs::write(input.join("data.csv"), "height,weight\n1,10\n2,20\n3,60\n").unwrap();
    let pixels: Vec<u8> = (0..64 * 64 * 3)
        .map(|byte| u8::try_from(byte % 251).unwrap())
        .collect();
    fs::write(
        input.join("picture.ppm"),
        [b"P6\n64 64\n255\n", pixels.as_slice()].concat(),
    )
    .unwrap();
    let mut results = Vec::new();
    for (runtime, _folder) in &runtimes {
        let mut seen = Vec::new();
        for arguments in [
            ["python3", "-c", STATISTICS],
            ["sh", "-c", THUMBNAIL],
            ["python3", "-c", SOCKETS],
        ] {
            let outcome = runtime
                .run(&place.job(&arguments), &place.limits)
                .await
                .unwrap();
            assert!(outcome.verdict.is_ok(), "{outcome:?}");
            let result = ["result", "result.ppm"].map(|name| fs::read(place.output().join(name)));
            seen.push((
                result.into_iter().find_map(Result::ok).unwrap(),
                outcome.digest,
            ));
        }
        assert_eq!(seen[0].0, b"height 2.000 0.816\nweight 30.000 21.602\n");
        assert!(seen[1].0.starts_with(b"P6\n8 8\n255\n"));
        // gVisor's kernel has namespaces and tracing of its own, which are not those of the machine.
        let harmless = match runtime.engine() {
            EngineKind::Runsc => r#"["unshare", "ptrace"]"#,
            _ => "[]",
        };
        let (got, _) = seen.pop().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&got),
            harmless,
            "on {}",
            runtime.engine()
        );
        results.push(seen);
    }
    assert!(
        results.iter().all(|seen| *seen == results[0]),
        "engines agree"
    );
}
