// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {HIGHEST_TRUST, LONGEST_TIMEREF, SINK_ADDRESS, TAG_TEE} from "./Rules.sol";
import {Bonding} from "./Bonding.sol";
import {Callbacks} from "./Callbacks.sol";
import {Certificate, Range} from "./Certificate.sol";
import {DealCode, Terms} from "./DealCode.sol";
import {ResultLink} from "./ResultLink.sol";
import {Results} from "./Results.sol";
import {Bond, RangeRecord, Stage, TaskRecord} from "./Store.sol";
import {Taking} from "./Taking.sol";

/// What was voted, and where its results are.
struct Verdict {
    uint8 way;
    bytes32 root;
    bytes32 link;
    bytes32 delivery; // the directory of the encrypted results, which nobody voted; zero when there is none
}

/// The members of a settlement, summed up.
struct Tally {
    address[] winners;
    uint256[] shares; // of each winner: floor(log2(weight))
    uint256 count; // winners
    uint256 allShares;
    uint256 others;
    bool disputed; // a wrong vote is among the others
    uint256 p; // product of the winners' weights
    uint256 q; // product of the others'
    uint256 forfeited; // stakes of those that were wrong
    bytes log; // kind, account and weight of each member
}

/// What the two endings of a range, `settle` and `resolve`, have in common: the vote, the record, the money.
abstract contract Ranges is Callbacks, Results, Bonding, Taking, ReentrancyGuardTransient {
    uint8 internal constant WAY_SETTLED = 1;
    uint8 internal constant WAY_RESOLVED = 2;

    uint8 internal constant KIND_WINNER = 0;
    uint8 internal constant KIND_LOSER = 1;
    uint8 internal constant KIND_ABSENT = 2;
    uint8 internal constant KIND_ENCLAVE = 3;
    uint256 internal constant LOG_ENTRY = 22;

    event RangeSettled(
        bytes32 indexed dealid,
        uint256 indexed first,
        uint256 count,
        uint8 way,
        bytes32 root,
        bytes32 link,
        bytes32 delivery,
        bytes members
    );
    event RangeFailed(bytes32 indexed dealid, uint256 indexed first, uint256 count);

    error UnknownDeal(bytes32 dealid);
    error UnsuitedDeal(bytes32 dealid);
    error NotScheduler(address account, address scheduler);
    error CallbackMismatch();
    error TooManyMembers(uint256 most);
    error EnclaveMissing(address worker);
    error NotCredible(uint256 p, uint256 q, uint256 trust);

    function _termsOf(bytes32 dealid) internal view returns (Terms memory terms) {
        terms = DealCode.terms(_blobAt(dealid));
        if (terms.botSize == 0) revert UnknownDeal(dealid);
    }

    /// The deals that votes can settle.
    function _requireSuited(Terms memory terms) internal pure {
        uint256 amounts = terms.appPrice | terms.datasetPrice | terms.workerpoolPrice | terms.workerStake;
        if (terms.timeref > LONGEST_TIMEREF || terms.trust > HIGHEST_TRUST || amounts > type(uint72).max) {
            revert UnsuitedDeal(terms.dealid);
        }
    }

    /// What an enclave and, if there is one, the broker say of a vote.
    function _requireEnclave(
        address worker,
        bytes32 rid,
        bytes32 voted,
        address enclave,
        address broker,
        bytes calldata signs
    ) internal pure {
        bytes32 vote = keccak256(
            abi.encode(Certificate.resultHash(rid, voted), Certificate.seal(worker, rid, voted))
        );
        if (!Certificate.signedBy(enclave, MessageHashUtils.toEthSignedMessageHash(vote), signs[:64])) {
            revert BadSignature(enclave);
        }
        if (broker == address(0)) return;
        bytes32 admission = keccak256(abi.encodePacked("canut.broker.1", worker, rid, enclave));
        if (!Certificate.signedBy(broker, MessageHashUtils.toEthSignedMessageHash(admission), signs[64:])) {
            revert BadSignature(broker);
        }
    }

    function _newTally(uint256 most) internal pure returns (Tally memory tally) {
        tally.winners = new address[](most);
        tally.shares = new uint256[](most);
        tally.p = 1;
        tally.q = 1;
        // A word longer than it can get: entries are written with whole words.
        tally.log = new bytes(most * LOG_ENTRY + 32);
        bytes memory log = tally.log;
        assembly ("memory-safe") {
            mstore(log, 0)
        }
    }

    function _addMember(Tally memory tally, uint8 kind, address worker, uint256 score) internal pure {
        uint256 weight = Certificate.weight(score);
        if (kind == KIND_WINNER || kind == KIND_ENCLAVE) {
            uint256 share = Math.log2(weight);
            tally.winners[tally.count] = worker;
            tally.shares[tally.count++] = share;
            tally.allShares += share;
            tally.p *= weight;
        } else {
            tally.others++;
            tally.q *= weight;
            if (kind == KIND_LOSER) tally.disputed = true;
        }
        bytes memory log = tally.log;
        assembly ("memory-safe") {
            let length := mload(log)
            let at := add(add(log, 32), length)
            mstore(at, or(or(shl(248, kind), shl(88, worker)), shl(80, weight)))
            mstore(log, add(length, 22))
        }
    }

    function _requireCredible(Tally memory tally, uint256 trust) internal pure {
        (uint256 p, uint256 q, uint256 asked) = _sides(tally, trust);
        if (!Certificate.credible(p, q, asked)) revert NotCredible(p, q, asked);
    }

    function _isCredible(Tally memory tally, uint256 trust) internal pure returns (bool) {
        (uint256 p, uint256 q, uint256 asked) = _sides(tally, trust);
        return Certificate.credible(p, q, asked);
    }

    function _sides(Tally memory tally, uint256 trust) private pure returns (uint256, uint256, uint256) {
        if (tally.disputed) return Certificate.disputed(tally.count, tally.others, trust);
        return (tally.p, tally.q, trust);
    }

    /// Writes down how a range ended. The tasks of an unmarked deal are also made findable by their ids.
    function _record(Terms memory terms, Range memory range, Verdict memory verdict, bytes memory log) internal {
        RangeRecord storage record = _records[range.firstTask];
        _write(
            record,
            range.count,
            Certificate.evidence(verdict.way, verdict.root, verdict.link, verdict.delivery, log)
        );
        if (!terms.marked) {
            bytes32 link = _keptLink(verdict);
            record.link = link;
            address deal = _blobAt(terms.dealid);
            bytes memory head = ResultLink.head(link);
            for (uint256 place = 0; place < range.count; ++place) {
                _markTask(deal, range, place, head);
            }
        }
        emit RangeSettled(
            range.dealid,
            range.first,
            range.count,
            verdict.way,
            verdict.root,
            verdict.link,
            verdict.delivery,
            log
        );
    }

    function _write(RangeRecord storage record, uint256 count, uint200 evidence) internal {
        record.evidence = evidence;
        record.time = uint40(block.timestamp);
        record.count = uint16(count);
    }

    function _keptLink(Verdict memory verdict) internal pure returns (bytes32) {
        return verdict.delivery == 0 ? verdict.link : verdict.delivery;
    }

    function _markTask(address deal, Range memory range, uint256 place, bytes memory head) internal {
        uint256 index = range.first + place;
        bytes32 taskid = Certificate.task(range.dealid, index);
        TaskRecord storage task = _tasks[taskid];
        task.deal = deal;
        task.idx = uint40(index);
        task.stage = Stage.CERTIFIED;
        task.agreed = 0;
        task.revealDeadline = uint40(place);
        emit TaskFinalize(taskid, ResultLink.place(head, index, range.count));
    }

    /// Pays for a certified range. The winners share the price of the work, less the scheduler's part, and the forfeited
    /// stakes, of which nobody gets more than he earned. A scheduler that stalled gets nothing, and the first winner what
    /// is lost to rounding.
    function _payRange(Terms memory terms, Range memory range, Tally memory tally, bool stalled) internal {
        uint256 rest = terms.workerpoolPrice * range.count;
        uint256 out = rest + tally.forfeited;
        uint256 pot = stalled ? rest : rest * (100 - terms.schedulerRewardRatio) / 100;
        bool gain = tally.count > 1 && rest > 0 && terms.workerStake > 0;
        out += _payForResources(terms, range, rest);

        uint256 sunk = tally.forfeited;
        mapping(address worker => Bond) storage bonds = _bonds[terms.workerpool];
        for (uint256 i = tally.count; i > 0;) {
            --i;
            uint256 share = tally.shares[i];
            uint256 pay = pot * share / tally.allShares;
            uint256 bonus = Math.min(tally.forfeited * share / tally.allShares, pay);
            rest -= pay;
            sunk -= bonus;
            if (i == 0 && stalled) (pay, rest) = (pay + rest, 0);
            _payReward(tally.winners[i], pay + bonus, range.rid);
            if (gain) _gain(bonds[tally.winners[i]]);
        }
        if (!stalled) _payReward(terms.scheduler, rest, range.rid);
        if (sunk > 0) _pay(SINK_ADDRESS, sunk);
        _paid(out);
    }

    /// Takes forfeited money, which is no longer locked, out of everybody's reach.
    function _sink(uint256 amount) internal {
        if (amount == 0) return;
        _pay(SINK_ADDRESS, amount);
        _paid(amount);
    }

    function _payForResources(Terms memory terms, Range memory range, uint256 work) private returns (uint256 sum) {
        uint256 forApp = terms.appPrice * range.count;
        uint256 forDataset = terms.datasetPrice * range.count;
        sum = forApp + forDataset;
        _seize(terms.sponsor, sum + work, range.rid);
        if (forApp > 0) _payReward(terms.appOwner, forApp, range.rid);
        if (forDataset > 0) _payReward(terms.datasetOwner, forDataset, range.rid);
    }

    function _isEnclaveDeal(Terms memory terms) internal pure returns (bool) {
        return terms.tag & TAG_TEE != 0;
    }
}
