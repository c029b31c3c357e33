//! The hub: PoCo's interface in token mode (reference: `IexecInterfaceToken`).

use alloy::sol;

sol! {
    #[derive(Debug, Default, PartialEq, Eq)]
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
    #[derive(Debug, Default, PartialEq, Eq)]
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
    #[derive(Debug, Default, PartialEq, Eq)]
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
    #[derive(Debug, Default, PartialEq, Eq)]
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
    #[derive(Debug, Default, PartialEq, Eq)]
    struct AppOrderOperation {
        AppOrder order;
        uint8 operation;
        bytes sign;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct DatasetOrderOperation {
        DatasetOrder order;
        uint8 operation;
        bytes sign;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct WorkerpoolOrderOperation {
        WorkerpoolOrder order;
        uint8 operation;
        bytes sign;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct RequestOrderOperation {
        RequestOrder order;
        uint8 operation;
        bytes sign;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Eip712Domain {
        string name;
        string version;
        uint256 chainId;
        address verifyingContract;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Settled {
        bytes32 dealid;
        uint256 first;
        uint256 count;
        uint8 way;
        bytes32 root;
        bytes32 link;
        bytes32 delivery;
        bytes members;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Vote {
        bytes32 dealid;
        uint256 first;
        uint256 count;
        address enclave;
        bytes32 seal;
        address worker;
        bytes sign;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Account {
        uint256 stake;
        uint256 locked;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Category {
        string name;
        string description;
        uint256 workClockTimeRef;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct AppInfo {
        address owner;
        string m_appName;
        string m_appType;
        bytes m_appMultiaddr;
        bytes32 m_appChecksum;
        bytes m_appMREnclave;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct DatasetInfo {
        address owner;
        string m_datasetName;
        bytes m_datasetMultiaddr;
        bytes32 m_datasetChecksum;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct WorkerpoolInfo {
        address owner;
        string m_workerpoolDescription;
        uint256 m_workerStakeRatioPolicy;
        uint256 m_schedulerRewardRatioPolicy;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Resource {
        address pointer;
        address owner;
        uint256 price;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
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
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Task {
        uint8 status;
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
        uint256 resultsTimestamp;
        bytes resultsCallback;
    }
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Contribution {
        uint8 status;
        bytes32 resultHash;
        bytes32 resultSeal;
        address enclaveChallenge;
        uint256 weight;
    }

    #[derive(Debug, PartialEq, Eq)]
    interface Hub {
        function allowance(address account, address spender) external view returns (uint256);
        function appregistry() external view returns (address);
        function approve(address spender, uint256 amount) external returns (bool);
        function approveAndCall(address spender, uint256 amount, bytes calldata data) external returns (bool);
        function assertDatasetDealCompatibility(DatasetOrder calldata datasetOrder, bytes32 dealId) external view;
        function balanceOf(address account) external view returns (uint256);
        function broadcastAppOrder(AppOrder calldata order) external;
        function broadcastDatasetOrder(DatasetOrder calldata order) external;
        function broadcastRequestOrder(RequestOrder calldata order) external;
        function broadcastWorkerpoolOrder(WorkerpoolOrder calldata order) external;
        function callbackgas() external view returns (uint256);
        function changeRegistries(address apps, address datasets, address pools) external;
        function claim(bytes32 taskId) external;
        function claimArray(bytes32[] calldata taskIds) external returns (bool);
        function computeDealVolume(AppOrder calldata appOrder, DatasetOrder calldata datasetOrder, WorkerpoolOrder calldata workerpoolOrder, RequestOrder calldata requestOrder) external view returns (uint256);
        function configure(address token, string calldata name, string calldata symbol, uint8 decimals, address apps, address datasets, address pools, address previous) external;
        function contribute(bytes32 taskId, bytes32 resultHash, bytes32 resultSeal, address enclaveChallenge, bytes calldata enclaveSign, bytes calldata authorizationSign) external;
        function contributeAndFinalize(bytes32 taskId, bytes32 resultDigest, bytes calldata results, bytes calldata resultsCallback, address enclaveChallenge, bytes calldata enclaveSign, bytes calldata authorizationSign) external;
        function contribution_deadline_ratio() external view returns (uint256);
        function countCategory() external view returns (uint256);
        function createCategory(string calldata name, string calldata description, uint256 workClockTimeRef) external returns (uint256);
        function datasetregistry() external view returns (address);
        function decimals() external view returns (uint8);
        function decreaseAllowance(address spender, uint256 amount) external returns (bool);
        function deposit(uint256 amount) external returns (bool);
        function depositFor(uint256 amount, address target) external returns (bool);
        function depositForArray(uint256[] calldata amounts, address[] calldata targets) external returns (bool);
        function domain() external view returns (Eip712Domain memory);
        function eip712domain_separator() external view returns (bytes32);
        function final_deadline_ratio() external view returns (uint256);
        function finalize(bytes32 taskId, bytes calldata results, bytes calldata resultsCallback) external;
        function frozenOf(address account) external view returns (uint256);
        function groupmember_purpose() external view returns (uint256);
        function importScore(address worker) external;
        function increaseAllowance(address spender, uint256 amount) external returns (bool);
        function initialize(bytes32 dealId, uint256 index) external returns (bytes32);
        function initializeAndClaimArray(bytes32[] calldata dealIds, uint256[] calldata indexes) external returns (bool);
        function initializeArray(bytes32[] calldata dealIds, uint256[] calldata indexes) external returns (bool);
        function kitty_address() external view returns (address);
        function kitty_min() external view returns (uint256);
        function kitty_ratio() external view returns (uint256);
        function manageAppOrder(AppOrderOperation calldata operation) external;
        function manageDatasetOrder(DatasetOrderOperation calldata operation) external;
        function manageRequestOrder(RequestOrderOperation calldata operation) external;
        function manageWorkerpoolOrder(WorkerpoolOrderOperation calldata operation) external;
        function matchOrders(AppOrder calldata app, DatasetOrder calldata dataset, WorkerpoolOrder calldata pool, RequestOrder calldata request) external returns (bytes32);
        function name() external view returns (string memory);
        function owner() external view returns (address);
        function receiveApproval(address sender, uint256 amount, address token, bytes calldata data) external returns (bool);
        function recover() external returns (uint256);
        function renounceOwnership() external;
        function reopen(bytes32 taskId) external;
        function resultFor(bytes32 id) external view returns (bytes memory);
        function reveal(bytes32 taskId, bytes32 resultDigest) external;
        function reveal_deadline_ratio() external view returns (uint256);
        function setCallbackGas(uint256 gas) external;
        function setTeeBroker(address broker) external;
        function sponsorMatchOrders(AppOrder calldata app, DatasetOrder calldata dataset, WorkerpoolOrder calldata pool, RequestOrder calldata request) external returns (bytes32);
        function symbol() external view returns (string memory);
        function teebroker() external view returns (address);
        function token() external view returns (address);
        function totalSupply() external view returns (uint256);
        function transfer(address to, uint256 amount) external returns (bool);
        function transferFrom(address from, address to, uint256 amount) external returns (bool);
        function transferOwnership(address newOwner) external;
        function updateDomainSeparator() external;
        function verifyPresignature(address account, bytes32 digest) external view returns (bool);
        function verifyPresignatureOrSignature(address account, bytes32 digest, bytes calldata signature) external view returns (bool);
        function verifySignature(address account, bytes32 digest, bytes calldata signature) external view returns (bool);
        function viewAccount(address account) external view returns (Account memory);
        function viewAccountABILegacy(address user) external view returns (uint256, uint256);
        function viewApp(address app) external view returns (AppInfo memory);
        function viewCategory(uint256 catid) external view returns (Category memory);
        function viewCategoryABILegacy(uint256 catid) external view returns (string memory, string memory, uint256);
        function viewConfigABILegacy(bytes32 id) external view returns (uint256, uint256, uint256, uint256, uint256, uint256);
        function viewConsumed(bytes32 id) external view returns (uint256);
        function viewContribution(bytes32 taskid, address worker) external view returns (Contribution memory);
        function viewContributionABILegacy(bytes32 taskid, address worker) external view returns (uint8, bytes32, bytes32, address);
        function viewDataset(address dataset) external view returns (DatasetInfo memory);
        function viewDeal(bytes32 id) external view returns (Deal memory);
        function viewDealABILegacy_pt1(bytes32 id) external view returns (address, address, uint256, address, address, uint256, address, address, uint256);
        function viewDealABILegacy_pt2(bytes32 id) external view returns (uint256, bytes32, address, address, address, string memory);
        function viewPresigned(bytes32 id) external view returns (address);
        function viewScore(address worker) external view returns (uint256);
        function viewTask(bytes32 id) external view returns (Task memory);
        function viewTaskABILegacy(bytes32 taskid) external view returns (uint8, bytes32, uint256, uint256, uint256, uint256, uint256, bytes32, uint256, uint256, address[] memory, bytes memory);
        function viewWorkerpool(address workerpool) external view returns (WorkerpoolInfo memory);
        function withdraw(uint256 amount) external returns (bool);
        function withdrawTo(uint256 amount, address target) external returns (bool);
        function workerpool_stake_ratio() external view returns (uint256);
        function workerpoolregistry() external view returns (address);

        function bond(address workerpool, uint256 amount) external;
        function bondFor(address workerpool, address worker, uint256 amount) external;
        function unbond(address workerpool, uint256 amount) external;
        function unbondFor(address worker, address workerpool, uint256 amount, uint256 deadline, bytes calldata sign) external;
        function withdrawBond(address workerpool, address worker) external;
        function post(bytes32 dealid, uint256 first, uint256 count, bytes calldata votes) external;
        function open(bytes32 dealid, uint256 first, uint256 count, bytes32 root, bytes32 link, bytes calldata proofs) external;
        function resolve(bytes32 dealid, uint256 first, uint256 count, bytes32 delivery, uint8 codec, bytes32 content, bytes calldata resultsCallback) external;
        function claimRange(bytes32 dealid, uint256 first, uint256 count) external;
        function slashLoser(Settled calldata s, Vote calldata v) external;
        function slashEquivocation(Vote calldata a, Vote calldata b) external;
        function slashOmission(Settled calldata s, uint256 first, uint256 count, address worker, bytes32 sealed, bytes calldata sign) external;
        function commitAudit(address workerpool, uint32 epoch, bytes32 hash) external;
        function materialise(bytes32 dealid, uint256 idx, Settled calldata s) external;
        function releaseHeld(address workerpool, address scheduler) external;
        function settle(bytes32 dealid, uint256 first, uint256 count, bytes32 root, bytes32 link, bytes32 delivery, bytes calldata members) external;
        function settleCallback(bytes32 dealid, uint256 idx, uint8 codec, bytes32 content, bytes32 link, bytes32 delivery, bytes calldata resultsCallback, bytes calldata members) external;
        function viewAudit(address workerpool, uint32 epoch) external view returns (bytes32);
        function viewBond(address workerpool, address worker) external view returns (uint256 bond, uint256 pending, uint256 readyAt, uint256 score, uint256 weight);
        function viewBondNonce(address workerpool, address worker) external view returns (uint256);
        function viewMarked(bytes32 dealid) external view returns (bool);
        function viewRange(bytes32 dealid, uint256 idx) external view returns (uint256 first, uint256 count, uint256 time, bytes25 evidence);
        function viewTaskAt(bytes32 dealid, uint256 idx) external view returns (Task memory);
        event AccurateContribution(address indexed worker, bytes32 indexed taskid);
        event Approval(address indexed owner, address indexed spender, uint256 value);
        event BroadcastAppOrder(AppOrder apporder);
        event BroadcastDatasetOrder(DatasetOrder datasetorder);
        event BroadcastRequestOrder(RequestOrder requestorder);
        event BroadcastWorkerpoolOrder(WorkerpoolOrder workerpoolorder);
        event ClosedAppOrder(bytes32 appHash);
        event ClosedDatasetOrder(bytes32 datasetHash);
        event ClosedRequestOrder(bytes32 requestHash);
        event ClosedWorkerpoolOrder(bytes32 workerpoolHash);
        event CreateCategory(uint256 catid, string name, string description, uint256 workClockTimeRef);
        event DealSponsored(bytes32 dealId, address sponsor);
        event FaultyContribution(address indexed worker, bytes32 indexed taskid);
        event Lock(address owner, uint256 amount);
        event OrdersMatched(bytes32 dealid, bytes32 appHash, bytes32 datasetHash, bytes32 workerpoolHash, bytes32 requestHash, uint256 volume);
        event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
        event Reward(address owner, uint256 amount, bytes32 ref);
        event SchedulerNotice(address indexed workerpool, bytes32 dealid);
        event Seize(address owner, uint256 amount, bytes32 ref);
        event SignedAppOrder(bytes32 appHash);
        event SignedDatasetOrder(bytes32 datasetHash);
        event SignedRequestOrder(bytes32 requestHash);
        event SignedWorkerpoolOrder(bytes32 workerpoolHash);
        event TaskClaimed(bytes32 indexed taskid);
        event TaskConsensus(bytes32 indexed taskid, bytes32 consensus);
        event TaskContribute(bytes32 indexed taskid, address indexed worker, bytes32 hash);
        event TaskFinalize(bytes32 indexed taskid, bytes results);
        event TaskInitialize(bytes32 indexed taskid, address indexed workerpool);
        event TaskReopen(bytes32 indexed taskid);
        event TaskReveal(bytes32 indexed taskid, address indexed worker, bytes32 digest);
        event Transfer(address indexed from, address indexed to, uint256 value);
        event Unlock(address owner, uint256 amount);

        event AuditCommitted(address indexed workerpool, uint32 indexed epoch, bytes32 hash);
        event Bonded(address indexed workerpool, address indexed worker, uint256 amount);
        event RangeFailed(bytes32 indexed dealid, uint256 indexed first, uint256 count);
        event RangeOpened(bytes32 indexed rid, address indexed worker, bytes32 root, bytes32 link);
        event RangePosted(bytes32 indexed rid, bytes32 indexed dealid, uint256 first, uint256 count, address worker, bytes32 seal);
        event RangeSettled(bytes32 indexed dealid, uint256 indexed first, uint256 count, uint8 way, bytes32 root, bytes32 link, bytes32 delivery, bytes members);
        event Slashed(address indexed workerpool, address indexed account, bytes32 indexed rid, uint256 amount, uint8 reason);
        event Unbonding(address indexed workerpool, address indexed worker, uint256 amount, uint256 readyAt);

        error AlreadyCommitted(address workerpool, uint32 epoch);
        error AlreadyFaulted(address account);
        error AlreadyListed(address worker);
        error AlreadyPosted(address worker);
        error BadMembers(uint256 offset);
        error BadSignature(address signer);
        error CallbackMismatch();
        error CallerIsNotTheRequester();
        error EnclaveMissing(address worker);
        error FailedDeployment();
        error IncompatibleDatasetOrder(string reason);
        error NothingOpened(bytes32 rid);
        error NotPosted(bytes32 rid);
        error NotCredible(uint256 p, uint256 q, uint256 trust);
        error NotScheduler(address account, address scheduler);
        error OperationFailed();
        error ReentrancyGuardReentrantCall();
        error RegistriesAreFinal();
        error RightVote(address worker);
        error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value);
        error TaskTaken(uint256 idx);
        error TooEarly(uint256 time);
        error TooLate(uint256 deadline);
        error TooManyMembers(uint256 most);
        error Underbonded(address worker);
        error UnknownDeal(bytes32 dealid);
        error UnsortedWorkers(address worker);
        error UnsuitedDeal(bytes32 dealid);
        error UnsupportedOperation(bytes4 selector);
        error WrongEvidence();
        error WrongLength(uint256 length);
        error WrongRange(uint256 first, uint256 count);
        error NotContractOwner(address caller, address owner);
    }
}
