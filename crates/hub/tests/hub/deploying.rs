//! A market is put on a chain, finished, and found again.

use alloy::primitives::{Address, B256};
use canut_hub::{Caller, DeployError, Deployment, Hub, Plan, deploy, deploy::PROXY};
use canut_protocol::{Nrlc, category};

use crate::node::Node;

#[tokio::test]
async fn a_second_deployment_sends_nothing_and_says_the_same() {
    let node = Node::start(&[]).await;
    let owner = node.sender(1).await;
    let mut plan = Plan::new(owner.address());
    plan.metadata = "https://example.org/".into();
    let first = deploy(node.provider.clone(), &owner, &plan).await.unwrap();
    let spent = node.nonce(owner.address()).await;

    // Anybody can make sure that a market is there.
    let stranger = node.sender(2).await;
    let second = deploy(node.provider.clone(), &stranger, &plan)
        .await
        .unwrap();
    assert_eq!(first, second);
    assert_eq!(node.nonce(owner.address()).await, spent);
    assert_eq!(node.nonce(stranger.address()).await, 0);

    let text = serde_json::to_string(&first).unwrap();
    assert_eq!(serde_json::from_str::<Deployment>(&text).unwrap(), first);
    let hub = Hub::at(node.provider.clone(), first.hub).await.unwrap();
    assert_eq!(*hub.deployment(), first);
    assert_eq!(hub.categories().await.unwrap(), category::defaults());
    assert_eq!(hub.owner().await.unwrap(), Some(owner.address()));
    assert_eq!(
        hub.token_balance(owner.address()).await.unwrap(),
        Nrlc::rlc(87_000_000)
    );
}

#[tokio::test]
async fn a_half_made_market_is_finished_by_its_owner_only() {
    let node = Node::start(&[]).await;
    let (owner, stranger) = (node.sender(1).await, node.sender(2).await);
    let mut plan = Plan::new(owner.address());
    plan.categories.truncate(2);
    let half = deploy(node.provider.clone(), &owner, &plan).await.unwrap();

    plan.categories = category::defaults().into();
    let refused = deploy(node.provider.clone(), &stranger, &plan)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, DeployError::NotTheOwner { owner: whose, .. } if whose == owner.address())
    );
    assert_eq!(
        deploy(node.provider.clone(), &owner, &plan).await.unwrap(),
        half
    );
    let hub = Hub::new(node.provider.clone(), half);
    assert_eq!(hub.categories().await.unwrap(), category::defaults());
}

#[tokio::test]
async fn a_stranger_may_pay_for_the_contracts_and_the_owner_completes_them() {
    let node = Node::start(&[]).await;
    let (owner, stranger) = (node.sender(1).await, node.sender(2).await);
    let plan = Plan::new(owner.address());
    let refused = deploy(node.provider.clone(), &stranger, &plan)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("owner's key"), "{refused}");
    let deployment = deploy(node.provider.clone(), &owner, &plan).await.unwrap();
    assert_eq!(
        Hub::new(node.provider.clone(), deployment)
            .category_count()
            .await
            .unwrap(),
        5
    );
}

#[tokio::test]
async fn a_market_keeps_a_token_that_exists_and_no_other_after() {
    let node = Node::start(&[]).await;
    let owner = node.sender(1).await;
    let first = deploy(node.provider.clone(), &owner, &Plan::new(owner.address()))
        .await
        .unwrap();
    let mut plan = Plan::new(owner.address());
    plan.token = Some(first.token);
    plan.salt = B256::repeat_byte(1);
    let second = deploy(node.provider.clone(), &owner, &plan).await.unwrap();
    assert_eq!(second.token, first.token);
    assert_ne!(second.hub, first.hub);

    plan.token = Some(Address::repeat_byte(1));
    let refused = deploy(node.provider.clone(), &owner, &plan)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, DeployError::OtherToken { found, .. } if found == first.token),
        "{refused}"
    );
}

#[tokio::test]
async fn a_bare_chain_is_given_the_deployment_proxy_first() {
    let node = Node::start(&["--disable-default-create2-deployer"]).await;
    let owner = node.sender(1).await;
    let nothing = alloy::providers::Provider::get_code_at(&node.provider, PROXY)
        .await
        .unwrap();
    assert!(nothing.is_empty());
    let here = deploy(node.provider.clone(), &owner, &Plan::new(owner.address()))
        .await
        .unwrap();

    // The addresses are the same on every chain.
    let other = Node::start(&[]).await;
    let again = other.sender(1).await;
    let there = deploy(other.provider.clone(), &again, &Plan::new(again.address()))
        .await
        .unwrap();
    assert_eq!(here, there);
}

#[tokio::test]
async fn the_owner_can_step_down() {
    let node = Node::start(&[]).await;
    let sender = node.sender(1).await;
    let plan = Plan::new(sender.address());
    let deployment = deploy(node.provider.clone(), &sender, &plan).await.unwrap();
    let owner = Caller::new(Hub::new(node.provider.clone(), deployment), sender.clone());
    owner.transfer_ownership(None).await.unwrap();
    assert_eq!(owner.hub().owner().await.unwrap(), None);
    let refused = owner.set_callback_gas(1).await.unwrap_err();
    assert!(refused.to_string().contains("only the owner"), "{refused}");
    assert_eq!(
        deploy(node.provider.clone(), &sender, &plan).await.unwrap(),
        deployment
    );
}
