// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// The data of the external interface. Names, field orders and enum values are PoCo's: clients of iExec's contracts
// decode them unchanged. Amounts are in nRLC (1e-9 RLC), times in seconds since the Unix epoch.

/// An app developer's offer: run `app` at `appprice` a task, `volume` times.
/// A zero `…restrict` admits anyone; an account admits itself; a contract admits whom its ERC-734 group admits.
struct AppOrder {
    address app;
    uint256 appprice;
    uint256 volume;
    bytes32 tag;
    address datasetrestrict;
    address workerpoolrestrict;
    address requesterrestrict;
    bytes32 salt;
    bytes sign;
}

/// A dataset owner's offer. A zero `dataset` in a match means "no dataset".
struct DatasetOrder {
    address dataset;
    uint256 datasetprice;
    uint256 volume;
    bytes32 tag;
    address apprestrict;
    address workerpoolrestrict;
    address requesterrestrict;
    bytes32 salt;
    bytes sign;
}

/// A scheduler's offer of computing power, in tasks of `category` certified up to `trust`.
struct WorkerpoolOrder {
    address workerpool;
    uint256 workerpoolprice;
    uint256 volume;
    bytes32 tag;
    uint256 category;
    uint256 trust;
    address apprestrict;
    address datasetrestrict;
    address requesterrestrict;
    bytes32 salt;
    bytes sign;
}

/// A requester's demand, with a price ceiling for each of the three resources.
struct RequestOrder {
    address app;
    uint256 appmaxprice;
    address dataset;
    uint256 datasetmaxprice;
    address workerpool;
    uint256 workerpoolmaxprice;
    address requester;
    uint256 volume;
    bytes32 tag;
    uint256 category;
    uint256 trust;
    address beneficiary;
    address callback;
    string params;
    bytes32 salt;
    bytes sign;
}

enum OrderOperation {
    SIGN,
    CLOSE
}

struct AppOrderOperation {
    AppOrder order;
    OrderOperation operation;
    bytes sign;
}

struct DatasetOrderOperation {
    DatasetOrder order;
    OrderOperation operation;
    bytes sign;
}

struct WorkerpoolOrderOperation {
    WorkerpoolOrder order;
    OrderOperation operation;
    bytes sign;
}

struct RequestOrderOperation {
    RequestOrder order;
    OrderOperation operation;
    bytes sign;
}

struct Resource {
    address pointer;
    address owner;
    uint256 price;
}

struct Deal {
    Resource app;
    Resource dataset;
    Resource workerpool;
    uint256 trust;
    uint256 category;
    bytes32 tag;
    address requester;
    address beneficiary;
    address callback;
    string params;
    uint256 startTime;
    uint256 botFirst;
    uint256 botSize;
    uint256 workerStake;
    uint256 schedulerRewardRatio;
    address sponsor;
}

enum TaskStatus {
    UNSET,
    ACTIVE,
    REVEALING,
    COMPLETED,
    FAILED
}

struct Task {
    TaskStatus status;
    bytes32 dealid;
    uint256 idx;
    uint256 timeref;
    uint256 contributionDeadline;
    uint256 revealDeadline;
    uint256 finalDeadline;
    bytes32 consensusValue;
    uint256 revealCounter;
    uint256 winnerCounter;
    address[] contributors;
    bytes32 resultDigest;
    bytes results;
    uint256 resultsTimestamp; // PoCo never writes it: always 0
    bytes resultsCallback;
}

enum ContributionStatus {
    UNSET,
    CONTRIBUTED,
    PROVED,
    REJECTED
}

struct Contribution {
    ContributionStatus status;
    bytes32 resultHash;
    bytes32 resultSeal;
    address enclaveChallenge;
    uint256 weight; // floor(log2) of the worker's weight: its share of the pay
}

/// A range that was settled by signed votes, as its event `RangeSettled` tells of it. The hub keeps a hash of it.
struct Settled {
    bytes32 dealid;
    uint256 first;
    uint256 count;
    uint8 way; // 1 `settle`, 2 `resolve`
    bytes32 root;
    bytes32 link;
    bytes32 delivery;
    bytes members; // for each: kind (1 byte), account (20), weight (1)
}

/// A worker's signed vote on a range.
struct Vote {
    bytes32 dealid;
    uint256 first;
    uint256 count;
    address enclave;
    bytes32 seal;
    address worker;
    bytes sign; // EIP-2098: 64 bytes
}

struct Account {
    uint256 stake; // free to use and to withdraw
    uint256 locked;
}

struct Category {
    string name;
    string description;
    uint256 workClockTimeRef;
}

struct EIP712Domain {
    string name;
    string version;
    uint256 chainId;
    address verifyingContract;
}

struct AppInfo {
    address owner;
    string m_appName;
    string m_appType;
    bytes m_appMultiaddr;
    bytes32 m_appChecksum;
    bytes m_appMREnclave;
}

struct DatasetInfo {
    address owner;
    string m_datasetName;
    bytes m_datasetMultiaddr;
    bytes32 m_datasetChecksum;
}

struct WorkerpoolInfo {
    address owner;
    string m_workerpoolDescription;
    uint256 m_workerStakeRatioPolicy;
    uint256 m_schedulerRewardRatioPolicy;
}
