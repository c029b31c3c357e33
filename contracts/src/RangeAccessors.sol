// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Task, TaskStatus} from "./Types.sol";
import {
    CONTRIBUTION_DEADLINE_RATIO,
    FINAL_DEADLINE_RATIO,
    LONGEST_RANGE,
    OPENING_DEADLINE_RATIO
} from "./Rules.sol";
import {Certificate} from "./Certificate.sol";
import {DealCode, Terms} from "./DealCode.sol";
import {ResultLink} from "./ResultLink.sol";
import {Results} from "./Results.sol";
import {Bond, POSTED, RangeRecord, Stage} from "./Store.sol";
import {Taking} from "./Taking.sol";

/// What anyone can read of bonds and of ranges, and of tasks that ended as part of one.
abstract contract RangeAccessors is Results, Taking {
    function viewBond(address workerpool, address worker)
        external
        view
        returns (uint256 bond, uint256 pending, uint256 readyAt, uint256 score, uint256 weight)
    {
        Bond memory its = _bonds[workerpool][worker];
        return (its.amount, its.pending, its.readyAt, its.score, Certificate.weight(its.score));
    }

    /// What the worker's next signed request to unbond must say.
    function viewBondNonce(address workerpool, address worker) external view returns (uint256) {
        return _bonds[workerpool][worker].nonce;
    }

    /// What a pool's owner promised of its audits in an epoch; zero when nothing.
    function viewAudit(address workerpool, uint32 epoch) external view returns (bytes32) {
        return _audits[workerpool][epoch];
    }

    /// Whether the request behind a deal was marked for the certificate way.
    function viewMarked(bytes32 dealid) external view returns (bool) {
        return DealCode.terms(_blobAt(dealid)).marked;
    }

    /// The range that a task of a deal ended in; zeros when it did not. `evidence` is 1 for a range that failed, 2 for
    /// one that is posted.
    function viewRange(bytes32 dealid, uint256 idx)
        external
        view
        returns (uint256 first, uint256 count, uint256 time, bytes25 evidence)
    {
        Terms memory terms = DealCode.terms(_blobAt(dealid));
        if (idx < terms.botFirst || idx >= terms.botFirst + terms.botSize) return (0, 0, 0, 0);
        (bool found, uint256 start) = _startOf(terms, idx);
        if (!found) return (0, 0, 0, 0);
        RangeRecord storage record = _records[Certificate.task(dealid, start)];
        return (start, record.count, record.time, bytes25(record.evidence));
    }

    /// Whether a task ended, or is posted, as part of a range.
    function _isOfRange(Terms memory terms, uint256 index, bytes32 taskid) internal view returns (bool) {
        Stage stage = _tasks[taskid].stage;
        if (stage == Stage.CERTIFIED) return true;
        if (stage != Stage.UNSET && (stage != Stage.ACTIVE || _tasks[taskid].last != address(0))) return false;
        return _isTaken(terms, index, taskid);
    }

    function _viewInRange(Terms memory terms, uint256 index, bytes32 taskid)
        internal
        view
        returns (Task memory view_)
    {
        (, uint256 start) = _startOf(terms, index);
        RangeRecord storage record = _records[Certificate.task(terms.dealid, start)];
        _fillFromDeal(view_, terms, index);
        view_.revealDeadline = DealCode.deadline(terms, OPENING_DEADLINE_RATIO);
        if (!_isSettled(record)) {
            view_.status = record.evidence == POSTED ? TaskStatus.REVEALING : TaskStatus.FAILED;
            return view_;
        }
        view_.status = TaskStatus.COMPLETED;
        bytes32 link = record.link;
        if (link != 0) view_.results = ResultLink.place(ResultLink.head(link), index, record.count);
        if (terms.callback != address(0)) {
            view_.resultsCallback = _resultsCallback(taskid);
            view_.resultDigest = keccak256(view_.resultsCallback);
        } else {
            view_.resultDigest = link;
        }
        view_.consensusValue = view_.resultDigest;
    }

    function _fillFromDeal(Task memory view_, Terms memory terms, uint256 index) internal pure {
        view_.dealid = terms.dealid;
        view_.idx = index;
        view_.timeref = terms.timeref;
        view_.contributionDeadline = DealCode.deadline(terms, CONTRIBUTION_DEADLINE_RATIO);
        view_.finalDeadline = DealCode.deadline(terms, FINAL_DEADLINE_RATIO);
    }

    function _isSettled(RangeRecord storage record) internal view returns (bool) {
        return record.evidence > POSTED;
    }

    /// Where the range around a task starts: the nearest record before it, while all between is taken.
    function _startOf(Terms memory terms, uint256 index) private view returns (bool found, uint256 start) {
        bytes32 taskid = Certificate.task(terms.dealid, index);
        if (_tasks[taskid].stage == Stage.CERTIFIED) return (true, index - _tasks[taskid].revealDeadline);
        for (start = index;; --start) {
            uint256 count = _records[taskid].count;
            if (count != 0) return (start + count > index, start);
            bool least = start == terms.botFirst || index - start == LONGEST_RANGE;
            if (least || !_isTaken(terms, start, taskid)) return (false, start);
            taskid = Certificate.task(terms.dealid, start - 1);
        }
    }
}
