// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FINAL_DEADLINE_RATIO, MOST_MEMBERS} from "./Rules.sol";
import {Certificate, Range} from "./Certificate.sol";
import {DealCode, Terms} from "./DealCode.sol";
import {Ranges, Tally, Verdict} from "./Ranges.sol";
import {Bond} from "./Store.sol";

/// The certificate way: workers sign what they found, the scheduler brings their votes on a whole range of tasks at
/// once, and one call checks, records and pays them.
///
/// `members` is a list of the votes, by ascending address: kind (1 byte), worker (20), and
/// - a winner (0): signature (64)
/// - a loser (1): signature (64), enclave (20), seal (32)
/// - an absent (2): nothing
/// - a winner in an enclave (3): signature (64), enclave (20), the enclave's signature (64), and the broker's (64) when
///   there is a broker
abstract contract Settling is Ranges {
    error UnsortedWorkers(address worker);
    error BadMembers(uint256 offset);
    error RightVote(address worker);

    function settle(
        bytes32 dealid,
        uint256 first,
        uint256 count,
        bytes32 root,
        bytes32 link,
        bytes32 delivery,
        bytes calldata members
    ) external nonReentrant {
        Terms memory terms = _termsToSettle(dealid);
        _requireRange(terms, first, count);
        if (terms.callback != address(0)) revert CallbackMismatch();
        _settle(
            terms, Certificate.range(dealid, first, count), Verdict(WAY_SETTLED, root, link, delivery), members
        );
    }

    /// For the tasks of a deal with a callback: one by one, with the bytes for it.
    function settleCallback(
        bytes32 dealid,
        uint256 idx,
        uint8 codec,
        bytes32 content,
        bytes32 link,
        bytes32 delivery,
        bytes calldata resultsCallback,
        bytes calldata members
    ) external nonReentrant {
        Terms memory terms = _termsToSettle(dealid);
        _requireRange(terms, idx, 1);
        if (terms.callback == address(0)) revert CallbackMismatch();
        Range memory range = Certificate.range(dealid, idx, 1);
        bytes32 root = Certificate.leaf(range.rid, keccak256(resultsCallback), codec, content);
        _keepCallback(range.rid, resultsCallback);
        _settle(terms, range, Verdict(WAY_SETTLED, root, link, delivery), members);
        _callBack(range.rid, terms, resultsCallback);
    }

    function _termsToSettle(bytes32 dealid) private view returns (Terms memory terms) {
        terms = _termsOf(dealid);
        if (msg.sender != terms.scheduler) revert NotScheduler(msg.sender, terms.scheduler);
        _requireSuited(terms);
        uint256 deadline = DealCode.deadline(terms, FINAL_DEADLINE_RATIO);
        if (block.timestamp >= deadline) revert TooLate(deadline);
    }

    function _settle(Terms memory terms, Range memory range, Verdict memory verdict, bytes calldata members)
        private
    {
        _takeRange(terms, range);
        Tally memory tally = _count(terms, range, Certificate.value(verdict.root, verdict.link), members);
        _requireCredible(tally, terms.trust);
        _record(terms, range, verdict, tally.log);
        _payRange(terms, range, tally, false);
        uint256 stake = _schedulerStake(terms.workerpoolPrice) * range.count;
        if (stake > 0) _hold(terms.workerpool, terms.scheduler, stake);
    }

    function _count(Terms memory terms, Range memory range, bytes32 voted, bytes calldata members)
        private
        returns (Tally memory tally)
    {
        tally = _newTally(MOST_MEMBERS);
        mapping(address worker => Bond) storage bonds = _bonds[terms.workerpool];
        uint256 risk = _risk(terms, range.count);
        address previous = address(0);
        for (uint256 offset = 0; offset < members.length;) {
            (uint8 kind, address worker, bytes calldata said) = _member(members, offset);
            if (worker <= previous) revert UnsortedWorkers(worker);
            if (tally.count + tally.others == MOST_MEMBERS) revert TooManyMembers(MOST_MEMBERS);
            previous = worker;
            offset += 21 + said.length;
            Bond memory bond = bonds[worker];
            if (kind == KIND_LOSER) {
                _checkLoser(range, voted, worker, said);
                if (_isFirstFault(range.rid, worker)) {
                    tally.forfeited += _slashWorker(terms.workerpool, worker, range.rid, risk, LOSER);
                }
            } else if (kind != KIND_ABSENT) {
                _checkWinner(terms, range, voted, worker, said);
                _requireBonded(bond, worker, risk);
            }
            _addMember(tally, kind, worker, bond.score);
        }
    }

    /// One member, and what stands behind its address.
    function _member(bytes calldata members, uint256 offset)
        private
        view
        returns (uint8 kind, address worker, bytes calldata said)
    {
        kind = uint8(members[offset]);
        uint256 length;
        if (kind == KIND_WINNER) length = 64;
        else if (kind == KIND_LOSER) length = 116;
        else if (kind == KIND_ENCLAVE) length = _teeBroker == address(0) ? 148 : 212;
        else if (kind != KIND_ABSENT) revert BadMembers(offset);
        if (members.length - offset < 21 + length) revert BadMembers(offset);
        worker = address(bytes20(members[offset + 1:]));
        said = members[offset + 21:offset + 21 + length];
    }

    function _checkWinner(
        Terms memory terms,
        Range memory range,
        bytes32 voted,
        address worker,
        bytes calldata said
    ) private view {
        address enclave = said.length == 64 ? address(0) : address(bytes20(said[64:]));
        if (enclave == address(0) && (said.length != 64 || _isEnclaveDeal(terms))) revert EnclaveMissing(worker);
        _requireSigned(range, worker, enclave, Certificate.seal(worker, range.rid, voted), said[:64]);
        if (enclave != address(0)) {
            _requireEnclave(worker, range.rid, voted, enclave, _teeBroker, said[84:]);
        }
    }

    function _checkLoser(Range memory range, bytes32 voted, address worker, bytes calldata said) private view {
        bytes32 seal = bytes32(said[84:]);
        _requireSigned(range, worker, address(bytes20(said[64:])), seal, said[:64]);
        if (seal == Certificate.seal(worker, range.rid, voted)) revert RightVote(worker);
    }

    function _requireSigned(
        Range memory range,
        address worker,
        address enclave,
        bytes32 seal,
        bytes calldata sign
    ) private view {
        if (!Certificate.signedBy(worker, Certificate.commitment(range, enclave, seal), sign)) {
            revert BadSignature(worker);
        }
    }
}
