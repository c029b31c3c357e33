// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Category, ContributionStatus} from "./Types.sol";
import {IRegistry, IScoreSource} from "./interfaces.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// Where a task stands. To the outside AGREED and REVEALED are both PoCo's REVEALING.
enum Stage {
    UNSET,
    ACTIVE,
    AGREED, // consensus reached, nobody revealed
    REVEALED, // somebody revealed
    COMPLETED,
    FAILED,
    CERTIFIED // settled by signed votes, as a part of a range; `revealDeadline` is its place in the range
}

/// The contributors that voted for one result hash.
struct Group {
    // The hash they voted; from the first reveal on, in the group agreed on, the digest that the hash is made from.
    bytes32 value;
    uint240 weight; // product of the members' weights; 0 after a reopening
    uint16 count; // contributors not rejected
}

struct Vote {
    address previous; // the contributor before this one; zero for the first
    uint8 group;
    uint8 log2Weight;
    ContributionStatus status;
    bytes32 seal;
    address enclaveChallenge;
}

struct TaskRecord {
    address deal; // the blob that holds its deal
    uint40 idx;
    Stage stage;
    uint8 agreed; // 1 + the index of the group agreed on; 0 when there is none
    uint40 revealDeadline;
    address last; // the latest contributor: the votes are a list, linked backwards
    uint8 groupCount;
    bytes results;
    bytes resultsCallback;
    mapping(uint256 index => Group) groups;
    mapping(address worker => Vote) votes;
}

/// A party's money, and its score as a worker, in one slot: most steps of a task touch more than one of the three.
struct Ledger {
    uint112 free;
    uint112 locked;
    uint32 score;
}

/// What a worker stands for in one pool: the money behind its signed votes, and its record.
struct Bond {
    uint72 amount;
    uint72 pending; // asked back, to be paid from `readyAt` on; can be slashed until then
    uint40 readyAt;
    uint16 score;
    uint24 lastGain; // the day of the last gain of score, since 1970
    uint32 nonce; // of signed requests to unbond
}

/// Stakes of a scheduler whose ranges are settled and can still be contested, by the epoch of their settlement.
struct Held {
    uint32 epoch;
    uint72 current;
    uint72 previous;
}

/// A range of tasks that was settled, failed or posted as a whole. Its key is the id of its first task.
struct RangeRecord {
    uint200 evidence; // a hash of how it was settled, FAILED or POSTED
    uint40 time;
    uint16 count;
    bytes32 link; // where its results are; only for an unmarked deal, or when somebody added it
}

// Marks in place of a record's evidence.
uint200 constant FAILED = 1;
uint200 constant POSTED = 2;

/// A vote that was posted, in a list linked backwards.
struct PostedVote {
    address previous;
    uint72 stake;
    uint8 value; // 1 + the index of the value it is for; 0 while nobody knows
    bool there;
    bool opened; // and proven, if it is an enclave's
    bytes32 seal;
    address enclave;
}

struct OpenedValue {
    bytes32 root;
    bytes32 link;
}

struct Post {
    address poster; // who posted first
    uint8 count;
    uint8 opened; // of them
    uint8 values;
    address last;
    mapping(address worker => PostedVote) votes;
    mapping(uint256 index => OpenedValue) opening;
}

/// All the state of the hub. The pieces that share the hub's address (see `Piece`) inherit this and declare no
/// storage of their own, so they cannot disagree on where a thing lies.
abstract contract Store {
    address internal _owner;
    bool internal _configured;

    IERC20 internal _token;
    uint8 internal _decimals;
    string internal _name;
    string internal _symbol;
    IRegistry internal _appRegistry;
    IRegistry internal _datasetRegistry;
    IRegistry internal _workerpoolRegistry;

    uint256 internal _totalSupply;
    mapping(address account => Ledger) internal _ledgers;
    mapping(address account => mapping(address spender => uint256)) internal _allowances;

    mapping(bytes32 orderHash => uint256 volume) internal _consumed;
    mapping(bytes32 orderHash => address signer) internal _presigned;

    mapping(bytes32 taskid => TaskRecord) internal _tasks;

    Category[] internal _categories;
    address internal _teeBroker;
    uint256 internal _callbackGas;

    IScoreSource internal _scoreSource;
    mapping(address worker => bool) internal _scoreImported;

    mapping(address workerpool => mapping(address worker => Bond)) internal _bonds;
    mapping(address workerpool => mapping(address scheduler => Held)) internal _held;
    mapping(bytes32 dealid => mapping(uint256 word => uint256 bits)) internal _taken;
    mapping(bytes32 firstTask => RangeRecord) internal _records;
    mapping(bytes32 rid => Post) internal _posts;
    mapping(bytes32 rangeAndWorker => bool) internal _faults;
    mapping(address workerpool => mapping(uint256 epoch => bytes32 hash)) internal _audits;
}
