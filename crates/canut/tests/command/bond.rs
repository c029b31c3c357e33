//! A provider leaves a pool, and gets the bond back.

use canut_hub::connect;
use canut_protocol::Nrlc;
use serde_json::{Value, json};

use alloy::providers::Provider;

use crate::{
    client::Person,
    services::{DEPOSIT, Services},
};

/// Seconds that a bond answers for votes after it was asked back.
const WEEK: u64 = 604_800;

/// Seconds pass on the chain.
async fn pass(services: &Services, seconds: u64) {
    let provider = connect(&services.node.url).await.unwrap();
    for (method, params) in [
        ("evm_increaseTime", json!([seconds])),
        ("evm_mine", json!([])),
    ] {
        let _: Value = provider.raw_request(method.into(), params).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_left_gets_its_bond_back_a_week_later() {
    let mut services = Services::start(1, "option-pricer.wasm", &[]).await;
    let hub = services.hub().await;
    let (worker, workerpool) = (services.worker(0), services.workerpool);
    services.workers[0].terminate();
    let half = Nrlc::rlc(DEPOSIT / 2);
    assert_eq!(hub.bond(workerpool, worker).await.unwrap().amount, half);

    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    let file = home.path().join("worker.toml");
    let key = home.path().join("worker.key");
    std::fs::write(&key, services.keys[3].to_bytes().to_string()).unwrap();
    let text = format!(
        "rpc = \"{}\"\nhub = \"{}\"\nworkerpool = \"{workerpool}\"\nkey-file = \"{}\"\nslots = 2\nbond = \"60RLC\"\n",
        services.node.url,
        services.hub,
        key.display()
    );
    std::fs::write(&file, text).unwrap();
    let config = ["--config", file.to_str().unwrap()];
    let asks = |words: &[&'static str]| [&["worker"], words, &config].concat();

    let added = person.does(&asks(&["bond", "2RLC"]));
    assert_eq!(added["bond"], json!(half.plus(Nrlc::rlc(2)).unwrap()));
    let told = person.fails(&asks(&["bond", "2000RLC"]));
    assert!(told.contains("canut account deposit"), "{told}");
    let told = person.fails(&asks(&["unbond", "53RLC"]));
    assert!(
        told.contains("the bond of") && told.contains("52 RLC"),
        "{told}"
    );

    let part = person.does(&asks(&["unbond", "12RLC"]));
    assert_eq!(
        (&part["bond"], &part["pending"]),
        (&json!(Nrlc::rlc(40)), &json!(Nrlc::rlc(12)))
    );
    let told = person.fails(&asks(&["unbond"]));
    assert!(
        told.contains("12 RLC were asked back") && told.contains("the same command takes them out"),
        "{told}"
    );
    pass(&services, WEEK).await;
    let out = person.does(&asks(&["unbond"]));
    assert_eq!(
        (&out["withdrawn"], &out["asked"]),
        (&json!(Nrlc::rlc(12)), &json!(0))
    );
    // Without ether it signs what it wishes, and somebody else pays.
    let provider = connect(&services.node.url).await.unwrap();
    let none: Result<Value, _> = provider
        .raw_request("anvil_setBalance".into(), json!([worker, "0x0"]))
        .await;
    none.unwrap();
    person.fails(&asks(&["unbond"]));
    let payer = home.path().join("payer.key");
    std::fs::write(&payer, services.keys[1].to_bytes().to_string()).unwrap();
    let asks = |words: &[&'static str]| {
        let payer = ["--payer", payer.to_str().unwrap()];
        [&["worker"], words, &config, &payer].concat()
    };
    let rest = person.does(&asks(&["unbond"]));
    assert_eq!(
        (&rest["asked"], &rest["bond"]),
        (&json!(Nrlc::rlc(40)), &json!(0))
    );
    pass(&services, WEEK).await;
    let output = person.command(&asks(&["unbond"])).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains("40 RLC taken out: free on the hub again."),
        "{shown}"
    );
    let account = hub.account(worker).await.unwrap();
    assert_eq!(
        (account.stake, account.locked),
        (Nrlc::rlc(DEPOSIT), Nrlc::ZERO)
    );
    let told = person.fails(&asks(&["unbond"]));
    assert!(told.contains("nothing to ask back"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_bonds_for_a_worker_spares_it_the_ether() {
    let services = Services::start(0, "option-pricer.wasm", &[]).await;
    let home = tempfile::tempdir().unwrap();
    let person = Person { home: home.path() };
    let (hub, rpc) = (services.hub.to_string(), services.node.url.as_str());
    let worker = "0x00000000000000000000000000000000000000aa";
    let bond = |pool: String| -> Vec<String> {
        let place = [
            "--hub",
            &hub,
            "--rpc",
            rpc,
            "--worker",
            worker,
            "--workerpool",
            &pool,
        ];
        let words = ["worker", "bond", "3RLC"].into_iter().chain(place);
        words.map(str::to_owned).collect()
    };
    let as_requester = |words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = person.command(&words);
        let key = services.keys[1].to_bytes().to_string();
        command.env("CANUT_PRIVATE_KEY", key).output().unwrap()
    };
    let output = as_requester(&bond(services.workerpool.to_string()));
    assert!(output.status.success());
    let chain = services.hub().await;
    let has = chain
        .bond(services.workerpool, worker.parse().unwrap())
        .await;
    assert_eq!(has.unwrap().amount, Nrlc::rlc(3));
    let output = as_requester(&bond(services.hub.to_string()));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("there is no workerpool"), "{told}");
}
