// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Settled, Vote} from "./Types.sol";
import {AUDIT_EPOCH, EVIDENCE_TIME, FINAL_DEADLINE_RATIO} from "./Rules.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Certificate, Range} from "./Certificate.sol";
import {DealCode, Terms} from "./DealCode.sol";
import {Ranges} from "./Ranges.sol";
import {ResultLink} from "./ResultLink.sol";
import {Held, POSTED, PostedVote, RangeRecord, Stage} from "./Store.sol";

/// What can be proved after the vote: wrong votes that the settlement left out, double votes, and votes that the
/// scheduler countersigned and left out. Anybody may bring the proof.
abstract contract Evidence is Ranges {
    event AuditCommitted(address indexed workerpool, uint32 indexed epoch, bytes32 hash);

    error WrongEvidence();
    error RightVote(address worker);
    error AlreadyFaulted(address account);
    error AlreadyListed(address worker);
    error AlreadyCommitted(address workerpool, uint32 epoch);

    /// A vote on exactly the range settled, for another value. No bounty: else a pool could frame a worker and collect.
    function slashLoser(Settled calldata s, Vote calldata v) external nonReentrant {
        (Terms memory terms, Range memory range, RangeRecord storage record) = _recordOf(s);
        if (v.dealid != s.dealid || v.first != s.first || v.count != s.count) revert WrongRange(v.first, v.count);
        uint256 deadline =
            Math.min(record.time, DealCode.deadline(terms, FINAL_DEADLINE_RATIO)) + EVIDENCE_TIME;
        if (block.timestamp > deadline) revert TooLate(deadline);
        (bool listed, uint8 kind) = _find(s.members, v.worker);
        if (listed && kind != KIND_ABSENT) revert AlreadyListed(v.worker);
        if (v.seal == Certificate.seal(v.worker, range.rid, Certificate.value(s.root, s.link))) {
            revert RightVote(v.worker);
        }
        _requireVote(range, v);
        _requireFirstFault(range.rid, v.worker);
        uint256 risk = _risk(terms, range.count);
        _sink(_slashWorker(terms.workerpool, v.worker, range.rid, risk, LOSER));
    }

    /// Two different votes of one worker on one range. A fifth is the caller's: nobody can be framed.
    function slashEquivocation(Vote calldata a, Vote calldata b) external nonReentrant {
        Terms memory terms = _termsOf(a.dealid);
        _requireRange(terms, a.first, a.count);
        if (b.dealid != a.dealid || b.first != a.first || b.count != a.count) revert WrongRange(b.first, b.count);
        if (b.worker != a.worker || (b.enclave == a.enclave && b.seal == a.seal)) revert WrongEvidence();
        uint256 deadline = DealCode.deadline(terms, FINAL_DEADLINE_RATIO) + EVIDENCE_TIME;
        if (block.timestamp > deadline) revert TooLate(deadline);
        Range memory range = Certificate.range(a.dealid, a.first, a.count);
        _requireVote(range, a);
        _requireVote(range, b);
        _requireFirstFault(range.rid, a.worker);
        uint256 taken = _recallStake(terms, range, a.worker);
        taken = _slashWorker(terms.workerpool, a.worker, range.rid, taken, EQUIVOCATION);
        uint256 bounty = taken / 5;
        _payReward(msg.sender, bounty, range.rid);
        _paid(bounty);
        _sink(taken - bounty);
    }

    /// The scheduler countersigned a vote on a range that overlaps the settled one and did not list the worker. A fifth
    /// of its stake is the caller's, the rest the payer's.
    function slashOmission(
        Settled calldata s,
        uint256 first,
        uint256 count,
        address worker,
        bytes32 sealed_,
        bytes calldata sign
    ) external nonReentrant {
        (Terms memory terms, Range memory range, RangeRecord storage record) = _recordOf(s);
        if (s.way != WAY_SETTLED) revert WrongEvidence();
        uint256 time = record.time;
        if (block.timestamp > time + EVIDENCE_TIME) revert TooLate(time + EVIDENCE_TIME);
        _requireRange(terms, first, count);
        if (first >= s.first + s.count || s.first >= first + count) revert WrongRange(first, count);
        (bool listed,) = _find(s.members, worker);
        if (listed) revert AlreadyListed(worker);
        Range memory assigned = Certificate.range(s.dealid, first, count);
        if (!Certificate.signedBy(terms.scheduler, Certificate.assignment(assigned, worker, sealed_), sign)) {
            revert BadSignature(terms.scheduler);
        }
        _requireFirstFault(range.rid, address(0));

        uint256 stake = _schedulerStake(terms.workerpoolPrice) * range.count;
        if (stake > 0) _takeHeld(terms, time, stake);
        _forfeit(terms.scheduler, stake);
        uint256 bounty = stake / 5;
        _payReward(msg.sender, bounty, range.rid);
        _payReward(terms.sponsor, stake - bounty, range.rid);
        _paid(stake);
        emit Slashed(terms.workerpool, terms.scheduler, range.rid, stake, OMISSION);
    }

    /// Gives a scheduler back what can no longer be contested. Anybody may.
    function releaseHeld(address workerpool, address scheduler) external nonReentrant {
        _touchHeld(workerpool, scheduler);
    }

    /// The hash of how a pool will draw its audits in an epoch (a day), before it starts, once.
    function commitAudit(address workerpool, uint32 epoch, bytes32 hash) external nonReentrant {
        address owner = _workerpoolRegistry.registeredOwner(workerpool);
        if (msg.sender != owner) revert NotScheduler(msg.sender, owner);
        uint256 start = epoch * AUDIT_EPOCH;
        if (block.timestamp >= start) revert TooLate(start);
        if (hash == 0) revert WrongEvidence();
        if (_audits[workerpool][epoch] != 0) revert AlreadyCommitted(workerpool, epoch);
        _audits[workerpool][epoch] = hash;
        emit AuditCommitted(workerpool, epoch, hash);
    }

    /// Makes a settled task of a marked deal findable by its id, for clients that know no ranges. Anybody may.
    function materialise(bytes32 dealid, uint256 idx, Settled calldata s) external nonReentrant {
        (Terms memory terms, Range memory range, RangeRecord storage record) = _recordOf(s);
        if (s.dealid != dealid || idx < s.first || idx >= s.first + s.count) revert WrongRange(idx, 1);
        bytes32 taskid = Certificate.task(dealid, idx);
        if (_tasks[taskid].stage == Stage.CERTIFIED) revert TaskTaken(idx);
        bytes32 link = s.delivery == 0 ? s.link : s.delivery;
        record.link = link;
        _markTask(_blobAt(terms.dealid), range, idx - s.first, ResultLink.head(link));
    }

    /// The record that `s` tells of, if it is what happened.
    function _recordOf(Settled calldata s)
        private
        view
        returns (Terms memory terms, Range memory range, RangeRecord storage record)
    {
        terms = _termsOf(s.dealid);
        _requireRange(terms, s.first, s.count);
        range = Certificate.range(s.dealid, s.first, s.count);
        record = _records[range.firstTask];
        uint200 evidence = Certificate.evidence(s.way, s.root, s.link, s.delivery, s.members);
        if (record.count != s.count || record.evidence != evidence) revert WrongEvidence();
    }

    function _find(bytes calldata members, address worker) private pure returns (bool listed, uint8 kind) {
        for (uint256 offset = 0; offset < members.length; offset += LOG_ENTRY) {
            if (address(bytes20(members[offset + 1:])) == worker) return (true, uint8(members[offset]));
        }
    }

    function _requireVote(Range memory range, Vote calldata v) private view {
        if (!Certificate.signedBy(v.worker, Certificate.commitment(range, v.enclave, v.seal), v.sign)) {
            revert BadSignature(v.worker);
        }
    }

    function _requireFirstFault(bytes32 rid, address account) private {
        if (!_isFirstFault(rid, account)) revert AlreadyFaulted(account);
    }

    /// Puts the stake of a posted vote back into its bond, out of which it is about to be taken. Returns the risk.
    function _recallStake(Terms memory terms, Range memory range, address worker) private returns (uint256) {
        PostedVote storage vote = _posts[range.rid].votes[worker];
        if (vote.there && _records[range.firstTask].evidence == POSTED) {
            _bonds[terms.workerpool][worker].amount += vote.stake;
            vote.stake = 0;
        }
        return _risk(terms, range.count);
    }

    /// The stake of a settlement of this time is in one of the two buckets.
    function _takeHeld(Terms memory terms, uint256 time, uint256 stake) private {
        Held storage held = _touchHeld(terms.workerpool, terms.scheduler);
        if (time / EVIDENCE_TIME == held.epoch) held.current -= uint72(stake);
        else held.previous -= uint72(stake);
    }
}
