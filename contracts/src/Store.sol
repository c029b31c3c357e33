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
    FAILED
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
}
