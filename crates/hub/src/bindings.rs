//! Bindings of the contracts, generated from the artifacts in `contracts/artifacts`.
//!
//! [`IHub`] is the whole interface of the hub's address: all pieces together.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::too_many_arguments,
    clippy::too_many_lines,
    reason = "generated code"
)]

use alloy::sol;

sol!(
    #[derive(Debug, PartialEq, Eq)]
    IHub,
    "../../contracts/artifacts/IHub.json"
);

sol! {
    /// The part of the hub's interface that is the certificate way's.
    #[derive(Debug, PartialEq, Eq)]
    interface IRanges {
        struct Task {
            uint8 status; bytes32 dealid; uint256 idx; uint256 timeref; uint256 contributionDeadline;
            uint256 revealDeadline; uint256 finalDeadline; bytes32 consensusValue; uint256 revealCounter;
            uint256 winnerCounter; address[] contributors; bytes32 resultDigest; bytes results;
            uint256 resultsTimestamp; bytes resultsCallback;
        }
        struct Settled {
            bytes32 dealid; uint256 first; uint256 count; uint8 way; bytes32 root; bytes32 link; bytes32 delivery;
            bytes members;
        }
        struct Vote {
            bytes32 dealid; uint256 first; uint256 count; address enclave; bytes32 seal; address worker; bytes sign;
        }

        function bond(address workerpool, uint256 amount) external;
        function bondFor(address workerpool, address worker, uint256 amount) external;
        function unbond(address workerpool, uint256 amount) external;
        function unbondFor(address worker, address workerpool, uint256 amount, uint256 deadline, bytes calldata sign) external;
        function withdrawBond(address workerpool, address worker) external;
        function settle(bytes32 dealid, uint256 first, uint256 count, bytes32 root, bytes32 link, bytes32 delivery, bytes calldata members) external;
        function settleCallback(bytes32 dealid, uint256 idx, uint8 codec, bytes32 content, bytes32 link, bytes32 delivery, bytes calldata resultsCallback, bytes calldata members) external;
        function post(bytes32 dealid, uint256 first, uint256 count, bytes calldata votes) external;
        function open(bytes32 dealid, uint256 first, uint256 count, bytes32 root, bytes32 link, bytes calldata proofs) external;
        function resolve(bytes32 dealid, uint256 first, uint256 count, bytes32 delivery, uint8 codec, bytes32 content, bytes calldata resultsCallback) external;
        function claimRange(bytes32 dealid, uint256 first, uint256 count) external;
        function slashLoser(Settled calldata s, Vote calldata v) external;
        function slashEquivocation(Vote calldata a, Vote calldata b) external;
        function slashOmission(Settled calldata s, uint256 first, uint256 count, address worker, bytes32 seal, bytes calldata sign) external;
        function commitAudit(address workerpool, uint32 epoch, bytes32 hash) external;
        function materialise(bytes32 dealid, uint256 idx, Settled calldata s) external;
        function releaseHeld(address workerpool, address scheduler) external;

        function viewBond(address workerpool, address worker) external view returns (uint256 amount, uint256 pending, uint256 readyAt, uint256 score, uint256 weight);
        function viewBondNonce(address workerpool, address worker) external view returns (uint256);
        function viewAudit(address workerpool, uint32 epoch) external view returns (bytes32);
        function viewMarked(bytes32 dealid) external view returns (bool);
        function viewRange(bytes32 dealid, uint256 idx) external view returns (uint256 first, uint256 count, uint256 time, bytes25 evidence);
        function viewTaskAt(bytes32 dealid, uint256 idx) external view returns (Task memory);

        event RangeSettled(bytes32 indexed dealid, uint256 indexed first, uint256 count, uint8 way, bytes32 root, bytes32 link, bytes32 delivery, bytes members);
        event RangePosted(bytes32 indexed rid, bytes32 indexed dealid, uint256 first, uint256 count, address worker, bytes32 seal);
        event RangeOpened(bytes32 indexed rid, address indexed worker, bytes32 root, bytes32 link);
        event RangeFailed(bytes32 indexed dealid, uint256 indexed first, uint256 count);
        event Bonded(address indexed workerpool, address indexed worker, uint256 amount);
        event Unbonding(address indexed workerpool, address indexed worker, uint256 amount, uint256 readyAt);
        event Slashed(address indexed workerpool, address indexed account, bytes32 indexed rid, uint256 amount, uint8 reason);
        event AuditCommitted(address indexed workerpool, uint32 indexed epoch, bytes32 hash);

        error BadMembers(uint256 offset);
        error BadSignature(address signer);
        error CallbackMismatch();
        error EnclaveMissing(address worker);
        error NotCredible(uint256 p, uint256 q, uint256 trust);
        error NotScheduler(address account, address scheduler);
        error RightVote(address worker);
        error TaskTaken(uint256 idx);
        error TooEarly(uint256 time);
        error TooLate(uint256 deadline);
        error TooManyMembers(uint256 most);
        error Underbonded(address worker);
        error UnknownDeal(bytes32 dealid);
        error UnsortedWorkers(address worker);
        error UnsuitedDeal(bytes32 dealid);
        error WrongRange(uint256 first, uint256 count);
    }
}

sol!(
    #[derive(Debug, PartialEq, Eq)]
    AppRegistry,
    "../../contracts/artifacts/AppRegistry.json"
);

sol!(
    #[derive(Debug, PartialEq, Eq)]
    DatasetRegistry,
    "../../contracts/artifacts/DatasetRegistry.json"
);

sol!(
    #[derive(Debug, PartialEq, Eq)]
    WorkerpoolRegistry,
    "../../contracts/artifacts/WorkerpoolRegistry.json"
);

sol!(
    #[derive(Debug, PartialEq, Eq)]
    Workerpool,
    "../../contracts/artifacts/Workerpool.json"
);

sol!(
    #[derive(Debug, PartialEq, Eq)]
    RLC,
    "../../contracts/artifacts/RLC.json"
);
